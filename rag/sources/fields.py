"""What bibliographic formats share: years, links, names, and markup in their text."""

from __future__ import annotations

import html
import re

_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
_DOI = re.compile(r"10\.\d{4,9}/\S+")

_ATTRIBUTES = r"(?:\s+[\w:.-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'))*\s*/?"
# A tag is taken for one only by its name: `p < 0.05` and `List<T>` are text.
_BREAK = re.compile(
    rf"<br{_ATTRIBUTES}>|</?(?:jats:)?(?:p|div|sec|ul|ol|li|list|list-item|title){_ATTRIBUTES}>",
    re.IGNORECASE,
)
_INLINE = re.compile(
    rf"</?(?:(?:jats|mml):[\w-]+|i|b|u|em|strong|sub|sup|sc|span|scp|tt|italic|bold|small"
    rf"|inf|a|nocase){_ATTRIBUTES}>",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_HEADING = re.compile(r"\A\s*<(jats:)?title>\s*(abstract|summary)\s*</(jats:)?title>", re.I)


def year_in(text: str) -> int | None:
    """The first number in a date that can be a year of publication."""
    found = _YEAR.search(text)
    return int(found[0]) if found else None


def link(doi: str, url: str) -> str:
    """The address of a paper: by its DOI where it has one."""
    found = _DOI.search(doi)
    return f"https://doi.org/{found[0].rstrip('.,;')}" if found else url.strip()


def first_last(name: str) -> str:
    """A name in reading order: ``Ferry, Anna, Jr.`` is ``Anna Ferry Jr.``."""
    last, *rest = [part.strip() for part in name.split(",")]
    first, suffix = (rest[0] if rest else ""), " ".join(rest[1:])
    return " ".join(" ".join((first, last, suffix)).split())


def part_names(text: str) -> list[str]:
    """The names in one string, parted by the strongest mark in it, each as it is written."""
    for mark in (";", " and ", "|"):
        if mark in text:
            parts = text.split(mark)
            if mark == " and " and "," in parts[0] and "," not in parts[-1]:  # A, B and C
                return [name for part in parts for name in part.split(",")]
            return parts
    return text.split(",")


def split_names(text: str) -> tuple[str, ...]:
    """The names in one cell, in reading order.

    A single comma with one word before or after it stands between family and given name.
    """
    parts = part_names(text)
    if ";" not in text and len(parts) == 2 and any(len(part.split()) == 1 for part in parts):
        parts = [text]
    return tuple(name for part in parts if (name := first_last(part)))


def fold(text: str) -> str:
    """Wrapped lines joined; an empty line still parts paragraphs."""
    paragraphs = re.split(r"\n[ \t\r]*\n", text.replace("\r\n", "\n"))
    return "\n\n".join(folded for p in paragraphs if (folded := " ".join(p.split())))


def plain(text: str) -> str:
    """Text without HTML and JATS tags, its character references decoded, its lines joined."""
    text = _BREAK.sub("\n\n", _HEADING.sub("", text))
    text = _REFERENCE.sub(lambda found: html.unescape(found[0]), _INLINE.sub("", text))
    return fold(text)
