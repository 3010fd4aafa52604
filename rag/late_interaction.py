"""Late interaction: each word of a question beside the word of a paper that is closest to it.

A passage's vector is the mean of its words', in which the one word that a question is about is
lost among two hundred. MaxSim looks at the words themselves: for each of the question's the
highest cosine to any of the paper's, in the mean (Khattab and Zaharia, 2020, "ColBERT", section
3.3). The encoder was never trained to it, and does it well; `docs/retrieval.md` has the figures.

What is kept of a paper are the signs of its words' vectors, a bit a number: they find what the
vectors themselves find.
"""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np

from rag.embedding import Encoder
from rag.papers import Signs, Vectors
from rag.store import KeywordIndex, content_words


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question is searched by.

    Attributes:
        vector: of all of it, ``(dimension,)``.
        words: of its words but stop words, ``(words, dimension)``.
        weights: what each word counts, by how few papers have it, ``(words,)``; 1 together.
    """

    vector: Vectors
    words: Vectors
    weights: Vectors


def read_questions(
    questions: Sequence[str], encoder: Encoder, keywords: KeywordIndex
) -> list[Asked]:
    """Questions as they are searched, from one pass of the encoder."""
    words = [content_words(question) for question in questions]
    vectors, of_words = encoder.encode_parts(questions, [list(spans) for spans in words])
    asked = []
    for vector, mine, stems in zip(vectors, of_words, words, strict=True):
        rarity = np.array([keywords.rarity(stem) for stem in stems.values()], dtype=np.float32)
        if not rarity.any():  # nothing but stop words, or words that all papers have
            mine, rarity = vector[None], np.ones(1, dtype=np.float32)
        asked.append(Asked(vector, mine, rarity / rarity.sum()))
    return asked


def read_topic(question: str, beside: Container[str], encoder: Encoder) -> Asked:
    """A question by the words that say what it is about, each counting as much as the next.

    Args:
        beside: words, in lower case, that say nothing of that.
    """
    words = list(content_words(question))
    topic = [(a, b) for a, b in words if question[a:b].lower() not in beside]
    (vector,), (mine,) = encoder.encode_parts([question], [topic])
    mine = mine if topic else vector[None]
    return Asked(vector, mine, np.full(len(mine), 1 / len(mine), dtype=np.float32))


def signs(vectors: Vectors) -> Signs:
    """What is kept of vectors ``(words, dimension)``: ``(words, dimension / 8)``."""
    return np.packbits(vectors > 0, axis=1)


def max_sim(asked: Asked, papers: Sequence[Signs]) -> list[float]:
    """How close the words of each paper come to those of a question, -1 to 1.

    The cosine to a vector's signs is 0.8 of that to the vector itself, so the same words reach
    about .8; words of any paper are .15 close. A paper without words is 0 close.
    """
    import torch

    counts = np.array([len(words) for words in papers])
    if not counts.any():
        return [0.0] * len(papers)
    # By torch, as the encoder: NumPy's own threads would get in the way of torch's for 0.1 s.
    bits = torch.from_numpy(np.unpackbits(np.concatenate(papers), axis=1))
    wanted = torch.from_numpy(asked.words)
    cosines = ((2 * bits.float() - 1) @ wanted.T).numpy() / math.sqrt(asked.words.shape[1])
    first = np.cumsum(counts) - counts
    best = np.maximum.reduceat(cosines, first[counts > 0], axis=0) @ asked.weights
    close = np.zeros(len(papers))
    close[counts > 0] = best
    return [float(value) for value in close]
