"""What is the same paper, and what two records of it make together."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from writer import WordEncoder, open_library

from rag.identity import Identifiers, find_identifiers, merge
from rag.library import AddReport, Library
from rag.papers import Paper
from rag.sample import sample_papers
from rag.sources import read_source
from rag.store import Catalog

LONG = "A study of ferries on northern rivers"


@pytest.fixture(autouse=True)
def _word_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.library.load_encoder", lambda *_, **__: WordEncoder())


@pytest.fixture
def shelf(tmp_path: Path) -> Library:
    return open_library(tmp_path / "library")


def record(title: str = LONG, abstract: str = "Ferries cross.", **more: object) -> Paper:
    return Paper(title=title, abstract=abstract, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"doi": "https://doi.org/10.1234/Ab.C"}, Identifiers(doi="10.1234/ab.c")),
        ({"url": "https://doi.org/10.48550/arXiv.2401.00001"}, Identifiers(arxiv="2401.00001")),
        ({"url": "http://arxiv.org/pdf/2401.00001v3.pdf"}, Identifiers(arxiv="2401.00001v3")),
        ({"arxiv": "arXiv:hep-th/9901001v2"}, Identifiers(arxiv="hep-th/9901001v2")),
        ({"url": "https://pubmed.ncbi.nlm.nih.gov/77/"}, Identifiers(pmid="77")),
        ({"arxiv": "no number", "doi": "11.1/x", "pmid": "PMC1"}, Identifiers()),
    ],
)
def test_identifiers_have_one_form(given: dict[str, str], found: Identifiers) -> None:
    assert find_identifiers(**given) == found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (record(doi="10.1/x"), record("Another title", doi="10.1/x", year=2001)),
        (record(arxiv="2401.00001v1"), record("Retitled", arxiv="2401.00001v2")),
        (record(pmid="7"), record("Translated", pmid="7")),
        (record(), record(f"{LONG.upper()}!")),
        (record(), record(year=2020, authors=("Anna Ferry",))),
        (record(year=2020, authors=("A. Ferry",)), record(year=2020, authors=("Anna Ferry",))),
        (record(doi="10.1/x"), record(arxiv="2401.00001")),
    ],
)
def test_the_same_paper_is_there_once(shelf: Library, one: Paper, other: Paper) -> None:
    shelf.add([one])
    shelf.add([replace(other, source="other")])
    assert len(shelf) == 1
    assert next(iter(shelf.papers())).id == one.id
    assert shelf.check() == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (record(doi="10.1/x"), record(doi="10.1/y")),
        (record(year=2020), record(year=2021)),
        (record(authors=("Anna Ferry",)), record(authors=("Bob Lake",))),
        (record("Editorial", year=2020), record("Editorial", authors=("B. Lake",))),
    ],
)
def test_different_papers_stay_two(shelf: Library, one: Paper, other: Paper) -> None:
    for _ in range(2):
        shelf.add([one, other])
        assert len(shelf) == 2
    assert shelf.add([other, one]) == AddReport(unchanged=2)
    assert shelf.check() == []


def test_the_better_record_wins_field_by_field_and_says_where_each_is_from(
    shelf: Library,
) -> None:
    shelf.add([record(abstract="Short.", source="a", source_id="1", venue="arXiv", doi="10.1/x")])
    fuller = record("Changed", "Long enough.", source="b", venue="River Letters", year=2020)
    assert shelf.add([replace(fuller, doi="10.1/x")]) == AddReport(updated=1)
    (kept,) = shelf.papers()
    assert (kept.title, kept.abstract, kept.venue) == (LONG, "Long enough.", "River Letters")
    assert (kept.year, kept.source, kept.source_id) == (2020, "b", "1")
    origins = dict(kept.origins)
    assert (origins["title"], origins["abstract"]) == ("a#1", "b")


def test_an_older_version_never_replaces_a_later_one() -> None:
    one = record(abstract="First, and far longer.", arxiv="2401.00001v1", source="arxiv")
    two = record(abstract="Second.", arxiv="2401.00001v2", source="arxiv")
    assert merge(one, two).abstract == merge(two, one).abstract == "Second."
    assert merge(two, one).arxiv == "2401.00001v2"


def test_adding_two_files_in_turns_changes_nothing_any_more(shelf: Library) -> None:
    one = record(abstract="Short.", source="a", doi="10.1/x", tags=("ice",))
    two = record(abstract="Somewhat longer.", source="b", doi="10.1/x", tags=("sea",))
    shelf.add([one, two, one, two])
    for paper in (one, two, one):
        assert shelf.add([paper]) == AddReport(unchanged=1)
    assert next(iter(shelf.papers())).tags == ("ice", "sea")


def test_a_digest_gives_way_to_a_record_with_year_and_authors(shelf: Library) -> None:
    digest = next(iter(sample_papers()))
    shelf.add([digest])
    real = record(digest.title, "The real one.", year=2022, authors=("A. Gu",), source="x")
    assert shelf.add([real]) == AddReport(updated=1)
    (kept,) = shelf.papers()
    assert (kept.id, kept.abstract, kept.sample, kept.year) == (
        digest.id,
        "The real one.",
        False,
        2022,
    )
    assert shelf.add([digest]) == AddReport(unchanged=1)


def test_the_real_listings_take_the_place_of_the_digests(shelf: Library, seeds: list[Path]) -> None:
    real = [entry for path in seeds for entry in read_source(path) if isinstance(entry, Paper)]
    shelf.add(sample_papers())
    ids = {paper.id for paper in shelf.papers()}
    assert shelf.add(real) == AddReport(updated=115, unchanged=20)
    assert {paper.id for paper in shelf.papers()} == ids
    assert shelf.count_sample() == 0


def test_a_preview_says_what_would_happen_and_does_nothing(shelf: Library) -> None:
    shelf.add([record(source="a")])
    coming = [record(abstract="Changed.", source="a"), record("New"), record("New")]
    assert [change.what for change in shelf.preview(coming)] == ["updated", "new", "unchanged"]
    assert len(shelf) == 1
    assert next(iter(shelf.papers())).abstract == "Ferries cross."


def test_what_left_its_source_goes_unless_another_lists_it(shelf: Library) -> None:
    one, two, three = (record(f"Title {n}") for n in range(3))
    shelf.add([one, two, three], origin="a.bib")
    shelf.add([two], origin="b.bib")
    shelf.add([three], origin="a.bib")
    assert [paper.title for paper in shelf.sync("a.bib")] == ["Title 0"]
    assert [paper.title for paper in shelf.papers()] == ["Title 1", "Title 2"]
    assert shelf.sync("a.bib") == []
    assert shelf.check() == []


def test_a_library_of_the_first_format_is_carried_over(tmp_path: Path) -> None:
    library = open_library(tmp_path / "library")
    paper = record(url="https://doi.org/10.1234/x")
    library.add([paper])
    file = tmp_path / "library" / "catalog.sqlite"
    library._catalog.close()
    with sqlite3.connect(file) as connection:
        for table in ("names", "listings"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("ALTER TABLE vectors DROP COLUMN words")
        connection.execute("DROP INDEX papers_titled")
        for column in "doi arxiv pmid tags note entry origins title_key".split():
            connection.execute(f"ALTER TABLE papers DROP COLUMN {column}")
        connection.execute("UPDATE meta SET value = '1' WHERE key = 'schema'")
    (kept,) = Catalog(file).papers()
    assert (kept.id, kept.doi) == (paper.id, "10.1234/x")
    again = open_library(tmp_path / "library")
    assert again.add([record("Other", doi="10.1234/x", source="b")]) == AddReport(unchanged=1)
