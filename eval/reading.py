"""What a model's reading of the evidence tells: whether it answers, and which sentences do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np

from eval.abstention import Hiding
from eval.metrics import auroc
from eval.probing import cross_validated, fit_probe
from eval.questions import Question, right_papers
from rag.abstention import decide, read_signals
from rag.answering import Finding, find_evidence
from rag.chat_models import LocalChatModel
from rag.conversation import stand_alone
from rag.errors import AskpapersError
from rag.filters import read_filters
from rag.library import Library
from rag.odds import log_odds
from rag.papers import Vectors
from rag.probing import write_probe
from rag.progress import Progress, Report
from rag.reading import AFTER, LAYERS, EvidenceReader, Features, look, whether_it_answers
from rag.reranking import load_reranker
from rag.settings import Settings

_SENTENCES_PENALTY = 0.05
"""L2 on the weights of heads, which are fewer than those of states and each tell more; .01 to .1
do the same within .01."""

_BEST = (1, 2, 3)
"""So many of the best sentences are looked at."""


@dataclass(frozen=True, slots=True)
class Read:
    """A question with its evidence, as the model reads it.

    Attributes:
        answered: whether a right paper is among the evidence.
        facts: for each sentence, for each key fact, whether it holds it.
        closeness: of each sentence, cosine to the question.
        confidence: that the papers answer, by what was found alone.
    """

    question: Question
    hidden: bool
    features: Features
    answered: bool
    facts: tuple[tuple[bool, ...], ...]
    closeness: tuple[float, ...]
    confidence: float

    @property
    def answers(self) -> bool:
        """Whether the evidence holds an answer: a right paper's, with a key fact where the question
        has some."""
        return self.answered and (any(self.tells) or not self.question.facts)

    @property
    def tells(self) -> list[bool]:
        """For each sentence whether it holds a key fact."""
        return [any(held) for held in self.facts]

    @property
    def has_choice(self) -> bool:
        """Whether some sentences hold a fact and others do not."""
        return not self.hidden and any(self.tells) and not all(self.tells)


@dataclass(frozen=True, slots=True)
class SentenceFigures:
    """How well sentences with key facts are told from the others of the evidence.

    Attributes:
        auroc: within a question, in the mean.
        facts: number of best sentences → share of the key facts that they hold.
    """

    auroc: float
    facts: dict[int, float]


@dataclass(frozen=True, slots=True)
class ReadingFigures:
    """What reading tells.

    Attributes:
        questions: read once with the papers that answer them, once with those hidden.
        auroc_found: papers there against not, by what was found alone.
        auroc_read: the same by probes fitted on four fifths of these questions, over the fifths
            that they have not seen.
        auroc_ships: the same by the probe that ships; None where there is none.
        choices: questions whose evidence has sentences with a fact, and others.
        closeness, read, ships: their figures by cosine, and by probes as above.
    """

    questions: int
    auroc_found: float | None
    auroc_read: float | None
    auroc_ships: float | None
    choices: int
    closeness: SentenceFigures
    read: SentenceFigures
    ships: SentenceFigures | None


def read_questions_twice(
    library: Library,
    questions: Sequence[Question],
    settings: Settings,
    model: LocalChatModel,
    report: Report,
) -> list[Read]:
    """Read each question with what is found for it, and with its right papers hidden.

    Lists, which no model reads, and questions for which nothing is found are left out.
    """
    reranker = load_reranker(settings, report=report)
    look_again = reranker.rerank if reranker else None
    right = right_papers(questions, library.papers())
    twice = [(q, False) for q in questions] + [(q, True) for q in questions if right[q.id]]
    reads = []
    for number, (question, hidden) in enumerate(twice, start=1):
        alone = stand_alone(question.question, question.history, model=None)
        asked, filters = read_filters(alone.question)
        ids = {paper.id for paper in right[question.id]}
        retriever = Hiding(
            library=library, k=settings.papers, hidden=frozenset(ids) if hidden else frozenset()
        )
        found = find_evidence(
            asked, retriever, settings, alone.context, filters, look_again, is_read=True
        )
        features = None if found.kind == "list" else look(model, asked, found.evidence)
        report(Progress("reading", number, len(twice), "questions"))
        if features is not None:
            reads.append(_read(question, hidden, ids, found, features, asked, settings))
    return reads


def _read(
    question: Question,
    hidden: bool,
    right: set[str],
    found: Finding,
    features: Features,
    asked: str,
    settings: Settings,
) -> Read:
    sides = found.kind == "comparison"
    signals = read_signals(asked, found.ranked, found.evidence, sides=sides)
    sentences = [s for e in found.evidence for s in e.sentences]
    return Read(
        question=question,
        hidden=hidden,
        features=features,
        answered=any(e.paper_id in right for e in found.evidence),
        facts=tuple(tuple(question.facts_in(s.text)) for s in sentences),
        closeness=tuple(c for e in found.evidence for c in e.relevance),
        confidence=decide(signals, asked, settings.caution).confidence,
    )


def measure_reading(reads: Sequence[Read], reader: EvidenceReader | None = None) -> ReadingFigures:
    """How well reads tell, by probes fitted anew and by those that ship.

    Args:
        reader: with the probes that ship, unless they were fitted on these reads.

    Raises:
        AskpapersError: no evidence has a sentence with a key fact, and another.
    """
    if not any(r.has_choice for r in reads):
        raise AskpapersError(
            "No evidence found has a sentence with a key fact beside others.",
            "Ask questions that have key facts, of a library that answers them.",
        )
    rows, tells, counts = _rows(reads)
    names = [r.question.id for r in reads for _ in r.facts]
    refitted = _by_read(
        reads, cross_validated(rows, tells, names, LAYERS.stop, _SENTENCES_PENALTY, counts)
    )
    best = [max(mine) for r, mine in zip(reads, refitted, strict=True) if _is_told(r)]
    told = [r for r in reads if _is_told(r)]
    labels = [r.answers for r in told]
    states = np.stack([r.features.state for r in told])
    by_state = cross_validated(states, labels, [r.question.id for r in told], AFTER)
    odds = [
        whether_it_answers(log_odds(state), log_odds(sentence))
        for state, sentence in zip(by_state, best, strict=True)
    ]
    ships = ships_sentences = None
    if reader is not None:
        ships = _area([reader.answer_odds(r.features) for r in told], labels)
        probabilities = [reader.sentences.probability(row) for row in rows]
        ships_sentences = _sentence_figures(reads, _by_read(reads, probabilities))
    return ReadingFigures(
        questions=len({r.question.id for r in reads}),
        auroc_found=_area([r.confidence for r in told], labels),
        auroc_read=_area(odds, labels),
        auroc_ships=ships,
        choices=sum(r.has_choice for r in reads),
        closeness=_sentence_figures(reads, [r.closeness for r in reads]),
        read=_sentence_figures(reads, refitted),
        ships=ships_sentences,
    )


def save_reader(reads: Sequence[Read], fitted_on: str, model_name: str, folder: Path) -> list[Path]:
    """Fit the probes that ship, and write them where `rag.probing` looks for them."""
    told = [r for r in reads if _is_told(r)]
    states = np.stack([r.features.state for r in told])
    answers = fit_probe(states, [r.answers for r in told], AFTER)
    rows, tells, counts = _rows(reads)
    sentences = fit_probe(rows, tells, LAYERS.stop, _SENTENCES_PENALTY, counts)
    return [
        write_probe(answers, "answers", model_name, fitted_on, folder),
        write_probe(sentences, "sentences", model_name, fitted_on, folder),
    ]


def _is_told(read: Read) -> bool:
    """Whether it is known if the evidence answers: where a question's papers were not found, what
    else is there may."""
    return read.hidden or read.answered or not read.question.answerable


def _rows(reads: Sequence[Read]) -> tuple[Vectors, list[bool], list[float]]:
    """Features of all sentences, whether they tell a fact, and what each counts: those that tell
    one as much as the others, each question as much as the next, and nothing without a choice."""
    tells = [told for r in reads for told in r.tells]
    counts = [
        1 / (sum(r.tells) if told else len(r.tells) - sum(r.tells)) if r.has_choice else 0.0
        for r in reads
        for told in r.tells
    ]
    return np.concatenate([r.features.sentences for r in reads]), tells, counts


def _by_read(reads: Sequence[Read], scores: Sequence[float]) -> list[list[float]]:
    """Scores of all sentences, one after another, as those of each read."""
    left = iter(scores)
    return [[next(left) for _ in r.facts] for r in reads]


def _sentence_figures(reads: Sequence[Read], scores: Sequence[Sequence[float]]) -> SentenceFigures:
    both = [(r, mine) for r, mine in zip(reads, scores, strict=True) if r.has_choice]
    areas = [_area(mine, read.tells) or 0.0 for read, mine in both]
    facts = {count: round(mean(_held(r, mine, count) for r, mine in both), 4) for count in _BEST}
    return SentenceFigures(round(mean(areas), 4), facts)


def _held(read: Read, scores: Sequence[float], count: int) -> float:
    """Share of the key facts that so many of the best sentences hold."""
    best = sorted(range(len(scores)), key=lambda i: -scores[i])[:count]
    facts = range(len(read.question.facts))
    return mean(any(read.facts[i][fact] for i in best) for fact in facts)


def _area(scores: Sequence[float], labels: Sequence[bool]) -> float | None:
    both = list(zip(scores, labels, strict=True))
    found = auroc([s for s, yes in both if yes], [s for s, yes in both if not yes])
    return None if found is None else round(found, 4)
