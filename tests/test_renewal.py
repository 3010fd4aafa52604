"""Another encoder or splitter: papers are embedded anew beside the old index, and it is swapped."""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from writer import WordEncoder, open_library, papers

import rag.library
from rag.answering import Answerer
from rag.embedding import Encoder
from rag.filters import Filters
from rag.library import Library
from rag.papers import Passage, Vectors
from rag.progress import Progress
from rag.retrieval import PaperRetriever
from rag.settings import load_settings
from rag.text import Span
from ui.opening import tell_renewal

QUESTION = "river bread and the owl"


class SmallEncoder(WordEncoder):
    """The encoder of before, with fewer numbers in a vector."""

    dimension = 8


class CountingEncoder(WordEncoder):
    """Tells how many texts it has read, and can be interrupted after some."""

    def __init__(self, most: int = 10**9) -> None:
        super().__init__()
        self.texts = 0
        self.most = most

    def encode_parts(
        self, texts: Sequence[str], parts: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        if self.texts + len(texts) > self.most:
            raise KeyboardInterrupt
        self.texts += len(texts)
        return super().encode_parts(texts, parts)


@pytest.fixture(autouse=True)
def _word_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.library.load_encoder", lambda *_, **__: WordEncoder())


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of 200 papers, embedded by another encoder and split otherwise."""
    with monkeypatch.context() as patch:
        patch.setattr("rag.library.load_encoder", lambda *_, **__: SmallEncoder())
        patch.setattr(Encoder, "name", "small")
        patch.setattr(Encoder, "dimension", 8)
        patch.setattr("rag.library.SPLITTER_VERSION", 0)
        patch.setattr("rag.passages.split_passages", _whole)
        Library(tmp_path / "library", load_settings()).add(papers(200))
    return tmp_path / "library"


def _whole(title: str, abstract: str, *_: object) -> list[Passage]:
    """Each abstract in two halves, which no splitter of this program makes."""
    half = len(abstract) // 2
    spans = [(0, half), (half, len(abstract))]
    return [Passage(f"{title}\n{abstract[a:b]}", a, b) for a, b in spans]


def opened(path: Path, encoder: WordEncoder | None = None) -> Library:
    library = open_library(path)
    library.__dict__["encoder"] = encoder or WordEncoder()
    return library


def ranked(library: Library, question: str = QUESTION) -> list[tuple[str, float]]:
    found = PaperRetriever(library=library, k=10).rank(question)
    return [(one.paper.id, round(one.score, 2)) for one in found]


def assert_like_new(library: Library) -> None:
    """It is what a library would be that had been made with this encoder and splitter."""
    fresh = opened(library.path.parent / "fresh")
    fresh.add(papers(200))
    assert library.renewal is None
    assert library.check() == []
    assert ranked(library) == ranked(fresh)
    vector = library.encoder.encode([QUESTION])[0]
    assert dict(library.closest(vector, 200)) == pytest.approx(
        dict(fresh.closest(vector, 200)), abs=1e-4
    )
    for paper in library.papers():
        assert library.sentences(paper) == fresh.sentences(paper)
        assert library._catalog.passages_of(paper.id) == fresh._catalog.passages_of(paper.id)
    assert len(list((library.path / "vectors").glob("chroma*"))) == 1
    with sqlite3.connect(library.path / "catalog.sqlite") as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
    assert not [name for name in tables if "staged" in name]


def test_until_the_swap_papers_are_found_by_words_and_scored_by_the_new_encoder(old: Path) -> None:
    library = opened(old)
    assert library.renewal == Progress("embedding anew", 0, 200, "papers")
    vector = library.encoder.encode([QUESTION])[0]
    assert library.closest(vector, 10) == []
    assert library.closest(vector, 10, within={paper.id for paper in papers(3)}) == []
    before = ranked(library)
    assert len(before) == 10
    only = PaperRetriever(library=library, filters=Filters(papers=("number 7",))).rank(QUESTION)
    assert all("number 7" in one.paper.title for one in only)
    library.repair()
    assert_like_new(library)
    # Scores differ by what the splitters do; those that share no word were not found before.
    after = dict(ranked(library))
    both = after.keys() & dict(before).keys()
    assert len(both) >= 7
    assert [after[i] for i in both] == pytest.approx([dict(before)[i] for i in both], abs=0.1)


def test_answers_and_commands_say_so_until_the_swap(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = opened(old)
    answerer = Answerer(library, settings=load_settings(quote=True, caution=0))
    words = "they are found by their words"
    assert words in answerer.answer("river bread").warning
    tell_renewal(library)
    assert "0 of 200 papers are embedded anew" in " ".join(capsys.readouterr().err.split())
    library.repair()
    assert words not in answerer.answer("river bread").warning
    tell_renewal(library)
    assert capsys.readouterr().err == ""


def test_a_paper_that_is_asked_for_again_is_not_embedded_again(old: Path) -> None:
    counting = CountingEncoder()
    library = opened(old, counting)
    ids = [paper.id for paper in papers(5)]
    first = library.vectors(ids)
    assert counting.texts == 10
    assert {i: v.passages.shape for i, v in first.items()} == dict.fromkeys(ids, (2, 384))
    for one in papers(5):
        assert len(first[one.id].sentences) == len(library.sentences(one))
    assert library.vectors([*ids, "nothing"]).keys() == first.keys()
    assert counting.texts == 10


def test_what_was_embedded_before_an_interruption_is_kept(old: Path) -> None:
    stopping = CountingEncoder(most=150)
    library = opened(old, stopping)
    with pytest.raises(KeyboardInterrupt):
        library.repair()
    assert stopping.texts == 128
    again = opened(old, counting := CountingEncoder())
    assert again.renewal == Progress("embedding anew", 128, 200, "papers")
    vector = again.encoder.encode([QUESTION])[0]
    assert again.closest(vector, 10) == []
    assert len(ranked(again)) == 10
    counting.texts = 0
    again.repair()
    assert counting.texts == 72
    assert_like_new(again)


@pytest.mark.parametrize("step", ["beside", "upsert", "adopt", "take over", "forget"])
def test_a_swap_that_is_cut_off_is_brought_to_an_end(
    old: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    library = opened(old)
    index, catalog = rag.library.VectorIndex, rag.library.Catalog
    with monkeypatch.context() as patch:
        place, name = {
            "beside": (index, "beside"),
            "upsert": (index, "upsert"),
            "adopt": (catalog, "adopt_staged"),
            "take over": (index, "take_over"),
            "forget": (catalog, "forget_staged"),
        }[step]
        patch.setattr(place, name, cut)
        with pytest.raises(KeyboardInterrupt):
            library.repair()
    again = opened(old, counting := CountingEncoder())
    assert len(ranked(again)) == 10
    counting.texts = 0
    again.repair()
    assert counting.texts == 0  # nothing is embedded twice
    assert_like_new(again)


def test_many_papers_are_embedded_in_the_background(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.library._SOON", 100)
    library = opened(old)
    library.repair()
    assert library.renewal is not None
    assert len(ranked(library)) == 10
    deadline = time.monotonic() + 60
    while library.renewal and time.monotonic() < deadline:
        ranked(library)
    library._stop_renewal()
    assert_like_new(library)


def test_a_process_that_ends_leaves_the_rest_to_the_next(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.library._SOON", 100)
    library = opened(old)
    library.repair()
    deadline = time.monotonic() + 60
    while (renewal := library.renewal) and not renewal.done and time.monotonic() < deadline:
        time.sleep(0.01)
    library._stop_renewal()
    assert library._renewing is not None
    assert not library._renewing.is_alive()
    monkeypatch.setattr("rag.library._SOON", 1000)
    again = opened(old)
    again.repair()
    assert_like_new(again)


def test_trouble_in_the_background_is_told_by_doctor(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("the encoder broke")

    monkeypatch.setattr("rag.library._SOON", 100)
    monkeypatch.setattr(Library, "_stage", broken)
    library = opened(old)
    library.repair()
    assert library._renewing is not None
    library._renewing.join(60)
    assert library.check() == [
        "vectors: missing, or made with another encoder or splitter",
        "vectors: the encoder broke",
    ]


def test_a_reader_does_not_wait_for_another_process_that_embeds(old: Path) -> None:
    library, other = opened(old), opened(old)
    with other._lock.held():
        started = time.perf_counter()
        library.repair()
        assert len(ranked(library)) == 10
        assert time.perf_counter() - started < 5
    library._stop_renewal()


@pytest.mark.parametrize("what", ["add", "remove", "rebuild", "mend"])
def test_whoever_writes_brings_it_to_an_end_first(old: Path, what: str) -> None:
    library = opened(old)
    if what == "add":
        library.add(papers(10, 190))
        library.remove([paper.id for paper in papers(10, 200)])
    elif what == "remove":
        library.add(papers(1, 500))
        library.remove([paper.id for paper in papers(1, 500)])
    elif what == "rebuild":
        library.rebuild()
    else:
        assert library.check() == ["vectors: missing, or made with another encoder or splitter"]
        library.mend()
    assert_like_new(library)


def test_what_was_staged_of_a_text_that_changed_since_counts_no_more(old: Path) -> None:
    library = opened(old, CountingEncoder(most=150))
    with pytest.raises(KeyboardInterrupt):
        library.repair()
    with sqlite3.connect(old / "catalog.sqlite") as connection:
        connection.execute("UPDATE staged SET text_hash = 'other' WHERE rowid = 1")
        connection.execute("UPDATE staged SET made_by = 'another' WHERE rowid = 2")
    again = opened(old, counting := CountingEncoder())
    again.repair()
    assert counting.texts == 74
    assert_like_new(again)


def test_a_backup_of_before_is_embedded_anew(old: Path) -> None:
    library = opened(old)
    library.backup(old.parent / "before")
    with sqlite3.connect(old.parent / "before") as connection:
        assert dict(connection.execute("SELECT key, value FROM meta"))["vectors"] == ""
    other = opened(old.parent / "other")
    other.add(papers(3, 700))
    other.restore(old.parent / "before")
    assert_like_new(other)
    other.backup(old.parent / "after")
    other.restore(old.parent / "after")
    assert other.check() == []
    assert len(other) == 200


def test_a_program_of_before_that_comes_in_between_does_no_harm(old: Path) -> None:
    """It makes its own vectors again, and says nothing of it in the catalog."""
    library = opened(old)
    library.repair()
    manifest = old / "vectors" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"encoder": "older"}))
    with sqlite3.connect(old / "catalog.sqlite") as connection:
        connection.execute("UPDATE vectors SET passages = zeroblob(length(passages))")
    again = opened(old)
    assert again.renewal
    again.repair()
    assert_like_new(again)


def _renew_and_die(path: Path) -> None:
    library = open_library(path)
    library.repair()


def test_killed_at_any_moment_it_ends_the_same(old: Path) -> None:
    processes = multiprocessing.get_context("forkserver")
    rng = np.random.default_rng(5)
    for _ in range(3):
        process = processes.Process(target=_renew_and_die, args=(old,))
        process.start()
        time.sleep(float(rng.uniform(1.0, 3.0)))
        process.kill()
        process.join()
    library = opened(old)
    library.repair()
    assert_like_new(library)


def test_a_backup_of_the_format_before_is_carried_over(old: Path) -> None:
    file = old.parent / "before"
    library = Library(old, load_settings())
    library.backup(file)
    with closing(sqlite3.connect(file)) as copy, copy:
        copy.execute("ALTER TABLE vectors DROP COLUMN words")
        copy.execute("UPDATE meta SET value = '2' WHERE key = 'schema'")
    other = opened(old.parent / "other")
    other.restore(file)
    assert_like_new(other)
