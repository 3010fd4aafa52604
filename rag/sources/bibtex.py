"""BibTeX and BibLaTeX: entries, ``@string`` abbreviations, ``crossref`` to a volume."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass

from bibtexparser.exceptions import ParserStateException
from bibtexparser.middlewares.names import (
    parse_single_name_into_parts,
    split_multiple_persons_names,
)
from bibtexparser.model import Block, Entry, ParsingFailedBlock, String
from bibtexparser.splitter import Splitter

from rag.errors import SourceError
from rag.papers import Paper
from rag.sources import fields, latex
from rag.sources.entry import Unreadable, make_paper

# What fails to parse is told by the reader itself, once and with its line.
logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)

_ENTRY = re.compile(r"^[ \t]*@[A-Za-z]+[ \t]*[{(][ \t]*[^\s{}()]", re.MULTILINE)
_BRACE = re.compile(r"(?<!\\)[{}]")
_BRACE_OR_QUOTE = re.compile(r'(?<!\\)[{}"]')
_SPACE = re.compile(r"\s*")
_BARE = re.compile(r'[^\s#{}",]+')

_LONGEST_VALUE = 200_000
"""Characters; abbreviations that are made of one another grow without end."""

_MONTHS = "January February March April May June July August September October November December"
_ABBREVIATIONS = {month[:3].lower(): month for month in _MONTHS.split()}

_INHERITED = ("booktitle", "journal", "journaltitle", "year", "date")


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry with its values read; where a field stands twice, the first counts, as in BibTeX.

    Attributes:
        broken: the field whose value cannot be read, empty where all can.
        kind: such as ``article``.
    """

    key: str
    where: str
    fields: dict[str, str]
    broken: str
    kind: str


def recognises(text: str) -> bool:
    """Whether some line opens an entry: ``@article{key``."""
    return _ENTRY.search(text) is not None


def read(text: str, source: str) -> Iterator[Paper | Unreadable]:
    """The papers of a bibliography, in its order; a broken entry is noted, the rest goes in.

    Raises:
        SourceError: the parser itself gave up.
    """
    try:
        blocks = Splitter(text).split().blocks
    except ParserStateException as error:
        raise SourceError(
            f"{source} cannot be read as BibTeX: {error}.", "Look for an unclosed brace."
        ) from None
    found = list(_entries(blocks, source))
    entries = {entry.key.lower(): entry for entry in reversed(found) if isinstance(entry, _Entry)}
    volumes = {entry.fields.get("crossref", "").lower() for entry in entries.values()} - {""}
    seen: set[str] = set()
    for entry in found:
        if isinstance(entry, Unreadable):
            yield entry
        elif entry.key and entry.key in seen:
            yield Unreadable(entry.where, f"the key {entry.key!r} stands here a second time")
        elif entry.key.lower() not in volumes or "abstract" in entry.fields:
            seen.add(entry.key)
            yield _paper(entry, entries, source)


def _entries(blocks: list[Block], source: str) -> Iterator[_Entry | Unreadable]:
    strings = dict(_ABBREVIATIONS)
    for block in blocks:
        where = f"{source}:{(block.start_line or 0) + 1}"
        whole = _without_doubles(block)
        if isinstance(whole, String):
            value = _value(whole.value, strings)
            if value is None:
                yield Unreadable(
                    where, f"the value of the abbreviation {whole.key!r} cannot be read"
                )
            else:
                strings[whole.key.lower()] = value
        elif isinstance(whole, Entry):
            yield _entry(whole, where, strings)
        elif isinstance(whole, ParsingFailedBlock):
            reason = getattr(whole.error, "abort_reason", str(whole.error))
            yield Unreadable(where, f"it is not BibTeX: {' '.join(reason.split())}")


def _without_doubles(block: Block) -> Block:
    """The block itself where only a key or field stands twice, which is decided here."""
    while isinstance(block, ParsingFailedBlock) and block.ignore_error_block is not None:
        block = block.ignore_error_block
    return block


def _entry(block: Entry, where: str, strings: dict[str, str]) -> _Entry:
    values: dict[str, str] = {}
    broken = ""
    for field in block.fields:
        value = _value(str(field.value), strings)
        if value is None:
            broken = broken or field.key
        else:
            values.setdefault(field.key.strip().lower(), value)
    return _Entry(block.key, where, values, broken, block.entry_type)


