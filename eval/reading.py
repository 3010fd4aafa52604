"""What a model's reading of the evidence tells: whether it answers, and which sentences do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

import numpy as np

from eval.abstention import Hiding
from eval.metrics import auroc_of
from eval.probing import cross_validated, evenly, fit_probe
from eval.questions import Question, right_papers
from rag.abstention import decide, read_signals
from rag.chat_models import LocalChatModel
from rag.conversation import StandAlone, stand_alone
from rag.errors import AskpapersError
from rag.evidence import whole_papers
from rag.finding import Finding, LookAgain, far_less_close, find_evidence, reads_one_paper
from rag.library import Library
from rag.odds import log_odds
from rag.papers import Vectors
from rag.probing import Probe, write_probe
from rag.progress import Progress, Report
from rag.reading import (
    AFTER,
    LAYERS,
    EvidenceReader,
    Features,
    Reading,
    look,
    look_alone,
    whether_it_answers,
)
from rag.reranking import load_reranker
from rag.retrieval import PaperRetriever
from rag.settings import Settings

_ANSWERS_PENALTY = 0.1
"""L2 on the weights of states; .03 to .3 do the same within .01."""

_SENTENCES_PENALTY = 0.1
"""L2 on the weights of heads, which are fewer than those of states and each tell more; .01 to .1
do the same within .01."""

_PAPERS_PENALTY = 0.2
"""The same for the states of papers read alone; .1 to 1 do the same within .01."""

_OTHERS = 3
"""Papers beside the right one that are read alone."""

_BEST = (1, 2, 3)
"""So many of the best sentences are looked at."""


@dataclass(frozen=True, slots=True)
class Read:
    """A question with its evidence, as the model reads it.

    Attributes:
        answered: whether a right paper is among the evidence.
        facts: for each sentence, for each key fact, whether it holds it; for a question without
            any, for each of the sentences it points to, whether it is that one.
        closeness: of each sentence, cosine to the question.
        far: of each sentence, whether its paper is far less close than the best one.
        of_one: whether one paper is all its evidence, others being far less close.
        score: of the best paper found.
        confidence: that the papers answer, by what was found alone.
    """

    question: Question
    hidden: bool
    features: Features
    answered: bool
    facts: tuple[tuple[bool, ...], ...]
    closeness: tuple[float, ...]
    far: tuple[bool, ...]
    of_one: bool
    score: float
    confidence: float

    @property
    def answers(self) -> bool:
        """Whether the evidence holds an answer: a right paper's, with a key fact, or a sentence
        that is pointed to, where the question has some."""
        asks = self.question.facts or self.question.evidence
        return self.answered and (any(self.tells) or not asks)

    def odds(self, state: float, sentences: Sequence[float]) -> float:
        """Log-odds that the evidence answers.

        Args:
            state, sentences: log-odds by probes.
        """
        best = int(np.argmax(sentences))
        return whether_it_answers(state, sentences[best], self.score, astray=self.far[best])

    @property
    def tells(self) -> list[bool]:
        """For each sentence whether it holds a key fact."""
        return [any(held) for held in self.facts]

    @property
    def has_choice(self) -> bool:
        """Whether some sentences hold a fact and others do not."""
        return not self.hidden and any(self.tells) and not all(self.tells)


@dataclass(frozen=True, slots=True)
class ReadAlone:
    """A paper that was found for a question by a second look, as the model reads it alone.

    Attributes:
        right: whether it answers.
        place: where the second look has put it, from 0.
        state: ``(width,)``.
    """

    question: Question
    right: bool
    place: int
    state: Vectors


@dataclass(frozen=True, slots=True)
class Reads:
    """What was read of questions: evidence of several papers, and papers alone."""

    together: list[Read]
    alone: list[ReadAlone]


@dataclass(frozen=True, slots=True)
class PaperFigures:
    """How well papers that answer are told from others when each is read alone.

    Attributes:
        questions: that took a second look; papers: read for them.
        auroc_read: by probes fitted on four fifths of these questions, over the others.
        auroc_ships: by the probe that ships; None where there is none.
        first, first_read, first_ships: share of the questions whose right paper was found that
            have it first: after the second look, and by those probes.
    """

    questions: int
    papers: int
    auroc_read: float | None
    auroc_ships: float | None
    first: float
    first_read: float
    first_ships: float | None


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
        papers: of those read alone; None where no question took a second look.
    """

    questions: int
    auroc_found: float | None
    auroc_read: float | None
    auroc_ships: float | None
    choices: int
    closeness: SentenceFigures
    read: SentenceFigures
    ships: SentenceFigures | None
    papers: PaperFigures | None


