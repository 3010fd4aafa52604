"""RIS, as reference managers and publishers export it: ``TY  - JOUR`` to ``ER  -``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import rispy

from rag.papers import Paper
from rag.sources import fields
from rag.sources.entry import Unreadable, make_paper

_START, _END = re.compile(r"^TY  -", re.MULTILINE), re.compile(r"^ER  -", re.MULTILINE)

_FIELD = re.compile(r"([A-Z][A-Z0-9])  -(.*)")

_LONGEST_RECORD = 300_000
"""Characters; far longer ones would take the parser minutes."""


def recognises(text: str) -> bool:
    """Whether some line opens a record."""
    return _START.search(text) is not None


def read(text: str, source: str) -> Iterator[Paper | Unreadable]:
    """The papers of the file; a record that is not closed is read as far as it goes."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    starts = [found.start() for found in _START.finditer(text)]
    line, last = 1, 0
    for start, end in pairwise([*starts, len(text)]):
        line, last = line + text.count("\n", last, start), start
        if end - start > _LONGEST_RECORD:
            reason = f"the record is longer than {_LONGEST_RECORD:,} characters"
            yield Unreadable(f"{source}:{line}", reason)
            continue
        yield _paper(_END.split(text[start:end], maxsplit=1)[0], f"{source}:{line}", source)


def read_entry(lines: list[list[str]]) -> Paper | Unreadable:
    """What is read of an entry as it is kept, with an abstract of no meaning."""
    text = "".join(f"{tag}  - {value}\n" for tag, value in (*lines, ("AB", "-")))
    return _paper(text, "", "")


def _paper(text: str, where: str, source: str) -> Paper | Unreadable:
    # A record at a time, and nothing behind its end: the parser gives no lines, drops a record
    # without an end, and stumbles over loose text between records.
    (record,) = rispy.loads(f"{text}\nER  - \n", delimiter_tags_mapping={}, skip_unknown_tags=True)
    return make_paper(
        where=where,
        title=fields.plain(_first(record, "title", "primary_title")),
        abstract=fields.plain(_first(record, "abstract", "notes_abstract")),
        authors=tuple(
            fields.plain(fields.first_last(name))
            for name in record.get("authors") or record.get("first_authors") or ()
        ),
        year=fields.year_in(_first(record, "year", "publication_year", "date")),
        venue=fields.plain(
            _first(
                record,
                *("journal_name", "secondary_title", "alternate_title3", "alternate_title1"),
                "alternate_title2",
            )
        ),
        url=fields.link(_first(record, "doi"), _first(record, "urls")),
        source_id=_first(record, "id"),
        source=source,
        doi=_first(record, "doi"),
        tags=map(fields.plain, record.get("keywords") or ()),
        entry={"ris": _lines(text)},
    )


def _lines(text: str) -> list[list[str]]:
    """Tags and values as they are written; the abstract and keywords a library holds itself."""
    lines: list[list[str]] = []
    for line in text.split("\n"):
        if field := _FIELD.match(line):
            lines.append([field[1], field[2].strip()])
        elif lines and line.strip():
            lines[-1][1] = f"{lines[-1][1]} {line.strip()}".strip()
    return [line for line in lines if line[0] not in ("AB", "N2", "KW", "ER")]


def _first(record: dict[str, str | list[str]], *names: str) -> str:
    """The first of these fields that holds something, its first value where it has several."""
    for name in names:
        values = record.get(name) or ""
        if value := values if isinstance(values, str) else values[0]:
            return value
    return ""
