"""When not to answer: decided by the program from what was found, before the model writes.

Told that it may decline, a small model declines what it could answer, and without being told it
answers from memory; both were measured. So it is never asked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.names import holds_name, names_in
from rag.papers import Evidence, RankedPaper

_PAPERS = 5
"""The papers that names are looked for in."""

# A logistic regression on the closest sentence and the best paper's score. Fitted in November
# 2026: answered should be 224 questions about the seed listings and those of BioASQ, PubMedQA,
# SciFact and author-written summaries on their own collections; declined, 710 medical and
# everyday questions asked of the seed listings. `docs/retrieval.md` has what it lets through.
_CLOSENESS = 25.0
_SCORE = 15.0
_INTERCEPT = -12.0

_NAMED = 1.5
"""What it counts that one paper found holds every name of the question."""

_COMPARES = re.compile(
    r"\b(?:vs|versus|compar\w*|than|and|or|differ\w*|both|between|either|unlike|against)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Signals:
    """What the decision rests on.

    Attributes:
        closeness: highest cosine of the question and a sentence of the evidence.
        score: of the best paper found.
        named: whether the question has names, and one paper found holds them all.
        unknown: names in the question that no paper found holds.
        apart: names that no paper found holds together, where the question is about one thing.
    """

    closeness: float
    score: float
    named: bool
    unknown: tuple[str, ...]
    apart: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to let the model write; the reason where not, for the reader."""

    answer: bool
    reason: str


def read_signals(
    question: str, ranked: Sequence[RankedPaper], evidence: Sequence[Evidence]
) -> Signals:
    """Measure how well what was found meets the question.

    A question that names a method and a data set asks about both at once: a paper that has only
    one of them does not answer it, however close it is. Comparisons may find each name in a
    paper of its own.
    """
    texts = [f"{r.paper.title} {r.paper.abstract}" for r in ranked[:_PAPERS]]
    names = sorted(names_in(question))
    unknown = tuple(n for n in names if not any(holds_name(text, n) for text in texts))
    together = any(all(holds_name(text, n) for n in names) for text in texts)
    return Signals(
        closeness=max((r for e in evidence for r in e.relevance), default=0.0),
        score=ranked[0].score if ranked else 0.0,
        named=bool(names) and together,
        unknown=unknown,
        apart=() if together or unknown or _COMPARES.search(question) else tuple(names),
    )


def decide(signals: Signals, question: str, caution: float) -> Decision:
    """Whether the evidence is enough to let the model write.

    Args:
        question: to name things in the reason as the reader wrote them.
        caution: 0 answers whatever was found, 1 hardly anything.
    """
    if caution == 0:
        return Decision(True, "")
    evidence = _CLOSENESS * signals.closeness + _SCORE * signals.score + _INTERCEPT
    evidence += _NAMED * signals.named
    confidence = 1 / (1 + math.exp(-evidence))
    if confidence < caution:
        return Decision(False, "the papers found are about something else")
    if signals.unknown:
        named = _as_written(signals.unknown, question)
        return Decision(False, f"none of the papers found mentions {' or '.join(named)}")
    if signals.apart:
        named = _as_written(signals.apart, question)
        return Decision(False, f"no paper found speaks of {' and '.join(named)} together")
    return Decision(True, "")


def _as_written(names: Sequence[str], question: str) -> list[str]:
    found = [re.search(re.escape(name), question, re.IGNORECASE) for name in names]
    matches = [m for m in found if m]
    return [m.group() for m in sorted(matches, key=lambda m: m.start())]
