"""Postings: which papers say which stem, how often; one segment of the keyword index.

A segment never changes once it is written. It holds counts, not scores: what a count is worth
depends on all the papers of the library, so scores are made when a question is asked.
"""

from __future__ import annotations

import json
import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ARRAYS = ("pointers", "places", "counts", "lengths")
_TEXT = "text.json"
_MOST = 65_535
"""The most often that one paper can be counted as saying one stem."""

FileSums = dict[str, tuple[int, int]]
"""Each file of a segment with its size and the CRC-32 of its bytes."""


@dataclass(frozen=True, slots=True)
class Document:
    """A paper as it is counted: its id, the state of its text, and its stems."""

    id: str
    text_hash: str
    stems: Sequence[str]


@dataclass(frozen=True, slots=True)
class Segment:
    """The postings of some papers.

    Attributes:
        ids, text_hashes: one a paper; the hash tells which text was counted.
        terms: the place of each stem in ``pointers``.
        pointers: ``places[pointers[t]:pointers[t + 1]]`` are the papers that say stem ``t``.
        places: of papers in ``ids``, rising for each stem.
        counts: how often each of these papers says it.
        lengths: stems of each paper, repeated ones too.
    """

    ids: list[str]
    text_hashes: list[str]
    terms: dict[str, int]
    pointers: NDArray[np.int64]
    places: NDArray[np.int32]
    counts: NDArray[np.uint16]
    lengths: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.ids)

    def postings(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
        """The places of the papers that say a stem, and how often each does."""
        number = self.terms.get(term)
        if number is None:
            return self.places[:0], self.counts[:0]
        these = slice(int(self.pointers[number]), int(self.pointers[number + 1]))
        return self.places[these], self.counts[these]


def count(documents: Iterable[Document]) -> Segment:
    """The segment of these papers, in their order."""
    ids: list[str] = []
    hashes: list[str] = []
    terms: dict[str, int] = {}
    numbers, places, counts, lengths = array("i"), array("i"), array("H"), array("i")
    for document in documents:
        frequencies = Counter(document.stems)
        numbers.extend(terms.setdefault(term, len(terms)) for term in frequencies)
        places.extend([len(ids)] * len(frequencies))
        counts.extend(min(often, _MOST) for often in frequencies.values())
        lengths.append(len(document.stems))
        ids.append(document.id)
        hashes.append(document.text_hash)
    pointers, order = _by_term(np.array(numbers, dtype=np.int32), len(terms))
    return Segment(
        ids,
        hashes,
        terms,
        pointers,
        np.array(places, dtype=np.int32)[order],
        np.array(counts, dtype=np.uint16)[order],
        np.array(lengths, dtype=np.int32),
    )


def merge(parts: Sequence[tuple[Segment, NDArray[np.bool_]]]) -> Segment:
    """One segment of the papers of several, each given with which of its papers to keep."""
    ids: list[str] = []
    hashes: list[str] = []
    terms: dict[str, int] = {}
    numbers, places, counts, lengths = [], [], [], []
    for segment, keep in parts:
        new_places = np.cumsum(keep, dtype=np.int32) - 1 + np.int32(len(ids))
        kept = keep[segment.places]
        of_term = np.repeat(
            np.arange(len(segment.terms), dtype=np.int32), np.diff(segment.pointers)
        )
        of_term = of_term[kept]
        # Stems that only dropped papers say are not carried on.
        said = np.zeros(len(segment.terms), dtype=bool)
        said[of_term] = True
        renumbered = np.array(
            [
                terms.setdefault(term, len(terms)) if said[number] else 0
                for term, number in segment.terms.items()
            ],
            dtype=np.int32,
        )
        numbers.append(renumbered[of_term])
        places.append(new_places[segment.places[kept]])
        counts.append(segment.counts[kept])
        lengths.append(segment.lengths[keep])
        chosen = np.flatnonzero(keep)
        ids.extend(segment.ids[place] for place in chosen)
        hashes.extend(segment.text_hashes[place] for place in chosen)
    pointers, order = _by_term(np.concatenate(numbers), len(terms))
    return Segment(
        ids,
        hashes,
        terms,
        pointers,
        np.concatenate(places)[order],
        np.concatenate(counts)[order],
        np.concatenate(lengths),
    )


def save(segment: Segment, folder: Path) -> FileSums:
    """Write a segment into a new folder; returns what `load` and `damaged` compare with."""
    folder.mkdir(parents=True)
    for name in _ARRAYS:
        np.save(folder / f"{name}.npy", getattr(segment, name))
    text = {"ids": segment.ids, "text_hashes": segment.text_hashes, "terms": list(segment.terms)}
    (folder / _TEXT).write_text(json.dumps(text, ensure_ascii=False), encoding="utf-8")
    return {file.name: (file.stat().st_size, _crc(file)) for file in sorted(folder.iterdir())}


def load(folder: Path, files: FileSums) -> Segment:
    """A saved segment, its arrays memory-mapped.

    Raises:
        OSError, ValueError, KeyError: a file is missing, or not as long as it was.
    """
    for name, (size, _) in files.items():
        if (folder / name).stat().st_size != size:
            raise ValueError(f"{folder / name} is not {size} bytes long")
    text = json.loads((folder / _TEXT).read_text(encoding="utf-8"))
    arrays: list[Any] = [np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS]
    terms = {term: number for number, term in enumerate(text["terms"])}
    return Segment(text["ids"], text["text_hashes"], terms, *arrays)


def damaged(folder: Path, files: FileSums) -> list[str]:
    """Names of the files whose bytes are not those that were written."""
    return [
        name
        for name, (size, crc) in files.items()
        if not (folder / name).is_file()
        or (folder / name).stat().st_size != size
        or _crc(folder / name) != crc
    ]


def _by_term(numbers: NDArray[np.int32], terms: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each stem's postings begin, and the order that puts them there."""
    pointers = np.zeros(terms + 1, dtype=np.int64)
    np.cumsum(np.bincount(numbers, minlength=terms), out=pointers[1:])
    return pointers, np.argsort(numbers, kind="stable")


def _crc(file: Path) -> int:
    crc = 0
    with file.open("rb") as stream:
        while piece := stream.read(1 << 20):
            crc = zlib.crc32(piece, crc)
    return crc