def read_evidence(
    library: Library,
    questions: Sequence[Question],
    settings: Settings,
    model: LocalChatModel,
    report: Report,
) -> Reads:
    """Read each question with what is found for it, and with its right papers hidden.

    Lists, which no model reads, and questions for which nothing is found are left out. Of what
    took a second look papers are read alone as well.
    """
    reranker = load_reranker(settings, report=report)
    look_again = reranker.rerank if reranker else None
    right = right_papers(questions, library.papers())
    twice = [(q, False) for q in questions] + [(q, True) for q in questions if right[q.id]]
    reads = Reads([], [])
    for number, (question, hidden) in enumerate(twice, start=1):
        ids = {paper.id for paper in right[question.id]}
        retriever = Hiding(
            library=library, k=settings.papers, hidden=frozenset(ids) if hidden else frozenset()
        )
        alone, found = find_as_asked(question, retriever, settings, look_again)
        asked = alone.question
        features = None if found.kind == "list" else look(model, alone, found.evidence)
        if features is not None:
            read = _read(question, hidden, ids, found, features, asked, settings)
            reads.together.append(read)
        if found.kind == "answer" and found.ranked and found.needed_second_look and not hidden:
            reads.alone.extend(_read_alone(question, ids, found, asked, library, settings, model))
        report(Progress("reading", number, len(twice), "questions"))
    return reads


def find_as_asked(
    question: Question,
    retriever: PaperRetriever,
    settings: Settings,
    look_again: LookAgain | None,
) -> tuple[StandAlone, Finding]:
    """A question as it is searched and read, and what is found for it."""
    alone = stand_alone(question.question, question.history, None, retriever.closest)
    alone, filters = alone.without_filters()
    found = find_evidence(
        alone.question, retriever, settings, alone.context, filters, look_again, is_read=True
    )
    return alone, found


def _read_alone(
    question: Question,
    right: set[str],
    found: Finding,
    asked: str,
    library: Library,
    settings: Settings,
    model: LocalChatModel,
) -> list[ReadAlone]:
    """The best right paper of those found, and the best others."""
    mine = [r for r in found.ranked if r.paper.id in right][:1]
    others = [r for r in found.ranked if r.paper.id not in right][:_OTHERS]
    places = {r.paper.id: place for place, r in enumerate(found.ranked)}
    return [
        ReadAlone(
            question,
            right=whole.paper_id in right,
            place=places[whole.paper_id],
            state=look_alone(model, asked, whole),
        )
        for whole in whole_papers(asked, mine + others, library, settings.evidence_tokens)
    ]


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
    sentences = [(e.paper_id, s.text) for e in found.evidence for s in e.sentences]
    papers = {r.paper.id: r.paper for r in found.ranked}
    far = far_less_close(found.ranked)

    def told(paper: str, sentence: str) -> tuple[bool, ...]:
        if question.facts:
            return tuple(question.facts_in(sentence))
        return tuple(p.is_of(papers[paper]) and p.fits(sentence) for p in question.evidence)

    return Read(
        question=question,
        hidden=hidden,
        features=features,
        answered=any(e.paper_id in right for e in found.evidence),
        facts=tuple(told(paper, text) for paper, text in sentences),
        closeness=tuple(c for e in found.evidence for c in e.relevance),
        far=tuple(paper in far for paper, _ in sentences),
        of_one=reads_one_paper(found),
        score=found.ranked[0].score,
        confidence=decide(signals, asked, settings.caution).confidence,
    )


def measure_reading(
    both: Reads, reader: EvidenceReader | None = None, start: EvidenceReader | None = None
) -> ReadingFigures:
    """How well reads tell, by probes fitted anew and by those that ship.

    Args:
        reader: with the probes that ship, unless they were fitted on these reads.
        start: with the probes that fitting starts from; None for from nothing.

    Raises:
        AskpapersError: no evidence has a sentence with a key fact, and another.
    """
    reads = both.together
    if not any(r.has_choice for r in reads):
        raise AskpapersError(
            "No evidence found has a sentence with a key fact beside others.",
            "Ask questions that have key facts, of a library that answers them.",
        )
    rows, tells, counts = _rows(reads)
    names = [r.question.id for r in reads for _ in r.facts]
    by_others = cross_validated(
        rows,
        tells,
        names,
        LAYERS.stop,
        _SENTENCES_PENALTY,
        counts,
        start.sentences if start else None,
    )
    refitted = _by_read(reads, by_others)
    told = [r for r in reads if _is_told(r)]
    labels = [r.answers for r in told]
    states = np.stack([r.features.state for r in told])
    ids = [r.question.id for r in told]
    by_state = cross_validated(
        states,
        labels,
        ids,
        AFTER,
        _ANSWERS_PENALTY,
        evenly(labels),
        start.answers if start else None,
    )
    best = [mine for r, mine in zip(reads, refitted, strict=True) if _is_told(r)]
    odds = [
        r.odds(log_odds(state), [log_odds(p) for p in mine])
        for r, state, mine in zip(told, by_state, best, strict=True)
    ]
    ships = ships_sentences = None
    if reader is not None:
        ships = auroc_of([_ships(reader, r) for r in told], labels)
        probabilities = [reader.sentences.probability(row) for row in rows]
        ships_sentences = _sentence_figures(reads, _by_read(reads, probabilities))
    return ReadingFigures(
        questions=len({r.question.id for r in reads}),
        auroc_found=auroc_of([r.confidence for r in told], labels),
        auroc_read=auroc_of(odds, labels),
        auroc_ships=ships,
        choices=sum(r.has_choice for r in reads),
        closeness=_sentence_figures(reads, [r.closeness for r in reads]),
        read=_sentence_figures(reads, refitted),
        ships=ships_sentences,
        papers=_measure_papers(both.alone, reader) if both.alone else None,
    )


