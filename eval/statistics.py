"""How sure a figure is, and whether two runs differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

_RESAMPLES = 2000
_SEED = 20


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean, by the percentile bootstrap over queries."""
    if len(set(values)) < 2:
        return (round(float(np.mean(values)), 4),) * 2
    found = stats.bootstrap(
        (np.asarray(values),),
        np.mean,
        n_resamples=_RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    return round(float(found.low), 4), round(float(found.high), 4)


def compare(before: Sequence[float], now: Sequence[float]) -> dict[str, Any]:
    """The mean difference of two runs over the same queries, its interval, and its p value.

    The p value is of a paired randomisation test, which supposes nothing of how values are
    distributed (Smucker, Allan and Carterette, 2007).
    """
    differences = np.asarray(now) - np.asarray(before)
    same = not differences.any()
    test = (
        None
        if same
        else stats.permutation_test(
            (differences,),
            np.mean,
            permutation_type="samples",
            n_resamples=5 * _RESAMPLES,
            rng=np.random.default_rng(_SEED),
        )
    )
    return {
        "queries": len(differences),
        "difference": round(float(differences.mean()), 4),
        "interval": interval(differences.tolist()),
        "p": 1.0 if test is None else round(float(test.pvalue), 4),
    }
