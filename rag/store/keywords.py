"""Keyword search over titles and abstracts: BM25 with stems.

Scores by bm25s (Lù, 2024) in the variant of Lucene, with the parameters that Anserini's
baselines use on short documents, k1 = 0.9 and b = 0.4.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

import bm25s
import numpy as np
import Stemmer
from numpy.typing import NDArray

from rag.papers import Paper

_STOPWORDS = frozenset(
    """
    a about after all also am an and any are as at be because been before being between both but
    by can could did do does doing for from had has have having he her here him his how i if in
    into is it its itself just me more most my no nor not of off on only or other our out over
    own same she should so some such than that the their them then there these they this those
    through to too under until up us very was we were what when where which while who whom why
    will with would you your
    """.split()
)
# Letters and digits, joined over the marks that names are written with: "gpt-4", "85.2".
_TOKEN = re.compile(r"[^\W_]+(?:[.\-'’][^\W_]+)*")
_PART = re.compile(r"[^\W_]+")
_POINTER = "current.json"


def tokenize(text: str) -> list[str]:
    """Stems of a text's words, stop words left out; a joined name gives itself and its parts."""
    words = []
    for match in _TOKEN.finditer(text.lower()):
        token = match.group()
        parts = _PART.findall(token)
        words.extend(parts if len(parts) == 1 else [token, *parts])
    stems: list[str] = _stemmer().stemWords([w for w in words if w not in _STOPWORDS])
    return stems


def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english")  # not safe to share between threads, and cheap to make


class Coverage:
    """BM25 of every paper for one question, as a share of the best score there could be.

    BM25 adds up the inverse document frequency of the question's words, each damped by how
    often a paper says it; a paper that could not say them more often would have the sum. So 1
    means that everything rare in the question is there, whatever the question's length, and
    figures of different questions can be compared.
    """

    def __init__(
        self, ids: Sequence[str], places: Mapping[str, int], shares: NDArray[np.float32]
    ) -> None:
        self._ids = ids
        self._places = places
        self._shares = shares

    def best(self, k: int, within: Container[str] | None = None) -> list[str]:
        """Ids of the ``k`` papers that cover most, best first; those that cover nothing, not.

        Args:
            within: the only papers that may be named.
        """
        if within is None and k < len(self._shares):
            # Partitioned first: sorting a large library whole would take longer than the rest.
            few = np.sort(np.argpartition(-self._shares, k)[:k])
        else:
            few = np.arange(len(self._shares))
        order = few[np.argsort(-self._shares[few], kind="stable")]
        covering = (self._ids[i] for i in order if self._shares[i] > 0)
        return list(islice((i for i in covering if within is None or i in within), k))

    def of(self, paper_id: str) -> float:
        """The share that a paper covers; 0 for one that the index does not have."""
        place = self._places.get(paper_id)
        return 0.0 if place is None else float(self._shares[place])


class KeywordIndex:
    """BM25 of one state of a library, kept on disk and memory-mapped."""

    def __init__(self, ids: Sequence[str], index: bm25s.BM25 | None) -> None:
        self._ids = ids
        self._index = index

    @classmethod
    def build(cls, papers: Iterable[Paper]) -> KeywordIndex:
        ids, corpus = [], []
        for paper in papers:
            ids.append(paper.id)
            # The title counts twice: it says what a paper is about in few words.
            title = tokenize(paper.title)
            corpus.append([*title, *title, *tokenize(paper.abstract)])
        if not any(corpus):
            return cls(ids, None)
        index = bm25s.BM25(k1=0.9, b=0.4, method="lucene")
        index.index(corpus, show_progress=False)
        return cls(ids, index)

    @classmethod
    def load(cls, folder: Path, generation: int) -> KeywordIndex | None:
        """The saved index, or None where there is none of that generation."""
        try:
            pointer = json.loads((folder / _POINTER).read_text())
            if pointer["generation"] != generation:
                return None
            place = folder / pointer["folder"]
            ids = json.loads((place / "ids.json").read_text())
            empty = not (place / "params.index.json").exists()
            index = None if empty else bm25s.BM25.load(place, mmap=True)
        except (OSError, ValueError, KeyError):
            return None
        return cls(ids, index)

    def save(self, folder: Path, generation: int) -> None:
        """Write the index beside the present one, and point to it in one step."""
        place = folder / f"g{generation}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        (place / "ids.json").write_text(json.dumps(self._ids))
        if self._index is not None:
            self._index.save(place, show_progress=False)
        temporary = folder / "current.tmp"
        temporary.write_text(json.dumps({"generation": generation, "folder": place.name}))
        os.replace(temporary, folder / _POINTER)
        for other in folder.glob("g*"):
            if other != place:
                shutil.rmtree(other, ignore_errors=True)

    def coverage(self, question: str) -> Coverage:
        """How much of the question each paper covers."""
        terms = list(dict.fromkeys(tokenize(question)))
        if self._index is None or not terms:
            return Coverage(self._ids, self._places, np.zeros(len(self._ids), np.float32))
        best = sum(self._idf(term) for term in terms)
        known = [t for t in terms if t in self._index.vocab_dict]
        scores = self._index.get_scores(known) if known else np.zeros(len(self._ids))
        return Coverage(self._ids, self._places, np.asarray(scores / best, dtype=np.float32))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {paper_id: place for place, paper_id in enumerate(self._ids)}

    def _frequency(self, term: str) -> int:
        """How many papers hold a stem."""
        if self._index is None or (term_id := self._index.vocab_dict.get(term)) is None:
            return 0
        pointers = self._index.scores["indptr"]
        return int(pointers[term_id + 1] - pointers[term_id])

    def _idf(self, term: str) -> float:
        """Inverse document frequency as Lucene's BM25 has it, the most a term can score."""
        frequency = self._frequency(term)
        return float(np.log1p((len(self._ids) - frequency + 0.5) / (frequency + 0.5)))

    def rarity(self, term: str) -> float:
        """Inverse document frequency of a stem, 0 (in every paper) to 1 (in none or one)."""
        if self._index is None or len(self._ids) < 2:
            return 1.0
        return float(
            np.log(len(self._ids) / max(self._frequency(term), 1)) / np.log(len(self._ids))
        )
