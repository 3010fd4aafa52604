"""Question sets: what is asked, and what a right answer holds."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag.errors import SourceError
from rag.papers import Paper

Part = Literal["tune", "report"]
"""What a question may be used for: to choose by, or to report only."""

YesNo = Literal["yes", "no", "maybe"]

YES_NO: tuple[YesNo, ...] = ("yes", "no", "maybe")

NEAR_MISS = "near-miss"
"""Type of a question about what papers are about, of which they do not say what it asks."""

Spellings = tuple[str, ...]
"""Of one fact, the spellings that count, lower case."""

_BETWEEN = ";"
"""Between the values of a cell of a CSV file; `|` is between spellings of one fact."""


class Pointer(BaseModel):
    """Where an abstract says it: the sentences that hold all these words, or that a text quotes.

    Attributes:
        title, id: of the paper; one of them is given.
        holds: words, lower case.
        quote: text of the abstract, as some collections give it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = ""
    id: str = ""
    holds: tuple[str, ...] = ()
    quote: str = ""

    def is_of(self, paper: Paper) -> bool:
        return paper.title == self.title if self.title else paper.source_id == self.id

    def fits(self, sentence: str) -> bool:
        """Whether a sentence is meant, or is a good part of what is."""
        plain = " ".join(sentence.split()).lower()
        quote = " ".join(self.quote.split()).lower()
        if quote:
            return plain in quote or quote in plain
        return bool(self.holds) and all(word in plain for word in self.holds)


class Question(BaseModel):
    """One question of a set. `docs/evaluation.md` has the format for people.

    Attributes:
        type: any word; ours are fact, number, paraphrase, comparison, list, follow-up, near-miss,
            off-topic, injection, and in part `tune` also terse, twopart, yesno, claim and
            synthesis.
        history: earlier turns as (question, answer), for a follow-up.
        titles, ids: papers that answer it, by title or by their source's id; both empty where no
            paper of the library does.
        facts: what a right answer holds: for each fact the spellings that count, lower case.
        forbidden: what it must not hold, in the same form.
        evidence: the sentences that say it.
        expected: yes, no or maybe, for a question that is answered so.
        reference: a right answer in words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    id: str = Field(min_length=1)
    type: str = "question"
    part: Part = "report"
    question: str = Field(min_length=1)
    history: tuple[tuple[str, str], ...] = ()
    titles: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    facts: tuple[Spellings, ...] = ()
    forbidden: tuple[Spellings, ...] = ()
    evidence: tuple[Pointer, ...] = ()
    expected: YesNo | Literal[""] = ""
    reference: str = ""

    @property
    def answerable(self) -> bool:
        return bool(self.titles or self.ids)

    def is_right(self, paper: Paper) -> bool:
        """Whether a paper is one of those that answer it."""
        return paper.title in self.titles or paper.source_id in self.ids

    def facts_in(self, text: str) -> list[bool]:
        """For each key fact whether a text holds one of its spellings.

        Case and the backslashes of LaTeX, as in ``85\\%``, do not count.
        """
        return _held(self.facts, text)

    def forbidden_in(self, text: str) -> list[bool]:
        """The same for what a right answer must not hold."""
        return _held(self.forbidden, text)


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions and the hash of what they were read from."""

    questions: list[Question]
    digest: str


def read_questions(
    path: Path | None = None, only: Collection[str] = (), part: Part | None = None
) -> list[Question]:
    """The questions of a JSON lines or CSV file; by default those about the starter library.

    Args:
        only: types of question; empty for all.
        part: only this part; all where it is None.

    Raises:
        SourceError: the file cannot be read, or a line is not a question.
    """
    return read_question_set(path, only, part).questions


def read_question_set(
    path: Path | None = None, only: Collection[str] = (), part: Part | None = None
) -> QuestionSet:
    """The same with the hash of the file."""
    name, text = _read(path)
    rows = _csv_rows(text) if name.lower().endswith(".csv") else _json_rows(text)
    questions: dict[str, Question] = {}
    for number, row in rows:
        try:
            question = (
                Question.model_validate_json(row)
                if isinstance(row, str)
                else Question.model_validate(row)
            )
        except ValidationError as error:
            first = error.errors()[0]
            raise SourceError(
                f"{name}:{number}: {'.'.join(map(str, first['loc']))}: {first['msg']}",
                "docs/evaluation.md says what a question has.",
            ) from None
        if question.id in questions:
            raise SourceError(
                f"{name}:{number}: the id {question.id!r} was given before.",
                "Give each question an id of its own.",
            )
        questions[question.id] = question
    if not questions:
        raise SourceError(f"{name} has no questions.", "docs/evaluation.md says what one has.")
    chosen = [
        q for q in questions.values() if (not only or q.type in only) and part in (None, q.part)
    ]
    return QuestionSet(chosen, hashlib.sha256(text.encode()).hexdigest()[:16])


def right_papers(
    questions: Sequence[Question], papers: Iterable[Paper]
) -> dict[str, tuple[Paper, ...]]:
    """Question → those of the papers that answer it."""
    titles = {title for q in questions for title in q.titles}
    ids = {i for q in questions for i in q.ids}
    some = [p for p in papers if p.title in titles or p.source_id in ids]
    return {q.id: tuple(p for p in some if q.is_right(p)) for q in questions}


def spread(questions: Sequence[Question], limit: int | None) -> list[Question]:
    """So many of the questions, spread evenly over their types and the file, in their order."""
    if limit is None or limit >= len(questions):
        return list(questions)
    types = list(dict.fromkeys(q.type for q in questions))
    by_type = sorted(questions, key=lambda q: types.index(q.type))
    step = len(questions) / limit
    chosen = {by_type[int((i + 0.5) * step)].id for i in range(limit)}
    return [q for q in questions if q.id in chosen]


def _read(path: Path | None) -> tuple[str, str]:
    """Name and text of a file of questions."""
    if path is None:
        file = files("eval").joinpath("data/questions.jsonl")
        return "questions.jsonl", file.read_text(encoding="utf-8")
    try:
        return str(path), path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read: {error}", "Name a UTF-8 file.") from None


def _json_rows(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line


def _csv_rows(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows as questions: several values of a cell stand between `;`, spellings between `|`."""
    reader = csv.DictReader(io.StringIO(text))
    for row in reader:
        cells = {k: v.strip() for k, v in row.items() if isinstance(k, str) and v and v.strip()}
        yield reader.line_num, {"id": str(reader.line_num), **cells} | _lists(cells)


def _lists(cells: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("titles", "ids", "facts", "forbidden"):
        if name in cells:
            values = [value.strip() for value in cells[name].split(_BETWEEN) if value.strip()]
            found[name] = values
            if name in ("facts", "forbidden"):
                found[name] = [[s.strip().lower() for s in v.split("|")] for v in values]
    return found


def _held(facts: Sequence[Spellings], text: str) -> list[bool]:
    plain = text.lower().replace("\\", "")
    return [any(spelling in plain for spelling in fact) for fact in facts]
