"""The keyword index: the same however the papers came in, whole or not there at all."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import bm25s
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.papers import Paper
from rag.store import keywords
from rag.store.keywords import KeywordIndex, tokenize

WORDS = "river bread yeast owl ferry canal bridge crumb flour lake 4.5 gpt-4 ice".split()
QUESTIONS = ["bread and rivers", "owl gpt-4", "canals canals ice", "zebra lake", "the"]

texts = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
libraries = st.dictionaries(st.sampled_from("abcdefghijkl"), texts, max_size=9)


def papers_of(state: dict[str, str]) -> dict[str, Paper]:
    papers = [Paper(title=title, abstract=text) for title, text in state.items()]
    return {paper.id: paper for paper in papers}


def brought_to(index: KeywordIndex, papers: dict[str, Paper]) -> KeywordIndex:
    def fetch(ids: Sequence[str]) -> Iterable[Paper]:
        return [papers[paper_id] for paper_id in ids]

    return index.updated({i: paper.text_hash for i, paper in papers.items()}, fetch)


def assert_same(one: KeywordIndex, other: KeywordIndex, papers: Iterable[str]) -> None:
    assert one.states() == other.states()
    for question in QUESTIONS:
        ours, theirs = one.coverage(question), other.coverage(question)
        for k in (1, 3, 100):
            assert ours.best(k) == theirs.best(k)
        assert [ours.of(i) for i in papers] == [theirs.of(i) for i in papers]
    for term in {stem for word in WORDS for stem in tokenize(word)}:
        assert one.rarity(term) == other.rarity(term)


@settings(max_examples=60, deadline=None)
@given(st.lists(libraries, min_size=1, max_size=6), st.sampled_from([0, 2, 100]), st.booleans())
def test_it_is_what_a_fresh_build_would_be(
    tmp_path_factory: pytest.TempPathFactory,
    states: list[dict[str, str]],
    small: int,
    saves: bool,
) -> None:
    folder = tmp_path_factory.mktemp("keywords")
    index = KeywordIndex.build([])
    seen: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keywords, "_SMALL", small)
        for number, state in enumerate(states):
            papers = papers_of(state)
            seen |= papers.keys()
            index = brought_to(index, papers)
            if saves:
                index.save(folder, number)
                loaded = KeywordIndex.load(folder, number)
                assert loaded is not None
                assert loaded.damaged(folder) == []
                index = loaded
            assert_same(index, KeywordIndex.build(papers.values()), seen)


def test_few_changes_leave_the_large_segment_as_it_lies(tmp_path: Path) -> None:
    chance = random.Random(3)
    state = {f"t{n}": " ".join(chance.choices(WORDS, k=9)) for n in range(50)}
    index = KeywordIndex.build(papers_of(state).values())
    index.save(tmp_path, 1)
    (large,) = (f.name for f in tmp_path.glob("g*"))
    index = brought_to(index, papers_of(state | {"t3": "an owl", "t99": "a lake"}))
    index.save(tmp_path, 2)
    assert large in {f.name for f in tmp_path.glob("g*")}
    assert len(list(tmp_path.glob("g*"))) == 2


def test_scores_are_those_of_the_reference() -> None:
    chance = random.Random(5)
    papers = [
        Paper(title=f"t{n}", abstract=" ".join(chance.choices(WORDS, k=chance.randint(1, 30))))
        for n in range(200)
    ]
    corpus = [[*(title := tokenize(p.title)), *title, *tokenize(p.abstract)] for p in papers]
    reference = bm25s.BM25(k1=0.9, b=0.4, method="lucene")
    reference.index(corpus, show_progress=False)
    index = KeywordIndex.build(papers)
    terms = list(dict.fromkeys(tokenize("river bread gpt-4 4.5")))
    coverage = index.coverage("river bread gpt-4 4.5")
    shares = np.array([coverage.of(p.id) for p in papers])
    best = sum(index._idf(term) for term in terms)
    assert shares * best == pytest.approx(reference.get_scores(terms), abs=1e-5)


@pytest.mark.parametrize("harm", ["cut", "emptied", "gone", "pointer", "other"])
def test_an_index_that_is_damaged_is_not_read(tmp_path: Path, harm: str) -> None:
    KeywordIndex.build(papers_of(dict.fromkeys("abc", "river bread")).values()).save(tmp_path, 1)
    (file,) = tmp_path.glob("g*/counts.npy")
    content = file.read_bytes()
    if harm == "pointer":
        (tmp_path / "current.json").write_text('{"generation": 1')
    elif harm == "gone":
        file.unlink()
    else:
        broken = {"cut": content[:-2], "emptied": b"", "other": content[:-1] + b"\x07"}
        file.write_bytes(broken[harm])
    index = KeywordIndex.load(tmp_path, 1)
    if harm == "other":  # as long as before: only `doctor` reads every byte
        assert index is not None
        assert index.damaged(tmp_path) == [f"{file.parent.name}/counts.npy"]
    else:
        assert index is None
