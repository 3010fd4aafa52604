"""Whose work a sentence speaks of: a paper says things of others' work that are not so of its own.

"These methods need paired data" is the reason for a paper, not its result; said of its method it is
wrong in the paper's own words.
"""

from __future__ import annotations

import re

_WORKS = r"(?:methods|approaches|works?|attacks|models|techniques|algorithms|studies)"

_OF_OTHERS = re.compile(
    r"^\W*(?:(?:however|but|yet|still|unfortunately|so far|to date)\W+(?:(?:these|such)\s+)?)?"
    r"(?:(?:most|many|all|of|the|in)\s+){0,3}"
    r"(?:(?<=these\s)|(?<=such\s)|(?:existing|previous|prior|earlier|conventional|traditional|past)\s+)"
    rf"(?:[\w-]+\s+){{0,3}}?{_WORKS}\b",
    re.IGNORECASE,
)
"""What a paper says of others' work, mostly to set its own against it: they are its subject."""

_SAYS_OTHERS = re.compile(
    r"\b(?:existing|previous\w*|prior|earlier|conventional|traditional|past|others?|most)\b",
    re.IGNORECASE,
)
"""What a sentence has that says it is theirs."""

_OF_ANOTHER = re.compile(
    r"^\W*(?:an?|one|the)\s+(?:[\w-]+\s+){0,2}?"
    r"(?:recent(?:ly)?|popular|existing|previous(?:ly)?|earlier|well-known|widely|common(?:ly)?|"
    r"standard|classic(?:al)?|prominent)\s+(?:[\w-]+\s+){0,4}?"
    r"(?:called|named|known\s+as|dubbed|termed)\s+[\"'“‘]?([\w-]+)",
    re.IGNORECASE,
)
"""One work of others, and the first word of its name: "A recently introduced technique called
batch normalization …"."""


def gives_to_another(statement: str, source: str) -> bool:
    """Whether a statement says of something else what its source says of others' work: it calls
    it neither theirs nor, where the source has one work in mind, by its name."""
    if _OF_OTHERS.search(source):
        return _SAYS_OTHERS.search(statement) is None
    named = _OF_ANOTHER.search(source)
    if named is None:
        return False
    name = re.escape(named[1])
    return re.search(rf"(?<![\w-]){name}(?![\w-])", statement, re.IGNORECASE) is None
