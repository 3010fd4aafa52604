"""A batch answers each question once, tells of bad lines, and goes on where it stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag.errors import AskpapersError, SourceError
from rag.papers import Answer, Timings
from rag.progress import silent
from ui.batch import BatchReport, run_batch

BLANK = Answer("", "", "Because.", False, "", (), "", (), (), Timings(0, 0, 0, 0, 0), "fake")


class FakeAnswerer:
    """Answers anything but 'fail', and counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []

    def answer(self, question: str, history: Any = ()) -> Answer:
        self.asked.append((question, history))
        if question == "fail":
            raise AskpapersError("It failed.", "Try again.")
        return replace(BLANK, question=question)


def run(source: Path, target: Path, answerer: FakeAnswerer) -> tuple[BatchReport, list[str]]:
    complaints: list[str] = []
    report = run_batch(source, target, lambda: answerer, silent, complaints.append)  # type: ignore[arg-type, return-value]
    return report, complaints


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    lines = [
        {"id": "a", "question": "one"},
        {"id": 2, "question": "two", "history": [["q", "r"]]},
        {"id": "c", "question": "fail"},
        {"id": "d", "question": "four"},
    ]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n{bad\n")
    return path


def test_each_question_gets_a_line_and_bad_ones_a_complaint(source: Path, tmp_path: Path) -> None:
    answerer = FakeAnswerer()
    report, complaints = run(source, tmp_path / "out.jsonl", answerer)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == ["a", "2", "d"]
    assert answerer.asked[1] == ("two", [("q", "r")])
    assert report == BatchReport(answered=3, there=0, failed=2)
    assert [c.split(":")[0] for c in complaints] == [str(source), "c"]


def test_it_goes_on_where_it_stopped_also_behind_half_a_line(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    run(source, target, FakeAnswerer())
    whole = target.read_text().splitlines(keepends=True)
    target.write_text(whole[0] + whole[1][:20])
    answerer = FakeAnswerer()
    report, _ = run(source, target, answerer)
    assert [question for question, _ in answerer.asked] == ["two", "fail", "four"]
    assert (report.answered, report.there) == (2, 1)
    assert target.read_text().splitlines(keepends=True)[0] == whole[0]
    assert len(target.read_text().splitlines()) == 3


def test_a_file_of_something_else_is_not_touched(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    target.write_text("my notes\n")
    with pytest.raises(SourceError, match="other than answers"):
        run(source, target, FakeAnswerer())
    assert target.read_text() == "my notes\n"
