"""Whether what was found answers, as a model reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rag.abstention import Decision, Signals, decide, may_answer, read_signals
from rag.finding import Finding, far_less_close, reads_one_paper
from rag.odds import probability
from rag.papers import Evidence, RankedPaper
from rag.reading import Reading

Read = Callable[[Sequence[Evidence]], Reading | None]
"""From evidence to what a model makes of it; None where none reads."""

ReadAlone = Callable[[Finding], Finding]
"""From what was found to the same with the best papers read one by one."""


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

    It need not where it is plainly about something else, nor where all papers of a list hold what
    it names. Where a name of the question is missing only an answer is read that a paper was
    plainly meant for. A list is read to choose its papers only, a comparison its sentences. What
    took a second look is read paper by paper.
    """
    sides = found.kind == "comparison"
    signals = read_signals(question, found.ranked, found.evidence, sides=sides)
    decision = decide(signals, question, caution)
    if not may_answer(signals, caution):
        return Judgement(decision, found)
    is_answer, again = found.kind == "answer", found.needed_second_look
    is_plain = found.kind == "list" and all(c.named for c in found.candidates)
    if is_plain or (signals.missing(question) and (again or not is_answer)):
        return Judgement(decision, found)
    if is_answer and again:
        found = read_alone(found)
    reading = read(found.evidence)
    if reading and reads_one_paper(found):
        reading = reading.beside_others()
    if reading and is_answer:
        answers = _answers(found, reading, signals)
        decision = decide(signals, question, caution, answers)
    return Judgement(decision, found, reading)


def _answers(found: Finding, reading: Reading, signals: Signals) -> float:
    """Log-odds that what was found answers."""
    best = found.ranked[0]
    if best.answers is None:
        return reading.answers(best.score, astray=_reads_astray(found, reading))
    closest = max(r.second_similarity or 0.0 for r in found.ranked)
    return reading.answers_alone(best.answers, closest, signals.around)


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
    """Whether what the model looked at most stands in a paper that is far less close than the best
    one: that is there, and does not say it."""
    both = zip(found.evidence, reading.sentences, strict=True)
    looked_at, _ = max(both, key=lambda pair: max(pair[1]))
    return looked_at.paper_id in far_less_close(found.ranked)
