"""Filters: what passes, and what a question says of itself."""

from __future__ import annotations

import pytest

from rag.filters import Filters, read_filters
from rag.papers import Paper

WREN = Paper("Wren", "It sings.", ("Ada Gould", "José Núñez"), 2021, "Journal of Small Birds")
UNDATED = Paper("Heron", "It fishes.")


@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(since=2021, until=2021),
        Filters(venue="small birds"),
        Filters(author="nunez"),
        Filters(author="Ada Gould"),
        Filters(papers=frozenset({WREN.id})),
        Filters(without=frozenset({UNDATED.id})),
    ],
)
def test_a_paper_passes(filters: Filters) -> None:
    assert filters.passes(WREN)


@pytest.mark.parametrize(
    "filters",
    [
        Filters(since=2022),
        Filters(until=2020),
        Filters(venue="all birds"),
        Filters(author="Gou"),
        Filters(papers=frozenset({UNDATED.id})),
        Filters(without=frozenset({WREN.id})),
    ],
)
def test_a_paper_does_not_pass(filters: Filters) -> None:
    assert not filters.passes(WREN)


def test_a_paper_without_a_year_is_of_no_year() -> None:
    assert not Filters(since=1900).passes(UNDATED)
    assert not Filters(until=2100).passes(UNDATED)


@pytest.mark.parametrize(
    ("question", "asked", "said"),
    [
        ("papers since 2021 on pruning", "papers on pruning", "since 2021"),
        ("Which papers after 2020 sing?", "Which papers sing?", "since 2021"),
        ("What do studies before 2018 say?", "What do studies say?", "until 2017"),
        ("work from 2015 to 2018 on lakes", "work on lakes", "from 2015 to 2018"),
        ("articles published in 2019 about owls", "articles about owls", "of 2019"),
        ("Which papers by Ada Gould measure song?", "Which papers measure song?", "by Ada Gould"),
        ("papers by Gu since 2021 on S4", "papers on S4", "since 2021, by Gu"),
    ],
)
def test_a_question_states_its_filters(question: str, asked: str, said: str) -> None:
    rest, filters = read_filters(question)
    assert (rest, str(filters)) == (asked, said)


@pytest.mark.parametrize(
    "question",
    [
        "How did the 2016 election change tweets?",
        "What improved since 2012 on ImageNet?",
        "Which papers by contrast use no labels?",
        "What does S4D average on Long Range Arena?",
    ],
)
def test_other_questions_are_left_alone(question: str) -> None:
    assert read_filters(question) == (question, Filters())


def test_what_is_given_counts_over_what_is_stated() -> None:
    both = Filters(since=2019, author="Gu") | Filters(since=2021)
    assert both == Filters(since=2021, author="Gu")
