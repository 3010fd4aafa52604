"""The second look: how likely a paper makes the question."""

from __future__ import annotations

import pytest

from rag import weights
from rag.papers import Paper, RankedPaper
from rag.reranking import QueryLikelihood, is_unsure, load_reranker
from rag.settings import Settings, load_settings

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
def reranker() -> QueryLikelihood:
    settings = load_settings(reranker=Settings.model_fields["reranker"].default)
    model = weights.get_model(settings.reranker)
    if not weights.is_present(model, settings.models_path):
        pytest.skip(f"{model.name} is not here: run `askpapers models fetch`")
    found = load_reranker(settings)
    assert found is not None
    return found


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
def test_a_question_in_other_words_finds_its_paper(reranker: QueryLikelihood) -> None:
    looked = reranker.rerank(QUESTION, ranked(0.2, 0.15))
    assert [r.paper.title for r in looked] == [RIGHT.title, WRONG.title]
    assert 0.2 < looked[0].score < 1
    assert [r.first_score for r in looked] == [0.15, 0.2]


@pytest.mark.models
def test_a_paper_about_something_else_gains_nothing(reranker: QueryLikelihood) -> None:
    (gain,) = reranker.gains("Who won the chess match in Reykjavik?", [RIGHT.abstract])
    assert gain < 5


@pytest.mark.models
def test_papers_read_together_gain_what_they_gain_alone(reranker: QueryLikelihood) -> None:
    texts = [RIGHT.abstract, WRONG.abstract * 3, "Short."]
    together = reranker.gains(QUESTION, texts)
    alone = [reranker.gains(QUESTION, [text])[0] for text in texts]
    assert together == pytest.approx(alone, abs=1.0)
