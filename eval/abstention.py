"""Whether the program knows when not to answer: questions with their papers there, and without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from eval.metrics import area_under, auroc, risk_coverage
from eval.questions import NEAR_MISS, Question, right_papers
from rag.abstention import Decision
from rag.answering import Answerer
from rag.conversation import stand_alone
from rag.filters import Filters
from rag.finding import find_evidence
from rag.papers import RankedPaper
from rag.progress import Progress, Report
from rag.retrieval import PaperRetriever


@dataclass(frozen=True, slots=True)
class AbstentionFigures:
    """What the decision to answer lets through; the model reads, and does not write.

    Attributes:
        questions: asked twice, once with the papers that answer them hidden.
        near_misses: questions about what is there that no paper answers, asked once.
        off_topic: questions about something else, asked once.
        auroc: of the confidence, with the papers against without.
        auroc_near_misses, auroc_off_topic: with the papers against those questions.
        answered: share answered, the papers being there; warned: share answered with a warning.
        declined_hidden: share declined, the papers being hidden.
        declined_near_misses, declined_off_topic: share of those questions declined.
        caution: the setting at which that is so.
        risk_coverage: (coverage, risk) over all asked, the surest first; risk is the share of
            those let through that no paper answers.
        aurc: mean risk along it.
    """

    questions: int
    near_misses: int
    off_topic: int
    auroc: float | None
    auroc_near_misses: float | None
    auroc_off_topic: float | None
    answered: float
    warned: float
    declined_hidden: float
    declined_near_misses: float | None
    declined_off_topic: float | None
    caution: float
    risk_coverage: Sequence[tuple[float, float]]
    aurc: float | None


class Hiding(PaperRetriever):
    """Finds what there would be to find if some papers were not in the library."""

    hidden: frozenset[str] = frozenset()

    def rank(
        self,
        question: str,
        context: str = "",
        filters: Filters | None = None,
        k: int | None = None,
    ) -> list[RankedPaper]:
        k = self.k if k is None else k
        ranked = super().rank(question, context, filters, k + len(self.hidden))
        return [r for r in ranked if r.paper.id not in self.hidden][:k]


def measure_abstention(
    answerer: Answerer,
    questions: Sequence[Question],
    off_topic: Sequence[Question],
    report: Report,
) -> AbstentionFigures:
    """Decide on each question with its right papers and without them, and on others as they are.

    Args:
        questions: with near-misses among them.
        off_topic: questions that no paper is about.
    """
    library, settings = answerer.library, answerer.settings
    look_again = answerer.reranker.rerank if answerer.reranker else None
    is_read = answerer.reader is not None and not settings.quote
    answerer.load()
    right = right_papers(questions, library.papers())
    asked = [q for q in questions if right[q.id]]
    near_misses = [q for q in questions if q.type == NEAR_MISS]
    total = 2 * len(asked) + len(near_misses) + len(off_topic)
    done = 0

    def decision(question: Question, hidden: frozenset[str] = frozenset()) -> Decision:
        nonlocal done
        retriever = Hiding(library=library, k=settings.papers, hidden=hidden)
        alone = stand_alone(question.question, question.history, None, retriever.closest)
        alone, filters = alone.without_filters()
        found = find_evidence(
            alone.question, retriever, settings, alone.context, filters, look_again, is_read=is_read
        )
        done += 1
        report(Progress("asking", done, total, "questions"))
        return answerer.decide(found, alone).decision

    there = [decision(q) for q in asked]
    hidden = [decision(q, frozenset(p.id for p in right[q.id])) for q in asked]
    close = [decision(q) for q in near_misses]
    beside = [decision(q) for q in off_topic]
    curve = risk_coverage(
        [(d.confidence, 0.0) for d in there]
        + [(d.confidence, 1.0) for d in [*hidden, *close, *beside]],
        total,
    )
    return AbstentionFigures(
        questions=len(asked),
        near_misses=len(near_misses),
        off_topic=len(off_topic),
        auroc=_rounded(auroc(_confidence(there), _confidence(hidden))),
        auroc_near_misses=_rounded(auroc(_confidence(there), _confidence(close))),
        auroc_off_topic=_rounded(auroc(_confidence(there), _confidence(beside))),
        answered=_share([d.answer for d in there]),
        warned=_share([bool(d.warning) for d in there]),
        declined_hidden=_share([not d.answer for d in hidden]),
        declined_near_misses=_declined(close),
        declined_off_topic=_declined(beside),
        caution=settings.caution,
        risk_coverage=curve,
        aurc=area_under(curve),
    )


def _confidence(decisions: Sequence[Decision]) -> list[float]:
    return [d.confidence for d in decisions]


def _declined(decisions: Sequence[Decision]) -> float | None:
    return _share([not d.answer for d in decisions]) if decisions else None


def _share(hits: Sequence[bool]) -> float:
    return round(mean(map(float, hits)), 4) if hits else 0.0


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
