"""Saved listings: a page header, then a title line and an abstract line for each paper."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from rag.papers import Paper
from rag.sources.entry import Unreadable, make_paper

_SHORTEST_ABSTRACT = 120
_LONGEST_TITLE = 300


def recognises(text: str) -> bool:
    """Whether some line that could be a title stands right before one that reads like prose."""
    lines = [line for _, line in _lines(text)]
    return any(_is_title(t) and _is_prose(a) for t, a in pairwise(lines))


def read(text: str, source: str) -> Iterator[Paper | Unreadable]:
    """The papers of a listing; lines before the first one are the page's header.

    An abstract may run over several paragraphs. A line that belongs to no pair is noted.
    """
    lines = list(_lines(text))
    at, found = 0, False
    while at < len(lines):
        number, line = lines[at]
        where = f"{source}:{number}"
        if not (at + 1 < len(lines) and _is_title(line) and _is_prose(lines[at + 1][1])):
            if found:
                yield Unreadable(where, f"no abstract follows {line[:80]!r}")
            at += 1
            continue
        last = at + 1
        while last + 1 < len(lines) and _is_prose(lines[last + 1][1]):
            last += 1
        found = True
        abstract = "\n\n".join(paragraph for _, paragraph in lines[at + 1 : last + 1])
        yield make_paper(where=where, title=line, abstract=abstract, source=source)
        at = last + 1


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that hold something, with their numbers from 1."""
    for number, line in enumerate(text.split("\n"), start=1):
        if stripped := line.strip():
            yield number, stripped


def _is_title(line: str) -> bool:
    return len(line) <= _LONGEST_TITLE


def _is_prose(line: str) -> bool:
    return len(line) >= _SHORTEST_ABSTRACT and (". " in line or line[-1] in ".!?\"'”’)")
