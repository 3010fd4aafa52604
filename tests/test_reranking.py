"""The second look: a larger encoder, how likely a paper makes the question, and what is kept."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from needed import need_models

from rag import weights
from rag.papers import Paper, RankedPaper, Vectors
from rag.query_likelihood import QueryLikelihood
from rag.reranking import Reranker, is_unsure, load_reranker
from rag.settings import Settings, load_settings
from rag.store import RememberedVectors

QUESTION = "How can a gadget on the river bank tell people early that the water will come up?"
RIGHT = Paper(
    title="Flood Warning with Cheap Gauges",
    abstract="Low-cost ultrasonic stage sensors along a stream predict inundation six hours ahead "
    "and alert residents by text message.",
)
WRONG = Paper(
    title="Bankers and Their Gadgets",
    abstract="A survey of how tellers at banks use tablets when people come early in the morning.",
)


@pytest.fixture(scope="module")
def reranker(tmp_path_factory: pytest.TempPathFactory) -> Reranker:
    settings = load_settings(reranker=Settings.model_fields["reranker"].default)
    need_models(settings, settings.reranker, weights.LARGER_ENCODER)
    found = load_reranker(settings)
    assert found is not None
    folder = tmp_path_factory.mktemp("kept")
    return Reranker(found._encoder, found._likelihood, RememberedVectors(folder, "mpnet", 768))


@pytest.fixture
def likelihood(reranker: Reranker) -> QueryLikelihood:
    return reranker._likelihood


def ranked(*scores: float) -> list[RankedPaper]:
    return [RankedPaper(paper, s, s) for paper, s in zip((WRONG, RIGHT), scores, strict=False)]


def test_only_what_is_neither_sure_nor_hopeless_is_looked_at_again() -> None:
    assert not is_unsure([])
    assert not is_unsure(ranked(0.01))
    assert is_unsure(ranked(0.2))
    assert not is_unsure(ranked(0.6, 0.2))


def test_no_reranker_where_none_is_wanted() -> None:
    assert load_reranker(load_settings(reranker="")) is None


@pytest.mark.models
def test_a_question_in_other_words_finds_its_paper(reranker: Reranker) -> None:
    looked = reranker.rerank(QUESTION, ranked(0.2, 0.15))
    assert [r.paper.title for r in looked] == [RIGHT.title, WRONG.title]
    assert 0.2 < looked[0].score < 1
    assert [r.first_score for r in looked] == [0.15, 0.2]
    right, wrong = (r.second_similarity or 0 for r in looked)
    assert 1 > right > wrong
    assert reranker.rerank(QUESTION, []) == []


@pytest.mark.models
def test_what_is_not_looked_at_again_comes_after(
    reranker: Reranker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.reranking.LOOKED_AT_AGAIN", 1)
    looked = reranker.rerank(QUESTION, ranked(0.2, 0.19))
    assert [r.paper.title for r in looked] == [WRONG.title, RIGHT.title]
    assert [r.first_score for r in looked] == [0.2, None]
    assert looked[0].score >= looked[1].score


@pytest.mark.models
def test_a_paper_without_an_abstract_is_looked_at_too(reranker: Reranker) -> None:
    bare = RankedPaper(Paper(title="Flood Warning", abstract=""), 0.2, 0.2)
    (looked,) = reranker.rerank(QUESTION, [bare])
    assert 0 < looked.score < 1


@pytest.mark.models
def test_the_second_question_is_asked_of_vectors_that_are_kept(
    reranker: Reranker, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = reranker.rerank(QUESTION, ranked(0.2, 0.15))

    def fail(*_: object) -> None:
        raise AssertionError("they were made before")

    monkeypatch.setattr(reranker._encoder, "encode_parts", fail)
    again = reranker.rerank(QUESTION, ranked(0.2, 0.15))
    assert again == first


@pytest.mark.models
def test_a_paper_about_something_else_gains_nothing(likelihood: QueryLikelihood) -> None:
    (gain,) = likelihood.gains("Who won the chess match in Reykjavik?", [RIGHT.abstract])
    assert gain < 0.5


@pytest.mark.models
def test_papers_read_together_gain_what_they_gain_alone(likelihood: QueryLikelihood) -> None:
    texts = [RIGHT.abstract, WRONG.abstract * 3, "Short."]
    together = likelihood.gains(QUESTION, texts)
    alone = [likelihood.gains(QUESTION, [text])[0] for text in texts]
    assert together == pytest.approx(alone, abs=0.06)


def rows(seed: int) -> Vectors:
    drawn = np.random.default_rng(seed).normal(size=(seed + 1, 8)).astype(np.float32)
    unit: Vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit


def test_kept_vectors_come_back_and_the_oldest_go(tmp_path: Path) -> None:
    kept = RememberedVectors(tmp_path / "new", "m", 8, most=3)
    assert kept.get(["0"]) == {}
    for seed in range(5):
        told = kept.put({str(seed): rows(seed)})
        assert np.array_equal(told[str(seed)], kept.get([str(seed)])[str(seed)])
    found = RememberedVectors(tmp_path / "new", "m", 8).get([str(n) for n in range(6)])
    assert sorted(found) == ["2", "3", "4"]
    assert np.allclose(found["3"], rows(3), atol=0.005)
    kept.put({"3": rows(1)})
    assert kept.get(["3"])["3"].shape == (2, 8)


def test_a_damaged_file_is_made_anew_and_one_in_use_is_left(tmp_path: Path) -> None:
    kept = RememberedVectors(tmp_path, "m", 8)
    (tmp_path / "m.sqlite").write_bytes(b"no database at all" * 100)
    assert kept.get(["a"]) == {}
    kept.put({"a": rows(1)})
    assert list(kept.get(["a"])) == ["a"]
    other = sqlite3.connect(tmp_path / "m.sqlite")
    other.execute("BEGIN EXCLUSIVE")
    kept.put({"b": rows(2)})
    other.rollback()
    other.close()
    assert list(kept.get(["a", "b"])) == ["a"]


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    kept = RememberedVectors(tmp_path / "file", "m", 8)
    kept.put({"a": rows(1)})
    assert kept.get(["a"]) == {}
