"""BibTeX, with the fields of the entry a paper was read from, as they were written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from rag.exports.entries import entry_of, key_of
from rag.identity import unversioned
from rag.papers import Paper
from rag.sources import bibtex as reader
from rag.sources import fields, latex

_NAME_OF_ITS_OWN = re.compile(r"(?<![\w\\{])(?=\S*[a-z0-9-][A-Z]|[A-Z]{2})[\w-]+")
_CONFERENCE = re.compile(
    r"\b(?:proceedings|conference|workshop|symposium|neurips|nips|icml|iclr|acl|emnlp|naacl|"
    r"cvpr|iccv|eccv|aaai|ijcai|kdd|sigir|interspeech)\b",
    re.IGNORECASE,
)
_SPECIAL = {
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "\\": r"\textbackslash{}",
    "--": "-{}-",
    "``": "`{}`",
    "''": "'{}'",
}
_MARKS = re.compile(r"--|``|''|(?<!\\)[&%#_$~]")
_ALL_MARKS = re.compile(r"--|``|''|[&%#_${}~\\]")


def write(papers: Iterable[Paper]) -> Iterator[str]:
    """An entry a paper."""
    taken: set[str] = set()
    for paper in papers:
        own = entry_of(paper, "bibtex") or {"type": _kind(paper), "key": "", "fields": {}}
        key = key_of(paper, own["key"], taken)
        lines = "".join(f",\n  {name} = {{{value}}}" for name, value in _fields(paper, own))
        yield f"@{own['type']}{{{key}{lines}\n}}\n\n"


def _kind(paper: Paper) -> str:
    """The type of a paper that was not read from BibTeX, by its venue's name."""
    if _CONFERENCE.search(paper.venue):
        return "inproceedings"
    return "article" if paper.venue else "misc"


def encode(text: str) -> str:
    """Text in LaTeX that `rag.sources.latex.decode` reads as the text again.

    Maths and commands that are not known stay as they are.
    """
    parts = latex.maths_apart(text)
    parts[::2] = [_MARKS.sub(_escaped, part) for part in parts[::2]]
    # The first that says the same: commands as they are, all as it is, nothing but characters.
    for written in ("".join(parts), text, _ALL_MARKS.sub(_escaped, text)):
        if _is_balanced(written) and fields.plain(latex.decode(written)) == text:
            return written
    return _ALL_MARKS.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return _SPECIAL[found[0]]


def _fields(paper: Paper, own: dict[str, Any]) -> Iterator[tuple[str, str]]:
    raw = dict(own["fields"])
    place = "booktitle" if own["type"] == "inproceedings" else "journal"
    venue = next((n for n in ("journal", "journaltitle", "booktitle") if raw.get(n)), place)
    values = {
        "title": _protected(encode(paper.title)),
        "author": " and ".join(_name(name) for name in paper.authors),
        "year": str(paper.year or ""),
        venue: encode(paper.venue),
        "doi": paper.doi,
        "url": "" if paper.doi else paper.url,
        "pmid": paper.pmid,
    }
    if (
        raw.get("eprint")
        and fields.plain(latex.decode(raw.get("archiveprefix", ""))) == paper.venue
    ):
        values[venue] = ""
    if raw.get("eprint") and unversioned(paper.arxiv) in paper.url:
        values["url"] = ""
    if paper.arxiv and not raw.get("eprint"):
        values |= {"eprint": paper.arxiv, "archiveprefix": "arXiv"}
    for name, value in values.items():
        if value and not (raw.get(name) and _says(paper, name, raw[name])):
            raw[name] = value
    if (
        raw.get("date")
        and not own["fields"].get("year")
        and fields.year_in(raw["date"]) == paper.year
    ):
        raw.pop("year", None)
    if own["fields"].get("crossref"):
        raw = {n: v for n, v in raw.items() if n in own["fields"] or n not in (venue, "year")}
    yield from raw.items()
    yield "abstract", encode(paper.abstract)
    if paper.tags:
        yield "keywords", encode(", ".join(paper.tags))


def _says(paper: Paper, name: str, raw: str) -> bool:
    """Whether what the entry says is what the library holds now."""
    if name == "author":
        return reader.read_authors(raw) == paper.authors
    if name == "year":
        return fields.year_in(raw) == paper.year
    if name in ("doi", "url", "eprint", "archiveprefix", "pmid"):
        return name != "doi" or paper.doi in raw.replace("\\", "").lower()
    said = fields.plain(latex.decode(raw))
    return " ".join(said.split()) == (paper.title if name == "title" else paper.venue)


def _protected(title: str) -> str:
    """The title, its names in braces, so that no style writes them small."""
    return "".join(
        part if number % 2 else _NAME_OF_ITS_OWN.sub(lambda found: f"{{{found[0]}}}", part)
        for number, part in enumerate(latex.maths_apart(title))
    )


def _name(name: str) -> str:
    given, _, family = name.rpartition(" ")
    if " and " in f" {name} " or "," in name or not given:
        return f"{{{encode(name)}}}"
    return f"{encode(family)}, {encode(given)}"


def _is_balanced(text: str) -> bool:
    """Whether braces can be put around it: its own match, and no lone backslash ends it."""
    if re.search(r"(?<!\\)(?:\\\\)*\\$", text):
        return False
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0
