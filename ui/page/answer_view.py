"""The conversation as the reader sees it: questions, answers with live marks, what may be done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rag.conversations import Conversation, Turn
from rag.exports import bibtex
from rag.exports.markdown import conversation_markdown, turn_markdown
from rag.papers import Answer, Citation, Paper
from ui.literal import in_html
from ui.page.markup import button, copier, saver
from ui.page.maths import with_maths

_MARKS = re.compile(r"“[^”]*”|\[(\d+)\]")
"""A quotation, in which nothing is a mark of ours, or a mark."""


_CLOSING = ".,;:!?…"


def transcript(conversation: Conversation, suggestions: Sequence[str]) -> str:
    """The finished turns; before the first one, what could be asked."""
    turns = conversation.turns
    if not turns:
        return _welcome(suggestions)
    last = len(turns) - 1
    return _head(conversation) + "".join(
        _turn(turn, place, is_last=place == last) for place, turn in enumerate(turns)
    )


def on_the_way(question: str, place: int, doing: str, draft: str = "") -> str:
    """The turn in work: its question, and the draft, which is not checked yet, or what is done."""
    if draft:
        written = f'<p>{with_maths(draft)}<span class="cursor"></span></p>'
        body = f'<div class="answer draft">{written}</div>'
    else:
        body = f'<p class="doing">{in_html(doing)}</p>'
    note = '<p class="unchecked">Draft, being written; its sources are checked at the end.</p>'
    return (
        f'<article class="turn" data-turn="{place}">{_question(question)}{body}'
        f"{note if draft else ''}</article>"
    )


def _welcome(suggestions: Sequence[str]) -> str:
    if not suggestions:
        return (
            '<div class="welcome"><h2>An empty library</h2><p>There is nothing to ask yet. '
            "Add papers first: an export of your reference manager (BibTeX, RIS, CSL-JSON, CSV), "
            "a PubMed, arXiv or ACL Anthology file, a saved listing, or PDFs. Each needs titles "
            "and abstracts.</p>"
            f"<p>{button('Add papers', 'library', kind='primary')}</p></div>"
        )
    examples = "".join(f"<li>{button(q, 'ask', kind='example', text=q)}</li>" for q in suggestions)
    return (
        '<div class="welcome"><h2>What would you like to know?</h2>'
        "<p>Each sentence of an answer names the paper that says so, and shows you where. "
        "What these papers do not say is not answered.</p>"
        f'<h3>From this library</h3><ul class="examples">{examples}</ul></div>'
    )


def _head(conversation: Conversation) -> str:
    name = conversation.name
    if len(conversation.turns) == 1 and name == conversation.turns[0].question:
        return ""  # the question says it, and its answer has the same tools
    cited = conversation.cited()
    tools = [
        saver("Save as Markdown", conversation_markdown(conversation), "conversation.md"),
        saver("Cited papers as BibTeX", _bibtex(cited), "conversation.bib") if cited else "",
    ]
    return (
        f'<header class="conversation"><h2>{in_html(name)}</h2>'
        f'<p class="tools">{"".join(tools)}</p></header>'
    )


def _turn(turn: Turn, place: int, *, is_last: bool) -> str:
    answer = turn.answer
    body = _stopped(turn) if answer is None else _answer(answer, place)
    return (
        f'<article class="turn" data-turn="{place}">{_question(turn.question)}{body}'
        f"{_tools(turn, place, is_last=is_last)}</article>"
    )


def _question(text: str) -> str:
    return f'<h3 class="question">{in_html(text)}</h3>'


def _stopped(turn: Turn) -> str:
    draft = f'<p class="unchecked">Unchecked: {with_maths(turn.draft)}</p>' if turn.draft else ""
    return f'<div class="answer stopped"><p>{in_html(turn.trouble)}</p>{draft}</div>'


def _answer(answer: Answer, place: int) -> str:
    lines = "<br>".join(_line(line, answer.citations, place) for line in answer.answer.split("\n"))
    kind = "answer declined" if answer.abstained else "answer"
    warning = answer.warning
    notes = [
        f"{answer.reason[:1].upper() + answer.reason[1:]}." if answer.reason else "",
        f"Understood as: {answer.standalone_question}"
        if answer.standalone_question != answer.question
        else "",
        f"Only papers {answer.filters} were asked." if answer.filters else "",
        *(f"Left out, not borne out or beside the question: {text}" for text in answer.left_out),
    ]
    found = (
        "The closest papers are among the sources, with the sentences that come nearest."
        if answer.abstained and answer.retrieved
        else ""
    )
    shown = "".join(f"<li>{in_html(note)}</li>" for note in [*notes, found] if note)
    head = f'<p class="warning">{in_html(warning)}</p>' if warning else ""
    return f'{head}<div class="{kind}"><p>{lines}</p></div>{_supports(answer.citations)}' + (
        f'<ul class="notes">{shown}</ul>' if shown else ""
    )


def _supports(citations: Sequence[Citation]) -> str:
    if any(citation.support != "supported" for citation in citations):
        return '<p class="legend">△ marks a source that bears the sentence out only in part.</p>'
    return ""


def _line(text: str, citations: Sequence[Citation], place: int) -> str:
    """A line of an answer, in which each mark opens its paper."""
    by_number = {str(citation.number): citation for citation in citations}
    parts, at = [], 0
    for match in _MARKS.finditer(text):
        if match[1] in by_number:
            parts += [with_maths(text[at : match.start()]), _mark(by_number[match[1]], place)]
            at = match.end()
            if text[at : at + 1] in _CLOSING and at < len(text):
                parts[-1] = f'<span class="nobr">{parts[-1]}{in_html(text[at])}</span>'
                at += 1
    return "".join([*parts, with_maths(text[at:])])


def _mark(citation: Citation, place: int) -> str:
    weak = "" if citation.support == "supported" else "△"
    support = "weak support" if weak else "supported"
    name = f"Source {citation.number}, {support}: {citation.title}"
    return (
        f'<button type="button" class="cite{" weak" if weak else ""}" data-turn="{place}" '
        f'data-cite="{citation.number}" aria-label="{in_html(name)}">'
        f"[{citation.number}{weak}]</button>"
    )


def _tools(turn: Turn, place: int, *, is_last: bool) -> str:
    which = f"question {place + 1}"
    tools = [
        button("Edit", "edit", name=f"Edit {which}", turn=place),
        button("Try again", "retry", name=f"Ask {which} again", turn=place),
    ]
    cited = turn.cited()
    if turn.answer is not None:
        tools = [
            copier("Copy with sources", turn_markdown(turn), name=f"Copy answer {place + 1}"),
            saver("Markdown", turn_markdown(turn), "answer.md", name=f"Save answer {place + 1}"),
            saver(
                "BibTeX",
                _bibtex(cited),
                "cited.bib",
                name=f"Papers cited in answer {place + 1}",
            )
            if cited
            else "",
            *tools,
        ]
        if turn.answer.filters and is_last:
            tools.append(button("Ask all papers instead", "ask-all", turn=place))
        tools.append(_thumbs(turn, place))
    return f'<div class="tools">{"".join(tools)}</div>'


def _thumbs(turn: Turn, place: int) -> str:
    if turn.verdict:
        said = "Kept as a good answer." if turn.verdict == "liked" else "Kept as a wrong answer."
        return f'<span class="kept">{said}</span>'
    form = (
        f'<form class="word" data-turn="{place}" hidden><label>What does a right answer hold? '
        f'A word or a figure, or nothing<input name="word" maxlength="120"></label>'
        '<button type="submit" class="quiet">Keep</button></form>'
    )
    return (
        f'<span class="thumbs"><button type="button" class="quiet" data-thumb="liked" '
        f'aria-label="Answer {place + 1} is good">Good answer</button>'
        f'<button type="button" class="quiet" data-thumb="disliked" '
        f'aria-label="Answer {place + 1} is wrong">Wrong</button></span>{form}'
    )


def _bibtex(papers: Iterable[Paper]) -> str:
    return "".join(bibtex.write(papers))
