"""How well yes is told from no, where a question asks for one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.metrics import auroc_of
from eval.probing import cross_validated, evenly, fit_probe
from eval.questions import Question, right_papers
from eval.reading import find_as_asked
from rag.chat_models import LocalChatModel
from rag.errors import AskpapersError
from rag.library import Library
from rag.papers import Vectors
from rag.probing import Probe, write_probe
from rag.progress import Progress, Report
from rag.question_forms import as_question, asks_yes_or_no
from rag.reading import AFTER, EvidenceReader, Features, look, verdict_of
from rag.reranking import load_reranker
from rag.retrieval import PaperRetriever
from rag.settings import Settings

_PENALTY = 0.3
"""L2 on the weights of states; .1 to 1 do the same within .02."""


@dataclass(frozen=True, slots=True)
class YesOrNo:
    """A question for yes or no as the model reads it, with evidence of a right paper."""

    question: Question
    features: Features


@dataclass(frozen=True, slots=True)
class VerdictFigures:
    """How well yes is told from no.

    Attributes:
        yes, no, maybe: questions whose evidence is of a right paper, by what the answer is.
        auroc_leaning: yes against no, by how much likelier the model is to begin with yes.
        auroc_read: by probes fitted on four fifths of these questions, over the others.
        auroc_ships: by the probe that ships; None where there is none.
        said, right: shares of the questions of which a verdict is said by the probe that ships, and
            of those it is right of; a maybe is neither.
    """

    yes: int
    no: int
    maybe: int
    auroc_leaning: float | None
    auroc_read: float | None
    auroc_ships: float | None
    said: float | None
    right: float | None


def read_yes_or_no(
    library: Library,
    questions: Sequence[Question],
    settings: Settings,
    model: LocalChatModel,
    report: Report,
) -> list[YesOrNo]:
    """Read each question for yes or no whose answer is known with what is found for it.

    Left out is what is found of other papers only.
    """
    reranker = load_reranker(settings, report=report)
    look_again = reranker.rerank if reranker else None
    retriever = PaperRetriever(library=library, k=settings.papers)
    asked = [q for q in questions if q.expected and asks_yes_or_no(as_question(q.question))]
    right = right_papers(asked, library.papers())
    read = []
    for number, question in enumerate(asked, start=1):
        alone, found = find_as_asked(question, retriever, settings, look_again)
        ids = {paper.id for paper in right[question.id]}
        if found.kind != "list" and any(e.paper_id in ids for e in found.evidence):
            features = look(model, alone, found.evidence)
            if features is not None:
                read.append(YesOrNo(question, features))
        report(Progress("reading", number, len(asked), "questions"))
    return read


def measure_verdicts(
    read: Sequence[YesOrNo], reader: EvidenceReader | None = None, start: Probe | None = None
) -> VerdictFigures:
    """How well it is told, by probes fitted anew and by the one that ships.

    Args:
        reader: with the probe that ships, unless it was fitted on these.
        start: the probe that fitting starts from; None for from nothing.

    Raises:
        AskpapersError: no answer is yes, or none is no.
    """
    plain, states, labels = _plain(read)
    names = [r.question.id for r in plain]
    by_others = cross_validated(states, labels, names, AFTER, _PENALTY, evenly(labels), start)
    ships = said = right = None
    if reader is not None:
        ships = auroc_of([reader.yes(r.features) for r in plain], labels)
        verdicts = [verdict_of(reader.yes(r.features)) for r in read]
        told = [(v, r.question.expected) for v, r in zip(verdicts, read, strict=True) if v]
        said = round(len(told) / len(read), 4)
        right = round(sum(v.lower() == e for v, e in told) / len(told), 4) if told else None
    return VerdictFigures(
        yes=sum(labels),
        no=len(labels) - sum(labels),
        maybe=len(read) - len(plain),
        auroc_leaning=auroc_of([r.features.leaning for r in plain], labels),
        auroc_read=auroc_of(by_others, labels),
        auroc_ships=ships,
        said=said,
        right=right,
    )


def save_verdicts(
    read: Sequence[YesOrNo],
    fitted_on: str,
    model_name: str,
    folder: Path,
    start: Probe | None = None,
) -> Path:
    """Fit the probe that ships, and write it where `rag.probing` looks for it.

    Raises:
        AskpapersError: no answer is yes, or none is no.
    """
    _, states, labels = _plain(read)
    probe = fit_probe(states, labels, AFTER, _PENALTY, evenly(labels), start)
    return write_probe(probe, "verdicts", model_name, fitted_on, folder)


def _plain(read: Sequence[YesOrNo]) -> tuple[list[YesOrNo], Vectors, list[bool]]:
    """Those that are not maybe, their states, and whether each is yes."""
    plain = [r for r in read if r.question.expected != "maybe"]
    labels = [r.question.expected == "yes" for r in plain]
    if len(set(labels)) < 2:
        raise AskpapersError(
            "No question is answered with yes, or none with no.",
            "Ask some whose right answer is given as `expected`.",
        )
    return plain, np.stack([r.features.turn for r in plain]), labels
