"""What docs/sources.md shows works as it stands there, and `add` goes on past what fails."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from arxiv_server import Server, arxiv_server
from pdf_maker import PAPER, pdf
from typer.testing import CliRunner
from writer import WordEncoder

from rag.library import AddReport
from rag.papers import Paper
from ui import cli

__all__ = ["arxiv_server"]

PAGE = (Path(__file__).parents[1] / "docs" / "sources.md").read_text(encoding="utf-8")
SAMPLE = re.compile(r"^`([\w.]+)`:\n\n```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMANDS = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Shelf:
    """Takes the place of a library, which would need the encoder."""

    def __init__(self) -> None:
        self.kept: dict[str, Paper] = {}

    def add(self, papers: Iterable[Paper], total: int | None = None, origin: str = "") -> AddReport:
        before = len(self.kept)
        self.kept.update((paper.id, paper) for paper in papers)
        return AddReport(len(self.kept) - before, 0, 0)

    def __len__(self) -> int:
        return len(self.kept)

    def count_sample(self) -> int:
        return 0


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    shelf = Shelf()
    monkeypatch.setattr(cli, "_library", lambda *_: shelf)
    monkeypatch.setattr(cli, "tell_first_use", lambda *_, **__: None)
    monkeypatch.chdir(tmp_path)
    return shelf


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, whose library is a real one, with vectors of words."""
    monkeypatch.setattr("rag.library.load_encoder", lambda *_, **__: WordEncoder())
    monkeypatch.setattr(cli, "tell_first_use", lambda *_, **__: None)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def askpapers(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(cli.app, list(arguments))
    assert result.exit_code == status, result.output
    return result.output


def run(command: str) -> None:
    """A line of a shell; askpapers runs here, at the end of a pipe too."""
    before, _, last = command.rpartition(" | ")
    if not last.startswith("askpapers "):
        subprocess.run(command, shell=True, check=True, timeout=60)
        return
    piped = subprocess.run(before or "true", shell=True, capture_output=True, check=True).stdout
    result = CliRunner().invoke(cli.app, shlex.split(last, comments=True)[1:], input=piped)
    assert result.exit_code == 0, result.output
    assert "not read" not in result.output


def test_every_command_of_the_page_runs(
    real: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    sections = PAGE.split("\n## ")[1:]
    assert len(sections) == 18
    for number, section in enumerate(sections):
        monkeypatch.setenv("ASKPAPERS_LIBRARY", str(real / f"library{number}"))
        for name, content in SAMPLE.findall(section):
            assert content.count("\n") == 3, name
            Path(name).write_text(content, encoding="utf-8")
        commands = [line for block in COMMANDS.findall(section) for line in block.splitlines()]
        assert commands or section.startswith("Encodings")
        if section.startswith("PDF"):
            Path("paper.pdf").write_bytes(pdf(PAPER))
        if section.startswith("Which records"):
            run("askpapers add papers.ris")  # to have something to compare with
        for command in commands:
            run(command)
        if commands:
            papers = json.loads(askpapers("list", "--json"))
            assert papers, section
            assert all(paper["title"] for paper in papers)


def test_add_goes_on_past_what_fails_and_says_so_in_a_line_each(shelf: Shelf) -> None:
    Path("cut.gz").write_bytes(b"\x1f\x8b\x08\x00")
    Path("good.ris").write_text("TY  - JOUR\nTI  - T\nAB  - A.\nTY  - JOUR\nTI  - Two\n")
    Path("table.csv").write_text("title,year\nT,2001\n")
    given = ["cut.gz", "missing.bib", "table.csv", "*.none", "good.ris"]
    result = CliRunner().invoke(cli.app, ["add", *given])
    assert result.exit_code == 1
    assert len(shelf) == 1
    said = [line for line in result.stderr.splitlines() if line.startswith("not read: ")]
    assert len(said) == 5
    result = CliRunner().invoke(cli.app, ["add", "--json", *given])
    wheres = [entry["where"] for entry in json.loads(result.stdout)["unreadable"]]
    assert wheres == ["good.ris:4", *given[:4]]


def test_add_is_0_where_only_entries_fail(shelf: Shelf) -> None:
    Path("x.ris").write_text("TY  - JOUR\nTI  - T\nAB  - A.\nTY  - JOUR\nTI  - Two\n")
    assert CliRunner().invoke(cli.app, ["add", "x.ris"]).exit_code == 0


def test_add_is_1_where_nothing_can_be_used(shelf: Shelf) -> None:
    Path("x.ris").write_text("TY  - JOUR\nTI  - Two\n")
    assert CliRunner().invoke(cli.app, ["add", "x.ris"]).exit_code == 1


def test_a_long_source_is_added_while_it_is_read(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_READ_AHEAD", 2)
    lines = [json.dumps({"title": f"T{i}", "abstract": "A."}) for i in range(5)]
    Path("x.jsonl").write_text("\n".join([*lines, "oops"]))
    assert CliRunner().invoke(cli.app, ["add", "x.jsonl"]).exit_code == 0
    assert len(shelf) == 5


def ris(*titles: str) -> str:
    return "".join(f"TY  - JOUR\nTI  - {title}\nAB  - It says so.\nER  - \n" for title in titles)


def test_a_dry_run_says_what_would_happen_and_changes_nothing(real: Path) -> None:
    Path("x.ris").write_text(ris("One"))
    askpapers("add", "x.ris")
    Path("x.ris").write_text(ris("One", "Two"))
    said = askpapers("add", "--dry-run", "x.ris")
    assert "new: Two" in said
    assert "1 new, 0 updated, 1 there already" in said
    assert len(json.loads(askpapers("list", "--json"))) == 1


def test_sync_removes_what_left_a_source_that_was_read_whole(real: Path) -> None:
    Path("x.ris").write_text(ris("One", "Two", "Three"))
    askpapers("add", "x.ris")
    Path("x.ris").write_text(ris("One", "Two") + "TY  - JOUR\nTI  - Broken\n")
    assert "nothing is removed" in askpapers("add", "--sync", "x.ris", status=1)
    Path("x.ris").write_text(ris("One", "Two"))
    assert json.loads(askpapers("add", "--sync", "--json", "x.ris"))["removed"] == ["Three"]
    assert [p["title"] for p in json.loads(askpapers("list", "--json"))] == ["One", "Two"]


def test_what_cannot_be_read_is_written_to_a_report(real: Path) -> None:
    Path("x.ris").write_text(ris("One") + "TY  - JOUR\nTI  - Broken\n")
    askpapers("add", "--report", "unread.txt", "x.ris")
    assert Path("unread.txt").read_text() == "x.ris:5\t'Broken' has no abstract\n"
