"""What a language model makes of evidence while it reads a question about it, before it writes.

Three things can be read off it for nothing, since the prompt is read anyway, and are told
better by the model than by closeness in words or meaning:

- *Which sentences answer.* Some heads of attention look back at the words a question is about.
  They find relevant passages (Wu et al., 2024, "Retrieval Head Mechanistically Explains
  Long-Context Factuality", section 2; Chen et al., 2024, "Attention in Large Language Models
  Yields Efficient Zero-Shot Re-Rankers", section 3; Zhang et al., 2025, "Query-Focused Retrieval
  Heads Improve Long-Context Reasoning and Re-ranking", section 3).
- *Whether any does*, from the state behind the prompt's last token (`rag.probing`), and from how
  surely one sentence was looked at as one that does. Of a single paper that is read alone the state
  tells it best.
- *Whether yes or no* is the answer, where one of them is asked for, from the same state; a
  little also from how much likelier the one is to be written first.

What a small model then writes is less to be trusted than what it looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from langchain_core.language_models import BaseChatModel

from rag.chat_models import LocalChatModel
from rag.conversation import StandAlone
from rag.odds import log_odds, probability
from rag.papers import Evidence, Vectors, Verdict
from rag.probing import Probe, load_probe
from rag.prompts import answer_messages, answer_texts

LAYERS = range(8, 24)
"""Whose heads are seen. Those before look at neighbours, those after at what comes next."""

AFTER = 18
"""Layers that the state has passed which tells whether the evidence answers."""

_STATE, _LOOKED_AT, _SCORE, _ASTRAY, _NEITHER = 0.52, 0.36, 7.4, -2.8, -4.5
"""What counts for whether evidence of several papers answers: the state's log-odds, those of the
sentence looked at most, the best paper's score, and whether that sentence stands in a paper far
less close; and what is added. A logistic regression on readings of questions, claims and
near-misses about abstracts of three fields, each by probes that had not seen its abstract (November
2026; `docs/retrieval.md`)."""

_STATE_OF_ONE, _SENTENCE_OF_ONE = 1.0, 0.9
"""What is added to the log-odds of the state and of each sentence where one paper is all the
evidence. The probes were fitted on evidence of several papers, beside which the right one stands
out more: read without those that are far less close, log-odds are so much lower in the mean
(`docs/retrieval.md`)."""

_ALONE, _LOOKED_AT_ALONE, _SIMILAR, _AROUND, _SO_FAR = 0.9, 0.42, 4.0, -12.0, -0.2
"""What counts for whether a paper that was read alone answers: the state's log-odds, those of the
sentence looked at most, how similar the closest paper is to the larger encoder, and how close the
eighth best was at the first look, as a large library has some paper near to anything; and what is
added. A logistic regression on 267 questions of part `tune` that took a second look, with the right
paper among five or without, and on near-misses, each by a probe that had not seen it; its line
moved by 0.8, and the eighth best counting less (November 2026; `docs/retrieval.md`)."""

_LEANING = 0.3
"""What the model's lean to yes counts beside the probe, where it leans more than by 1."""

_PLAIN = 1.6
"""Log-odds from which yes or no is said. `docs/retrieval.md` has the figures."""

_TASKS = ("answers", "sentences", "papers", "verdicts")
"""Of the probes, in the order in which a reader takes them."""

_LEAST = 1e-5
"""Attention below which differences are noise."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model made of evidence.

    Attributes:
        state: log-odds that the evidence holds an answer, by the state behind the last token.
        sentences: for each paper of the evidence, for each of its sentences, the probability
            that it is one an answer rests on, against any other sentence of the evidence.
        yes: log-odds that yes is the answer rather than no.
    """

    state: float
    sentences: tuple[tuple[float, ...], ...]
    yes: float

    def answers(self, score: float, *, astray: bool = False) -> float:
        """Log-odds that the evidence, of several papers, holds an answer.

        Args:
            score: of the best paper found.
            astray: whether the sentence looked at most stands in a paper that is far less close.
        """
        return whether_it_answers(self.state, self._best, score, astray=astray)

    def answers_alone(self, paper: float, similarity: float, around: float) -> float:
        """Log-odds that the one paper that was read answers.

        Args:
            paper: log-odds by the state behind the last token (`EvidenceReader.read_alone`).
            similarity: of the paper that is closest to the larger encoder.
            around: score of the eighth best paper at the first look.
        """
        read = _ALONE * paper + _LOOKED_AT_ALONE * self._best
        return read + _SIMILAR * similarity + _AROUND * around + _SO_FAR

    def beside_others(self) -> Reading:
        """The same of evidence that is of one paper, on the scale of evidence of several."""
        (paper,) = self.sentences
        sentences = tuple(probability(log_odds(p) + _SENTENCE_OF_ONE) for p in paper)
        return replace(self, state=self.state + _STATE_OF_ONE, sentences=(sentences,))

    @property
    def _best(self) -> float:
        """Log-odds of the sentence looked at most."""
        return log_odds(max(p for paper in self.sentences for p in paper))

    @property
    def verdict(self) -> Verdict:
        """What a question for yes or no can be answered with; empty where it is too close."""
        return verdict_of(self.yes)


