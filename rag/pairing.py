"""Which figure a sentence gives to what, as in "93% and 70% on MNIST and SVHN".

A statement may hold only figures and words of its source and still give one's figure to another.
Where the source pairs figures and names off in so many words, that can be told for certain; where
it gives figures of one kind in clauses of their own, mostly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rag.names import numbers_in
from rag.store.keywords import tokenize

_WORD = r"(?<![\w-])(?=[\w-]*[A-Z])[\w+-]++"
_NAME = rf"{_WORD}(?:\s{_WORD}){{0,2}}"
_UNIT = r"\s?(?:\\?%|[A-Za-z×]{1,3}\b)?"
_NUMBER = rf"(?<![\w.-])\d+(?:[.,]\d+)*(?!\d){_UNIT}"
_BESIDE = r"(?:\s(?!(?:and|or|on|for|in|with|to)\b)[a-z][\w-]*){0,2}"
"""Words that each figure of a row may have behind it: "40% accuracy and 30% accuracy"."""

_JOINT = r"(?:\s*,\s*(?:(?:and|or)\s+)?|\s+(?:and|or|&)\s+)(?:[~≈<>]\s?|the\s|about\s|around\s)?"
_NUMBERS = re.compile(rf"{_NUMBER}{_BESIDE}(?:{_JOINT}{_NUMBER}{_BESIDE})+")
_NAMES = re.compile(rf"{_NAME}(?:{_JOINT}{_NAME})+")
_EACH = re.compile(
    rf"({_NUMBER})(?:\s[a-z][\w-]*){{0,3}}?\s(?:on|for|in|over|at)\s(?:the\s)?({_NAME})"
)
_CLAUSES = re.compile(
    r"[.?!]\s|[,;:()]\s|\s[-–—]\s|\s(?:whereas|while|but|and|or|versus|vs\.?|against"
    r"|than(?!\s\W{0,2}\d)|instead of|rather than|compared (?:with|to)|yet|although|though|from)\s",
    re.IGNORECASE,
)
_SHARES = re.compile(
    r"(?:that|those)\s(?:of|by|for|from|in|on|with|\w+ed|made|found|seen)\b", re.IGNORECASE
)
"""How a clause begins that shares what the one before is about: "…, that of owls by 57%"."""

_RESPECTIVELY = re.compile(r"\brespectively\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Figures of a sentence, without units, each with the name it is given to, in lower case."""

    figures: tuple[str, ...]
    names: tuple[str, ...]

    def of(self, names: set[str]) -> set[str]:
        """The figures of some names."""
        return {figure for figure, name in self if name in names}

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(zip(self.figures, self.names, strict=True))


def paired(sentence: str) -> list[Pairs]:
    """What a sentence pairs off: row by row, "respectively", or one by one, "93% on CIFAR-10".

    Rows are paired only where it is plain which: one row of names as long as the figures'.
    """
    each = _EACH.findall(sentence)
    found = [Pairs(_plain(f for f, _ in each), tuple(n.lower() for _, n in each))]
    if _RESPECTIVELY.search(sentence):
        names = [_row(match, _NAME) for match in _NAMES.finditer(sentence)]
        for match in _NUMBERS.finditer(sentence):
            figures = _plain(_row(match, _NUMBER))
            of_length = [row for row in names if len(row) == len(figures)]
            if len(of_length) == 1:
                found.append(Pairs(figures, of_length[0]))
    return [pairs for pairs in found if len(set(pairs.names)) == len(pairs.names) > 1]


def gives_otherwise(statement: str, source: str, question: str = "") -> bool:
    """Whether a statement gives a figure of its source to another name than the source does.

    Args:
        question: names what the statement is about, where that has no name itself.
    """
    return any(_differs(statement, pairs, question) for pairs in paired(source))


def mixes_figures_up(statement: str, source: str) -> bool:
    """Whether a statement says of a figure what a sentence says of another of its kind.

    Figures are of a kind where both are percentages or neither is, and both are decimals or
    neither is. What is said of one are the words of its clause; a statement with one figure is a
    clause. Of 1,808 statements, half of them wrong with the words and figures of their source, 37
    wrong ones and 5 right ones are told so (November 2026; `eval/data/statements*.jsonl`).
    """
    theirs, mine = _said_of(source), _said_of(statement)
    if len(mine) == 1:
        mine = {figure: [_Said(frozenset(tokenize(statement)))] for figure in mine}

    def is_of(figure: str, other: str) -> bool:
        """Whether what the statement says of a figure is said of another, and nothing of its."""
        return any(
            here.alone(there)
            and said.words & there.alone(here)
            and not said.words & (here.alone(there) - there.shared)
            for here in theirs[figure]
            for there in theirs[other]
            for said in mine[figure]
        )

    return any(
        is_of(figure, other) and (other not in mine or is_of(other, figure))
        for figure in mine.keys() & theirs.keys()
        for other in theirs.keys() - {figure}
        if len(theirs[figure]) == 1 and _kind(figure, source) == _kind(other, source)
    )


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said of a figure.

    Attributes:
        words: stems of its clause.
        shared: those of the clause before, where this one is about the same.
    """

    words: frozenset[str]
    shared: frozenset[str] = frozenset()

    def alone(self, other: _Said) -> frozenset[str]:
        """What is said of this one and not of the other."""
        return self.words - other.words


def _said_of(text: str) -> dict[str, list[_Said]]:
    """The figures of a text, each with every clause that it stands in."""
    found: dict[str, list[_Said]] = {}
    before: frozenset[str] = frozenset()
    for clause in _CLAUSES.split(text):
        figures = numbers_in(clause)
        words = frozenset(tokenize(clause)) - {
            stem for figure in figures for stem in tokenize(figure)
        }
        shared = before if _SHARES.match(clause.strip()) else frozenset()
        for figure in figures:
            found.setdefault(figure, []).append(_Said(words, shared))
        before = words
    return found


def _kind(figure: str, text: str) -> tuple[bool, bool]:
    """Whether a figure is a percentage, and a decimal."""
    return re.search(rf"(?<![\w.]){re.escape(figure)}\s?\\?%", text) is not None, "." in figure


def _differs(statement: str, pairs: Pairs, question: str) -> bool:
    said = numbers_in(statement) & set(pairs.figures)
    named = _held(statement, pairs.names)
    if not said:
        return False
    if named:
        mine = [pair for own in paired(statement) for pair in own]
        swapped = any(f in said and n in pairs.names and f not in pairs.of({n}) for f, n in mine)
        return swapped or said != pairs.of(named)
    return not pairs.of(_held(question, pairs.names)) <= said


def _held(text: str, names: tuple[str, ...]) -> set[str]:
    """Which of the names a text holds; "MNIST" is not held by "Fashion-MNIST"."""
    left = text.lower()
    held = set()
    for name in sorted(names, key=len, reverse=True):
        left, times = re.subn(rf"(?<![\w-]){re.escape(name)}(?![\w-])", " ", left)
        if times:
            held.add(name)
    return held


def _row(match: re.Match[str], item: str) -> tuple[str, ...]:
    return tuple(found.lower() for found in re.findall(item, match.group()))


def _plain(figures: Iterable[str]) -> tuple[str, ...]:
    """Figures without their units and thousands separators."""
    return tuple(next(iter(numbers_in(figure)), figure) for figure in figures)
