"""Answers written out for other programs: Markdown, and BibTeX of the papers they cite."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rag.conversations import Conversation, Turn
from rag.papers import Paper, normalise

_KEY = re.compile(r"[A-Za-z0-9][\w:.+/-]*")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|$~!])")
_LATEX = {
    **{c: f"\\{c}" for c in "&%$#_"},
    "{": r"\{",
    "}": r"\}",
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
_MATHS = re.compile(r"(\$[^$\n{}]*(?:\{[^{}]*\}[^$\n{}]*)*\$)")
_CONFERENCE = re.compile(
    r"\b(?:proceedings|conference|workshop|symposium|neurips|nips|icml|iclr|acl|emnlp|naacl|"
    r"cvpr|iccv|eccv|aaai|ijcai|kdd|sigir|interspeech)\b",
    re.IGNORECASE,
)
_DOI = re.compile(r"https?://(?:dx\.)?doi\.org/(\S+)", re.IGNORECASE)
_ARXIV = re.compile(r"https?://arxiv\.org/abs/(\S+)", re.IGNORECASE)
_SMALL = frozenset("a an the on of in for to and with from by towards is are do does".split())


def turn_markdown(turn: Turn) -> str:
    """A question, its answer with its marks, and the cited papers with their sentences."""
    parts = [f"## {_plain(turn.question)}"]
    if turn.answer is None:
        return "\n\n".join([*parts, f"*{_plain(turn.trouble)}*"]) + "\n"
    answer = turn.answer
    parts.append("  \n".join(_plain(line, marks=True) for line in answer.answer.split("\n")))
    if answer.reason:
        parts.append(f"*{_plain(answer.reason[:1].upper() + answer.reason[1:])}.*")
    if answer.filters:
        parts.append(f"*Only papers {_plain(answer.filters)} were asked.*")
    papers = {shown.paper_id: shown.paper for shown in turn.shown}
    for citation in answer.citations:
        paper = papers.get(citation.paper_id)
        weak = "" if citation.support == "supported" else " *(weak support)*"
        source = _reference(paper) if paper else _plain(citation.title)
        parts.append(f"\\[{citation.number}\\] {source}{weak}")
        parts += [f"> {_plain(sentence.text)}" for sentence in citation.sentences]
    return "\n\n".join(parts) + "\n"


def conversation_markdown(conversation: Conversation) -> str:
    """A whole conversation under its name."""
    turns = "\n".join(turn_markdown(turn) for turn in conversation.turns)
    return f"# {_plain(conversation.name)}\n\n{turns}"


def bibtex(papers: Iterable[Paper]) -> str:
    """The papers as BibTeX, under the reader's own keys where they came from BibTeX."""
    taken: set[str] = set()
    entries = []
    for paper in papers:
        key = _unique(_key(paper), taken)
        taken.add(key.casefold())
        fields = ",\n".join(f"  {name} = {{{value}}}" for name, value in _fields(paper))
        entries.append(f"@{_kind(paper)}{{{key},\n{fields}\n}}\n")
    return "\n".join(entries)


def _reference(paper: Paper) -> str:
    names = ", ".join(paper.authors[:3]) + (" et al." if len(paper.authors) > 3 else "")
    facts = ", ".join(filter(None, [names, paper.venue, str(paper.year or "")]))
    link = f" <{paper.url}>" if re.fullmatch(r"https?://[^\s<>]+", paper.url) else ""
    return f"**{_plain(paper.title)}**" + (f". {_plain(facts)}." if facts else "") + link


def _plain(text: str, marks: bool = False) -> str:
    """Text that Markdown shows as it is; the program's own marks stay readable as they are."""
    escaped = _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
    return re.sub(r"\\\[(\d+)\\\](?!\()", r"[\1]", escaped) if marks else escaped


def _fields(paper: Paper) -> list[tuple[str, str]]:
    place = "booktitle" if _kind(paper) == "inproceedings" else "journal"
    doi, arxiv = _DOI.match(paper.url), _ARXIV.match(paper.url)
    given: Sequence[tuple[str, str]] = (
        ("title", _latex(paper.title)),
        ("author", " and ".join(_latex(name) for name in paper.authors)),
        ("year", str(paper.year or "")),
        (place, _latex(paper.venue)),
        ("doi", doi[1] if doi else ""),
        ("eprint", arxiv[1] if arxiv else ""),
        ("archiveprefix", "arXiv" if arxiv else ""),
        ("url", re.sub(r"[{}\s\\]", "", paper.url)),
    )
    return [(name, value) for name, value in given if value]


def _kind(paper: Paper) -> str:
    if _CONFERENCE.search(paper.venue):
        return "inproceedings"
    return "article" if paper.venue else "misc"


def _latex(text: str) -> str:
    """Text for a BibTeX value: braces balance, and what stands between dollars stays maths."""
    parts = _MATHS.split(" ".join(text.split()))
    return "".join(
        part if i % 2 else "".join(_LATEX.get(c, c) for c in part) for i, part in enumerate(parts)
    )


def _key(paper: Paper) -> str:
    """The reader's own key, or author, year and the title's first telling word."""
    if ".bib" in paper.source.lower() and _KEY.fullmatch(paper.source_id):
        return paper.source_id
    words = [w for w in normalise(paper.title).split() if w not in _SMALL and w.isascii()]
    author = normalise(paper.authors[0]).split()[-1:] if paper.authors else []
    parts = [*(a for a in author if a.isascii()), str(paper.year or ""), *words[:1]]
    return "".join(parts) or f"paper{paper.id}"


def _unique(key: str, taken: set[str]) -> str:
    candidate, number = key, 1
    while candidate.casefold() in taken:
        number += 1
        candidate = f"{key}-{number}"
    return candidate
