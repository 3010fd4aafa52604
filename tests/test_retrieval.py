"""Fusion, and the retriever as LangChain uses it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.library import Library
from rag.papers import Paper
from rag.retrieval import PaperRetriever, fuse
from rag.store.keywords import KeywordIndex, tokenize

rankings = st.lists(st.lists(st.sampled_from("abcdef"), unique=True), min_size=1, max_size=4)


@given(rankings)
def test_fusion_ranks_everything_once_with_scores_up_to_one(given: list[list[str]]) -> None:
    fused = fuse(given)
    assert {paper for paper, _ in fused} == {paper for ranking in given for paper in ranking}
    assert len(fused) == len({paper for paper, _ in fused})
    assert all(0 < score <= 1.0001 for _, score in fused)
    assert [score for _, score in fused] == sorted((s for _, s in fused), reverse=True)


@given(st.lists(st.sampled_from("abcdef"), unique=True, min_size=1))
def test_rankings_that_agree_are_kept(ranking: list[str]) -> None:
    assert [paper for paper, _ in fuse([ranking, ranking])] == ranking


def test_words_are_stemmed_and_names_kept_whole_and_in_parts() -> None:
    assert tokenize("The models of GPT-4 were running") == ["model", "gpt-4", "gpt", "4", "run"]


def test_keywords_find_the_paper_and_survive_saving(tmp_path, three_papers: list[Paper]) -> None:
    index = KeywordIndex.build(three_papers)
    index.save(tmp_path / "keywords", 3)
    loaded = KeywordIndex.load(tmp_path / "keywords", 3)
    assert loaded is not None
    for some in (index, loaded):
        assert some.search("photographs of a lake", 5)[0][0] == three_papers[2].id
        assert some.search("zebra", 5) == []
        assert some.rarity("zebra") == 1.0
    assert KeywordIndex.load(tmp_path / "keywords", 4) is None


def test_an_empty_library_has_no_keywords(tmp_path) -> None:
    index = KeywordIndex.build([])
    index.save(tmp_path, 0)
    loaded = KeywordIndex.load(tmp_path, 0)
    assert loaded is not None
    assert loaded.search("anything", 3) == []


@pytest.mark.models
def test_the_retriever_returns_documents(library: Library, three_papers: list[Paper]) -> None:
    library.add(three_papers)
    (first, *_) = PaperRetriever(library=library, k=2).invoke("a network that sings like a bird")
    assert first.metadata["title"] == "Wren: Small Models that Sing"
    assert first.metadata["paper_id"] == three_papers[1].id
    assert first.page_content == three_papers[1].abstract


@pytest.mark.models
def test_a_follow_up_is_found_by_its_context(library: Library, three_papers: list[Paper]) -> None:
    library.add(three_papers)
    retriever = PaperRetriever(library=library, k=1)
    (found,) = retriever.rank("How many?", "How many photographs does Heron hold? 12,000.")
    assert found.paper.title == "Heron, a Data Set of Lakes"
