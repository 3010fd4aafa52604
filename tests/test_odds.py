"""Probabilities and their odds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.odds import less_likely, log_odds, probability

LIKELY = st.floats(0.001, 0.999)


@given(LIKELY)
def test_log_odds_and_probability_are_each_others_inverse(likely: float) -> None:
    assert probability(log_odds(likely)) == pytest.approx(likely)


@given(LIKELY, st.floats(1, 100))
def test_odds_are_so_many_times_less(likely: float, times: float) -> None:
    less = less_likely(likely, times)
    assert less / (1 - less) * times == pytest.approx(likely / (1 - likely))


def test_what_is_certain_has_odds_too() -> None:
    assert 0 < probability(log_odds(0.0)) < 1e-5
    assert less_likely(1.0, 4) > 0.99999
