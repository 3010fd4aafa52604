"""The conversations kept, the filters that hold, and how far the model is."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rag.conversations import Conversation
from rag.filters import Filters
from ui.literal import in_html
from ui.page.engine import State
from ui.page.markup import button

_MOST = 200
_DAY = 24 * 3600


def conversations(kept: Sequence[Conversation], current: str, wanted: str = "") -> str:
    """The list of conversations, the latest first.

    Args:
        current: id of the one on the desk.
        wanted: what was searched for.
    """
    items = "".join(_item(one, one.id == current) for one in kept[:_MOST])
    if not items:
        said = "None holds these words." if wanted else "They are kept here, on this machine."
        return f'<p class="hint">{said}</p>'
    return f'<ul class="conversations">{items}</ul>'


def _item(one: Conversation, is_current: bool) -> str:
    here = ' aria-current="true"' if is_current else ""
    opener = button(one.name, "open", kind="opener", id=one.id)
    tools = (
        f'<button type="button" class="quiet" data-rename="{one.id}" '
        f'data-name="{in_html(one.name)}" aria-label="Rename {in_html(one.name)}">Rename</button>'
        f'<button type="button" class="quiet" data-delete="{one.id}" '
        f'aria-label="Delete {in_html(one.name)}">Delete</button>'
    )
    return (
        f'<li{here}>{opener}<div class="under"><span class="when">{_when(one.changed)}</span>'
        f"{tools}</div></li>"
    )


def _when(changed: float) -> str:
    age = time.time() - changed
    if age < _DAY:
        return time.strftime("%H:%M", time.localtime(changed))
    return time.strftime("%-d %b %Y", time.localtime(changed))


def chips(chosen: Filters, editing: int | None) -> str:
    """What holds for the next question, each with a way to take it off."""
    shown = []
    if editing is not None:
        shown.append(
            f'<span class="chip">Editing question {editing + 1}; what follows it will go '
            f"{button('Cancel', 'cancel-edit', name='Cancel editing')}</span>"
        )
    if chosen:
        shown.append(
            f'<span class="chip">Only papers {in_html(str(chosen))} '
            f"{button('Ask all', 'clear', name='Take the filters off')}</span>"
        )
    return f'<p class="chips">{"".join(shown)}</p>' if shown else ""


def model_state(state: State) -> str:
    """How far the model is, or why there is none; nothing when it is ready."""
    if state.error is not None and state.still:
        return (
            '<div class="trouble" role="alert"><h2>That language model cannot be used</h2>'
            f"<p>{in_html(state.error.what)}</p><p>{in_html(state.error.remedy)}</p>"
            f"<p>{in_html(state.still)} answers as before.</p></div>"
        )
    if state.error is not None:
        return (
            '<div class="trouble" role="alert"><h2>The language model cannot be used</h2>'
            f"<p>{in_html(state.error.what)}</p><p>{in_html(state.error.remedy)}</p>"
            "<p>The library works; questions need the model. Start askpapers again when it is "
            "put right.</p></div>"
        )
    if state.is_ready:
        return ""
    share = f' value="{state.share:.3f}"' if state.share is not None else ""
    percent = f" {state.share:.0%}" if state.share is not None else ""
    return (
        f'<div class="loading" role="status"><label>{in_html(state.said)}{percent} '
        f'<progress{share} max="1"></progress></label>'
        "<span>You can ask already; the question waits for it.</span></div>"
    )
