"""What every reader makes of an entry: a clean paper, or a note why there is none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from rag.identity import find_identifiers
from rag.papers import Paper

MAX_ABSTRACT = 20_000
"""Characters; anything longer is a whole paper or a mistake."""

MAX_TITLE = 1_000

_LAST_YEAR = 9_999

# Control characters, the invisible marks that turn the direction of text around, and halves of
# characters, which JSON can hold and no file can.
_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry that cannot be used.

    Attributes:
        where: file and line.
        reason: what is wrong, for a person.
    """

    where: str
    reason: str


def make_paper(
    *,
    where: str,
    title: str,
    abstract: str,
    authors: tuple[str, ...] = (),
    year: int | None = None,
    venue: str = "",
    url: str = "",
    source_id: str = "",
    source: str,
    doi: str = "",
    arxiv: str = "",
    pmid: str = "",
    tags: Iterable[str] = (),
    note: str = "",
    entry: object = None,
) -> Paper | Unreadable:
    """A paper with clean text, or why there is none.

    Args:
        doi, arxiv, pmid: as the source writes them; they are also read from the link.
        entry: what the source's own format needs to be written again, as JSON has it.
    """
    numbers = find_identifiers(url, doi, arxiv, pmid)
    title = _line(title)
    abstract = _CONTROL.sub("", abstract.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not title:
        return Unreadable(where, "it has no title")
    if not abstract:
        return Unreadable(where, f"{title[:80]!r} has no abstract")
    if len(title) > MAX_TITLE:
        return Unreadable(where, f"its title is longer than {MAX_TITLE:,} characters")
    if len(abstract) > MAX_ABSTRACT:
        return Unreadable(
            where, f"the abstract of {title[:80]!r} is longer than {MAX_ABSTRACT:,} characters"
        )
    return Paper(
        title=title,
        abstract=abstract,
        authors=tuple(filter(None, map(_line, authors))),
        year=year if year is not None and 0 < year <= _LAST_YEAR else None,
        venue=_line(venue),
        url=_CONTROL.sub("", url).strip(),
        source_id=_CONTROL.sub("", source_id).strip(),
        source=source,
        doi=numbers.doi,
        arxiv=numbers.arxiv,
        pmid=numbers.pmid,
        tags=tuple(dict.fromkeys(filter(None, map(_line, tags)))),
        note=_CONTROL.sub("", note).strip(),
        entry=_CONTROL.sub("", json.dumps(entry, ensure_ascii=False, sort_keys=True))
        if entry
        else "",
    )


def _line(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())
