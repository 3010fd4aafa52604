"""Whether what was found answers, as a model reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rag.abstention import Decision, Signals, decide, may_answer, read_signals
from rag.finding import Finding, far_less_close, reads_one_paper
from rag.odds import probability
from rag.papers import Evidence, RankedPaper
from rag.reading import Reading

_ALIKE = 0.1
"""How much closer the best paper of those read alone is, at least, where it is plainly the one
meant. Of 19 questions in other words than the papers', 7 had two within it: the first was right for
4 of them, the second for 3. Of the other 12 the first was for 11 (`docs/retrieval.md`)."""

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
        either: whether the evidence is two papers either of which may be meant, each read alone.
    """

    decision: Decision
    found: Finding
    reading: Reading | None = None
    either: bool = False


def judge_finding(
    found: Finding, question: str, caution: float, read: Read, read_alone: ReadAlone
) -> Judgement:
    """Whether what was found answers, and what a model made of it if it had to be read.

    It need not where it is plainly about something else, nor where a list is asked for by names
    alone. Where a name of the question is missing only an answer is read that a paper was
    plainly meant for. A list is read to choose its papers only, a comparison its sentences. What
    took a second look is read paper by paper.
    """
    sides = found.kind == "comparison"
    signals = read_signals(question, found.ranked, found.evidence, sides=sides)
    decision = decide(signals, question, caution)
    if not may_answer(signals, caution):
        return Judgement(decision, found)
    is_answer, again = found.kind == "answer", found.needed_second_look
    is_plain = found.kind == "list" and all(c.plain for c in found.candidates)
    if is_plain or (signals.missing(question) and (again or not is_answer)):
        return Judgement(decision, found)
    if is_answer and again:
        found = read_alone(found)
    either = again and len(found.evidence) > 1 and told_hardly_apart(found.ranked)
    first = replace(found, evidence=found.evidence[:1]) if either else found
    reading = read(first.evidence)
    if reading and reads_one_paper(first):
        reading = reading.beside_others()
    if reading and is_answer:
        answers = _answers(first, reading, signals)
        decision = decide(signals, question, caution, answers)
    other = read(found.evidence[1:]) if either and reading and decision.answer else None
    if reading is None or other is None:
        return Judgement(decision, first, reading)
    both = replace(reading, sentences=(*reading.sentences, *other.sentences))
    return Judgement(decision, found, both, either=True)


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


def told_hardly_apart(ranked: Sequence[RankedPaper]) -> bool:
    """Whether the two best papers, both of which were read alone, come so close that either may be
    the one that is meant."""
    read = [r.score for r in ranked[:2] if r.answers is not None]
    return len(read) > 1 and read[0] - read[1] < _ALIKE


def _raised(score: float, answers: float) -> float:
    return 1 - (1 - score) * (1 - probability(answers))


def _reads_astray(found: Finding, reading: Reading) -> bool:
    """Whether what the model looked at most stands in a paper that is far less close than the best
    one: that is there, and does not say it."""
    both = zip(found.evidence, reading.sentences, strict=True)
    looked_at, _ = max(both, key=lambda pair: max(pair[1]))
    return looked_at.paper_id in far_less_close(found.ranked)
