"""Many questions from a file: one line out as soon as each is done, going on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag.answering import Answerer
from rag.errors import AskpapersError, SourceError
from rag.progress import Progress, Report


class BatchQuestion(BaseModel):
    """A line of the input: ``{"id", "question", "history": [[question, answer], …]?}``."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    id: str
    question: str = Field(min_length=1)
    history: list[tuple[str, str]] = []


@dataclass(frozen=True, slots=True)
class BatchReport:
    """How many were answered now, were there already, and could not be."""

    answered: int
    there: int
    failed: int


def run_batch(
    source: Path,
    target: Path,
    load: Callable[[], Answerer],
    report: Report,
    complain: Callable[[str], None],
) -> BatchReport:
    """Answer every question of ``source`` that ``target`` has no answer to yet.

    A line that cannot be used is complained of and passed over; so is a question that fails.

    Args:
        load: makes the answerer; called only if there is something to answer.
    """
    questions, failed = _read_questions(source, complain)
    done = _read_done(target)
    todo = [q for q in questions if q.id not in done]
    if not todo:
        return BatchReport(0, len(questions), failed)
    answerer = load()
    answered = 0
    with target.open("a", encoding="utf-8") as out:
        for number, question in enumerate(todo, start=1):
            try:
                answer = answerer.answer(question.question, question.history)
            except AskpapersError as error:
                complain(f"{question.id}: {error.what} {error.remedy}")
                failed += 1
                continue
            line = json.dumps({"id": question.id, **answer.to_json()}, ensure_ascii=False)
            out.write(line + "\n")
            out.flush()
            os.fsync(out.fileno())
            answered += 1
            report(Progress("answering", number, len(todo), "questions"))
    return BatchReport(answered, len(questions) - len(todo), failed)


def _read_questions(
    source: Path, complain: Callable[[str], None]
) -> tuple[list[BatchQuestion], int]:
    try:
        text = source.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{source} cannot be read: {error}", "Name a file with a JSON object a line, in UTF-8."
        ) from None
    questions: dict[str, BatchQuestion] = {}
    failed = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            question = BatchQuestion.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "line"
            complain(f"{source}:{number}: {place}: {first['msg']}")
            failed += 1
            continue
        if question.id in questions:
            complain(f"{source}:{number}: the id {question.id!r} was there before")
            failed += 1
            continue
        questions[question.id] = question
    return list(questions.values()), failed


def _read_done(target: Path) -> set[str]:
    """Ids with a whole line; half a line that an interruption left is cut off."""
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        return set()
    done, whole = set(), 0
    with target.open("rb") as file:
        for line in file:
            try:
                done.add(str(json.loads(line)["id"]))
            except (ValueError, KeyError, TypeError):
                if line.endswith(b"\n"):
                    raise SourceError(
                        f"{target} holds something other than answers.",
                        "Name another file with --out.",
                    ) from None
                break
            whole += len(line)
    os.truncate(target, whole)
    if whole and not _ends_line(target):
        with target.open("ab") as file:
            file.write(b"\n")
    return done


def _ends_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
