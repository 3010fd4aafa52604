"""A writer in a process of its own, with an encoder that needs no weights; tests kill it.

Each line of the log is a piece of work that the library reported as done.
"""

from __future__ import annotations

import json
import random
import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import rag.library
from rag.embedding import Encoder, unit
from rag.library import Library
from rag.papers import Paper, Vectors
from rag.settings import load_settings
from rag.text import Span

WORDS = "river bread yeast owl ferry canal bridge crumb flour lake ice wren kestrel heron".split()


class WordEncoder(Encoder):
    """A text's vector is the sum of its words'."""

    def __init__(self) -> None:
        super().__init__(Path())

    def token_spans(self, text: str) -> Sequence[Span]:
        return [found.span() for found in re.finditer(r"\w+", text)]

    def encode(self, texts: Sequence[str], advance: Callable[[int], None] | None = None) -> Vectors:
        return unit(np.array([self._sum(text) for text in texts], dtype=np.float32))

    def encode_parts(
        self, texts: Sequence[str], parts: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        of_parts = [
            self.encode([text[start:end] for start, end in spans])
            if spans
            else np.empty((0, self.dimension), np.float32)
            for text, spans in zip(texts, parts, strict=True)
        ]
        return self.encode(texts), of_parts

    def _sum(self, text: str) -> Vectors:
        total = np.full(self.dimension, 0.01, dtype=np.float32)
        for word in re.findall(r"\w+", text.lower()):
            total += np.random.default_rng(zlib.crc32(word.encode())).standard_normal(
                self.dimension
            )
        return total


def papers(count: int, first: int = 0) -> list[Paper]:
    """Made-up papers, the same ones each time."""
    made = []
    for number in range(first, first + count):
        chance = random.Random(number)
        words = [" ".join(chance.choices(WORDS, k=7)) for _ in range(3)]
        text = " ".join(f"{sentence.capitalize()} {number}." for sentence in words)
        made.append(Paper(title=f"On the {words[0]} number {number}", abstract=text))
    return made


def open_library(path: Path) -> Library:
    rag.library.load_encoder = lambda *_, **__: WordEncoder()  # type: ignore[assignment]
    return Library(path, load_settings())


def work(path: Path, log: Path, jobs: Sequence[tuple[str, int, int]], ready: object) -> None:
    """Do the jobs one after another: ("add" or "remove", first, count), or ("rebuild", 0, 0)."""
    library = open_library(path)
    ready.set()  # type: ignore[attr-defined]
    for job in jobs:
        what, first, count = job
        if what == "add":
            library.add(papers(count, first))
        elif what == "remove":
            library.remove([paper.id for paper in papers(count, first)])
        else:
            library.rebuild()
        with log.open("a") as file:
            file.write(json.dumps(job) + "\n")
