"""Readers: each turns a file into papers and says what it could not read.

A reader is found by what a file holds, not by what it is called.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from rag.errors import SourceError
from rag.papers import Paper
from rag.sources import (
    acl,
    arxiv_api,
    bibtex,
    containers,
    json_array,
    jsonl,
    listing,
    medline,
    pdf,
    pubmed_xml,
    ris,
    table,
)
from rag.sources.entry import Unreadable

__all__ = ["Source", "Unreadable", "find_sources", "read_source"]

_HEAD = 1 << 20
"""Bytes by which JSON lines are known; those are then read line by line."""


@dataclass(frozen=True, slots=True)
class _Reader:
    name: str
    recognises: Callable[[str], bool]
    read: Callable[[str, str], Iterator[Paper | Unreadable]]


@dataclass(frozen=True, slots=True)
class _BinaryReader:
    """Of a format that is no text, known by its first bytes.

    Attributes:
        most: bytes it takes; of a larger file it gets one more, and says so.
    """

    name: str
    recognises: Callable[[bytes], bool]
    read: Callable[[bytes, str], Iterator[Paper | Unreadable]]
    most: int


_BINARY_READERS = (_BinaryReader("PDF", pdf.recognises, pdf.read, pdf.MAX_BYTES),)

# Each knows its own from all the others', but a listing is nearly any prose, and a table without
# the right columns is nearly anything.
_READERS = (
    _Reader("JSON lines", jsonl.recognises, jsonl.read),
    _Reader("CSL-JSON or another JSON array", json_array.recognises, json_array.read),
    _Reader("PubMed XML", pubmed_xml.recognises, pubmed_xml.read),
    _Reader("ACL Anthology XML", acl.recognises, acl.read),
    _Reader("MEDLINE", medline.recognises, medline.read),
    _Reader("RIS", ris.recognises, ris.read),
    _Reader("BibTeX", bibtex.recognises, bibtex.read),
    _Reader("CSV or TSV", table.recognises, table.read),
    _Reader("listing", listing.recognises, listing.read),
    _Reader("CSV or TSV", table.is_tabular, table.read),
)


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be read, which may lie in a folder or be packed.

    Attributes:
        place: where it lies, as a person would say it.
        read: its papers, with a note for each entry that cannot be used. Raises SourceError,
            at once or on the way, where the file cannot be read or is in no format known here.
    """

    place: str
    read: Callable[[], Iterator[Paper | Unreadable]]


def find_sources(given: str | Path) -> Iterator[Source]:
    """What an argument stands for: a file, a folder, a pattern, ``-``, or ``arxiv:…``.

    Read each before asking for the next.
    """
    if str(given).startswith(arxiv_api.PREFIX):
        yield Source(str(given), partial(arxiv_api.read, str(given)))
        return
    for found in containers.find(str(given)):
        yield Source(found.place, partial(_watched, found))


def read_source(given: str | Path) -> Iterator[Paper | Unreadable]:
    """The papers of a file, or of all in a folder, with a note for each that cannot be used.

    Raises:
        SourceError: a file cannot be read, or is in no format known here.
    """
    for source in find_sources(given):
        yield from source.read()


def _watched(found: containers.Found) -> Iterator[Paper | Unreadable]:
    """What is read of a file, and a note where another program wrote to it meanwhile."""
    before = _state(found.place)
    yield from _read(found)
    if _state(found.place) != before:
        yield Unreadable(found.place, "it changed while it was read; add it again")


def _state(place: str) -> tuple[int, int] | None:
    """Size and time of a file; nothing where it lies in another or is a pipe."""
    try:
        found = Path(place).stat()
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns


def _read(found: containers.Found) -> Iterator[Paper | Unreadable]:
    stream = found.open()
    head = stream.read(_HEAD)
    for binary in _BINARY_READERS:
        if binary.recognises(head):
            rest = stream.read(max(binary.most - len(head), 0) + 1)
            return binary.read(head + rest, found.name)
    if not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        start = head.removeprefix(codecs.BOM_UTF8).decode("utf-8", errors="replace")
        if jsonl.recognises(start):
            lines = _lines(chain(io.BytesIO(head + stream.readline()), stream), found.place)
            return jsonl.read_lines(lines, found.name)
    text = _decoded(head + stream.read(), found.place)
    for reader in _READERS:
        if reader.recognises(text):
            return reader.read(text, found.name)
    known = ", ".join(dict.fromkeys(reader.name for reader in (*_READERS, *_BINARY_READERS)))
    raise SourceError(
        f"{found.place} holds no papers that can be recognised.",
        f"The formats known here: {known}.",
    )


def _lines(stream: Iterable[bytes], place: str) -> Iterator[str]:
    """Lines of UTF-8, decoded as they come."""
    before = 0
    for line in stream:
        yield _decoded(line, place, before)
        before += len(line)


def _decoded(content: bytes, place: str, before: int = 0) -> str:
    """The text; UTF-8, unless it begins with the mark of UTF-16.

    Args:
        before: bytes of the file before these.
    """
    wide = not before and content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{place} is not {'UTF-16' if wide else 'UTF-8'} text (byte {before + error.start}).",
            "Save it as UTF-8 and add it again.",
        ) from None
