"""RIS, as every reference manager reads it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator

from rag.exports.entries import entry_of, key_of
from rag.papers import Paper
from rag.sources import fields
from rag.sources import ris as reader

_STANDARD = {
    "TI": ("title", ("TI", "T1")),
    "AU": ("authors", ("AU", "A1")),
    "PY": ("year", ("PY", "Y1", "DA")),
    "JO": ("venue", ("JO", "T2", "JF", "J2", "JA")),
    "DO": ("doi", ("DO",)),
    "UR": ("url", ("UR",)),
}
"""Tags that this writer uses: what of a paper they say, and the tags that are read as the same."""


def write(papers: Iterable[Paper]) -> Iterator[str]:
    """A record a paper."""
    taken: set[str] = set()
    for paper in papers:
        own: list[list[str]] = entry_of(paper, "ris") or []
        lines = list(_lines(paper, own, taken))
        kind = next((value for tag, value in own if tag == "TY"), "") or "JOUR"
        body = "".join(f"{tag}  - {value}\n" for tag, value in lines)
        yield f"TY  - {kind}\n{body}ER  - \n\n"


def _lines(paper: Paper, own: list[list[str]], taken: set[str]) -> Iterator[tuple[str, str]]:
    yield "ID", key_of(paper, next((value for tag, value in own if tag == "ID"), ""), taken)
    # What the entry says stays as it is written, as long as it says what is kept now.
    said = reader.read_entry(own) if own else None
    replaced: set[str] = set()
    for tag, values in _standard(paper).items():
        attribute, others = _STANDARD[tag]
        if not (isinstance(said, Paper) and getattr(said, attribute) == getattr(paper, attribute)):
            # Other links stay behind the paper's own.
            replaced.update(others if tag != "UR" else ())
            yield from ((tag, value) for value in values)
    for tag, value in own:
        if tag not in replaced and tag not in ("TY", "ID"):
            yield tag, value
    yield "AB", "<br/>".join(_safe(part) for part in paper.abstract.split("\n\n"))
    yield from (("KW", _safe(word)) for word in paper.tags)


def _standard(paper: Paper) -> dict[str, list[str]]:
    return {
        "TI": [_safe(paper.title)],
        "AU": [_safe(_last_first(name)) for name in paper.authors],
        "PY": [str(paper.year)] if paper.year else [],
        "JO": [_safe(paper.venue)] if paper.venue else [],
        "DO": [paper.doi] if paper.doi else [],
        "UR": [paper.url] if paper.url and not paper.doi else [],
    }


def _last_first(name: str) -> str:
    given, _, family = name.rpartition(" ")
    return f"{family}, {given}" if given else name


def _safe(text: str) -> str:
    """The text, its marks escaped where a reader would take them for markup."""
    return text if fields.plain(text) == text else html.escape(text, quote=False)
