"""Whatever happens to a library's writer or files, nothing reported is lost, nothing doubled."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import writer
from writer import WordEncoder, open_library, papers

from rag.errors import LibraryError
from rag.library import Library
from rag.progress import Progress
from rag.store.keywords import KeywordIndex

Job = tuple[str, int, int]

QUESTIONS = ["river bread", "the owl and the ferry 7", "kestrel ice 40", "zebra"]

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["writer"])


@pytest.fixture(autouse=True)
def _word_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.library.load_encoder", lambda *_, **__: WordEncoder())


def start(library: Path, log: Path, jobs: Sequence[Job]) -> multiprocessing.process.BaseProcess:
    ready = processes.Event()
    process = processes.Process(target=writer.work, args=(library, log, jobs, ready))
    process.start()
    assert ready.wait(60)
    return process


def done(log: Path) -> list[Job]:
    lines = log.read_text().splitlines() if log.exists() else []
    return [tuple(json.loads(line)) for line in lines]


def assert_sound(library: Library) -> None:
    """`doctor` is content, and search finds what it would in a library made at once."""
    assert library.check() == []
    there = list(library.papers())
    ids = [paper.id for paper in there]
    assert len(ids) == len(set(ids)) == len(library)
    fresh = KeywordIndex.build(there)
    stored = library.vectors(ids)
    assert stored.keys() == set(ids)
    for question in QUESTIONS:
        kept = library.keywords.coverage(question)
        assert kept.best(20) == fresh.coverage(question).best(20)
        vector = library.encoder.encode([question])[0]
        texts = [f"{paper.title}\n{paper.abstract}" for paper in there]
        cosines = library.encoder.encode(texts) @ vector if texts else np.empty(0)
        best = sorted(map(float, cosines), reverse=True)[:10]
        assert [c for _, c in library.closest(vector, 10)] == pytest.approx(best, abs=1e-4)


def assert_kept(library: Library, finished: Sequence[Job], begun: Job | None) -> None:
    """What was reported as done is done; only the work begun may be half done."""
    there = {paper.id for paper in library.papers()}
    expected: set[str] = set()
    for what, first, count in finished:
        ids = {paper.id for paper in papers(count, first)}
        expected = expected | ids if what == "add" else expected - ids
    what, first, count = begun or ("rebuild", 0, 0)
    open_to = {paper.id for paper in papers(count, first)} if what != "rebuild" else set()
    assert expected - open_to == there - open_to


def killed_again_and_again(folder: Path, times: int, seed: int) -> list[str]:
    """Kill writers at random moments of their work; the library is looked at after each.

    One that had finished before is not counted. Returns what was hit.
    """
    chance = random.Random(seed)
    library, log = folder / "library", folder / "log"
    hit: list[str] = []
    longest = {"add": 0.4, "remove": 0.15, "rebuild": 0.4}
    while len(hit) < times:
        first = chance.randrange(0, 400, 40)
        kind = chance.choice(["add", "add", "remove", "rebuild"])
        job = (kind, 0, 0) if kind == "rebuild" else (kind, first, chance.choice([40, 100]))
        before = len(done(log))
        process = start(library, log, [job])
        time.sleep(chance.uniform(0, longest[kind]))
        process.kill()
        process.join()
        finished = done(log)
        if len(finished) == before:
            hit.append(kind)
        opened = open_library(library)
        opened.repair()
        assert_kept(opened, finished, None if len(finished) > before else job)
        assert_sound(opened)
        # What was begun is brought to an end, so that the next round knows where it stands.
        if len(finished) == before:
            rest = start(library, log, [job])
            rest.join(60)
            assert rest.exitcode == 0
            assert_kept(open_library(library), done(log), None)
    return hit


def test_killed_at_random_moments(tmp_path: Path) -> None:
    killed_again_and_again(tmp_path, 4, seed=1)


@pytest.mark.slow
def test_killed_at_fifty_random_moments(tmp_path: Path) -> None:
    hit = killed_again_and_again(tmp_path, 50, seed=2)
    print({kind: hit.count(kind) for kind in sorted(set(hit))})
    assert {"add", "remove", "rebuild"} <= set(hit)


@pytest.fixture
def filled(tmp_path: Path) -> Library:
    library = open_library(tmp_path / "library")
    library.add(papers(80))
    return library


def mended(path: Path) -> Library:
    """The library as `doctor --fix` leaves it, in a process that has not opened it before."""
    library = open_library(path)
    assert library.check() != []
    library.mend()
    return library


@pytest.mark.parametrize("harm", ["header", "index", "gone", "empty", "rows"])
def test_a_damaged_chroma_folder(filled: Library, harm: str) -> None:
    (place,) = (filled.path / "vectors").glob("chroma*")
    copy = filled.path.parent / "harmed"
    shutil.copytree(filled.path, copy)
    place = copy / "vectors" / place.name
    if harm == "gone":
        shutil.rmtree(place)
    elif harm == "empty":
        (place / "chroma.sqlite3").write_bytes(b"")
    elif harm == "header":
        file = place / "chroma.sqlite3"
        file.write_bytes(b"\0" * 200 + file.read_bytes()[200:])
    elif harm == "index":
        for segment in place.glob("*/*.bin"):
            segment.write_bytes(segment.read_bytes()[:50])
        shutil.rmtree(next(place.glob("*/")), ignore_errors=True)
        with sqlite3.connect(place / "chroma.sqlite3") as connection:
            connection.execute("DELETE FROM embeddings_queue")
    else:
        with sqlite3.connect(place / "chroma.sqlite3") as connection:
            connection.execute("DELETE FROM embeddings WHERE id % 3 = 0")
    library = mended(copy)
    assert len(library) == 80
    assert_sound(library)


def test_a_rebuild_that_is_interrupted_leaves_the_old_index_to_readers(
    filled: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed = filled._embed
    steps = iter(range(1))

    def interrupted(*arguments: object) -> None:
        if next(steps, None) is None:
            raise KeyboardInterrupt
        embed(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(filled, "_embed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        filled.rebuild()
    reader = open_library(filled.path)
    vector = reader.encoder.encode(["river bread"])[0]
    assert len(reader.closest(vector, 80)) == 80
    reader.repair()
    assert len(list((filled.path / "vectors").glob("chroma*"))) == 1
    assert_sound(reader)


def test_what_another_process_removed_does_not_stop_a_reader(
    filled: Library, tmp_path: Path
) -> None:
    vector = filled.encoder.encode(["river bread"])[0]
    assert len(filled.closest(vector, 80)) == 80
    start(filled.path, tmp_path / "log", [("remove", 0, 60)]).join()
    assert len(filled.closest(vector, 80)) == 20
    assert_sound(filled)


@pytest.mark.parametrize("name", ["text.json", "counts.npy", "places.npy", "current.json"])
def test_a_cut_keyword_file(filled: Library, name: str) -> None:
    (file,) = (filled.path / "keywords").rglob(name)
    file.write_bytes(file.read_bytes()[:-3])
    assert_sound(mended(filled.path))


def test_a_deleted_journal_after_the_work_loses_nothing(tmp_path: Path) -> None:
    process = start(tmp_path / "library", tmp_path / "log", [("add", 0, 80), ("add", 80, 40)])
    while len(done(tmp_path / "log")) < 2:
        time.sleep(0.01)
    process.kill()
    process.join()
    for journal in (tmp_path / "library").glob("catalog.sqlite-*"):
        journal.unlink()
    library = open_library(tmp_path / "library")
    library.repair()
    assert len(library) == 120
    assert_sound(library)


def test_a_deleted_journal_in_the_midst_of_work(tmp_path: Path) -> None:
    library = tmp_path / "library"
    start(library, tmp_path / "log", [("add", 0, 80)]).join()
    process = start(library, tmp_path / "log", [("add", 80, 300)])
    time.sleep(0.4)
    process.kill()
    process.join()
    for journal in library.glob("catalog.sqlite-*"):
        journal.unlink()
    opened = open_library(library)
    if opened.check():
        opened.mend()
    assert {paper.id for paper in papers(80)} <= {paper.id for paper in opened.papers()}
    assert_sound(opened)


def test_a_second_writer_waits_and_says_for_whom(filled: Library, tmp_path: Path) -> None:
    process = start(filled.path, tmp_path / "log", [("add", 100, 200)])
    while not (filled.path / "writer.pid").exists() and process.is_alive():
        time.sleep(0.001)
    said: list[Progress] = []
    second = open_library(filled.path)
    second._report = said.append
    second.add(papers(30, 400))
    process.join(60)
    waited = [progress.label for progress in said if "waiting" in progress.label]
    holders = (f"process {process.pid}", "another process")
    assert waited in ([], *([f"waiting for {who}, which is writing"] for who in holders))
    assert len(second) == 310
    assert_sound(second)


def test_doctor_says_who_writes(filled: Library, tmp_path: Path) -> None:
    with filled._lock.held(), pytest.raises(LibraryError, match=f"process {os.getpid()}"):
        open_library(filled.path).check()


def test_a_reader_finds_what_is_there_while_another_process_writes(
    filled: Library, tmp_path: Path
) -> None:
    vector = filled.encoder.encode(["river bread"])[0]
    jobs: list[Job] = [("add", 80, 120), ("rebuild", 0, 0), ("remove", 80, 60)]
    process = start(filled.path, tmp_path / "log", jobs)
    rounds = 0
    while process.is_alive():
        rounds += 1
        found = filled.closest(vector, 10)
        assert len(found) == 10
        assert set(filled.get([paper_id for paper_id, _ in found]))
        assert filled.keywords.coverage("river bread").best(5)
    assert process.exitcode == 0
    assert rounds > 2
    assert len(filled) == 140
    assert_sound(filled)


def test_a_failing_write_says_that_the_disk_is_full_and_goes_on_later(
    filled: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(filled._catalog, "mark_indexed", full)
        with pytest.raises(LibraryError, match="full"):
            filled.add(papers(70, 80))
    again = open_library(filled.path)
    again.add(papers(70, 80))
    assert len(again) == 150
    assert_sound(again)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small file system")
def test_a_full_disk(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(small)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no small file system can be made here")
    try:
        library = open_library(small / "library")
        added = 0
        said = None
        while said is None:
            try:
                library.add(papers(100, added))
            except LibraryError as error:
                said = error
            else:
                added += 100
        assert "full" in said.what
        assert added
        with suppress(FileNotFoundError):
            shutil.copytree(small / "library", tmp_path / "moved")
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)
    moved = open_library(tmp_path / "moved")
    moved.repair()
    assert {p.id for p in papers(added)} <= {p.id for p in moved.papers()}
    assert_sound(moved)
