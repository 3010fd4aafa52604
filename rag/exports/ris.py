"""RIS, as every reference manager reads it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator

from rag.exports.entries import entry_of, key_of
from rag.papers import Paper
from rag.sources import fields

_STANDARD = {
    "TI": ("TI", "T1"),
    "AU": ("AU", "A1"),
    "PY": ("PY", "Y1", "DA"),
    "JO": ("JO", "T2", "JF", "JA"),
    "DO": ("DO",),
    "UR": ("UR",),
    "ID": ("ID",),
}
"""Tags that this writer uses, and those an entry may have in their place."""


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
    standard = _standard(paper)
    said = {tag: [v for t, v in own if t in others and v] for tag, others in _STANDARD.items()}
    key = key_of(paper, next(iter(said["ID"]), ""), taken)
    # What the entry says stays as it is written, as long as it says what is kept now.
    kept = {tag for tag in standard if said[tag] and _agrees(paper, tag, said[tag])}
    yield "ID", key
    for tag, values in standard.items():
        if tag not in kept:
            yield from ((tag, value) for value in values)
    replaced = {t for tag, others in _STANDARD.items() if tag not in kept for t in others}
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


def _agrees(paper: Paper, tag: str, values: list[str]) -> bool:
    if tag == "AU":
        return tuple(fields.plain(fields.first_last(name)) for name in values) == paper.authors
    if tag == "PY":
        return fields.year_in(values[0]) == paper.year
    if tag == "DO":
        return values[0].lower().endswith(paper.doi) if paper.doi else False
    if tag == "UR":
        return True
    return fields.plain(values[0]) == (paper.title if tag == "TI" else paper.venue)


def _last_first(name: str) -> str:
    given, _, family = name.rpartition(" ")
    return f"{family}, {given}" if given else name


def _safe(text: str) -> str:
    """The text, its marks escaped where a reader would take them for markup."""
    return text if fields.plain(text) == text else html.escape(text, quote=False)
