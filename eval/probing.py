"""Fitting a linear probe on a model's states, and how well one would do on what it has not seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from rag.papers import Vectors
from rag.probing import Probe

PENALTY = 0.3
"""L2 on standardised weights, a row's mean loss being one; .1 to 1 do the same within .03."""

_FOLDS = 5


def fit_probe(
    states: Vectors,
    yes: Sequence[bool],
    layer: int,
    penalty: float = PENALTY,
    counts: Sequence[float] | None = None,
    start: Probe | None = None,
) -> Probe:
    """A logistic regression with an L2 penalty on standardised states.

    Args:
        states: ``(n, width)``.
        yes: what each should be told to be.
        counts: what each row counts; all the same where it is not given.
        start: a probe fitted on other states, which the penalty holds the weights to, in the place
            of none: what these states do not tell stays as it was.
    """
    share = np.full(len(yes), 1.0) if counts is None else np.asarray(counts, dtype=np.float64)
    share /= share.sum()
    labels = np.where(np.asarray(yes), 1.0, -1.0)
    mean, scale = states.mean(0), states.std(0) + 1e-3
    rows: NDArray[np.float64] = ((states - mean) / scale).astype(np.float64)

    held_to = np.zeros(rows.shape[1]) if start is None else start.weights * scale

    def loss(packed: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, intercept = packed[:-1], packed[-1]
        margins = labels * (rows @ weights + intercept)
        pull = -labels / (1 + np.exp(margins)) * share
        away = weights - held_to
        value = share @ np.logaddexp(0, -margins) + penalty * away @ away / 2
        return float(value), np.append(rows.T @ pull + penalty * away, pull.sum())

    intercept = 0.0 if start is None else start.log_odds(mean)
    found = minimize(
        loss, np.append(held_to, intercept), jac=True, method="L-BFGS-B", options={"maxiter": 300}
    ).x
    weights = found[:-1] / scale
    return Probe(layer, weights.astype(np.float32), float(found[-1] - weights @ mean))


def evenly(labels: Sequence[bool]) -> list[float]:
    """What each counts, so that those of either kind count as much together."""
    yes = sum(labels)
    return [1 / yes if label else 1 / (len(labels) - yes) for label in labels]


def cross_validated(
    states: Vectors,
    yes: Sequence[bool],
    groups: Sequence[str],
    layer: int,
    penalty: float = PENALTY,
    counts: Sequence[float] | None = None,
    start: Probe | None = None,
) -> list[float]:
    """For each row the probability by a probe that was fitted on other groups' rows."""
    names = sorted(set(groups))
    np.random.default_rng(0).shuffle(names)
    fold = {name: place % _FOLDS for place, name in enumerate(names)}
    folds = np.array([fold[group] for group in groups])
    labels = np.asarray(yes)
    share = np.ones(len(labels)) if counts is None else np.asarray(counts)
    found = np.zeros(len(labels))
    for held_out in range(_FOLDS):
        rest = folds != held_out
        if rest.all() or not rest.any():
            continue
        seen = states[rest], labels[rest].tolist(), layer, penalty, share[rest].tolist()
        probe = fit_probe(*seen, start)
        found[~rest] = [probe.probability(state) for state in states[~rest]]
    return [float(p) for p in found]