def _measure_papers(reads: Sequence[ReadAlone], reader: EvidenceReader | None) -> PaperFigures:
    labels = [r.right for r in reads]
    states = np.stack([r.state for r in reads])
    names = [r.question.id for r in reads]
    read = cross_validated(states, labels, names, AFTER, _PAPERS_PENALTY)
    ships = [reader.papers.log_odds(state) for state in states] if reader else None
    return PaperFigures(
        questions=len(set(names)),
        papers=len(reads),
        auroc_read=auroc_of(read, labels),
        auroc_ships=auroc_of(ships, labels) if ships else None,
        first=_first(reads, [-r.place for r in reads]),
        first_read=_first(reads, read),
        first_ships=_first(reads, ships) if ships else None,
    )


def _ships(reader: EvidenceReader, read: Read) -> float:
    """Log-odds that the evidence answers, by the probes that ship."""
    features = read.features
    sentences = tuple(reader.sentences.probability(row) for row in features.sentences)
    reading = Reading(reader.answers.log_odds(features.state), (sentences,), reader.yes(features))
    if read.of_one:
        reading = reading.beside_others()
    return read.odds(reading.state, [log_odds(p) for p in reading.sentences[0]])


def _first(reads: Sequence[ReadAlone], scores: Sequence[float]) -> float:
    """Share of the questions with a right paper whose best one by these scores is right."""
    by_question: dict[str, list[tuple[float, bool]]] = {}
    for read, score in zip(reads, scores, strict=True):
        by_question.setdefault(read.question.id, []).append((score, read.right))
    best = [max(mine)[1] for mine in by_question.values() if any(right for _, right in mine)]
    return round(mean(best), 4) if best else 0.0


def save_reader(
    both: Reads,
    fitted_on: str,
    model_name: str,
    folder: Path,
    start: EvidenceReader | None = None,
) -> list[Path]:
    """Fit the probes that ship, and write them where `rag.probing` looks for them.

    Args:
        start: with the probes to start from; then that of papers alone is left as it is where
            none was read alone.

    Raises:
        AskpapersError: no paper was read alone, and there is nothing to start from.
    """
    if not both.alone and start is None:
        raise AskpapersError(
            "No question took a second look, so no paper was read alone.",
            "Ask questions in other words than the papers', with ASKPAPERS_RERANKER set.",
        )
    told = [r for r in both.together if _is_told(r)]
    states = np.stack([r.features.state for r in told])
    labels = [r.answers for r in told]
    probes = {
        "answers": fit_probe(
            states,
            labels,
            AFTER,
            _ANSWERS_PENALTY,
            evenly(labels),
            start.answers if start else None,
        )
    }
    rows, tells, counts = _rows(both.together)
    probes["sentences"] = _fit_sentences(rows, tells, counts, start.sentences if start else None)
    if both.alone:
        states = np.stack([r.state for r in both.alone])
        right = [r.right for r in both.alone]
        before = start.papers if start else None
        probes["papers"] = fit_probe(states, right, AFTER, _PAPERS_PENALTY, start=before)
    return [write_probe(p, task, model_name, fitted_on, folder) for task, p in probes.items()]


def _fit_sentences(
    rows: Vectors, tells: Sequence[bool], counts: Sequence[float], start: Probe | None
) -> Probe:
    """The probe of attention; on the scale of the one it starts from, whose lines hold for it."""
    probe = fit_probe(rows, tells, LAYERS.stop, _SENTENCES_PENALTY, counts, start)
    if start is None:
        return probe
    before, after = (rows @ p.weights + p.intercept for p in (start, probe))
    times = float(before.std() / after.std())
    intercept = float(before.mean()) + times * (probe.intercept - float(after.mean()))
    return replace(probe, weights=times * probe.weights, intercept=intercept)


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
    areas = [auroc_of(mine, read.tells) or 0.0 for read, mine in both]
    facts = {count: round(mean(_held(r, mine, count) for r, mine in both), 4) for count in _BEST}
    return SentenceFigures(round(mean(areas), 4), facts)


def _held(read: Read, scores: Sequence[float], count: int) -> float:
    """Share of the key facts that so many of the best sentences hold."""
    best = sorted(range(len(scores)), key=lambda i: -scores[i])[:count]
    facts = range(len(read.facts[0]))
    return mean(any(read.facts[i][fact] for i in best) for fact in facts)
