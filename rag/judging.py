"""Whether what was found answers, as a model reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rag.abstention import Decision, Signals, decide, may_answer, read_signals
from rag.finding import Finding
from rag.odds import probability
from rag.papers import Evidence, RankedPaper
from rag.question_forms import is_claim
from rag.reading import Reading
from rag.reranking import is_unsure

_FAR, _ASTRAY = 0.7, 2.0
"""Share of the best paper's score under which another is far less close; and what log-odds of an
answer lose where the first look was sure of the best paper, and the model looked at such another.
Of 137 questions answered rightly 1 is such, of 65 near-misses 13."""

Read = Callable[[str, Sequence[Evidence]], Reading | None]
"""From a question and its evidence to what a model makes of it; None where none reads."""

ReadAlone = Callable[[str, Finding], Finding]
"""From a question and what was found to the same with the best papers read one by one."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether what was found answers.

    Attributes:
        found: what to answer from: after a second look with the papers read one by one.
        reading: what the model made of its evidence, if it had to be read.
    """

    decision: Decision
    found: Finding
    reading: Reading | None = None


def judge_finding(
    found: Finding, question: str, caution: float, read: Read, read_alone: ReadAlone
) -> Judgement:
    """Whether what was found answers, and what a model made of it if it had to be read.

    It need not where it is plainly about something else or lacks a name of the question, nor
    where all papers of a list hold what it names. A list is read to choose its papers only, a
    comparison its sentences. What took a second look is read paper by paper.
    """
    sides = found.kind == "comparison"
    signals = read_signals(question, found.ranked, found.evidence, sides=sides)
    decision = decide(signals, question, caution)
    is_plain = found.kind == "list" and all(c.named for c in found.candidates)
    if is_plain or not decision.confidence or not may_answer(signals, caution):
        return Judgement(decision, found)
    if found.kind == "answer" and found.needed_second_look:
        found = read_alone(question, found)
    reading = read(question, found.evidence)
    if reading and found.kind == "answer":
        again = found.needed_second_look
        answers = _answers(found, reading, question, signals)
        decision = decide(signals, question, caution, answers, looked_again=again)
    return Judgement(decision, found, reading)


def _answers(found: Finding, reading: Reading, question: str, signals: Signals) -> float:
    """Log-odds that what was found answers."""
    alone = found.ranked[0].answers
    if alone is not None:
        closest = max(r.second_similarity or 0.0 for r in found.ranked)
        return reading.answers_alone(alone, closest, signals.around)
    if is_unsure(found.ranked):
        return reading.answers
    answers = reading.answers_together
    if is_claim(question):
        answers = reading.answers_claim(found.stands_out)
    return answers - (_ASTRAY if _reads_astray(found, reading) else 0.0)


def ranked_by_reading(
    ranked: Sequence[RankedPaper], odds: Mapping[str, float]
) -> tuple[RankedPaper, ...]:
    """Papers ranked anew, those that were read first. The probability that a paper answers takes
    away that share of what its score lacks to 1.

    Args:
        odds: paper id → log-odds that it answers.
    """
    read = [
        replace(r, answers=odds[r.paper.id], score=_raised(r.score, odds[r.paper.id]))
        for r in ranked
        if r.paper.id in odds
    ]
    read.sort(key=lambda r: (-r.score, r.paper.id))
    return (*read, *(r for r in ranked if r.paper.id not in odds))


def _raised(score: float, answers: float) -> float:
    return 1 - (1 - score) * (1 - probability(answers))


def _reads_astray(found: Finding, reading: Reading) -> bool:
    """Whether a paper was plainly meant, and what the model looked at most stands in one that is
    far less close: the paper is there, and does not say it."""
    scores = {r.paper.id: r.score for r in found.ranked}
    looked_at = max(
        zip(found.evidence, reading.sentences, strict=True), key=lambda pair: max(pair[1])
    )[0]
    return scores[looked_at.paper_id] < _FAR * found.ranked[0].score
