"""Intervals and comparisons of figures."""

from __future__ import annotations

import pytest

from eval.retrieval import fuse_ranks
from eval.statistics import compare, interval


def test_an_interval_holds_the_mean_and_narrows_with_more_values() -> None:
    low, high = interval([0.0, 1.0] * 20)
    assert low < 0.5 < high
    closer = interval([0.0, 1.0] * 200)
    assert high - low > closer[1] - closer[0]
    assert interval([1.0, 1.0]) == (1.0, 1.0)


def test_a_run_that_is_better_everywhere_is_told_from_chance() -> None:
    before = [0.1, 0.4, 0.3, 0.5, 0.2, 0.6, 0.7, 0.3, 0.2, 0.1]
    better = compare(before, [value + 0.2 for value in before])
    assert better["difference"] == pytest.approx(0.2)
    assert better["p"] < 0.01
    assert compare(before, before) == {
        "queries": 10,
        "difference": 0.0,
        "interval": (0.0, 0.0),
        "p": 1.0,
    }


def test_ranks_that_agree_come_first() -> None:
    assert [paper for paper, _ in fuse_ranks([["a", "b"], ["b", "c"]])] == ["b", "a", "c"]
