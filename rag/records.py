"""What a library knows of a paper beside its abstract: who wrote it, when, where it appeared."""

from __future__ import annotations

import re

from rag.papers import Paper

_WHO = re.compile(
    r"\bwho(?:'s| is| are| was| were)? (?:wrote|authored|published|(?:the )?(?:\w+ )?authors?\b)"
    r"|\b(?:which|what) authors? (?:wrote|published)\b"
    r"|^\W*(?:please )?(?:list|name|give me|tell me|what are)(?: the)?(?: names of the)? authors\b",
    re.IGNORECASE,
)
_WHEN = re.compile(
    r"\bwhen (?:was|were|did)\b.{1,300}\b(?:published|written|appear)\b"
    r"|\b(?:what|which) year\b.{1,300}\b(?:published|written|appear|come out|paper|from)\b"
    r"|\bhow old is (?:the|this|that)\b.{0,300}\b(?:paper|study|article)\b",
    re.IGNORECASE,
)
_WHERE = re.compile(
    r"\bwhere (?:was|were|did)\b.{1,300}\b(?:published|appear)\b"
    r"|\b(?:what|which) (?:journal|venue|conference)\b.{1,300}\b(?:published|appear|in|from)\b",
    re.IGNORECASE,
)
_DOI = re.compile(r"\b(?:the|its|a) doi\b", re.IGNORECASE)


def asks_of_record(question: str) -> bool:
    """Whether a question is about a paper's record: 'Who wrote …?', 'When was … published?'"""
    return any(asked.search(question) for asked in (_WHO, _WHEN, _WHERE, _DOI))


def say_record(question: str, paper: Paper) -> str:
    """What the record says to such a question, a sentence without its mark; empty where the
    library does not hold it."""
    wrote = f"was written by {_listed(paper.authors)}" if paper.authors else ""
    year = f"in {paper.year}" if paper.year is not None else ""
    venue = f"in {paper.venue}" if paper.venue else ""
    told = [
        wrote if _WHO.search(question) else "",
        f"was published {year}" if year and _WHEN.search(question) else "",
        f"appeared {venue}" if venue and _WHERE.search(question) else "",
        f"has the DOI {paper.doi}" if paper.doi and _DOI.search(question) else "",
    ]
    said = _listed([part for part in told if part])
    return f"“{paper.title}” {said}." if said else ""


def _listed(things: list[str] | tuple[str, ...]) -> str:
    *first, last = things or [""]
    return f"{', '.join(first)} and {last}" if first else last
