"""What a library holds, in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from rag.library import Library


@dataclass(frozen=True, slots=True)
class LibraryFigures:
    """How many papers there are, of what.

    Attributes:
        years: year → papers, in order; 0 stands for papers without one.
        venues, sources, tags: name → papers, most first.
        abstract_characters: median length of an abstract.
        sizes: bytes on disk of the catalog, the vectors and the keyword index.
    """

    papers: int
    sample: int
    years: dict[int, int]
    venues: dict[str, int]
    sources: dict[str, int]
    tags: dict[str, int]
    abstract_characters: int
    sizes: dict[str, int]


def describe(library: Library) -> LibraryFigures:
    """Count a library."""
    years, venues, sources, tags = Counter[int](), Counter[str](), Counter[str](), Counter[str]()
    lengths = []
    sample = 0
    for paper in library.papers():
        years[paper.year or 0] += 1
        venues.update(filter(None, [paper.venue]))
        sources.update(filter(None, [paper.source]))
        tags.update(paper.tags)
        lengths.append(len(paper.abstract))
        sample += paper.sample
    return LibraryFigures(
        papers=len(lengths),
        sample=sample,
        years=dict(sorted(years.items())),
        venues=_by_number(venues),
        sources=_by_number(sources),
        tags=_by_number(tags),
        abstract_characters=int(median(lengths)) if lengths else 0,
        sizes=library.sizes(),
    )


def _by_number(counts: Counter[str]) -> dict[str, int]:
    items: Iterable[tuple[str, int]] = counts.items()
    return dict(sorted(items, key=lambda item: (-item[1], item[0])))
