"""The page itself: its parts, and which event changes which of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from rag.errors import AskpapersError
from rag.filters import Filters
from rag.suggestions import suggest
from ui.literal import in_html
from ui.page.actions import act, is_busy, read_action
from ui.page.adding import LONGEST_PASTE, add_papers, as_source, paste_to_file
from ui.page.asking import LONGEST_QUESTION, Asking, finished
from ui.page.desk import Desk, Desks
from ui.page.engine import Engine
from ui.page.library_view import Browse, facts, removed_note, table
from ui.page.preferences import Preferences
from ui.page.rail import conversations, model_state
from ui.page.view import View

_AT_ONCE = 24
"""Events of one kind that may run together; whose turn it is with the model is the line's."""

_SUGGESTED_FROM = 2000
"""Papers whose titles questions to begin with are drawn from."""

_HOUR = 3600
"""Seconds after which uploads that nobody added are taken from the disk."""

_DOORS = ("do", "do-ask", "do-library")
"""Buttons out of sight through which the page's own buttons reach the server."""

_TAKE = "() => [window.askpapersAction]"

_READER_KEY = """() => {
  const key = 'askpapers.reader';
  if (!localStorage.getItem(key)) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    const hex = Array.from(bytes, b => b.toString(16).padStart(2, '0')).join('');
    localStorage.setItem(key, hex);
  }
  return [localStorage.getItem(key), sessionStorage.getItem('askpapers.open') || ''];
}"""
"""A key that only this browser knows, and the conversation that was open before a reload."""


def build_page(engine: Engine, *, shared: bool = False) -> gr.Blocks:
    """The page over an engine.

    Args:
        shared: whether others than this machine's user may come.
    """
    return _Page(engine, Desks(engine.settings, shared=shared), shared=shared).build()


