"""Whether second turns of conversations are told from questions that stand alone."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict

from rag.conversation import leans_on_history, stand_alone
from rag.library import Library
from rag.progress import Progress, Report
from rag.retrieval import PaperRetriever


class Turn(BaseModel):
    """A second turn.

    Attributes:
        leans: whether it cannot be understood without the first.
        history: the first turn as (question, answer).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    leans: bool
    history: tuple[tuple[str, str], ...]
    question: str


def read_turns() -> list[Turn]:
    """Our own, about the starter papers, half of which lean on the turn before."""
    text = (files("eval") / "data" / "turns.jsonl").read_text(encoding="utf-8")
    return [Turn.model_validate_json(line) for line in text.splitlines()]


def measure_follow_ups(library: Library, report: Report) -> dict[str, Any]:
    """How many follow-ups are seen, and how many questions that stand alone are left as they are.

    By their words alone, which one would take instead, and by what the program makes of words and
    of what is found. No model runs.
    """
    closest = PaperRetriever(library=library, k=1).closest
    turns = read_turns()
    seen: dict[str, bool] = {}
    for number, turn in enumerate(turns, start=1):
        seen[turn.id] = bool(stand_alone(turn.question, turn.history, None, closest).context)
        report(Progress("searching", number, len(turns), "questions"))

    def count(leans: bool, told: Callable[[Turn], bool]) -> int:
        return sum(told(turn) == leans for turn in turns if turn.leans == leans)

    def figures(told: Callable[[Turn], bool]) -> dict[str, int]:
        return {"follow_ups_seen": count(True, told), "left_alone": count(False, told)}

    return {
        "follow_ups": sum(turn.leans for turn in turns),
        "stand_alone": sum(not turn.leans for turn in turns),
        "by_words": figures(lambda turn: leans_on_history(turn.question)),
        "ships": figures(lambda turn: seen[turn.id]),
        "wrong": [turn.id for turn in turns if seen[turn.id] != turn.leans],
    }
