"""What writers share: the entry a paper was read from, and keys that no two papers have."""

from __future__ import annotations

import json
import re
from typing import Any

from rag.papers import Paper, normalise

_LATIN = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "þ": "th"})
"""Letters that do not come apart into one of ASCII and an accent."""

_KEY = re.compile(r"[A-Za-z][\w:.+/-]{0,80}")


def entry_of(paper: Paper, kind: str) -> Any:
    """What was kept of the entry for that format, None where it was read from another."""
    kept = json.loads(paper.entry) if paper.entry else {}
    return kept.get(kind)


def key_of(paper: Paper, wanted: str, taken: set[str]) -> str:
    """The key of a paper's entry, its own where it has one, and noted as taken."""
    key = wanted or (paper.source_id if _KEY.fullmatch(paper.source_id) else "") or _made(paper)
    unique, number = key, 1
    while unique.lower() in taken:
        number += 1
        unique = f"{key}-{number}"
    taken.add(unique.lower())
    return unique


def _made(paper: Paper) -> str:
    words = normalise(paper.title).split()
    name = normalise(paper.authors[0]).split()[-1:] if paper.authors else []
    telling = next((word for word in words if len(word) > 3), words[0] if words else "paper")
    key = "".join([*name, str(paper.year or ""), telling])
    return "".join(c for c in key.translate(_LATIN) if c.isascii()) or paper.id
