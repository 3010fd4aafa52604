"""A library keeps what it is given, once, and stays whole whatever happens to its writer."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from rag.errors import LibraryError
from rag.library import Library
from rag.merging import AddReport
from rag.papers import Paper
from rag.sample import sample_papers
from rag.settings import Settings
from rag.sources import read_source

pytestmark = pytest.mark.models


def seed_papers(paths: list[Path]) -> list[Paper]:
    return [entry for path in paths for entry in read_source(path) if isinstance(entry, Paper)]


def state(library: Library) -> tuple[object, ...]:
    """Everything a reader could notice, but for the vectors."""
    papers = list(library.papers())
    return (
        papers,
        [library.sentences(paper) for paper in papers],
        library.keywords.coverage("state space models").best(20),
        library.check(),
    )


def cosines(library: Library) -> dict[str, float]:
    """How close each paper is to a question."""
    return dict(library.closest(library.encoder.encode(["state space models"])[0], 200))


def assert_same(one: Library, other: Library) -> None:
    """In bfloat16 a vector depends a little on what was encoded along with it."""
    assert state(one) == state(other)
    assert cosines(one) == pytest.approx(cosines(other), abs=0.01)


def test_some_titles_are_the_same_ones_each_time(
    library: Library, three_papers: list[Paper]
) -> None:
    library.add(three_papers)
    two = library.some_titles(2)
    assert len(two) == 2
    assert {*two} < {paper.title for paper in three_papers}
    assert library.some_titles(2) == two
    assert len(library.some_titles(9)) == 3


def test_adding_twice_changes_nothing(library: Library, three_papers: list[Paper]) -> None:
    assert library.add(three_papers) == AddReport(new=3)
    before = state(library)
    assert library.add(three_papers) == AddReport(unchanged=3)
    assert state(library) == before
    assert len(library) == 3
    assert library.check() == []


def test_a_paper_twice_in_one_batch_is_one(library: Library, three_papers: list[Paper]) -> None:
    assert library.add(three_papers + three_papers) == AddReport(new=3, unchanged=3)


def test_a_revised_abstract_replaces_the_old_one(
    library: Library, three_papers: list[Paper]
) -> None:
    library.add(three_papers)
    revised = replace(three_papers[1], abstract="Wren imitates whales now. It needs the sea.")
    assert library.add([revised]) == AddReport(updated=1)
    assert library.get([revised.id])[revised.id].abstract == revised.abstract
    assert [s.text for s in library.sentences(revised)] == [
        "Wren imitates whales now.",
        "It needs the sea.",
    ]
    vector = library.encoder.encode(["imitating whales in the sea"])[0]
    assert library.closest(vector, 1)[0][0] == revised.id
    assert library.check() == []


def test_a_removed_paper_is_not_found_any_more(library: Library, three_papers: list[Paper]) -> None:
    library.add(three_papers)
    assert library.remove([three_papers[0].id, "nothing"]) == 1
    vector = library.encoder.encode(["sparse attention for rivers"])[0]
    assert three_papers[0].id not in dict(library.closest(vector, 5))
    assert library.keywords.coverage("kestrel hydrology").best(5) == []
    assert library.check() == []


def test_a_real_abstract_takes_a_digests_place_and_never_the_other_way(
    library: Library, seeds: list[Path]
) -> None:
    assert library.add(sample_papers()) == AddReport(new=115)
    assert library.count_sample() == 115
    assert library.add(seed_papers(seeds)) == AddReport(updated=115, unchanged=20)
    assert (len(library), library.count_sample()) == (115, 0)
    assert library.add(seed_papers(seeds)) == AddReport(unchanged=135)
    assert library.add(sample_papers()) == AddReport(unchanged=115)
    assert library.count_sample() == 0
    assert library.check() == []


def test_sentences_lie_where_they_say(library: Library, seeds: list[Path]) -> None:
    library.add(seed_papers(seeds[:1]))
    for paper in library.papers():
        for sentence in library.sentences(paper):
            assert paper.abstract[sentence.start : sentence.end] == sentence.text


def test_another_encoder_or_splitter_makes_the_vectors_anew(
    library: Library, settings: Settings, three_papers: list[Paper]
) -> None:
    library.add(three_papers)
    manifest = library.path / "vectors" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"splitter": 2', '"splitter": 0'))
    again = Library(library.path, settings)
    assert again.check() == ["vectors: missing, or made with another encoder or splitter"]
    again.repair()
    assert again.check() == []


def test_vectors_that_are_lost_are_made_again(library: Library, three_papers: list[Paper]) -> None:
    library.add(three_papers)
    before, closeness = state(library), cosines(library)
    library.rebuild()
    assert state(library) == before
    assert cosines(library) == pytest.approx(closeness, abs=0.01)


def test_a_library_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="no library"):
        Library.open(tmp_path / "nowhere")


def test_papers_are_found_by_id_and_title(library: Library, three_papers: list[Paper]) -> None:
    library.add(three_papers)
    assert library.find(three_papers[0].id) == [three_papers[0]]
    assert library.find("small MODELS that sing") == [three_papers[1]]
    assert library.find("unknown") == []


_ADD = """
import sys
from pathlib import Path
from rag.library import Library
from rag.settings import load_settings
from rag.sources import read_source
library = Library(Path(sys.argv[1]), load_settings())
print("ready", flush=True)
for path in sys.argv[2:]:
    library.add(read_source(Path(path)))
print("done", flush=True)
"""


def adding(library: Path, sources: list[Path]) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _ADD, str(library), *map(str, sources)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_killed_at_any_moment_it_ends_the_same(
    tmp_path: Path, settings: Settings, library: Library, seeds: list[Path]
) -> None:
    library.add(seed_papers(seeds))
    chance = random.Random(7)
    broken = tmp_path / "killed"
    for _ in range(3):
        with adding(broken, seeds) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0.1, 6.0))
            os.kill(process.pid, signal.SIGKILL)
    with adding(broken, seeds) as process:
        assert process.stdout is not None
        assert process.stdout.read().endswith("done\n")
    assert_same(Library(broken, settings), library)


def test_two_writers_take_turns(tmp_path: Path, settings: Settings, seeds: list[Path]) -> None:
    both = tmp_path / "both"
    with adding(both, seeds[:1]) as one, adding(both, seeds[1:]) as two:
        for process in (one, two):
            assert process.stdout is not None
            assert process.stdout.read().endswith("done\n")
    library = Library(both, settings)
    assert len(library) == 115
    assert library.check() == []
