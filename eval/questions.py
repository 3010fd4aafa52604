"""Question sets: what is asked, and what a right answer holds."""

from __future__ import annotations

from collections.abc import Collection
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from rag.errors import SourceError


class Question(BaseModel):
    """One question of a set.

    Attributes:
        type: fact, number, paraphrase, comparison, list, follow-up, near-miss
            or off-topic.
        history: earlier turns as (question, answer), for a follow-up.
        titles: papers that answer it; empty where no paper of the library does.
        facts: what a right answer holds: for each fact the spellings that count, lower case.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    type: str
    question: str
    history: tuple[tuple[str, str], ...] = ()
    titles: tuple[str, ...] = ()
    facts: tuple[tuple[str, ...], ...] = ()

    @property
    def answerable(self) -> bool:
        return bool(self.titles)

    def facts_in(self, text: str) -> list[bool]:
        """For each key fact whether a text holds one of its spellings.

        Case and the backslashes of LaTeX, as in ``85\\%``, do not count.
        """
        plain = text.lower().replace("\\", "")
        return [any(spelling in plain for spelling in fact) for fact in self.facts]


def read_questions(path: Path | None = None, only: Collection[str] = ()) -> list[Question]:
    """The questions of a JSON lines file; by default those about the starter library.

    Args:
        only: types of question; empty for all.

    Raises:
        SourceError: the file cannot be read, or a line is not a question.
    """
    if path is None:
        text = files("eval").joinpath("data/questions.jsonl").read_text(encoding="utf-8")
    else:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{path} cannot be read: {error}", "Name a UTF-8 file.") from None
    questions = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            questions.append(Question.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            raise SourceError(
                f"{path}:{number}: {'.'.join(map(str, first['loc']))}: {first['msg']}",
                "Each line is an object with id, type, question, history, titles, facts.",
            ) from None
    return [q for q in questions if not only or q.type in only]
