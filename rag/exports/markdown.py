"""Answers and conversations as Markdown."""

from __future__ import annotations

import re

from rag.conversations import Conversation, Turn
from rag.papers import Paper

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|$~!])")


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


def _reference(paper: Paper) -> str:
    names = ", ".join(paper.authors[:3]) + (" et al." if len(paper.authors) > 3 else "")
    facts = ", ".join(filter(None, [names, paper.venue, str(paper.year or "")]))
    link = f" <{paper.url}>" if re.fullmatch(r"https?://[^\s<>]+", paper.url) else ""
    return f"**{_plain(paper.title)}**" + (f". {_plain(facts)}." if facts else "") + link


def _plain(text: str, marks: bool = False) -> str:
    """Text that Markdown shows as it is; the program's own marks stay readable as they are."""
    escaped = _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
    return re.sub(r"\\\[(\d+)\\\](?!\()", r"[\1]", escaped) if marks else escaped
