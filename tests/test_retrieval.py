"""Keywords, and the retriever as LangChain uses it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.retrieval import measure_retrieval
from rag.filters import Filters
from rag.library import Library
from rag.papers import Paper
from rag.progress import silent
from rag.retrieval import PaperRetriever
from rag.settings import Settings
from rag.store.keywords import KeywordIndex, tokenize


def test_words_are_stemmed_and_names_kept_whole_and_in_parts() -> None:
    assert tokenize("The models of GPT-4 were running") == ["model", "gpt-4", "gpt", "4", "run"]


def test_keywords_find_the_paper_and_survive_saving(tmp_path, three_papers: list[Paper]) -> None:
    index = KeywordIndex.build(three_papers)
    index.save(tmp_path / "keywords", 3)
    loaded = KeywordIndex.load(tmp_path / "keywords", 3)
    assert loaded is not None
    for some in (index, loaded):
        found = some.coverage("photographs of a lake")
        assert found.best(5) == [three_papers[2].id]
        assert found.best(1, within={three_papers[0].id}) == []
        assert 0.5 < found.of(three_papers[2].id) < 1
        assert found.of(three_papers[0].id) == found.of("no such paper") == 0
        assert some.coverage("zebra").best(5) == []
        assert some.rarity("zebra") == 1.0
    assert KeywordIndex.load(tmp_path / "keywords", 4) is None


def test_an_empty_library_has_no_keywords(tmp_path) -> None:
    index = KeywordIndex.build([])
    index.save(tmp_path, 0)
    loaded = KeywordIndex.load(tmp_path, 0)
    assert loaded is not None
    assert loaded.coverage("anything").best(3) == []


def test_words_that_no_paper_has_lower_the_coverage(three_papers: list[Paper]) -> None:
    index = KeywordIndex.build(three_papers)
    lake = three_papers[2].id
    assert index.coverage("lakes").of(lake) > index.coverage("zebra lakes").of(lake) > 0


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


@pytest.mark.models
def test_only_papers_that_pass_are_found(library: Library, three_papers: list[Paper]) -> None:
    library.add(three_papers)
    retriever = PaperRetriever(library=library, k=3, filters=Filters(since=2020))
    assert [found.paper for found in retriever.rank("photographs of lakes")] == three_papers[:1]
    assert len(retriever.rank("photographs of lakes", filters=Filters())) == 3
    assert retriever.rank("lakes", filters=Filters(until=1999)) == []


@pytest.mark.models
def test_scores_fall_from_one_and_say_how_close(
    library: Library, three_papers: list[Paper]
) -> None:
    library.add(three_papers)
    found = PaperRetriever(library=library, k=3).rank("Heron, a data set of photographs of lakes")
    assert found[0].paper == three_papers[2]
    assert 1 >= found[0].score > found[1].score
    assert found[0].similarity > 0.7 > found[1].similarity


@pytest.mark.models
def test_a_judged_collection_is_measured_and_compared(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "models").symlink_to(settings.models_path)
    settings = settings.model_copy(update={"home": tmp_path / "home"})
    papers = [
        {"_id": "a", "title": "Owls", "text": "Owls hunt mice by ear in the dark."},
        {"_id": "b", "title": "Rivers", "text": "Rivers carry sand to the sea."},
        {"_id": "c", "title": "", "text": "Bakers knead dough before dawn."},
    ]
    queries = [{"_id": "1", "text": "nocturnal birds listening"}, {"_id": "2", "text": "dough"}]
    write_lines(tmp_path / "corpus.jsonl", papers)
    write_lines(tmp_path / "queries.jsonl", queries)
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n1\ta\t1\n2\tc\t1\n")
    out = tmp_path / "figures.jsonl"
    first = measure_retrieval(tmp_path, tmp_path, settings, silent, ablation=True, out=out)
    assert (first["documents"], first["queries"]) == (3, 2)
    assert first["nDCG@10"] == 1
    assert first["interval"]["nDCG@10"] == (1.0, 1.0)
    assert first["ablation"]["bm25"]["R@100"] == 0.5
    assert list(first["ablation"]) == ["bm25", "dense", "ranks fused", "hybrid"]
    again = measure_retrieval(tmp_path, tmp_path, settings, silent, against=out)
    assert again["against"]["nDCG@10"]["difference"] == 0


def write_lines(file: Path, entries: list[dict[str, str]]) -> None:
    file.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