@dataclass(frozen=True, slots=True)
class Features:
    """What the probes look at, and what needs none.

    Attributes:
        state: ``(width,)``, behind the question as one that stands alone.
        turn: the same behind a follow-up as a second turn; of any other question it is `state`.
        sentences: ``(sentences, 2 * heads)``, all papers' one after another.
        leaning: log-odds that the model would begin its answer with yes rather than no.
    """

    state: Vectors
    turn: Vectors
    sentences: Vectors
    leaning: float


@dataclass(frozen=True, slots=True)
class EvidenceReader:
    """Reads evidence with the model that is to answer from it.

    Attributes:
        answers: probe of the state behind the evidence of several papers.
        sentences: probe of the attention to a sentence.
        papers: probe of the state behind one paper.
        verdicts: probe of the state behind a question for yes or no, with its evidence.
    """

    model: LocalChatModel
    answers: Probe
    sentences: Probe
    papers: Probe
    verdicts: Probe

    def read(self, asked: StandAlone, evidence: Sequence[Evidence]) -> Reading | None:
        """What the model makes of it; the prompt that answers it is then read.

        Returns:
            None where the evidence is empty, its words look like control tokens, or the model is
            of a kind whose layers cannot be watched.
        """
        seen = look(self.model, asked, evidence)
        if seen is None:
            return None
        found = iter([self.sentences.probability(row) for row in seen.sentences])
        by_paper = tuple(tuple(next(found) for _ in e.sentences) for e in evidence)
        return Reading(self.answers.log_odds(seen.state), by_paper, self.yes(seen))

    def yes(self, seen: Features) -> float:
        """Log-odds that yes is the answer, of a question for yes or no."""
        return self.verdicts.log_odds(seen.turn) + _LEANING * (seen.leaning - 1)

    def read_alone(self, question: str, paper: Evidence) -> float:
        """Log-odds that a paper answers which is read without any other.

        Side by side the sentences of several papers outshine each other where none has the
        question's words; read one by one the right paper is told from others far more surely.
        """
        return self.papers.log_odds(look_alone(self.model, question, paper))


def verdict_of(yes: float) -> Verdict:
    """What is said, from the log-odds that yes is the answer; empty where it is too close."""
    return "Yes" if yes >= _PLAIN else "No" if yes < -_PLAIN else ""


def whether_it_answers(state: float, best: float, score: float, *, astray: bool = False) -> float:
    """Log-odds that evidence of several papers holds an answer.

    Args:
        state: log-odds by the state behind the last token.
        best: the highest of the sentences' log-odds.
        score, astray: as in `Reading.answers`.
    """
    read = _STATE * state + _LOOKED_AT * best
    return read + _SCORE * score + _ASTRAY * astray + _NEITHER


def look(model: LocalChatModel, asked: StandAlone, evidence: Sequence[Evidence]) -> Features | None:
    """What the probes are to be fitted on and are asked about.

    A follow-up is read twice: behind the question before, as one that stands alone, whose state
    tells best whether the evidence answers; and as a second turn, where the sentences that answer
    the question before are not looked at any more (`docs/retrieval.md`). The evidence is read once.
    """
    seen = _look(model, asked.question, evidence)
    if seen is None or asked.before is None:
        return seen
    turn = _look(model, asked.last, evidence, asked.before)
    return replace(turn, state=seen.state) if turn else None


def _look(
    model: LocalChatModel,
    question: str,
    evidence: Sequence[Evidence],
    before: tuple[str, str] | None = None,
) -> Features | None:
    """What a prompt makes the model look at; one with a turn before goes on from the last prompt.

    A sentence's features are, for each head as the question's tokens and as the last token have
    it, the logarithm of the attention it has, over the root of its length, less the mean over
    all sentences: heads differ in how much of their attention goes to the evidence at all.
    """
    texts = answer_texts(question, evidence)
    places = _sentence_places(evidence)
    if not places:
        return None
    messages = answer_messages(question, evidence, before)
    seen = model.look(messages, texts, LAYERS, AFTER, goes_on=before is not None)
    if seen is None:
        return None
    state, attention, leaning = seen
    lengths = np.array([len(texts[place]) for place in places], dtype=np.float32)
    shares = attention.reshape(-1, attention.shape[-1])[:, places] / np.sqrt(lengths)
    logs = np.log(shares + _LEAST)
    features = (logs - logs.mean(1, keepdims=True)).T
    return Features(state, state, features.astype(np.float32), leaning)


def look_alone(model: LocalChatModel, question: str, paper: Evidence) -> Vectors:
    """The state ``(width,)`` behind the prompt that answers from one paper."""
    return model.state(answer_messages(question, [paper]), AFTER)


def load_evidence_reader(model: BaseChatModel | None) -> EvidenceReader | None:
    """The reader for a model; None where no probes were fitted on it."""
    if not isinstance(model, LocalChatModel):
        return None
    probes = [load_probe(task, model.model_name) for task in _TASKS]
    return EvidenceReader(model, *filter(None, probes)) if all(probes) else None


def _sentence_places(evidence: Sequence[Evidence]) -> list[int]:
    """Where the sentences are among the texts of the prompt, titles being there too."""
    places: list[int] = []
    at = 0
    for e in evidence:
        places += range(at + 1, at + 1 + len(e.sentences))
        at += 1 + len(e.sentences)
    return places
