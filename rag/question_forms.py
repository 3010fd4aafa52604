"""What form a question has, told from its words: for a list, a count, yes or no, two sides."""

from __future__ import annotations

import re

_PAPER_WORD = r"(?:papers?|studies|articles?|publications?|preprints?)"
_WORK_WORD = (
    r"(?:(?:other|recent|related|prior|earlier|existing|new)\s+)?(?:work|research|literature)"
)
_WAY_WORD = r"(?:approaches|methods|techniques|ways|models|algorithms|systems)"
_WHICH = re.compile(
    rf"""
    ^(?:[^?]{{1,60}}[:,]|[^?]{{1,60}}\s[-–—])?\W*     # "tree rings: …"
    (?:(?:please|kindly|(?:can|could|would)\s+you|i\s+need|i\s+want|give\s+me)\s+)*
    (?:
      # Which papers …, list all the papers …, in which of the papers …
      (?:(?:in\s+|from\s+)?which|what|list|name|show(?:\s+me)?|find(?:\s+me)?|give(?:\s+me)?|any
         |every|all|(?:are|is)\s+there)
      (?:\s+(?:all|any|every|each|some|of|the|these|my))*
      (?:\s+(?!(?:do|does|did|is|are|was|were|has|have|in|about)\b)[\w-]+){{0,2}}?\s+{_PAPER_WORD}
    | # What work is there on …, what work turns …
      (?:what|which|any|is\s+there(?:\s+any)?|list(?:\s+the|\s+all)*)
      \s+{_WORK_WORD}\s+(?!do\b|does\b|did\b|was\b|were\b|is\s+(?!there\b))
    | # Is there anything on …, anything about …
      (?:(?:is|are)\s+there\s+)?(?:any|some)(?:thing|one|body)\s+(?:on|about|that|which|in|with)
    | # What do you have on …, what is there on …
      what\s+(?:do\s+(?:you|we|i|they)\s+have|have\s+(?:you|we|i)(?:\s+got)?|is\s+there
         |(?:is|'s|do)\s+(?:in|on)\s+(?:the|my|this)\s+(?:library|collection))(?:\s+(?:on|about)\b|\W*$)
    | # What approaches are there …, list approaches that …
      (?:what|which)(?:\s+[\w-]+){{0,2}}?\s+{_WAY_WORD}\s+(?:are\s+there|exist\b|are\s+known)
    | list(?:\s+(?:all|the|of|some|every))*(?:\s+[\w-]+){{0,2}}?\s+{_WAY_WORD}
    | who\s+(?:else\s+)?(?:works|worked|has\s+worked|is\s+working)\s+(?:on|with)
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""A question for all papers of a kind, whatever word it has for them."""

_YES_NO = re.compile(
    r"^(?:(?:(?!\b(?:wh(?:at|ich|ere|en|o|om|ose|y)|how)\b).)*(?:[:?.,;–—]|--)\s*)?\W{0,9}"
    r"(?:(?:and|but|so|or|then)\s+)?"
    r"(?:is|are|was|were|do|does|did|can|could|has|have|had|will|would|should|must|may|might)\b"
    r"(?!.*\bor\b)|\byes or no\W*$",
    re.IGNORECASE,
)
"""A clause that starts with its verb, and leaves no choice but the two."""

_HOW_MANY = re.compile(r"\W*(?:\w+\W+){0,8}?how many\s+((?:[\w-]+\s*){1,2})", re.IGNORECASE)
"""Near the beginning: further on it may stand in what is told beside."""

_COMPARES = re.compile(
    r"\b(?:vs|versus|compar\w*|differ\w*|both|between|either|unlike|opposed|each)\b"
    r"|\bwhich\b.*\bor\b|\bor\b.*\bwhich\b"
    r"|\band (?:what|how|which|where|when|why|who|does|do|did|is|are|was|were|can)\b",
    re.IGNORECASE,
)
"""Words of a question that sets two things side by side."""

_MAY_COMPARE = re.compile(
    r"\b(?:vs|versus|compar\w*|than|and|or|differ\w*|both|between|either|unlike|against)\b",
    re.IGNORECASE,
)
"""Any word with which a question may speak of two things; most that have one do not."""

_ONE_THING = re.compile(
    r"\b(?:relation(?:ship)?|association|link|correlation|connection|interaction|interplay|"
    r"trade-?off)s? between\b",
    re.IGNORECASE,
)
"""What is asked about is what two things have with each other."""

_JOINS = re.compile(r"\band\b", re.IGNORECASE)


def asks_which(question: str) -> bool:
    """Whether a question asks for all papers of a kind: 'Which papers …?'"""
    return _WHICH.match(question) is not None


def asks_yes_or_no(question: str) -> bool:
    """Whether yes or no is what a question asks for first."""
    return _YES_NO.search(question) is not None


def what_is_counted(question: str) -> str:
    """The words after "how many", two at most; empty where a question does not want a count."""
    match = _HOW_MANY.match(question)
    return match.group(1).strip() if match else ""


def sets_side_by_side(question: str) -> bool:
    """Whether a question has a word that compares two things, rather than asks what they have
    with each other."""
    return _COMPARES.search(_ONE_THING.sub(" ", question)) is not None


def joins(question: str) -> bool:
    """Whether a question joins two things by "and"."""
    return _JOINS.search(question) is not None


def may_compare(question: str) -> bool:
    """Whether a question may speak of two things, so that its names need not stand together."""
    return _MAY_COMPARE.search(question) is not None
