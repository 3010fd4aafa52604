"""PubMed's text export (MEDLINE, ``.nbib``): ``PMID- ``, ``TI  - ``, ``AB  - ``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.papers import Paper
from rag.sources import fields
from rag.sources.entry import Unreadable, make_paper

_START = re.compile(r"^PMID- *\d", re.MULTILINE)
_FIELD = re.compile(r"([A-Z][A-Z0-9]{1,3}) {0,2}- ?(.*)")
_TAG_WIDTH = 4


_Record = dict[str, list[list[str]]]
"""The values under each tag, and the lines of each value."""


def recognises(text: str) -> bool:
    """Whether some line gives a PubMed number."""
    return _START.search(text) is not None


def read(text: str, source: str) -> Iterator[Paper | Unreadable]:
    """The papers of the file, a record from each PubMed number to the next."""
    record: _Record = {}
    where, tag = "", ""
    for number, line in enumerate(text.splitlines(), start=1):
        field = _FIELD.match(line)
        if field and line[_TAG_WIDTH : _TAG_WIDTH + 1] != "-":
            field = None  # a wrapped line that only looks like a field
        if field and field[1] == "PMID":
            if record:
                yield _paper(record, where, source)
            record, where = {}, f"{source}:{number}"
        if field and where:
            tag = field[1]
            record.setdefault(tag, []).append([field[2].strip()])
        elif line.strip() and tag in record:
            record[tag][-1].append(line.strip())
    if record:
        yield _paper(record, where, source)


def _paper(record: _Record, where: str, source: str) -> Paper | Unreadable:
    number = _first(record, "PMID")
    return make_paper(
        where=where,
        title=fields.plain(_first(record, "TI", "BTI", "TT")),
        abstract=fields.plain(_first(record, "AB", "OAB")),
        authors=tuple(map(fields.first_last, _values(record, "FAU") or _values(record, "AU"))),
        year=fields.year_in(_first(record, "DP", "DEP")),
        venue=fields.plain(_first(record, "JT", "TA")),
        url=fields.link(_doi(record), f"https://pubmed.ncbi.nlm.nih.gov/{number}/"),
        source_id=number,
        source=source,
        pmid=number,
        tags=[tag.replace("*", "") for tag in _values(record, "MH") + _values(record, "OT")],
    )


def _values(record: _Record, tag: str) -> list[str]:
    return [" ".join(lines).strip() for lines in record.get(tag, ())]


def _first(record: _Record, *tags: str) -> str:
    return next((value for tag in tags for value in _values(record, tag) if value), "")


def _doi(record: _Record) -> str:
    found = _values(record, "LID") + _values(record, "AID")
    return next((value.removesuffix("[doi]").strip() for value in found if "[doi]" in value), "")
