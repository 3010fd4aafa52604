"""The command line explains itself, and its exit statuses mean what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from ui.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize(
    "command",
    [
        *(
            "",
            "ask",
            "chat",
            "add",
            "list",
            "show",
            "remove",
            "rebuild",
            "doctor",
            "models",
            "eval",
        ),
        *("export", "backup", "restore", "tag", "note", "stats", "libraries"),
    ],
)
def test_every_command_explains_itself(command: str) -> None:
    result = run(*command.split(), "--help")
    assert result.returncode == 0
    assert "Usage" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [["ask"], ["ask", "q", "--batch", "x"], ["nonsense"], ["remove"], ["ask", "q", "--nonsense"]],
)
def test_wrong_use_is_2(arguments: list[str]) -> None:
    assert run(*arguments).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ask", "q", "--library", "/nowhere-at-all"], "There is no library"),
        (["list", "--library", "/nowhere-at-all"], "There is no library"),
        (["models", "fetch", "nothing"], "no model named"),
    ],
)
def test_what_cannot_be_is_1_with_what_and_how(arguments: list[str], says: str) -> None:
    result = run(*arguments)
    assert result.returncode == 1
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) >= 2


def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKPAPERS_PAPERS", "many")
    result = run("list")
    assert result.returncode == 1
    assert "Change the variable ASKPAPERS_PAPERS." in result.stderr
    monkeypatch.delenv("ASKPAPERS_PAPERS")
    wrong = run("chat", "--port", "-1")
    assert "Change the option --port or the variable ASKPAPERS_PORT." in wrong.stderr


def test_models_are_listed_for_programs() -> None:
    listed = json.loads(run("models", "list", "--json").stdout)
    assert {"name", "size", "licence", "present"} <= listed[0].keys()


@pytest.mark.models
def test_papers_go_in_and_out(tmp_path: Path) -> None:
    papers = tmp_path / "papers.jsonl"
    papers.write_text(
        '{"title": "On <b>Birds</b>", "abstract": "Birds sing. They fly."}\n'
        '{"title": "On Fish", "abstract": "Fish swim."}\n'
        "oops\n"
    )
    place = ("--library", tmp_path / "library")
    added = run("add", papers, tmp_path / "missing.txt", "--json", *place)
    assert added.returncode == 1
    result = json.loads(added.stdout)
    assert (result["new"], result["papers"]) == (2, 2)
    assert [entry["where"] for entry in result["unreadable"]] == [
        "papers.jsonl:3",
        str(tmp_path / "missing.txt"),
    ]
    assert json.loads(run("add", papers, "--json", *place).stdout)["new"] == 0
    listed = json.loads(run("list", "--json", *place).stdout)
    assert [paper["title"] for paper in listed] == ["On <b>Birds</b>", "On Fish"]
    assert "Birds sing. They fly." in run("show", "birds", *place).stdout
    assert run("show", "on", *place).returncode == 1
    assert json.loads(run("remove", "On Fish", "--json", *place).stdout) == {
        "removed": 1,
        "papers": 1,
    }
    assert run("rebuild", *place).returncode == 0
    assert json.loads(run("doctor", "--json", *place).stdout)["problems"] == []
