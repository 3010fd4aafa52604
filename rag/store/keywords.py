"""Keyword search over titles and abstracts: BM25 with stems.

Scores are those of Lucene's variant (as in bm25s: Lù, 2024), with the parameters that Anserini's
baselines use on short documents, k1 = 0.9 and b = 0.4. What changes goes into a second, small
segment, which is merged into the large one when it has grown; a score is made of the counts of
both when a question is asked, so it is the same however the papers came in.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import Stemmer
from numpy.typing import NDArray

from rag.papers import Paper
from rag.store import postings
from rag.store.postings import Document, FileSums, Segment

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
_FORMAT = 2

_K1, _B = 0.9, 0.4

_SMALL = 2_000
"""Papers that the second segment may always hold."""

_SHARE = 8
"""The second segment may hold one for so many in the first; then they are merged."""


def tokenize(text: str) -> list[str]:
    """Stems of a text's words, stop words left out; a joined name gives itself and its parts."""
    words = []
    for match in _TOKEN.finditer(text.lower()):
        token = match.group()
        parts = _PART.findall(token)
        words.extend(parts if len(parts) == 1 else [token, *parts])
    stems: list[str] = _stemmer().stemWords([w for w in words if w not in _STOPWORDS])
    return stems


def content_words(text: str) -> dict[tuple[int, int], str]:
    """A text's words but stop words: where each stands, with its stem."""
    words = {match.span(): match.group().lower() for match in _PART.finditer(text)}
    kept = {span: word for span, word in words.items() if word not in _STOPWORDS}
    return dict(zip(kept, _stemmer().stemWords(list(kept.values())), strict=True))


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
        few: list[int] = np.flatnonzero(self._shares > 0).tolist()
        if within is not None:
            few = [place for place in few if self._ids[place] in within]
        if k < len(few):
            # Cut first: sorting a large library whole would take longer than the rest.
            shares = self._shares[few]
            least = -np.partition(-shares, k)[:k].max() if k else np.inf
            few = np.asarray(few)[shares >= least].tolist()
        # Equal shares by id, so that the order does not tell how the papers came in.
        few.sort(key=lambda place: (-self._shares[place], self._ids[place]))
        return [self._ids[place] for place in few[:k]]

    def of(self, paper_id: str) -> float:
        """The share that a paper covers; 0 for one that the index does not have."""
        place = self._places.get(paper_id)
        return 0.0 if place is None else float(self._shares[place])


@dataclass(frozen=True, slots=True)
class _Part:
    """A segment, which of its papers still count, and where it lies if it was saved."""

    segment: Segment
    alive: NDArray[np.bool_]
    folder: str = ""
    files: FileSums | None = None

    def frequency(self, term: str) -> int:
        """How many of the papers that count say a stem."""
        return int(np.count_nonzero(self.alive[self.segment.postings(term)[0]]))


