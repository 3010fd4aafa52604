"""The starter papers: in our own words, with the papers' own numbers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rag.names import names_in
from rag.papers import Paper
from rag.sample import sample_papers
from rag.sources import read_source
from rag.text import split_sentences

_SHARED_WORDS = 7
"""A run of so many words in common with the abstract is taken for copying."""


# What carries over word for word, having no other words: addresses, and a benchmark's full name.
_VERBATIM = re.compile(
    r"https?://\S+|Common States and Hamiltonians for ObseRvable Estimation Benchmark"
)


@pytest.fixture(scope="module")
def pairs(seeds: list[Path]) -> list[tuple[Paper, Paper]]:
    """Each digest with the abstract it is of."""
    real = {p.id: p for path in seeds for p in read_source(path) if isinstance(p, Paper)}
    return [(digest, real[digest.id]) for digest in sample_papers()]


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def runs(text: str) -> set[tuple[str, ...]]:
    of = words(text)
    return {tuple(of[i : i + _SHARED_WORDS]) for i in range(len(of) - _SHARED_WORDS + 1)}


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:[.,]\d+)*", text))


def test_there_are_115_each_of_five_to_nine_sentences() -> None:
    papers = list(sample_papers())
    assert len(papers) == len({paper.id for paper in papers}) == 115
    for paper in papers:
        assert 5 <= len(split_sentences(paper.abstract)) <= 9, paper.title
        assert paper.sample


def test_no_sentence_is_the_abstracts(pairs: list[tuple[Paper, Paper]]) -> None:
    for digest, real in pairs:
        allowed = runs(real.title)
        for sentence in split_sentences(digest.abstract):
            shared = (runs(_VERBATIM.sub("", sentence.text)) & runs(real.abstract)) - allowed
            assert not shared, (digest.title, sorted(shared)[0])


def test_every_number_is_the_abstracts(pairs: list[tuple[Paper, Paper]]) -> None:
    for digest, real in pairs:
        strange = numbers(digest.abstract) - numbers(f"{real.title} {real.abstract}")
        assert not strange, (digest.title, strange)


def test_every_name_is_the_abstracts(pairs: list[tuple[Paper, Paper]]) -> None:
    for digest, real in pairs:
        source = f"{real.title} {real.abstract}".lower()
        strange = {
            name
            for name in names_in(digest.abstract)
            if not all(part in source for part in re.findall(r"[a-z0-9]+", name) if part != "non")
        }
        assert not strange, (digest.title, strange)