class _Page:
    _sent: gr.Textbox
    _do: dict[str, gr.Button]

    def __init__(self, engine: Engine, desks: Desks, *, shared: bool) -> None:
        self._engine = engine
        self._desks = desks
        self._shared = shared
        self._asking = Asking(engine)
        self._suggestions: tuple[int, list[str]] | None = None

    def build(self) -> gr.Blocks:
        with gr.Blocks(
            title="askpapers", analytics_enabled=False, delete_cache=(_HOUR, _HOUR)
        ) as page:
            masthead = gr.HTML(_masthead(self._engine.settings.model), elem_id="masthead")
            model = gr.HTML(model_state(self._engine.state), elem_id="model")
            self._sent = gr.Textbox(visible="hidden", elem_id="sent")
            self._do = {name: gr.Button(visible="hidden", elem_id=name) for name in _DOORS}
            reader = gr.Textbox(visible="hidden", elem_id="reader")
            opened = gr.Textbox(visible="hidden", elem_id="opened")
            with gr.Tabs(elem_id="tabs"):
                with gr.Tab("Ask", id="ask"):
                    outputs = self._ask_tab()
                with gr.Tab("Library", id="library") as library_tab:
                    self._library_tab(library_tab)
                with gr.Tab("Settings", id="settings") as settings_tab:
                    fields = self._settings_tab(settings_tab, outputs, [model, masthead])

            at_first = _values(Preferences.of(self._engine.settings))

            def greet(key: str, identity: str, request: gr.Request) -> tuple[Any, ...]:
                desk = self._desks.sit(str(request.session_hash), key)
                if (found := desk.shelf.get(identity)) is not None:
                    desk.open(found)
                return (
                    *finished(desk, self._examples()).updates(),
                    *_filled_in(desk.preferences, at_first),
                )

            page.load(
                greet, [reader, opened], [*outputs, *fields], js=_READER_KEY, show_progress="hidden"
            )
            page.load(
                self._watch_model,
                None,
                [model, masthead],
                show_progress="hidden",
                concurrency_limit=_AT_ONCE,
            )
            page.unload(self._leave)
        return page

    def _leave(self, request: gr.Request) -> None:
        self._desks.leave(_session(request))

    # Asking

    def _ask_tab(self) -> list[Any]:
        with gr.Row(elem_id="rooms"):
            with gr.Column(elem_id="rail", scale=0, min_width=0):
                gr.HTML(_RAIL_HEAD)
                wanted = gr.Textbox(
                    label="Search conversations",
                    placeholder="Search conversations",
                    show_label=False,
                    elem_id="find-conversation",
                    max_length=200,
                )
                rail = gr.HTML(elem_id="conversations")
            with gr.Column(elem_id="talk", scale=1, min_width=0):
                transcript = gr.HTML(elem_id="transcript")
                live = gr.HTML(elem_id="live")
                with gr.Column(elem_id="composer"):
                    chips = gr.HTML(elem_id="chips")
                    with gr.Row(elem_id="ask"):
                        question = gr.Textbox(
                            label="Question",
                            show_label=False,
                            placeholder="Ask your papers",
                            autofocus=True,
                            lines=1,
                            max_lines=6,
                            max_length=LONGEST_QUESTION,
                            elem_id="question",
                            scale=1,
                            min_width=0,
                        )
                        send = gr.Button("Ask", variant="primary", elem_id="send", scale=0)
                        stop = gr.Button("Stop", elem_id="stop", scale=0)
                status = gr.HTML(elem_id="status")
            with gr.Column(elem_id="sources-column", scale=0, min_width=0):
                sources = gr.HTML(elem_id="sources")
        outputs = [transcript, live, sources, rail, chips, question, status]
        streaming: dict[str, Any] = {
            "outputs": outputs,
            "show_progress": "hidden",
            "concurrency_limit": _AT_ONCE,
            "trigger_mode": "multiple",
        }
        at_once = {**streaming, "concurrency_id": "quick"}
        for trigger in (question.submit, send.click):
            trigger(self._ask, question, **streaming)
        self._do["do-ask"].click(self._ask_by_button, self._sent, js=_TAKE, **streaming)
        self._do["do"].click(self._act, self._sent, js=_TAKE, **at_once)
        stop.click(self._stop, None, **at_once)
        wanted.change(
            self._find,
            wanted,
            rail,
            show_progress="hidden",
            concurrency_id="quick",
            concurrency_limit=_AT_ONCE,
        )
        return outputs

    def _ask(self, asked: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        desk = self._desks.of(_session(request))
        yield from self._stream(desk, asked, desk.editing, None)

    def _ask_by_button(self, sent: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """An example, a question asked again, or one asked of all papers."""
        desk = self._desks.of(_session(request))
        action = read_action(sent)
        turns = desk.conversation.turns
        if action is None:
            yield View().updates()
        elif action.do == "ask":
            yield from self._stream(desk, action.text, None, None)
        elif 0 <= action.turn < len(turns):
            filters = Filters() if action.do == "ask-all" else None
            yield from self._stream(desk, turns[action.turn].question, action.turn, filters)

    def _stream(
        self, desk: Desk, asked: str, at: int | None, filters: Filters | None
    ) -> Iterator[tuple[Any, ...]]:
        if not len(self._engine.library):
            yield View(said="The library is empty: add papers first").updates()
            return
        for view in self._asking.ask(desk, asked, at, filters):
            yield view.updates()

    def _stop(self, request: gr.Request) -> tuple[Any, ...]:
        desk = self._desks.of(_session(request))
        if not is_busy(desk) or desk.run is None:
            return finished(desk, self._examples()).updates()
        desk.run.stopped.set()
        # The question's own events show how it ended; whatever this one showed might come later.
        return View(said="Stopping").updates()

    def _act(self, sent: str, request: gr.Request) -> tuple[Any, ...]:
        action = read_action(sent)
        if action is None:
            return View().updates()
        return act(self._desks.of(_session(request)), action, self._examples()).updates()

    def _find(self, words: str, request: gr.Request) -> str:
        desk = self._desks.of(_session(request))
        return conversations(desk.shelf.find(words[:200]), desk.conversation.id, words)

    def _examples(self) -> list[str]:
        """Questions about this library, drawn again when it changes."""
        library = self._engine.library
        size = len(library)
        if self._suggestions is None or self._suggestions[0] != size:
            titles = library.some_titles(_SUGGESTED_FROM)
            self._suggestions = (size, suggest(titles, seed=size))
        return self._suggestions[1]

    def _watch_model(self) -> Iterator[tuple[str, str]]:
        """How far the model is, until it is there or known not to come; and which answers."""
        shown = None
        while True:
            state = self._engine.state
            if state != shown:
                shown = state
                yield model_state(state), _masthead(self._engine.settings.model)
            if not state.said:
                return
            time.sleep(0.5)

    # The library

    def _library_tab(self, tab: gr.Tab) -> None:
        library = self._engine.library
        browse = gr.State(Browse())
        with gr.Row(elem_id="library-rooms"):
            with gr.Column(scale=3, min_width=320, elem_id="papers"):
                with gr.Row(elem_id="library-tools"):
                    words = gr.Textbox(
                        label="Search the library",
                        placeholder="Title, author, venue, year",
                        max_length=200,
                        elem_id="library-search",
                    )
                    kind = gr.Radio(
                        [("All", "all"), ("My own", "own"), ("Starter papers", "starter")],
                        value="all",
                        label="Show",
                        elem_id="library-kind",
                    )
                undo = gr.HTML(elem_id="removed")
                rows = gr.HTML(elem_id="library-table")
            with gr.Column(scale=2, min_width=280, elem_id="library-side"):
                gr.HTML("<h2>Add papers</h2>")
                files = gr.File(
                    label="Files: BibTeX, RIS, CSL-JSON, CSV, PubMed, arXiv, ACL, listings, PDF",
                    file_count="multiple",
                    type="filepath",
                    elem_id="upload",
                    height=130,
                )
                path = gr.Textbox(
                    label="Or a file or folder on this machine, or arxiv: and what to ask for",
                    info="arxiv:2401.00001, or a search such as arxiv:ti:diffusion AND cat:cs.LG. "
                    "Only this asks arXiv.org, over the network.",
                    visible=not self._shared,
                    max_length=1_000,
                    elem_id="path",
                )
                pasted = gr.Textbox(
                    label="Or paste entries",
                    lines=2,
                    max_lines=6,
                    max_length=LONGEST_PASTE,
                    elem_id="paste",
                )
                with gr.Row():
                    add = gr.Button("Add", variant="primary", elem_id="add")
                    cancel = gr.Button("Stop adding", elem_id="cancel-add", visible=False)
                added = gr.HTML(elem_id="added")
                gr.HTML("<h2>This library</h2>")
                known = gr.HTML(elem_id="facts")
                check = gr.Button("Check its health", elem_id="check", size="sm")
        shown = [browse, rows, undo, known]
        quiet: dict[str, Any] = {"show_progress": "hidden", "concurrency_id": "library"}

        def look(state: Browse, request: gr.Request) -> tuple[Any, ...]:
            removed = self._desks.of(_session(request)).removed
            return state, table(library, state), removed_note(removed), facts(library)

        def search(text: str, which: Any, state: Browse) -> tuple[Any, ...]:
            wanted = replace(state, words=text, kind=which, first=0)
            return wanted, table(library, wanted)

        def press(sent: str, state: Browse, request: gr.Request) -> tuple[Any, ...]:
            desk = self._desks.of(_session(request))
            return look(_press(engine=self._engine, desk=desk, sent=sent, browse=state), request)

        def put_in(
            uploads: list[str] | None, place: str, text: str, state: Browse, request: gr.Request
        ) -> Iterator[tuple[Any, ...]]:
            desk = self._desks.of(_session(request))
            sources = [*(uploads or ())]
            if place.strip() and not self._shared:
                sources.append(as_source(place))
            note = paste_to_file(text) if text.strip() else ""
            sources += [note] if note else []
            if not sources:
                said = '<p class="hint">Choose a file, name a path, or paste entries first.</p>'
                yield (said, *[gr.skip()] * 8)
                return
            desk.adding = threading.Event()
            try:
                for said in add_papers(library, sources, desk.adding):
                    yield (said, *[gr.skip()] * 7, gr.update(visible=True))
            finally:
                for used in [*(uploads or ()), *filter(None, [note])]:
                    Path(used).unlink(missing_ok=True)
            yield (gr.skip(), *look(state, request), None, "", "", gr.update(visible=False))

        def cancel_adding(request: gr.Request) -> None:
            desk = self._desks.of(_session(request))
            if desk.adding is not None:
                desk.adding.set()

        tab.select(look, browse, shown, **quiet)
        words.change(search, [words, kind, browse], [browse, rows], **quiet)
        kind.change(search, [words, kind, browse], [browse, rows], **quiet)
        self._do["do-library"].click(
            press,
            [self._sent, browse],
            shown,
            js="(sent, browse) => [window.askpapersAction, browse]",
            trigger_mode="multiple",
            **quiet,
        )
        add.click(
            put_in,
            [files, path, pasted, browse],
            [added, *shown, files, path, pasted, cancel],
            show_progress="hidden",
            concurrency_id="add",
        )
        cancel.click(cancel_adding, None, None, concurrency_id="quick", concurrency_limit=_AT_ONCE)
        check.click(lambda: facts(library, _problems(library)), None, known, **quiet)

    # Settings

    def _settings_tab(self, tab: gr.Tab, outputs: list[Any], model: list[Any]) -> list[Any]:
        """Its fields, in the order of `_values`."""
        default = Preferences.of(self._engine.settings)
        with gr.Column(elem_id="settings"):
            gr.HTML(
                "<h2>Settings</h2><p>Kept on this machine; each holds from the next question on."
                "</p>"
            )
            caution = gr.Slider(
                0,
                1,
                default.caution,
                step=0.05,
                label="Caution",
                info="How readily to say that the papers do not say: 0 only where nothing bears an "
                "answer out, 1 very readily.",
            )
            papers = gr.Slider(
                1,
                30,
                default.papers,
                step=1,
                label="Papers",
                info="How many found are shown among the sources. Those that were read always are.",
            )
            evidence = gr.Slider(
                64,
                2048,
                default.evidence_tokens,
                step=32,
                label="Evidence, in tokens",
                info="How much of the papers the model reads. More takes longer to begin.",
            )
            length = gr.Slider(
                16,
                512,
                default.answer_tokens,
                step=16,
                label="Longest answer, in tokens",
                info="At most four sentences are kept, whatever it writes.",
                visible=self._engine.can_shorten,
            )
            quote = gr.Checkbox(
                default.quote,
                label="Quotations only",
                info="Answers at once with the papers' own sentences, without the language model.",
                elem_id="quote",
            )
            gr.HTML("<h3>Ask only papers</h3>")
            with gr.Row():
                since = gr.Textbox(label="since the year", max_length=4, placeholder="any")
                until = gr.Textbox(label="until the year", max_length=4, placeholder="any")
            with gr.Row():
                venue = gr.Textbox(label="whose venue has the words", max_length=200)
                author = gr.Textbox(label="by an author of the name", max_length=200)
            with gr.Row():
                keep = gr.Button("Keep", variant="primary", elem_id="keep")
                reset = gr.Button("As they were at first", elem_id="reset")
            said = gr.HTML(elem_id="settings-said")
            self._model_choice(tab, model)
        fields = [caution, papers, evidence, length, since, until, venue, author, quote]

        # What the fields were last filled with here: comparing with what they show would take
        # away what somebody types while the tab opens.
        filled = gr.State(_values(default))

        def show(last: Sequence[Any], request: gr.Request) -> tuple[Any, ...]:
            kept = self._desks.of(_session(request)).preferences
            return (*_filled_in(kept, last), "", _values(kept))

        def save(*values: Any, request: gr.Request) -> tuple[Any, ...]:
            desk = self._desks.of(_session(request))
            return self._keep_settings(desk, values)

        def forget(request: gr.Request) -> tuple[Any, ...]:
            desk = self._desks.of(_session(request))
            return self._keep_settings(desk, _values(default))

        changed = [*fields, said, outputs[4]]
        tab.select(
            show,
            filled,
            [*fields, said, filled],
            show_progress="hidden",
            concurrency_id="quick",
            concurrency_limit=_AT_ONCE,
        )
        keep.click(_with_request(save), fields, changed, show_progress="hidden")
        reset.click(forget, None, changed, show_progress="hidden")
        return fields

    def _model_choice(self, tab: gr.Tab, shown: list[Any]) -> None:
        """Which model answers everybody; so only where nobody else may come."""
        engine = self._engine
        with gr.Column(visible=not self._shared):
            gr.HTML("<h3>Language model</h3>")
            choice = gr.Radio(
                engine.models,
                value=engine.settings.model,
                label="Answers are written by",
                info="Holds until askpapers is closed; questions wait while another is opened. "
                "`askpapers models fetch NAME` brings others.",
                elem_id="language-model",
            )
            said = gr.HTML(elem_id="model-said")

        def now() -> Any:
            return gr.update(choices=engine.models, value=engine.settings.model)

        def choose(wanted: str) -> Iterator[tuple[Any, ...]]:
            if self._shared:
                return
            try:
                engine.choose(wanted)
            except AskpapersError as error:
                yield gr.skip(), gr.skip(), now(), _trouble(error)
                return
            for state, masthead in self._watch_model():
                yield state, masthead, gr.skip(), ""
            yield gr.skip(), gr.skip(), now(), ""

        aside: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": _AT_ONCE}
        tab.select(now, None, choice, concurrency_id="quick", **aside)
        choice.input(choose, choice, [*shown, choice, said], **aside)

    def _keep_settings(self, desk: Desk, values: tuple[Any, ...]) -> tuple[Any, ...]:
        try:
            desk.prefer(_preferences(values))
        except AskpapersError as error:
            return (*values, _trouble(error), "")
        said = '<p role="status">Kept.</p>'
        chips = finished(desk).chips
        return (*values, said, chips)


def _session(request: gr.Request) -> str:
    return str(request.session_hash)


def _press(*, engine: Engine, desk: Desk, sent: str, browse: Browse) -> Browse:
    """What a button of the library's table does; the part of the library to look at then."""
    action = read_action(sent)
    library = engine.library
    if action is None:
        return browse
    if action.do == "sort" and action.text in ("title", "authors", "year", "venue"):
        return browse.sorted_by(action.text)  # type: ignore[arg-type]
    if action.do == "page":
        return replace(browse, first=max(0, action.turn))
    if action.do == "remove":
        _remove(engine, desk, [action.id])
    elif action.do == "remove-sample":
        _remove(engine, desk, [paper.id for paper in library.papers() if paper.sample])
    elif action.do == "undo" and desk.removed:
        library.add(desk.removed)
        desk.removed = ()
    elif action.do == "mend":
        library.mend()
    return browse


def _remove(engine: Engine, desk: Desk, ids: list[str]) -> None:
    papers = tuple(engine.library.get(ids).values())
    engine.library.remove(ids)
    desk.removed = papers


def _problems(library: Any) -> list[str]:
    try:
        problems: list[str] = library.check()
    except AskpapersError as error:
        return [error.what, error.remedy]
    return problems


def _with_request(save: Callable[..., tuple[Any, ...]]) -> Callable[..., tuple[Any, ...]]:
    """Gradio finds a request by its annotation among positional parameters only."""

    def nine(
        a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any, i: Any, request: gr.Request
    ) -> tuple[Any, ...]:
        return save(a, b, c, d, e, f, g, h, i, request=request)

    return nine


def _values(preferences: Preferences) -> tuple[Any, ...]:
    return (
        preferences.caution,
        preferences.papers,
        preferences.evidence_tokens,
        preferences.answer_tokens,
        str(preferences.since or ""),
        str(preferences.until or ""),
        preferences.venue,
        preferences.author,
        preferences.quote,
    )


def _filled_in(kept: Preferences, last: Sequence[Any]) -> list[Any]:
    """What is kept, for the fields; one that was filled with it is left alone, as someone may be
    typing there."""
    pairs = zip(_values(kept), last, strict=True)
    return [gr.skip() if value == here else value for value, here in pairs]


def _preferences(values: tuple[Any, ...]) -> Preferences:
    caution, papers, evidence, length, since, until, venue, author, quote = values
    return Preferences(
        caution=min(1.0, max(0.0, float(caution))),
        papers=min(100, max(1, int(papers))),
        evidence_tokens=min(16_384, max(64, int(evidence))),
        answer_tokens=min(4_096, max(16, int(length))),
        since=_year(since),
        until=_year(until),
        venue=" ".join(venue.split()),
        author=" ".join(author.split()),
        quote=bool(quote),
    )


def _trouble(error: AskpapersError) -> str:
    return f'<p role="alert">{in_html(f"{error.what} {error.remedy}")}</p>'


def _year(text: str) -> int | None:
    if not text.strip():
        return None
    if not text.strip().isdecimal():
        raise AskpapersError(f"{text!r} is no year.", "Write four digits, or nothing.")
    return int(text)


def _masthead(model_name: str) -> str:
    return (
        "<header><h1>askpapers</h1><p>Answers from your papers, on this machine · "
        f"{in_html(model_name)}</p></header>"
    )


_RAIL_HEAD = (
    '<div class="rail-head"><h2>Conversations</h2>'
    '<button type="button" class="quiet" data-do=\'{"do": "new"}\'>New</button></div>'
)
