"""CSV and TSV, as Zotero, Scopus and Web of Science export them, or with plain column names."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.errors import SourceError
from rag.papers import Paper
from rag.sources import fields
from rag.sources.entry import Unreadable, make_paper

_DELIMITERS = (",", "\t", ";", "|")

_FIRST_LINE = re.compile(r'\s*(?:"?sep=.\"?\r?\n)?([^\r\n]*)')
"""The header; a spreadsheet may name its delimiter in a line before it."""

# Names of columns without case, spaces and marks, the preferred ones first.
_TITLE = "title articletitle documenttitle papertitle primarytitle ti".split()
_ABSTRACT = "abstract abstractnote abstracttext summary ab text".split()
_AUTHORS = "authorfullnames authors author creators authornames af au".split()
_YEAR = "year publicationyear pubyear py date publicationdate published dateofpublication".split()
_VENUE = (
    "publicationtitle sourcetitle venue journal journaltitle booktitle containertitle "
    "proceedingstitle conferencetitle conferencename so source"
).split()
_TAGS = "keywords keyword authorkeywords manualtags tags indexkeywords de".split()
_DOI = "doi di".split()
_URL = "url link ur".split()
_ID = "key id paperid eid utuniquewosid uniquewosid ut pmid citationkey".split()
_PARTS = (_TITLE, _ABSTRACT, _AUTHORS, _YEAR, _VENUE, _DOI, _URL, _ID, _TAGS)

_NO_ABSTRACT = "[no abstract available]"
"""What Scopus writes into the cell."""

_NUMBER_OF_AUTHOR = re.compile(r"\s*\(\d+\)")


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where in a row each part of a paper may stand, the preferred place first."""

    title: tuple[int, ...]
    abstract: tuple[int, ...]
    authors: tuple[int, ...]
    year: tuple[int, ...]
    venue: tuple[int, ...]
    doi: tuple[int, ...]
    url: tuple[int, ...]
    id: tuple[int, ...]
    tags: tuple[int, ...]


def recognises(text: str) -> bool:
    """Whether the first line has several columns, and one is called title or abstract."""
    header = _header(text)
    return len(header) > 1 and bool(_places(header, _TITLE) or _places(header, _ABSTRACT))


def is_tabular(text: str) -> bool:
    """Whether the first rows have the same number of cells, whatever the columns are called."""
    rows = csv.reader(io.StringIO(text[:10_000], newline=""), delimiter=_delimiter(text))
    try:
        lengths = [len(row) for _, row in zip(range(4), rows, strict=False)]
    except csv.Error:
        return False
    return len(lengths) > 1 and lengths[0] > 1 and len(set(lengths)) == 1


def read(text: str, source: str) -> Iterator[Paper | Unreadable]:
    """The papers of a table, a row each; a row that cannot be used is noted with its line.

    Raises:
        SourceError: no column is called title, or none abstract.
    """
    header = _header(text)
    columns = _Columns(*(_places(header, names) for names in _PARTS))
    missing = " and no ".join(name for name in ("title", "abstract") if not getattr(columns, name))
    if missing:
        names = ", ".join(repr(name[:40]) for name in header[:30])
        raise SourceError(
            f"{source} has no {missing} column; its columns are {names}.",
            "Call the columns title and abstract, or export them too.",
        )
    return _papers(text, columns, len(header), source)


def _papers(text: str, columns: _Columns, width: int, source: str) -> Iterator[Paper | Unreadable]:
    for number, row in _rows(text):
        where = f"{source}:{number}"
        if isinstance(row, str):
            yield Unreadable(where, row)
        elif len(row) != width and not _only_lacks_empty_end(row, width):
            yield Unreadable(
                where,
                f"the row has {len(row)} cells and the header {width}; "
                "a quotation mark or delimiter may be missing",
            )
        else:
            yield _paper(row, columns, where, source)


def _only_lacks_empty_end(row: list[str], width: int) -> bool:
    """Whether a spreadsheet merely wrote a delimiter too many at the row's end."""
    return len(row) > width and not any(cell.strip() for cell in row[width:])


def _rows(text: str) -> Iterator[tuple[int, list[str] | str]]:
    """Rows below the header that hold something, or what is wrong, with their first lines."""
    start = _FIRST_LINE.match(text)
    before = text.count("\n", 0, start.start(1)) if start else 0
    body = io.StringIO(text[start.start(1) :] if start else text, newline="")
    rows = csv.reader(body, delimiter=_delimiter(text))
    while True:
        line = before + rows.line_num + 1
        header = rows.line_num == 0
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:  # the next row is read afresh
            yield line, f"it is no row of a table: {error}"
        else:
            if not header and any(cell.strip() for cell in row):
                yield line, row


def _paper(row: list[str], columns: _Columns, where: str, source: str) -> Paper | Unreadable:
    abstract = fields.plain(_cell(row, columns.abstract))
    authors = _NUMBER_OF_AUTHOR.sub("", fields.plain(_cell(row, columns.authors)))
    return make_paper(
        where=where,
        title=fields.plain(_cell(row, columns.title)),
        abstract="" if abstract.lower() == _NO_ABSTRACT else abstract,
        authors=fields.split_names(authors),
        year=fields.year_in(_cell(row, columns.year)),
        venue=fields.plain(_cell(row, columns.venue)),
        url=fields.link(_cell(row, columns.doi), _cell(row, columns.url)),
        source_id=_cell(row, columns.id),
        source=source,
        doi=_cell(row, columns.doi),
        tags=_tags(fields.plain(_cell(row, columns.tags))),
    )


def _tags(text: str) -> list[str]:
    """The keywords in one cell, parted by the strongest mark in it."""
    return re.split(r"[;|]" if re.search(r"[;|]", text) else ",", text)


def _cell(row: list[str], places: tuple[int, ...]) -> str:
    """The first of these cells that holds something."""
    return next((cell for place in places if (cell := row[place].strip())), "")


def _header(text: str) -> list[str]:
    return _split(_first_line(text), _delimiter(text))


def _first_line(text: str) -> str:
    found = _FIRST_LINE.match(text)
    return found[1] if found else ""


def _delimiter(text: str) -> str:
    """The one that parts the header into the most names known here, and then the most cells."""
    line = _first_line(text)
    known = {name for names in _PARTS for name in names}

    def fit(delimiter: str) -> tuple[int, int]:
        cells = _split(line, delimiter)
        return sum(_bare(cell) in known for cell in cells), len(cells)

    return max(_DELIMITERS, key=fit)


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _places(header: list[str], names: list[str]) -> tuple[int, ...]:
    bare = [_bare(cell) for cell in header]
    return tuple(place for name in names for place, cell in enumerate(bare) if cell == name)


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())
