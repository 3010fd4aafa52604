"""From papers to what is searched: sentences, passages, and the vectors of both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rag.embedding import PASSAGE_TOKENS, Encoder, unit
from rag.papers import Paper, Passage
from rag.store import PaperRow, PaperVectors
from rag.text import split_passages, split_sentences


def split_paper(paper: Paper, encoder: Encoder) -> PaperRow:
    """A paper with its sentences, and with passages that the encoder can read at once."""
    sentences = split_sentences(paper.abstract)
    passages = split_passages(
        paper.title, paper.abstract, sentences, encoder.token_spans, PASSAGE_TOKENS
    )
    return PaperRow(paper, tuple(sentences), tuple(passages))


def embed_papers(rows: Sequence[PaperRow], encoder: Encoder) -> dict[str, PaperVectors]:
    """Vectors of papers by id, those of the sentences from the same pass as the passages'.

    A sentence that two passages share has the mean of its two vectors.
    """
    texts = [passage.text for row in rows for passage in row.passages]
    held = [_held_sentences(row, passage) for row in rows for passage in row.passages]
    vectors, parts = encoder.encode_parts(texts, [list(spans.values()) for spans in held])
    embedded = {}
    place = 0
    for row in rows:
        count = len(row.passages)
        sums = np.zeros((len(row.sentences), encoder.dimension), dtype=np.float32)
        for spans, part in zip(
            held[place : place + count], parts[place : place + count], strict=True
        ):
            sums[list(spans)] += part
        embedded[row.paper.id] = PaperVectors(vectors[place : place + count], unit(sums))
        place += count
    return embedded


def _held_sentences(row: PaperRow, passage: Passage) -> dict[int, tuple[int, int]]:
    """Which sentences a passage holds, wholly or in part, and where in its text."""
    head = len(passage.text) - (passage.end - passage.start)
    held = {}
    for index, sentence in enumerate(row.sentences):
        start, end = max(sentence.start, passage.start), min(sentence.end, passage.end)
        if start < end:
            held[index] = (start - passage.start + head, end - passage.start + head)
    return held
