"""Probabilities and their log-odds, which is what evidence adds up in."""

from __future__ import annotations

import math

_CERTAIN = 1e-6
"""Probabilities nearer to 0 or 1 than that are taken to be so near."""


def log_odds(probability: float) -> float:
    """The log-odds of a probability."""
    kept = min(max(probability, _CERTAIN), 1 - _CERTAIN)
    return math.log(kept / (1 - kept))


def probability(odds: float) -> float:
    """The probability of log-odds, infinite ones too."""
    return 0.5 + 0.5 * math.tanh(odds / 2)


def less_likely(likely: float, times: float) -> float:
    """The probability whose odds are that many times less."""
    return probability(log_odds(likely) - math.log(times))
