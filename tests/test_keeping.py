"""Tags, notes, named libraries, figures, exports and backups, as the commands give them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner
from writer import WordEncoder, open_library, papers

from rag.errors import AskpapersError, LibraryError
from rag.filters import Filters
from rag.papers import Paper
from rag.settings import load_settings
from ui import cli

BIB = """@article{owl, title = {On owls}, abstract = {Owls hunt.}, keywords = {Birds, night},
  year = 2001, journal = {Owl Letters}}
@article{eel, title = {On eels}, abstract = {Eels swim.}}
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("rag.library.load_encoder", lambda *_, **__: WordEncoder())
    monkeypatch.setattr(cli, "tell_first_use", lambda *_, **__: None)
    monkeypatch.setattr(cli, "_check_models", lambda *_: (0, []))
    monkeypatch.setenv("ASKPAPERS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("x.bib").write_text(BIB)
    askpapers("add", "x.bib")
    return tmp_path


def askpapers(*arguments: str) -> str:
    result = CliRunner().invoke(cli.app, list(arguments))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def shown(title: str) -> dict[str, object]:
    paper: dict[str, object] = json.loads(askpapers("show", title, "--json"))
    return paper


def test_keywords_come_in_as_tags_and_readers_add_their_own() -> None:
    assert shown("owls")["tags"] == ["Birds", "night"]
    askpapers("tag", "On owls", "On eels", "--add", "to read", "--remove", "NIGHT")
    assert shown("owls")["tags"] == ["Birds", "to read"]
    assert "tags: to read" in askpapers("show", "eels")
    askpapers("add", "x.bib")
    assert shown("owls")["tags"] == ["Birds", "to read"]
    assert "0 changed" in askpapers("tag", "On eels", "--add", "To Read")


def test_only_papers_with_a_tag_are_asked() -> None:
    owl, eel = Paper("Owl", "Hunts.", tags=("Big Birds",)), Paper("Eel", "Swims.")
    filters = Filters(tags=("big birds",))
    assert filters.passes(owl)
    assert not filters.passes(eel)
    assert not Filters(tags=("big",)).passes(owl)
    assert str(filters) == "tagged big birds"


def test_a_note_is_kept_shown_and_removed() -> None:
    askpapers("note", "owls", "Ask Anna.")
    assert "note: Ask Anna." in askpapers("show", "owls")
    askpapers("add", "x.bib")
    assert shown("owls")["note"] == "Ask Anna."
    askpapers("note", "owls", "")
    assert shown("owls")["note"] == ""


def test_libraries_have_names(home: Path) -> None:
    askpapers("add", "x.bib", "--library", "@birds")
    assert (home / "home" / "libraries" / "birds" / "catalog.sqlite").exists()
    assert json.loads(askpapers("libraries", "--json")) == [{"name": "birds", "papers": 2}]
    assert "@birds" in askpapers("libraries")
    assert load_settings(library=Path("birds")).library_path == Path("birds")
    with pytest.raises(AskpapersError, match="name"):
        load_settings(library=Path("@../birds"))


def test_figures_of_a_library() -> None:
    figures = json.loads(askpapers("stats", "--json"))
    assert (figures["papers"], figures["years"]) == (2, {"0": 1, "2001": 1})
    assert figures["venues"] == {"Owl Letters": 1}
    assert figures["tags"] == {"Birds": 1, "night": 1}
    assert all(size > 0 for size in figures["sizes"].values())
    assert "Owl Letters" in askpapers("stats")


def test_a_plot_is_drawn_or_says_what_it_needs() -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        with pytest.raises(AskpapersError, match="matplotlib"):
            askpapers("stats", "--plot", "years.svg")
    else:
        askpapers("stats", "--plot", "years.svg")
        assert Path("years.svg").stat().st_size


def test_an_export_goes_in_again(home: Path) -> None:
    assert "2 papers" in askpapers("export", "all.ris")
    assert "1 papers" in askpapers("export", "some.bib", "--tag", "night")
    assert "@article{owl" in Path("some.bib").read_text()
    assert "2 new" in askpapers("add", "all.ris", "--library", "other")


def test_a_backup_is_the_library_again(home: Path) -> None:
    askpapers("note", "owls", "Ask Anna.")
    askpapers("backup", "all.backup")
    askpapers("remove", "On owls")
    with pytest.raises(LibraryError, match="has 1 papers"):
        askpapers("restore", "all.backup")
    askpapers("restore", "all.backup", "--replace")
    assert shown("owls")["note"] == "Ask Anna."
    askpapers("restore", "all.backup", "--library", "elsewhere")
    assert json.loads(askpapers("doctor", "--json", "--library", "elsewhere"))["problems"] == []
    with pytest.raises(LibraryError, match="already"):
        askpapers("backup", "all.backup")


def test_a_restored_library_finds_what_the_one_before_found(tmp_path: Path) -> None:
    library = open_library(tmp_path / "one")
    library.add(papers(70))
    library.backup(tmp_path / "b")
    other = open_library(tmp_path / "two")
    other.restore(tmp_path / "b")
    assert other.check() == []
    assert list(other.papers()) == list(library.papers())
    vector = library.encoder.encode(["river bread"])[0]
    assert dict(other.closest(vector, 70)) == pytest.approx(
        dict(library.closest(vector, 70)), abs=0.01
    )


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0 and no more", b"text", None])
def test_what_is_no_backup_is_told_and_left_alone(content: bytes | None) -> None:
    if content is None:
        with sqlite3.connect("b") as connection:
            connection.execute("CREATE TABLE mine (x)")
    else:
        Path("b").write_bytes(content)
    before = Path("b").read_bytes()
    with pytest.raises(LibraryError, match="no backup"):
        askpapers("restore", "b", "--replace")
    assert Path("b").read_bytes() == before
    assert len(json.loads(askpapers("list", "--json"))) == 2
