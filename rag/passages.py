"""From papers to what is searched: sentences, passages, and the vectors of both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rag.embedding import PASSAGE_TOKENS, Encoder, unit
from rag.late_interaction import signs
from rag.papers import Paper, Passage
from rag.store import PaperRow, PaperVectors, content_words
from rag.text import Span, split_passages, split_sentences


def split_paper(paper: Paper, encoder: Encoder) -> PaperRow:
    """A paper with its sentences, and with passages that the encoder can read at once."""
    sentences = split_sentences(paper.abstract)
    passages = split_passages(
        paper.title, paper.abstract, sentences, encoder.token_spans, PASSAGE_TOKENS
    )
    return PaperRow(paper, tuple(sentences), tuple(passages))


def embed_papers(rows: Sequence[PaperRow], encoder: Encoder) -> dict[str, PaperVectors]:
    """Vectors of papers by id, those of sentences and words from the same pass as the passages'.

    A sentence that two passages share has the mean of its two vectors.
    """
    texts = [passage.text for row in rows for passage in row.passages]
    held = [_held_sentences(row, passage) for row in rows for passage in row.passages]
    words = [
        _own_words(passage, first=not i) for row in rows for i, passage in enumerate(row.passages)
    ]
    parts = [[*some.values(), *more] for some, more in zip(held, words, strict=True)]
    vectors, of_parts = encoder.encode_parts(texts, parts)
    embedded = {}
    place = 0
    for row in rows:
        mine = range(place, place + len(row.passages))
        sums = np.zeros((len(row.sentences), encoder.dimension), dtype=np.float32)
        for i in mine:
            sums[list(held[i])] += of_parts[i][: len(held[i])]
        embedded[row.paper.id] = PaperVectors(
            vectors[mine.start : mine.stop],
            unit(sums),
            np.concatenate([signs(of_parts[i][len(held[i]) :]) for i in mine]),
        )
        place = mine.stop
    return embedded


def _own_words(passage: Passage, first: bool) -> list[Span]:
    """Where the words stand in a passage's text, those of the title in the first passage only."""
    head = 0 if first else len(passage.text) - (passage.end - passage.start)
    return [span for span in content_words(passage.text) if span[0] >= head]


def _held_sentences(row: PaperRow, passage: Passage) -> dict[int, tuple[int, int]]:
    """Which sentences a passage holds, wholly or in part, and where in its text."""
    head = len(passage.text) - (passage.end - passage.start)
    held = {}
    for index, sentence in enumerate(row.sentences):
        start, end = max(sentence.start, passage.start), min(sentence.end, passage.end)
        if start < end:
            held[index] = (start - passage.start + head, end - passage.start + head)
    return held