def _value(raw: str, strings: dict[str, str]) -> str | None:
    """A value without its braces or quotation marks, pieces joined by ``#`` put together.

    None where there is something between the pieces: most often a comma is missing before it.
    """
    pieces: list[str] = []
    at, length = _after_space(raw, 0), 0
    while at < len(raw):
        end = _end_of_piece(raw, at)
        if end is None:
            return None
        piece = raw[at:end]
        pieces.append(piece[1:-1] if piece[0] in '{"' else strings.get(piece.lower(), piece))
        length += len(pieces[-1])
        at = _after_space(raw, end)
        if length > _LONGEST_VALUE or raw[at : at + 1] not in ("", "#"):
            return None
        at = _after_space(raw, at + 1)
    return "".join(pieces)


def _after_space(raw: str, at: int) -> int:
    found = _SPACE.match(raw, at)
    return found.end() if found else at


def _end_of_piece(raw: str, at: int) -> int | None:
    if raw[at] not in '{"':
        bare = _BARE.match(raw, at)
        return bare.end() if bare else None
    quoted = raw[at] == '"'
    depth = 0 if quoted else 1
    for mark in (_BRACE_OR_QUOTE if quoted else _BRACE).finditer(raw, at + 1):
        depth += {"{": 1, "}": -1}.get(mark[0], 0)
        if depth <= 0 and mark[0] == ('"' if quoted else "}"):
            return mark.end()
    return None


def _paper(entry: _Entry, entries: dict[str, _Entry], source: str) -> Paper | Unreadable:
    if entry.broken:
        return Unreadable(
            entry.where,
            f"the value of {entry.broken!r} in {entry.key!r} cannot be read; "
            "a comma, brace or quotation mark may be missing before its end",
        )
    own = entry.fields
    volume = entries.get(own.get("crossref", "").lower())
    if volume is not None:
        inherited = {k: volume.fields[k] for k in _INHERITED if k in volume.fields}
        own = {"booktitle": volume.fields.get("title", "")} | inherited | own
    return make_paper(
        where=entry.where,
        title=_text(own, "title"),
        abstract=_text(own, "abstract"),
        authors=read_authors(own.get("author", "")),
        year=fields.year_in(own.get("year", "")) or fields.year_in(own.get("date", "")),
        venue=_text(
            own, "journal", "journaltitle", "booktitle", "archive", "archiveprefix", "eprinttype"
        ),
        url=_link(own),
        source_id=entry.key,
        source=source,
        doi=_unescaped(own.get("doi", "")),
        arxiv=own.get("eprint", "") if _is_on_arxiv(own) else "",
        pmid=own.get("pmid", ""),
        tags=re.split(r"[;,]", _text(own, "keywords", "keyword")),
        entry={"bibtex": {"type": entry.kind, "key": entry.key, "fields": _kept(entry.fields)}},
    )


def _kept(own: dict[str, str]) -> dict[str, str]:
    """Fields as they are written; the abstract and the keywords a library holds itself."""
    return {k: v for k, v in own.items() if k not in ("abstract", "keywords", "keyword")}


def _unescaped(address: str) -> str:
    """Underscores and percent signs are escaped in some exports' addresses."""
    return re.sub(r"\\([_%&#~])", r"\1", address)


def _is_on_arxiv(own: dict[str, str]) -> bool:
    return (own.get("archiveprefix") or own.get("eprinttype") or "").lower() == "arxiv"


def _text(own: dict[str, str], *names: str) -> str:
    """The first of these fields that holds something, as plain text."""
    for name in names:
        if text := fields.plain(latex.decode(own.get(name, ""))):
            return text
    return ""


def _link(own: dict[str, str]) -> str:
    url = _unescaped(own.get("url", "")).strip()
    url = url.removeprefix(r"\url{").rstrip("}") if url.startswith(r"\url{") else url
    if not url and own.get("eprint") and _is_on_arxiv(own):
        url = f"https://arxiv.org/abs/{own['eprint'].strip()}"
    return fields.link(own.get("doi", "").replace("\\_", "_"), url)


def read_authors(raw: str) -> tuple[str, ...]:
    """The names of an author field, in reading order, as plain text."""
    names = []
    for name in split_multiple_persons_names(raw):
        parts = parse_single_name_into_parts(name, strict=False)
        if (decoded := " ".join(latex.decode(parts.merge_first_name_first).split())) != "others":
            names.append(decoded)
    return tuple(filter(None, names))
