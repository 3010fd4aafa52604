"""The sources beside an answer: cited papers first, then the others found, each to its abstract."""

from __future__ import annotations

from collections.abc import Sequence

from rag.conversations import Conversation, Shown, Turn
from rag.filters import Filters
from rag.papers import Citation, Sentence
from ui.page.markup import abstract, button, byline
from ui.page.maths import with_maths

_VERY_CLOSE, _CLOSE, _RELATED = 0.6, 0.45, 0.3
"""Scores from which a paper is called so; they are comparable across questions."""


def sources(conversation: Conversation, chosen: Filters) -> str:
    """The sources of every turn; the last one's are shown until a mark asks for another's."""
    turns = conversation.turns
    if not any(turn.shown for turn in turns):
        return _nothing()
    last = max(place for place, turn in enumerate(turns) if turn.shown)
    return "".join(
        _of_turn(turn, place, chosen, hidden=place != last)
        for place, turn in enumerate(turns)
        if turn.shown
    )


def found_sources(shown: Sequence[Shown], before: Sequence[Turn], chosen: Filters) -> str:
    """The papers that are being read for an answer not written yet.

    Args:
        before: the turns before it, whose marks must go on opening their papers.
    """
    place = len(before)
    earlier = "".join(
        _of_turn(turn, i, chosen, hidden=True) for i, turn in enumerate(before) if turn.shown
    )
    read = [paper for paper in shown if paper.best]
    rest = [paper for paper in shown if not paper.best]
    return earlier + _section(
        place,
        _group("Reading", [_card(p, f"t{place}-f{i}", chosen) for i, p in enumerate(read)])
        + _group("Also found", [_card(p, f"t{place}-g{i}", chosen) for i, p in enumerate(rest)]),
        hidden=False,
    )


def _nothing() -> str:
    return (
        '<section class="of-turn"><h2>Sources</h2><p class="hint">The papers behind an answer '
        "stand here, each with its abstract and the sentence that says so.</p></section>"
    )


def _of_turn(turn: Turn, place: int, chosen: Filters, *, hidden: bool) -> str:
    citations = turn.answer.citations if turn.answer else ()
    by_id = {shown.paper_id: shown for shown in turn.shown}
    cited = [(c, by_id[c.paper_id]) for c in citations if c.paper_id in by_id]
    rest = [shown for shown in turn.shown if shown.paper_id not in {c.paper_id for c in citations}]
    only = button(
        "Ask only these",
        "only",
        name="Ask only the cited papers",
        papers=[shown.paper_id for _, shown in cited],
    )
    cited_cards = [_card(s, f"t{place}-c{c.number}", chosen, c) for c, s in cited]
    other_cards = [_card(s, f"t{place}-o{i}", chosen) for i, s in enumerate(rest)]
    heading = "Also found" if cited else "Closest papers"
    return _section(
        place,
        _group("Cited", cited_cards, only) + _group(heading, other_cards),
        hidden=hidden,
    )


def _section(place: int, body: str, *, hidden: bool) -> str:
    return (
        f'<section class="of-turn" data-turn="{place}"{" hidden" if hidden else ""} '
        f'aria-label="Sources of question {place + 1}">{body}</section>'
    )


def _group(heading: str, cards: Sequence[str], tool: str = "") -> str:
    if not cards:
        return ""
    return f'<div class="group"><h2>{heading}</h2>{tool}</div>{"".join(cards)}'


def _card(shown: Shown, identity: str, chosen: Filters, citation: Citation | None = None) -> str:
    paper = shown.paper
    evidence: Sequence[Sentence] = citation.sentences if citation else shown.best
    number = f'<span class="number">[{citation.number}]</span> ' if citation else ""
    quoted = evidence if citation else evidence[:1]
    quotes = "".join(f"<blockquote>{with_maths(s.text)}</blockquote>" for s in quoted)
    return (
        f'<article class="card{" cited" if citation else ""}" id="{identity}" tabindex="-1">'
        f"<h3>{number}{with_maths(paper.title)}</h3>{byline(paper)}{_how(shown, citation)}"
        f"{quotes}<details><summary>Abstract</summary>{abstract(paper.abstract, evidence)}"
        f"{_back(citation)}</details>{_choices(shown, chosen)}</article>"
    )


def _how(shown: Shown, citation: Citation | None) -> str:
    """How close the paper is and how well it bears the answer out, in words."""
    words = f'<span title="Score {shown.score:.2f} of 1">{closeness(shown.score)}</span>'
    if citation and citation.support == "supported":
        words = f"<strong>✓ Bears the answer out</strong> · {words}"
    elif citation:
        words = f"<strong>△ Weak support: read it yourself</strong> · {words}"
    return f'<p class="how">{words}</p>'


def _back(citation: Citation | None) -> str:
    if citation is None:
        return ""
    return '<button type="button" class="quiet back">Back to the answer</button>'


def closeness(score: float) -> str:
    """A paper's score, 0 to 1, in words."""
    if score >= _VERY_CLOSE:
        return "very close to the question"
    if score >= _CLOSE:
        return "close to the question"
    return "related to the question" if score >= _RELATED else "far from the question"


def _choices(shown: Shown, chosen: Filters) -> str:
    title = shown.paper.title
    if shown.paper_id in chosen.without:
        out = button("Left out · take back", "back", name=f"Take back {title}", id=shown.paper_id)
    else:
        out = button("Leave this out", "out", name=f"Leave out {title}", id=shown.paper_id)
    only = button("Ask only this", "only", name=f"Ask only {title}", papers=[shown.paper_id])
    return f'<div class="tools">{only}{out}</div>'
