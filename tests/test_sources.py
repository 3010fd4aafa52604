"""Readers: what they take, and what they say of the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import SourceError
from rag.papers import Paper
from rag.sources import Unreadable, read_source
from rag.sources.entry import make_paper

PROSE = "This abstract is long enough to be taken for prose, since it has a second sentence. " * 2


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_listing_gives_its_papers_and_no_header(tmp_path: Path) -> None:
    page = (
        f"new\n\nSubscribe\n\nMar 14\n\nFirst title\n\n{PROSE}\n\nSecond <SEG> title\n\n{PROSE}\n"
    )
    papers = list(read_source(write(tmp_path / "page.txt", page)))
    assert [p.title for p in papers if isinstance(p, Paper)] == [
        "First title",
        "Second <SEG> title",
    ]
    assert papers[0].abstract == PROSE.strip()


def test_a_title_without_an_abstract_is_noted_and_the_rest_goes_on(tmp_path: Path) -> None:
    page = f"First\n\n{PROSE}\n\nLonely title\n\nSecond\n\n{PROSE}\n"
    first, note, second = read_source(write(tmp_path / "page.txt", page))
    assert (first.title, second.title) == ("First", "Second")
    assert note == Unreadable("page.txt:5", "no abstract follows 'Lonely title'")


def test_the_real_listings_hold_115_different_papers(seeds: list[Path]) -> None:
    entries = [entry for path in seeds for entry in read_source(path)]
    assert all(isinstance(entry, Paper) for entry in entries)
    assert len(entries) == 135
    assert len({entry.id for entry in entries}) == 115


def test_json_lines_are_read_under_the_names_in_use(tmp_path: Path) -> None:
    lines = [
        {
            "id": "a1",
            "title": "One",
            "abstract": "Says one.",
            "authors": "A. B; C. D",
            "year": "2020",
        },
        {"_id": 7, "title": "Two", "text": "Says two.", "authors": [{"name": "E. F"}]},
    ]
    one, two = read_source(write(tmp_path / "p.jsonl", "\n".join(map(json.dumps, lines))))
    assert (one.source_id, one.authors, one.year) == ("a1", ("A. B", "C. D"), 2020)
    assert (two.source_id, two.abstract, two.authors) == ("7", "Says two.", ("E. F",))


def test_a_document_without_a_title_is_named_by_its_beginning(tmp_path: Path) -> None:
    text = "Owls hunt by ear at night, " * 8
    lines = [
        {"_id": "31", "title": "", "text": text},
        {"_id": "32", "text": "猫" * 300},
        {"_id": "33", "title": " ", "text": ""},
    ]
    one, two, none = read_source(write(tmp_path / "p.jsonl", "\n".join(map(json.dumps, lines))))
    assert one.title.startswith("Owls hunt by ear at night, Owls")
    assert one.title.endswith(" … (31)")
    assert len(one.title) < 110
    assert two.title == f"{'猫' * 100} … (32)"
    assert none.reason == "it has no title"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{not json", "it is not JSON"),
        ('{"title": "No abstract"}', "has no abstract"),
        ('{"abstract": "No title."}', "it has no title"),
        ('{"title": ["x"], "abstract": "y"}', "title"),
        (json.dumps({"title": "Long", "abstract": "x" * 30_000}), "longer than 20,000"),
    ],
)
def test_a_bad_line_is_noted_with_its_number(tmp_path: Path, line: str, reason: str) -> None:
    text = '{"title": "Good", "abstract": "Fine."}\n' + line
    good, note = read_source(write(tmp_path / "p.jsonl", text))
    assert good.title == "Good"
    assert note.where == "p.jsonl:2"
    assert reason in note.reason


@pytest.mark.parametrize("content", [b"\xff\xfe\x00bad", b"", b"just a word"])
def test_a_file_that_is_none_of_these_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="odd"):
        list(read_source(path))


def test_a_missing_file_and_an_empty_folder_say_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        list(read_source(tmp_path / "nothing"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="holds no files"):
        list(read_source(tmp_path / "empty"))


@given(st.text(max_size=80), st.text(max_size=200))
def test_whatever_comes_a_paper_has_clean_text(title: str, abstract: str) -> None:
    entry = make_paper(where="x:1", title=title, abstract=abstract, source="x")
    if isinstance(entry, Paper):
        assert entry.title == " ".join(entry.title.split()) != ""
        assert not any(ord(c) < 32 and c not in "\n\t" for c in entry.title + entry.abstract)


def test_a_file_that_changes_while_it_is_read_is_told(tmp_path: Path) -> None:
    lines = "".join(f'{{"title": "T{n}", "abstract": "A."}}\n' for n in range(3))
    path = write(tmp_path / "p.jsonl", lines)
    reading = read_source(path)
    next(reading)
    write(path, lines + '{"title": "T9", "abstract": "A."}\n')
    *papers, note = reading
    assert all(isinstance(paper, Paper) for paper in papers)
    assert note == Unreadable(str(path), "it changed while it was read; add it again")


def test_text_that_was_decoded_wrongly_before_stays_as_it_is(tmp_path: Path) -> None:
    line = json.dumps({"title": "CafÃ© \ufffd", "abstract": "It says Ã¼ber."}, ensure_ascii=False)
    (paper,) = read_source(write(tmp_path / "p.jsonl", line))
    assert (paper.title, paper.abstract) == ("CafÃ© \ufffd", "It says Ã¼ber.")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"title": "T", "abstract": "x" * 2_000_000}),
        f"TY  - JOUR\nTI  - T\nAB  - {'x ' * 1_000_000}\nER  - \n",
        f"@article{{k, title = {{T}}, abstract = {{{'x ' * 1_000_000}}}}}\n",
        f"title,abstract\nT,{'x ' * 1_000_000}\n",
        f"PMID- 1\nTI  - T\nAB  - {'x ' * 1_000_000}\n",
    ],
    ids=["jsonl", "ris", "bibtex", "csv", "medline"],
)
def test_an_abstract_of_two_megabytes_is_noted_at_once(tmp_path: Path, text: str) -> None:
    (note,) = read_source(write(tmp_path / "big", text))
    assert isinstance(note, Unreadable)
    assert "longer" in note.reason or "larger" in note.reason or "cannot be read" in note.reason


@pytest.mark.timeout(60)
def test_control_characters_do_not_come_through(tmp_path: Path) -> None:
    dirty = "a\x00b\x1b[31mc\u202ed\ufeff"
    text = f"TY  - JOUR\nTI  - {dirty}\nAU  - {dirty}\nAB  - {dirty}\nKW  - {dirty}\nER  - \n"
    (paper,) = read_source(write(tmp_path / "x.ris", text))
    assert isinstance(paper, Paper)
    held = [paper.title, paper.abstract, paper.entry, *paper.authors, *paper.tags]
    assert not any(mark in text for text in held for mark in "\x00\x1b\u202e\ufeff")
