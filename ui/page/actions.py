"""What a reader does by the page's own buttons: read, checked, and done to the desk."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import gradio as gr
from pydantic import BaseModel, ConfigDict, ValidationError

from rag.conversations import Conversation
from rag.filters import Filters
from ui.page.asking import finished
from ui.page.desk import Desk
from ui.page.feedback import keep_feedback
from ui.page.rail import chips, conversations
from ui.page.sources_panel import sources
from ui.page.view import View


class Action(BaseModel):
    """One press of a button, as the page sends it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    do: str
    turn: int = 0
    id: str = ""
    text: str = ""
    verdict: Literal["", "liked", "disliked"] = ""
    papers: tuple[str, ...] = ()


def read_action(sent: str) -> Action | None:
    """The action, None where what was sent is none."""
    try:
        return Action.model_validate_json(sent)
    except ValidationError:
        return None


def act(desk: Desk, action: Action, suggestions: list[str]) -> View:
    """Do it, and say what changes on the page."""
    if action.do in _ON_CONVERSATIONS:
        return _on_conversations(desk, action, suggestions)
    if action.do in _ON_PAPERS:
        return _on_papers(desk, action)
    if action.do == "edit" and 0 <= action.turn < len(desk.conversation.turns):
        desk.editing = action.turn
        asked = desk.conversation.turns[action.turn].question
        return View(question=gr.update(value=asked), chips=chips(desk.filters, desk.editing))
    if action.do == "cancel-edit":
        desk.editing = None
        return View(question=gr.update(value=""), chips=chips(desk.filters, None))
    if action.do == "verdict" and 0 <= action.turn < len(desk.conversation.turns):
        return _judge(desk, action, suggestions)
    return View()


_ON_CONVERSATIONS = frozenset({"new", "open", "delete", "rename"})
_ON_PAPERS = frozenset({"only", "out", "back", "clear"})


def _on_conversations(desk: Desk, action: Action, suggestions: list[str]) -> View:
    found = desk.shelf.get(action.id)
    if action.do == "rename" and found is not None:
        renamed = found.renamed(action.text)
        desk.shelf.keep(renamed)
        if desk.conversation.id == renamed.id:
            desk.conversation = replace(desk.conversation, name=renamed.name)
    elif action.do == "new":
        desk.open(Conversation.new())
    elif action.do == "open" and found is not None:
        desk.open(found)
    elif action.do == "delete":
        if action.id == desk.conversation.id:
            desk.open(Conversation.new())
        desk.shelf.delete(action.id)
    if action.do == "rename" and is_busy(desk):
        return View(rail=conversations(desk.shelf.all(), desk.conversation.id))
    if action.do == "delete" and is_busy(desk):
        return View(rail=conversations(desk.shelf.all(), desk.conversation.id))
    return finished(desk, suggestions)


def _on_papers(desk: Desk, action: Action) -> View:
    known = desk.papers
    if action.do == "only" and action.papers:
        known = Filters(papers=frozenset(action.papers), without=known.without)
    elif action.do == "out":
        known = replace(
            known, without=known.without | {action.id}, papers=known.papers - {action.id}
        )
    elif action.do == "back":
        known = replace(known, without=known.without - {action.id})
    elif action.do == "clear":
        known = Filters()
        if desk.preferences.filters:
            desk.prefer(replace(desk.preferences, since=None, until=None, venue="", author=""))
    desk.papers = known
    panel: Any = None if is_busy(desk) else sources(desk.conversation, known)
    return View(sources=panel, chips=chips(desk.filters, desk.editing))


def _judge(desk: Desk, action: Action, suggestions: list[str]) -> View:
    turns = list(desk.conversation.turns)
    turn = turns[action.turn]
    if turn.answer is None or turn.verdict or not action.verdict:
        return View()
    path = desk.folder / "feedback.jsonl"
    keep_feedback(path, desk.conversation, action.turn, action.verdict, action.text)
    turns[action.turn] = replace(turn, verdict=action.verdict)
    desk.conversation = replace(desk.conversation, turns=tuple(turns))
    if is_busy(desk):
        return View()
    desk.shelf.keep(desk.conversation)
    return View(transcript=finished(desk, suggestions).transcript)


def is_busy(desk: Desk) -> bool:
    """Whether a question is on its way at this desk."""
    return desk.run is not None and not desk.run.ended.is_set()
