"""What is the same paper, and what two records of it make together.

A DOI, an arXiv number or a PubMed number decides where both records have one; otherwise the
title decides, with year and first author where both say them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from rag.papers import Paper, normalise

_DOI = re.compile(r"10\.\d{4,9}/\S+")
_ARXIV = re.compile(
    r"(?:(\d{4}\.\d{4,5})|([a-z][a-z.-]+/\d{7}))(v[1-9]\d*)?(?:\.pdf)?(?![\w.]*\w)", re.I
)
_ARXIV_LINK = re.compile(r"arxiv\.org/(?:abs|pdf)/(\S+)", re.IGNORECASE)
_ARXIV_DOI = re.compile(r"10\.48550/arxiv\.(\S+)", re.IGNORECASE)
_PUBMED_LINK = re.compile(r"pubmed(?:\.ncbi\.nlm\.nih\.gov|/)\D*(\d{1,9})\b")

_TELLING_WORDS = 4
"""A title of so many words is not given to two papers by chance; "Editorial" is."""

_MERGED = tuple("title abstract authors year venue url source_id doi arxiv pmid entry".split())


@dataclass(frozen=True, slots=True)
class Identifiers:
    """The numbers a paper is known by, each empty where it has none.

    Attributes:
        arxiv: with its version, as ``2401.00001v2``, where that is known.
    """

    doi: str = ""
    arxiv: str = ""
    pmid: str = ""


def find_identifiers(url: str = "", doi: str = "", arxiv: str = "", pmid: str = "") -> Identifiers:
    """Identifiers in one form each, from where sources write them and from the paper's link."""
    found_doi = _DOI.search(doi) or _DOI.search(url)
    doi = found_doi[0].rstrip(".,;").lower() if found_doi else ""
    if preprint := _ARXIV_DOI.fullmatch(doi):
        doi, arxiv = "", arxiv or preprint[1]
    if link := _ARXIV_LINK.search(url):
        arxiv = arxiv or link[1]
    number = _ARXIV.search(arxiv)
    if not pmid and (link := _PUBMED_LINK.search(url)):
        pmid = link[1]
    return Identifiers(
        doi,
        f"{number[1] or number[2]}{number[3] or ''}".lower() if number else "",
        pmid if pmid.isascii() and pmid.isdecimal() else "",
    )


def names(paper: Paper) -> tuple[str, ...]:
    """All by which a library finds the paper again, the surest first."""
    numbers = {"doi": paper.doi, "arxiv": unversioned(paper.arxiv), "pmid": paper.pmid}
    named = [f"{scheme}:{value}" for scheme, value in numbers.items() if value]
    return (*named, f"record:{replace(paper, key='').id}")


def unversioned(arxiv: str) -> str:
    """An arXiv number without its version."""
    return re.sub(r"v\d+$", "", arxiv)


def contradict(one: Paper, other: Paper) -> bool:
    """Whether an identifier tells two papers apart."""
    pairs = (
        (one.doi, other.doi),
        (unversioned(one.arxiv), unversioned(other.arxiv)),
        (one.pmid, other.pmid),
    )
    # One that agrees settles it: a corrected record may have got another DOI.
    if any(a and a == b for a, b in pairs):
        return False
    return any(a and b and a != b for a, b in pairs)


def alike(one: Paper, other: Paper) -> bool:
    """Whether two papers of one normalised title are the same, by year and first author."""
    if contradict(one, other):
        return False
    if one.year and other.year and one.year != other.year:
        return False
    first, second = _first_author(one), _first_author(other)
    if first and second and first != second:
        return False
    agree = bool(one.year and other.year and first and second)
    telling = len(normalise(one.title).split()) >= _TELLING_WORDS
    return agree or telling or one.sample or other.sample


def merge(old: Paper, new: Paper) -> Paper:
    """What a library keeps of a paper when another record of it comes, under the same id.

    What the same entry of the same source says now replaces what it said before. Another source
    fills what is empty, and gives the abstract and the authors where it has more of them; a later
    version of an arXiv paper gives title and abstract. A digest of the starter library gives way
    to any real record.
    """
    if new.sample and not old.sample:
        return old
    if old.sample and not new.sample:
        tags = tuple(dict.fromkeys((*old.tags, *new.tags)))
        return replace(_with_origins(new), key=old.id, tags=tags, note=old.note or new.note)
    origins = dict(_with_origins(old).origins)
    known = set(origins.values())
    taken = {
        name: getattr(new, name)
        for name in _MERGED
        if getattr(new, name) and _wins(name, old, new, origins.get(name, "") == new.origin)
    }
    origins |= dict.fromkeys(taken, new.origin)
    tags = old.tags if new.origin in known else tuple(dict.fromkeys((*old.tags, *new.tags)))
    return replace(
        old,
        **taken,
        key=old.id,
        tags=tags,
        note=old.note or new.note,
        source=new.source if "abstract" in taken else old.source,
        origins=tuple(sorted(origins.items())),
    )


def _wins(name: str, old: Paper, new: Paper, same_entry: bool) -> bool:
    if not getattr(old, name):
        return True
    if name in ("title", "abstract", "arxiv") and old.arxiv and new.arxiv:
        before, after = _version(old.arxiv), _version(new.arxiv)
        if before and after and before != after:
            return after > before
    if same_entry:
        return True
    if name == "abstract":
        return len(new.abstract) > len(old.abstract)
    if name == "authors":
        return sum(map(len, new.authors)) > sum(map(len, old.authors))
    if name == "venue":
        return normalise(old.venue) == "arxiv" != normalise(new.venue)
    return False


def _with_origins(paper: Paper) -> Paper:
    """A paper that says of each of its fields where it came from."""
    if paper.origins:
        return paper
    said = tuple(sorted((name, paper.origin) for name in _MERGED if getattr(paper, name)))
    return replace(paper, origins=said)


def _version(arxiv: str) -> int:
    found = re.search(r"v(\d+)$", arxiv)
    return int(found[1]) if found else 0


def _first_author(paper: Paper) -> str:
    return normalise(paper.authors[0].split()[-1]) if paper.authors and paper.authors[0] else ""
