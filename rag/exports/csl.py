"""CSL-JSON, as Zotero, Mendeley and pandoc read it."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator
from typing import Any

from rag.exports.entries import entry_of, key_of
from rag.papers import Paper
from rag.sources import fields
from rag.sources.record import read_record


def write(papers: Iterable[Paper]) -> Iterator[str]:
    """An array with an item a paper."""
    taken: set[str] = set()
    before = "[\n"
    for paper in papers:
        yield before + json.dumps(_item(paper, taken), ensure_ascii=False, indent=1)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _item(paper: Paper, taken: set[str]) -> dict[str, Any]:
    own: dict[str, Any] = dict(entry_of(paper, "csl") or {})
    item = {"type": "article-journal"} | own
    key = key_of(paper, str(own.get("id", "")), taken)
    item["id"] = own["id"] if key == str(own.get("id", "")) else key  # a number stays one
    # What the entry itself says stays as it is written, as long as it says what is kept now.
    said = read_record(own | {"abstract": "x", "issued": own.get("issued")}, "", "")
    for name, value in _values(paper).items():
        of_paper = _FIELDS[name]
        same = isinstance(said, Paper) and getattr(said, of_paper) == getattr(paper, of_paper)
        if value and not (same and name in own):
            item[name] = value
    return item


_FIELDS = {
    "title": "title",
    "abstract": "abstract",
    "author": "authors",
    "issued": "year",
    "container-title": "venue",
    "DOI": "doi",
    "URL": "url",
    "PMID": "pmid",
    "keyword": "tags",
    "note": "note",
}


def _values(paper: Paper) -> dict[str, Any]:
    by_doi = paper.doi and fields.link(paper.doi, "").lower() == paper.url.lower()
    return {
        "title": _safe(paper.title),
        "abstract": "<br/>".join(_safe(part) for part in paper.abstract.split("\n\n")),
        "author": [_name(name) for name in paper.authors],
        "issued": {"date-parts": [[paper.year]]} if paper.year else None,
        "container-title": _safe(paper.venue),
        "DOI": paper.doi,
        "URL": "" if by_doi else paper.url,
        "PMID": paper.pmid,
        "keyword": "; ".join(paper.tags) + (";" if len(paper.tags) == 1 else ""),
        "note": paper.note,
    }


def _name(name: str) -> dict[str, str]:
    given, _, family = name.rpartition(" ")
    return {"family": _safe(family), "given": _safe(given)} if given else {"literal": _safe(name)}


def _safe(text: str) -> str:
    """The text, its marks escaped where a reader would take them for markup."""
    return text if fields.plain(text) == text else html.escape(text, quote=False)
