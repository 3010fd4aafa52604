"""When not to answer: decided by the program from what was found, before the model writes.

Told that it may decline, a small model declines what it could answer, and without being told it
answers from memory; both were measured. So it is never asked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.names import holds_all, holds_name, names_asked
from rag.odds import log_odds, probability
from rag.papers import Evidence, RankedPaper
from rag.question_forms import may_compare

_PAPERS = 5
"""The papers that names are looked for in."""

AROUND = 8
"""The best papers that tell whether the library is about what is asked."""

_SURE = 2.0
"""Log-odds of the first from which the second need not be asked."""

_HOPELESS = 3.0
"""Log-odds under the line from which the evidence is not even read."""

_DOUBT = 1.25
"""Log-odds by which a reading may be under the line, and the answer comes with a warning."""

_UNNAMED = 1.5
"""Log-odds that a reading loses where a name of the question is missing."""

_ELSEWHERE = "the papers found are about something else"
_NO_ANSWER = "the papers found are about this, but no sentence of them answers it"

_TOUCHES = "The papers found only touch on this: read their sentences before you rely on it."


@dataclass(frozen=True, slots=True)
class Signals:
    """What the decision rests on.

    Attributes:
        closeness: highest cosine of the question and a sentence of the evidence.
        score: of the best paper found, at the first look.
        around: score of the eighth best paper, or of the last where fewer were found.
        named: whether the question has names, and one paper found holds them all.
        compared: whether the evidence is two papers set side by side that hold the names of the
            question, each a part of them.
        unknown: names in the question that no paper found holds.
        apart: names that no paper found holds together, where the question is about one thing.
    """

    closeness: float
    score: float
    around: float
    named: bool
    compared: bool
    unknown: tuple[str, ...]
    apart: tuple[str, ...]

    def missing(self, question: str) -> str:
        """What is missing of the names of the question, for the reader; empty where nothing is.

        Args:
            question: to name things as the reader wrote them.
        """
        if self.unknown:
            named = " or ".join(_as_written(self.unknown, question))
            return f"none of the papers found mentions {named}"
        if self.apart:
            named = " and ".join(_as_written(self.apart, question))
            return f"no paper found speaks of {named} together"
        return ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to let the model write.

    Attributes:
        confidence: that the papers answer, as the regressions see it, 0 to 1: enough from
            ``caution`` on; 0 where a name of the question is missing and no model has read.
        reason: why not, for the reader.
        warning: what the reader should mind where it may, a sentence.
    """

    answer: bool
    confidence: float
    reason: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class _Weights:
    """What each signal counts in a logistic regression."""

    closeness: float
    score: float
    around: float
    named: float
    intercept: float

    def log_odds(self, signals: Signals) -> float:
        return (
            self.closeness * signals.closeness
            + self.score * signals.score
            + self.around * signals.around
            + self.named * signals.named
            + self.intercept
        )


# Two logistic regressions, fitted in November 2026 on the seed listings' questions and those of
# BioASQ, PubMedQA and SciFact: answered should be those a collection's papers answer, declined
# those asked of another one's. `docs/retrieval.md` has what they let through. The first looks at
# what was found itself: a sentence, and a paper. The second, less sure of them, looks around:
# a question in words that no paper uses is close to none, but to many by a little, where the
# library is about it.
_MEETS = _Weights(closeness=25.0, score=15.0, around=0.0, named=1.5, intercept=-12.0)
_BELONGS = _Weights(closeness=9.8, score=5.0, around=43.0, named=2.6, intercept=-9.9)


def read_signals(
    question: str,
    ranked: Sequence[RankedPaper],
    evidence: Sequence[Evidence],
    *,
    sides: bool = False,
) -> Signals:
    """Measure how well what was found meets the question.

    A question that names a method and a data set asks about both at once: a paper that has only
    one of them does not answer it, however close it is. Comparisons may find each name in a
    paper of its own.

    Args:
        sides: whether the evidence is two papers that the question sets side by side.
    """
    texts = _read_for_names(ranked)
    names = sorted(names_asked(question))
    compares = may_compare(question)
    first = (r.score if r.first_score is None else r.first_score for r in ranked)
    scores = sorted(first, reverse=True) or [0.0]
    unknown = unknown_names(question, ranked)
    together = any(holds_all(text, names) for text in texts)
    return Signals(
        closeness=max((r for e in evidence for r in e.relevance), default=0.0),
        score=scores[0],
        around=scores[:AROUND][-1],
        named=bool(names) and together,
        compared=sides and len(names) > 1 and not together and not unknown and compares,
        unknown=unknown,
        apart=() if together or unknown or compares else tuple(names),
    )


def unknown_names(question: str, ranked: Sequence[RankedPaper]) -> tuple[str, ...]:
    """Names in a question that none of the best papers found holds, in lower case."""
    texts = _read_for_names(ranked)
    names = sorted(names_asked(question))
    return tuple(n for n in names if not any(holds_name(text, n) for text in texts))


def _read_for_names(ranked: Sequence[RankedPaper]) -> list[str]:
    return [r.paper.text for r in ranked[:_PAPERS]]


def may_answer(signals: Signals, caution: float) -> bool:
    """Whether what was found is worth reading: not plainly about something else."""
    return caution == 0 or _found_odds(signals) >= _line(caution) - _HOPELESS


def decide(signals: Signals, question: str, caution: float, read: float | None = None) -> Decision:
    """Whether the evidence is enough to let the model write.

    Args:
        question: to name things in the reason as the reader wrote them.
        caution: 0 answers whatever was found, 1 hardly anything.
        read: log-odds that the evidence holds an answer, by a model that has read it. Then it
            decides: a name that is missing counts against an answer, and without a reading there
            is none.
    """
    line = _line(caution)
    missing = signals.missing(question)
    found = _found_odds(signals)
    if read is None or signals.compared:
        odds = -math.inf if missing else found
        sure = signals.compared or _MEETS.log_odds(signals) - _SURE >= line
    else:
        odds = read + _DOUBT - (_UNNAMED if missing else 0.0)
        sure = odds - _DOUBT >= line
    confidence = probability(odds)
    if caution == 0:
        return Decision(True, confidence)
    if odds < line:
        elsewhere = read is None or found < line
        return Decision(False, confidence, missing or (_ELSEWHERE if elsewhere else _NO_ANSWER))
    warning = f"{missing[0].upper()}{missing[1:]}." if missing else "" if sure else _TOUCHES
    return Decision(True, confidence, warning=warning)


def _found_odds(signals: Signals) -> float:
    """Log-odds that the papers answer, by what was found alone."""
    meets = _MEETS.log_odds(signals) - _SURE
    return math.inf if signals.compared else max(meets, _BELONGS.log_odds(signals))


def _line(caution: float) -> float:
    """Log-odds from which a question is answered."""
    return log_odds(caution) if 0 < caution < 1 else math.inf


def _as_written(names: Sequence[str], question: str) -> list[str]:
    found = [re.search(re.escape(name), question, re.IGNORECASE) for name in names]
    matches = [m for m in found if m]
    return [m.group() for m in sorted(matches, key=lambda m: m.start())]
