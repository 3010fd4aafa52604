"""Which papers a question is asked of: years, venue, author, or papers named one by one."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace

from rag.papers import Paper, normalise

_YEAR = r"(?P<{}>(?:19|20)\d\d)"
_PAPERS = r"(?:papers?|articles?|studies|work|works|publications?|research|published|anything)"
_BETWEEN = re.compile(
    rf"\b{_PAPERS}\s+(?:published\s+)?(?:between|from)\s+{_YEAR.format('since')}\s*"
    rf"(?:and|to|until|-|–)\s*{_YEAR.format('until')}",
    re.IGNORECASE,
)
_SINCE = re.compile(
    rf"\b{_PAPERS}\s+(?:published\s+)?(?P<word>since|after|from)\s+{_YEAR.format('since')}"
    r"(?:\s+onwards?)?\b",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    rf"\b{_PAPERS}\s+(?:published\s+)?(?P<word>before|until|up to|by)\s+{_YEAR.format('until')}\b",
    re.IGNORECASE,
)
_IN = re.compile(rf"\b{_PAPERS}\s+(?:published\s+)?(?:in|of)\s+{_YEAR.format('year')}\b", re.I)
_AUTHOR = re.compile(
    rf"\b{_PAPERS}\s+(?:written\s+)?by\s+(?P<author>[A-Z][\w’'.-]+(?:\s+[A-Z][\w’'.-]+){{0,3}})"
)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a paper must be to be found; what is not given lets every paper through.

    Attributes:
        since, until: first and last year; a paper without a year does not pass.
        venue, author: words that the venue, or one author's name, must hold, in any case.
        tags: a paper must have each of them, in any case.
        papers: ids of the only papers asked.
        without: ids of papers left out.
    """

    since: int | None = None
    until: int | None = None
    venue: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()
    papers: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self != Filters()

    def __or__(self, other: Filters) -> Filters:
        """Both together; where both say something of one kind, the other's counts."""
        given = {name: value for name, value in asdict(other).items() if value}
        return replace(self, **given)

    def __str__(self) -> str:
        """In words, for the reader: 'since 2021, by Gu'; empty where nothing is filtered."""
        years = ""
        if self.since is not None and self.since == self.until:
            years = f"of {self.since}"
        elif self.since is not None and self.until is not None:
            years = f"from {self.since} to {self.until}"
        elif self.since is not None:
            years = f"since {self.since}"
        elif self.until is not None:
            years = f"until {self.until}"
        parts = [
            years,
            f"in {self.venue}" if self.venue else "",
            f"by {self.author}" if self.author else "",
            f"tagged {' and '.join(self.tags)}" if self.tags else "",
            f"{len(self.papers)} chosen" if self.papers else "",
            f"without {len(self.without)} left out" if self.without else "",
        ]
        return ", ".join(filter(None, parts))

    def passes(self, paper: Paper) -> bool:
        """Whether a paper may be found."""
        year = paper.year
        if self.since is not None and (year is None or year < self.since):
            return False
        if self.until is not None and (year is None or year > self.until):
            return False
        if self.venue and not _holds(paper.venue, self.venue):
            return False
        if self.author and not any(_holds(name, self.author) for name in paper.authors):
            return False
        if self.tags and not set(map(normalise, self.tags)) <= set(map(normalise, paper.tags)):
            return False
        return paper.id not in self.without and (not self.papers or paper.id in self.papers)


def read_filters(question: str) -> tuple[str, Filters]:
    """The filters that a question states plainly, and the question without those words.

    Only phrases about papers count: "papers since 2021 on pruning", "work by Gu", "studies
    published between 2015 and 2018". A year that the question is about, as in "the 2016
    election", stays where it is.
    """
    filters = Filters()
    if author := _AUTHOR.search(question):
        filters = replace(filters, author=author["author"].removesuffix("’s").removesuffix("'s"))
        question = _without(question, author)
    if match := _BETWEEN.search(question):
        filters = replace(filters, since=int(match["since"]), until=int(match["until"]))
    elif match := _SINCE.search(question):
        later = int(match["word"].lower() == "after")
        filters = replace(filters, since=int(match["since"]) + later)
    elif match := _BEFORE.search(question):
        earlier = int(match["word"].lower() == "before")
        filters = replace(filters, until=int(match["until"]) - earlier)
    elif match := _IN.search(question):
        filters = replace(filters, since=int(match["year"]), until=int(match["year"]))
    return (_without(question, match) if match else question), filters


def _without(question: str, match: re.Match[str]) -> str:
    """The question with what was matched cut down to its first word, the one for papers."""
    noun = match.group().split()[0]
    return " ".join(f"{question[: match.start()]}{noun}{question[match.end() :]}".split())


def _holds(text: str, wanted: str) -> bool:
    """Whether all words of the one are in the other, in that order."""
    return f" {normalise(wanted)} " in f" {normalise(text)} "
