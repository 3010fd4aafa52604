"""What is found for a question: the papers, and the evidence picked from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rag.abstention import AROUND
from rag.conversation import leans_on_history
from rag.evidence import (
    MOST_LISTED,
    OF_A_SIDE,
    READ_OF_A_SIDE,
    Candidate,
    compared_evidence,
    list_candidates,
    pick_evidence,
    qualifying,
    sides_compared,
)
from rag.filters import Filters
from rag.names import names_in
from rag.papers import Evidence, RankedPaper
from rag.question_forms import asks_which, halves, is_claim
from rag.reranking import LOOKED_AT_AGAIN, is_sure, is_unsure
from rag.retrieval import PaperRetriever
from rag.settings import Settings

_UNSURE_BUDGET = 1.5
"""Times the tokens of evidence for a question that took a second look: in other words than the
paper's, the sentence that answers is seldom among the closest ones."""

_NEAR = 0.6
"""Share of the best paper's score from which another gives evidence beside it, where the first look
is sure. What is farther holds none of the key facts of 172 questions of part `tune`, and a third of
the tokens (`docs/performance.md`)."""

_FAR = 0.7
"""Share of the best paper's score under which another is far less close."""

LookAgain = Callable[[str, Sequence[RankedPaper]], list[RankedPaper]]
"""From a question and the papers found to the same papers, ranked again."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found for a question, and what kind of answer it calls for.

    Attributes:
        ranked: the papers, best first.
        kind: lists and comparisons are made by the program: a small model names one paper of
            four, and gives both sides of a comparison the figures of one.
        candidates: for a list, the papers it may be made of.
    """

    ranked: tuple[RankedPaper, ...]
    evidence: tuple[Evidence, ...]
    kind: Literal["answer", "comparison", "list"] = "answer"
    candidates: tuple[Candidate, ...] = ()

    @property
    def needed_second_look(self) -> bool:
        """Whether the first look was not sure of the best paper."""
        return bool(self.ranked) and self.ranked[0].first_score is not None


def find_evidence(
    question: str,
    retriever: PaperRetriever,
    settings: Settings,
    context: str = "",
    filters: Filters | None = None,
    look_again: LookAgain | None = None,
    *,
    is_read: bool = False,
) -> Finding:
    """The papers found for a question, and the evidence picked from them.

    A question for all papers of a kind gets one sentence of each that fits; one that compares
    two papers, or asks two things of which each has a paper of its own, gets the best sentences of
    both; any other, and any claim, the best sentences of the papers that are about as close as the
    best one, or of the best papers where the first look is not sure of it.

    Args:
        context: what a follow-up is about.
        filters: which papers may be found, in the place of the retriever's own.
        look_again: ranks again what is neither plainly right nor plainly wrong.
        is_read: whether a model will choose from the evidence of a comparison or a list.
    """
    library, budget = retriever.library, settings.evidence_tokens
    if asks_which(question):
        most = max(MOST_LISTED, retriever.k)
        ranked = retriever.rank(question, context, filters, most)
        candidates = list_candidates(question, ranked, library)
        shown = [c.evidence for c in candidates] if is_read else qualifying(candidates)
        return Finding(tuple(ranked), tuple(shown), "list", tuple(candidates))
    of_a_side = READ_OF_A_SIDE if is_read else OF_A_SIDE
    most = max(AROUND, retriever.k)
    ranked = retriever.rank(question, context, filters, max(LOOKED_AT_AGAIN, most))
    if two := _paper_for_each_half(question, retriever, filters):
        both = [
            replace(evidence, number=number)
            for number, (half, paper) in enumerate(two.items(), start=1)
            for evidence in compared_evidence(half, [paper], library, of_a_side)
        ]
        papers = list(two.values())
        others = [r for r in ranked[:most] if all(r.paper.id != p.paper.id for p in papers)]
        return Finding((*papers, *others), tuple(both), "comparison")
    unsure = is_unsure(ranked)
    if look_again and unsure:
        ranked = look_again(question, ranked)
        budget = int(_UNSURE_BUDGET * budget)
    else:
        ranked = ranked[:most]
    may_name_two = (names_in(question) or not unsure) and not is_claim(question)
    if may_name_two and (sides := sides_compared(question, ranked, library)):
        both = compared_evidence(question, sides, library, of_a_side)
        return Finding(tuple(ranked), tuple(both), "comparison")
    near = ranked if unsure else [r for r in ranked if r.score >= _NEAR * ranked[0].score]
    return Finding(tuple(ranked), tuple(pick_evidence(question, near, library, budget)))


def _paper_for_each_half(
    question: str, retriever: PaperRetriever, filters: Filters | None
) -> dict[str, RankedPaper]:
    """The halves of a question that asks two things, each with its paper; empty unless the first
    look is sure of both, and neither paper is close to the other half."""
    two = halves(question)
    if two is None or any(map(leans_on_history, two)):
        return {}
    found = [retriever.rank(half, "", filters) for half in two]
    if not all(map(is_sure, found)):
        return {}
    best = [ranked[0] for ranked in found]
    near = [{r.paper.id for r in ranked} - far_less_close(ranked) for ranked in found]
    if best[0].paper.id in near[1] or best[1].paper.id in near[0]:
        return {}
    return dict(zip(two, best, strict=True))


def reads_one_paper(found: Finding) -> bool:
    """Whether one paper is all the evidence because the first look is sure of it."""
    return found.kind == "answer" and not found.needed_second_look and len(found.evidence) == 1


def far_less_close(ranked: Sequence[RankedPaper]) -> set[str]:
    """Ids of the papers whose score is far under that of the best."""
    return {r.paper.id for r in ranked if r.score < _FAR * ranked[0].score}
