"""A second look at the papers found, where the first look is not sure.

Words and closeness fail a question that avoids the paper's words. Two models look again that would
take too long to look at a library: an encoder five times as large at twenty papers, and at the
best eight of them a small language model, which tells how likely they make the question
(`rag.query_likelihood`). `docs/retrieval.md` has the figures.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rag import weights
from rag.chat_models.loading import model_folder
from rag.embedding import Encoder, load_larger_encoder
from rag.papers import Paper, RankedPaper, Signs, Vectors
from rag.progress import Report, silent
from rag.query_likelihood import QueryLikelihood
from rag.retrieval import similarity
from rag.settings import Settings
from rag.store import PaperVectors, RememberedVectors
from rag.text import split_sentences

UNSURE = (0.06, 0.36)
"""Scores of the best paper between which a second look pays. Below, everything found is about
something else; above, the first look is right."""

LOOKED_AT_AGAIN = 20
"""The best papers that the larger encoder looks at."""

_READ = 8
"""The best of these that the language model reads."""

_CLOSE = 0.7
"""What the larger encoder's similarity counts beside a paper's score."""

_GAIN = 0.36
"""What a nat a token of information gain counts beside both."""

_NO_WORDS: Signs = np.empty((0, 0), dtype=np.uint8)
"""The larger encoder's vectors of words are not kept."""


class Reranker:
    """Ranks papers again, by two models that take their time.

    Args:
        encoder: the larger one.
        remembered: keeps its vectors of papers for the next question.
    """

    def __init__(
        self, encoder: Encoder, likelihood: QueryLikelihood, remembered: RememberedVectors
    ) -> None:
        self._encoder = encoder
        self._likelihood = likelihood
        self._remembered = remembered

    def rerank(self, question: str, ranked: Sequence[RankedPaper]) -> list[RankedPaper]:
        """The same papers, best first: those that are looked at again, the first
        `LOOKED_AT_AGAIN`, with scores that count what was found, then the others."""
        if not ranked:
            return []
        first, others = ranked[:LOOKED_AT_AGAIN], ranked[LOOKED_AT_AGAIN:]
        close = self._closeness(question, [r.paper for r in first])
        looked = [
            replace(
                r,
                score=(r.score + _CLOSE * similar) / (1 + _CLOSE),
                first_score=r.score,
                second_similarity=similar,
            )
            for r, similar in zip(first, close, strict=True)
        ]
        looked.sort(key=lambda r: -r.score)
        gains = self._likelihood.gains(question, [_text(r.paper) for r in looked[:_READ]])
        read = [
            replace(r, score=_raised(r.score, _GAIN * gain))
            for r, gain in zip(looked, gains, strict=False)
        ]
        again = sorted([*read, *looked[_READ:]], key=lambda r: (-r.score, r.paper.id))
        least = again[-1].score
        return [*again, *(replace(r, score=min(r.score, least)) for r in others)]

    def _closeness(self, question: str, papers: Sequence[Paper]) -> list[float]:
        """Of each paper the mean of two cosines: of all of it, and of its closest sentence."""
        asked = self._encoder.encode([question])[0]
        found = (PaperVectors(rows[:1], rows[1:], _NO_WORDS) for rows in self._vectors(papers))
        return [similarity(vectors, asked) for vectors in found]

    def _vectors(self, papers: Sequence[Paper]) -> list[Vectors]:
        """Of each paper its own vector and those of its sentences, made where none are kept."""
        keys = [hashlib.sha256(_text(paper).encode()).hexdigest() for paper in papers]
        found = self._remembered.get(keys)
        missing = {k: p for k, p in zip(keys, papers, strict=True) if k not in found}
        if missing:
            made = dict(zip(missing, self._encode(list(missing.values())), strict=True))
            found |= self._remembered.put(made)
        return [found[key] for key in keys]

    def _encode(self, papers: Sequence[Paper]) -> list[Vectors]:
        before = [len(_text(replace(paper, abstract=""))) for paper in papers]
        spans = [
            [(at + s.start, at + s.end) for s in split_sentences(paper.abstract)]
            for at, paper in zip(before, papers, strict=True)
        ]
        wholes, of_sentences = self._encoder.encode_parts([_text(p) for p in papers], spans)
        both = zip(wholes, of_sentences, strict=True)
        return [np.concatenate([whole[None], sentences]) for whole, sentences in both]


def load_reranker(settings: Settings, *, report: Report = silent) -> Reranker | None:
    """The second look that the settings ask for, its files fetched and unpacked where needed.

    Weights are loaded at the first question that needs them.

    Returns:
        None where the settings ask for none.

    Raises:
        ModelError: the setting names nothing that can be used.
        WeightsError: its files cannot be had.
    """
    if not settings.reranker:
        return None
    folder = model_folder(settings.reranker, settings, weights.BF16, report=report)
    encoder = load_larger_encoder(settings, report=report)
    remembered = RememberedVectors(settings.home / "second-look", encoder.name, encoder.dimension)
    return Reranker(encoder, QueryLikelihood(folder, settings.threads), remembered)


def is_unsure(ranked: Sequence[RankedPaper]) -> bool:
    """Whether what was found is neither plainly right nor plainly about something else."""
    return bool(ranked) and UNSURE[0] <= ranked[0].score < UNSURE[1]


def is_sure(ranked: Sequence[RankedPaper]) -> bool:
    """Whether the first look is sure of the best paper."""
    return bool(ranked) and ranked[0].first_score is None and ranked[0].score >= UNSURE[1]


def _text(paper: Paper) -> str:
    return f"{paper.title}. {paper.abstract}"


def _raised(score: float, gain: float) -> float:
    """A score with a gain, which takes away a share of what is missing to 1, so never passes it."""
    return score + gain if gain < 0 else 1 - (1 - score) * math.exp(-gain)
