"""How good answers are: facts, citations, and declining, on a question set."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from eval.questions import Question
from rag.answering import Answerer
from rag.papers import Answer
from rag.progress import Progress, Report


def measure_answers(
    answerer: Answerer, questions: Sequence[Question], report: Report, out: Path | None = None
) -> dict[str, Any]:
    """Figures over all questions and by type, each a mean over questions.

    ``facts`` is the share of a question's key facts that the answer holds, ``citation_precision``
    the share of cited papers that are among its right ones, ``citation_recall`` the share of its
    right papers that are cited, ``declined`` the share of questions declined.

    Args:
        out: where to write each answer with its figures, a JSON object a line.
    """
    rows: list[dict[str, Any]] = []
    with open(out or os.devnull, "w", encoding="utf-8") as file:
        for number, question in enumerate(questions, start=1):
            answer = answerer.answer(question.question, question.history)
            rows.append({"type": question.type, **score(question, answer)})
            line = {"id": question.id, **rows[-1], **answer.to_json()}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            report(Progress("answering", number, len(questions), "questions"))
    types = dict.fromkeys(row["type"] for row in rows)
    return {
        "answerable": _means([row for row in rows if row["answerable"]]),
        "unanswerable": _means([row for row in rows if not row["answerable"]]),
        "by_type": {t: _means([row for row in rows if row["type"] == t]) for t in types},
    }


def score(question: Question, answer: Answer) -> dict[str, Any]:
    """The figures of one answer; None where one does not apply."""
    cited = [citation.title for citation in answer.citations]
    return {
        "answerable": question.answerable,
        "declined": float(answer.abstained),
        "facts": _share(question.facts_in(answer.answer)),
        "citation_precision": _share([title in question.titles for title in cited]),
        "citation_recall": _share([title in cited for title in question.titles]),
        "left_out": float(len(answer.left_out)),
    }


def _share(hits: Sequence[bool]) -> float | None:
    return mean(map(float, hits)) if hits else None


def _means(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = ("declined", "facts", "citation_precision", "citation_recall", "left_out")
    figures: dict[str, Any] = {"questions": len(rows)}
    for name in names:
        values = [row[name] for row in rows if row[name] is not None]
        figures[name] = round(mean(values), 3) if values else None
    return figures