class KeywordIndex:
    """BM25 of one state of a library, kept on disk and memory-mapped.

    Args:
        parts: the large segment and, where something changed since, the small one.
    """

    def __init__(self, parts: Sequence[_Part]) -> None:
        self._parts = parts
        self._ids = [paper_id for part in parts for paper_id in part.segment.ids]
        self._alive = np.concatenate([np.zeros(0, bool), *(part.alive for part in parts)])
        self._count = int(np.count_nonzero(self._alive))

    def __len__(self) -> int:
        return self._count

    @classmethod
    def build(cls, papers: Iterable[Paper]) -> KeywordIndex:
        return cls([_whole(postings.count(_documents(papers)))])

    def states(self) -> dict[str, str]:
        """The papers that are counted, by id, with the hash of the text that was."""
        hashes = (text_hash for part in self._parts for text_hash in part.segment.text_hashes)
        counted = zip(self._ids, hashes, self._alive, strict=True)
        return {paper_id: text_hash for paper_id, text_hash, alive in counted if alive}

    def updated(
        self, states: Mapping[str, str], fetch: Callable[[Sequence[str]], Iterable[Paper]]
    ) -> KeywordIndex:
        """The index of a later state of the library, made of this one.

        Args:
            states: the papers there should be, by id, with the hash of their text.
            fetch: gives papers by their ids; only those that are new or changed are asked for.
        """
        counted = self.states()
        if counted == states:
            return self
        gone = {i for i, text_hash in counted.items() if states.get(i) != text_hash}
        lacking = [i for i, text_hash in states.items() if counted.get(i) != text_hash]
        parts = [_without(part, gone) for part in self._parts]
        if lacking:
            parts.append(_whole(postings.count(_documents(fetch(lacking)))))
        parts = [part for part in parts if part.alive.any()]
        if not parts:
            return KeywordIndex.build([])
        large, *small = parts
        held = sum(len(part.segment) for part in small) + np.count_nonzero(~large.alive)
        if held > max(_SMALL, len(large.segment) // _SHARE):
            return KeywordIndex([_merged(parts)])
        return KeywordIndex([large, _merged(small)] if len(small) > 1 else parts)

    @classmethod
    def load(cls, folder: Path, generation: int | None = None) -> KeywordIndex | None:
        """The saved index, or None where there is none that can be read.

        Args:
            generation: the only one that will do.
        """
        for _ in range(3):  # a writer may replace it between the pointer and what it points to
            try:
                pointer = json.loads((folder / _POINTER).read_text())
                if pointer["format"] != _FORMAT:
                    return None
                if generation is not None and pointer["generation"] != generation:
                    return None
                return cls([_load_part(folder, part) for part in pointer["parts"]])
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return None

    def save(self, folder: Path, generation: int) -> None:
        """Write what is not written yet beside the rest, and point to it in one step."""
        folder.mkdir(parents=True, exist_ok=True)
        saved = [_saved(part, folder, generation) for part in self._parts]
        self._parts = saved
        described = [
            {
                "folder": part.folder,
                "files": part.files,
                "gone": np.flatnonzero(~part.alive).tolist(),
            }
            for part in saved
        ]
        temporary = folder / "current.tmp"
        content = {"format": _FORMAT, "generation": generation, "parts": described}
        temporary.write_text(json.dumps(content))
        os.replace(temporary, folder / _POINTER)
        kept = {part.folder for part in saved}
        for other in folder.glob("g*"):
            if other.name not in kept:
                shutil.rmtree(other, ignore_errors=True)

    def damaged(self, folder: Path) -> list[str]:
        """Files of this index whose bytes are not those that were written."""
        return [
            f"{part.folder}/{name}"
            for part in self._parts
            if part.files is not None
            for name in postings.damaged(folder / part.folder, part.files)
        ]

    def coverage(self, question: str) -> Coverage:
        """How much of the question each paper covers."""
        terms = list(dict.fromkeys(tokenize(question)))
        shares = np.zeros(len(self._ids), np.float32)
        if not self._count or not terms:
            return Coverage(self._ids, self._places, shares)
        rarities = {term: self._idf(term) for term in terms}
        first = 0
        for part in self._parts:
            here = shares[first : first + len(part.segment)]
            norms = self._norms[first : first + len(part.segment)]
            for term, rarity in rarities.items():
                places, counts = part.segment.postings(term)
                here[places] += np.float32(rarity) * (counts / (norms[places] + counts))
            first += len(part.segment)
        shares /= np.float32(sum(rarities.values()))
        shares[~self._alive] = 0
        return Coverage(self._ids, self._places, shares)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {i: place for place, i in enumerate(self._ids) if self._alive[place]}

    @cached_property
    def _norms(self) -> NDArray[np.float32]:
        """What a paper's length adds below the fraction of each of its stems."""
        lengths = np.concatenate([part.segment.lengths for part in self._parts])
        mean = max(int(lengths[self._alive].sum(dtype=np.int64)), 1) / self._count
        return np.asarray(_K1 * (1 - _B + _B * lengths / mean), dtype=np.float32)

    def _frequency(self, term: str) -> int:
        """How many papers hold a stem."""
        return sum(part.frequency(term) for part in self._parts)

    def _idf(self, term: str) -> float:
        """Inverse document frequency as Lucene's BM25 has it, the most a term can score."""
        frequency = self._frequency(term)
        return float(np.log1p((self._count - frequency + 0.5) / (frequency + 0.5)))

    def rarity(self, term: str) -> float:
        """Inverse document frequency of a stem, 0 (in every paper) to 1 (in none or one)."""
        if self._count < 2:
            return 1.0
        return float(np.log(self._count / max(self._frequency(term), 1)) / np.log(self._count))


def _documents(papers: Iterable[Paper]) -> Iterator[Document]:
    for paper in papers:
        # The title counts twice: it says what a paper is about in few words.
        title = tokenize(paper.title)
        yield Document(paper.id, paper.text_hash, [*title, *title, *tokenize(paper.abstract)])


def _whole(segment: Segment) -> _Part:
    return _Part(segment, np.ones(len(segment), dtype=bool))


def _without(part: _Part, gone: Container[str]) -> _Part:
    staying = np.array([paper_id not in gone for paper_id in part.segment.ids], dtype=bool)
    return _Part(part.segment, part.alive & staying, part.folder, part.files)


def _merged(parts: Sequence[_Part]) -> _Part:
    return _whole(postings.merge([(part.segment, part.alive) for part in parts]))


def _saved(part: _Part, folder: Path, generation: int) -> _Part:
    """The same, memory-mapped from where it now lies."""
    if part.folder and (folder / part.folder).is_dir():
        return part
    names = (f"g{generation}-{number}" for number in count())
    name = next(name for name in names if not (folder / name).exists())
    files = postings.save(part.segment, folder / name)
    return _Part(postings.load(folder / name, files), part.alive, name, files)


def _load_part(folder: Path, described: dict[str, Any]) -> _Part:
    files = {name: (int(size), int(crc)) for name, (size, crc) in described["files"].items()}
    segment = postings.load(folder / described["folder"], files)
    alive = np.ones(len(segment), dtype=bool)
    alive[np.array(described["gone"], dtype=np.int64)] = False
    return _Part(segment, alive, described["folder"], files)
