"""The chat page: asks, streams the draft, then shows the checked answer with its papers."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from rag.answering import Answerer, Done, Found, Writing
from rag.errors import AskpapersError, SettingsError
from rag.filters import Filters
from rag.papers import Answer, Citation, Evidence, Retrieved
from rag.settings import Settings
from ui.literal import in_html, in_markdown, lines_in_markdown

_MOST_WAITING = 16
_LONGEST_QUESTION = 2_000

_EXAMPLES = (
    "What accuracy does S4D average on Long Range Arena?",
    "How does ZeroQ quantize a network without data?",
    "Which papers study emergent misalignment?",
    "What is the capital of France?",
)

Turns = list[tuple[str, str]]
Messages = list[dict[str, Any]]


def serve(
    answerer: Answerer,
    settings: Settings,
    *,
    open_browser: bool,
    started: Callable[[str], None],
) -> None:
    """Open the page and stay until interrupted.

    Args:
        started: told the page's address once it answers.

    Raises:
        SettingsError: the address is not of this machine and no password is set, or the port
            is taken.
    """
    password = settings.password.get_secret_value()
    if not _is_loopback(settings.host) and not password:
        raise SettingsError(
            f"{settings.host} can be reached by other machines, and no password is set.",
            "Set ASKPAPERS_PASSWORD, or listen on 127.0.0.1.",
        )
    threading.Thread(target=answerer.load, daemon=True).start()
    page = build_page(answerer)
    page.queue(max_size=_MOST_WAITING, default_concurrency_limit=1, api_open=False)
    try:
        _, address, _ = page.launch(
            server_name=settings.host,
            server_port=settings.port or None,
            inbrowser=open_browser,
            auth=("reader", password) if password else None,
            theme=_theme(),
            css=Path(__file__).with_name("page.css").read_text(),
            footer_links=[],
            enable_monitoring=False,
            show_error=True,
            quiet=True,
            prevent_thread_lock=True,
        )
    except OSError as error:
        raise SettingsError(
            f"The page cannot listen on {settings.host}:{settings.port}: {error}",
            "Choose another port with --port.",
        ) from None
    started(address)
    page.block_thread()


def build_page(answerer: Answerer) -> gr.Blocks:
    """The page over an answerer; conversations live in the browser's session."""
    count = len(answerer.library)
    size = "1 paper" if count == 1 else f"{count:,} papers"
    with gr.Blocks(title="askpapers", analytics_enabled=False, fill_height=True) as page:
        turns = gr.State([])
        gr.HTML(
            f"<header><h1>askpapers</h1><p>{size} · {in_html(answerer.model_name)} · "
            "on this machine</p></header>",
            elem_id="head",
        )
        with gr.Row(elem_id="rooms"):
            with gr.Column(scale=3, min_width=320):
                chatbot = gr.Chatbot(
                    elem_id="talk",
                    show_label=False,
                    label="Conversation",
                    allow_tags=False,
                    latex_delimiters=[],
                    layout="panel",
                    buttons=["copy_all"],  # none that shares a conversation with anybody
                    placeholder="### Ask your papers\nEach sentence of an answer names the paper "
                    "that says so.",
                )
                everything = gr.Button(
                    "Ask all papers instead", size="sm", visible=False, elem_id="everything"
                )
                with gr.Row(elem_id="ask"):
                    question = gr.Textbox(
                        label="Question",
                        show_label=False,
                        placeholder="Ask a question about the papers",
                        autofocus=True,
                        max_length=_LONGEST_QUESTION,
                        scale=6,
                        elem_id="question",
                    )
                    send = gr.Button("Ask", variant="primary", scale=1, min_width=72)
                    stop = gr.Button("Stop", variant="stop", scale=1, min_width=72, visible=False)
                gr.Examples(list(_EXAMPLES), question, label="Try")
            with gr.Column(scale=2, min_width=300):
                sources = gr.HTML(_no_sources(), elem_id="sources", label="Papers")

        def answer(asked: str, said: Messages, before: Turns) -> Iterator[tuple[Any, ...]]:
            yield from _answer(answerer, asked, said, before, None)

        def answer_from_all(said: Messages, before: Turns) -> Iterator[tuple[Any, ...]]:
            # The question before is asked again, so its turn and messages make way.
            yield from _answer(answerer, before[-1][0], said[:-2], before[:-1], Filters())

        outputs = [chatbot, sources, turns, question, send, stop, everything]
        running = [
            trigger(answer, [question, chatbot, turns], outputs, show_progress="hidden")
            for trigger in (question.submit, send.click)
        ]
        running.append(
            everything.click(answer_from_all, [chatbot, turns], outputs, show_progress="hidden")
        )
        stop.click(
            lambda: (gr.update(visible=True), gr.update(visible=False)),
            None,
            [send, stop],
            cancels=running,
        )
    return page


def _answer(
    answerer: Answerer, asked: str, said: Messages, before: Turns, filters: Filters | None
) -> Iterator[tuple[Any, ...]]:
    """What the page shows while a question is answered: messages, papers, turns, the controls.

    Args:
        filters: which papers to ask; None for those the question itself states.
    """
    asked = " ".join(asked.split())[:_LONGEST_QUESTION]
    busy = (
        gr.update(value="", interactive=True),
        gr.update(visible=False),
        gr.update(visible=True),
        gr.update(visible=False),
    )
    idle = (
        gr.update(),
        gr.update(visible=True),
        gr.update(visible=False),
        gr.update(visible=False),
    )
    if not asked:
        yield (said, gr.update(), before, *idle)
        return
    said = [*said, {"role": "user", "content": in_markdown(asked)}]

    def reply(markdown: str) -> Messages:
        return [*said, {"role": "assistant", "content": markdown}]

    yield (reply("*Looking through the papers …*"), gr.update(), before, *busy)
    draft, panel = "", _no_sources()
    try:
        for event in answerer.stream(asked, before, filters):
            if isinstance(event, Found):
                panel = _found_panel(event.evidence, event.retrieved)
                yield (reply("*Reading …*"), panel, before, *busy)
            elif isinstance(event, Writing):
                draft += event.text
                yield (reply(f"{in_markdown(draft)} ▌"), gr.skip(), before, *busy)
            elif isinstance(event, Done):
                answer = event.answer
                turns = [*before, (asked, answer.answer)]
                controls = (*idle[:-1], gr.update(visible=bool(answer.filters)))
                yield (reply(_as_markdown(answer)), _panel(answer), turns, *controls)
    except AskpapersError as error:
        text = f"**{in_markdown(error.what)}** {in_markdown(error.remedy)}"
        yield (reply(text), panel, before, *idle)


def _as_markdown(answer: Answer) -> str:
    """The answer, then each cited title with the sentences that bear it out."""
    parts = [f"*{in_markdown(answer.warning)}*"] if answer.warning else []
    parts.append(lines_in_markdown(answer.answer))
    if answer.abstained:
        parts.append(f"*{in_markdown(answer.reason[:1].upper() + answer.reason[1:])}.*")
    if answer.standalone_question != answer.question:
        parts.append(f"*Understood as: {in_markdown(answer.standalone_question)}*")
    if answer.filters:
        parts.append(f"*Only papers {in_markdown(answer.filters)} were asked.*")
    for citation, sentences in answer.unquoted():
        parts.append(f"**{in_markdown(f'[{citation.number}] {citation.title}')}**")
        parts += [f"> {in_markdown(sentence.text)}" for sentence in sentences]
    for sentence_text in answer.left_out:
        parts.append(f"*Left out, not found in the papers:* {in_markdown(sentence_text)}")
    return "\n\n".join(parts)


def _panel(answer: Answer) -> str:
    cited = {citation.paper_id for citation in answer.citations}
    rest = [found for found in answer.retrieved if found.paper_id not in cited]
    heading = "Closest papers" if answer.abstained else "Also found"
    cards = "".join(_citation_card(citation) for citation in answer.citations)
    return _section("Cited", cards) + _section(heading, _titles(rest))


def _found_panel(evidence: tuple[Evidence, ...], retrieved: tuple[Retrieved, ...]) -> str:
    read = {e.paper_id for e in evidence}
    cards = "".join(_card(e.title, [s.text for s in _best(e)]) for e in evidence)
    rest = [found for found in retrieved if found.paper_id not in read]
    return _section("Reading", cards) + _section("Also found", _titles(rest))


def _best(evidence: Evidence) -> list[Any]:
    pairs = zip(evidence.relevance, evidence.sentences, strict=True)
    return [sentence for _, sentence in sorted(pairs, key=lambda pair: -pair[0])[:1]]


def _citation_card(citation: Citation) -> str:
    note = "" if citation.support == "supported" else "<p class='weak'>△ weak support</p>"
    title = f"[{citation.number}] {citation.title}"
    return _card(title, [s.text for s in citation.sentences], note)


def _card(title: str, sentences: list[str], note: str = "") -> str:
    quotes = "".join(f"<blockquote>{in_html(text)}</blockquote>" for text in sentences)
    return f"<article><h3>{in_html(title)}</h3>{quotes}{note}</article>"


def _titles(found: list[Retrieved]) -> str:
    items = "".join(f"<li>{in_html(paper.title)}</li>" for paper in found)
    return f"<ul>{items}</ul>" if items else ""


def _section(heading: str, body: str) -> str:
    return f"<section><h2>{heading}</h2>{body}</section>" if body else ""


def _no_sources() -> str:
    return "<section><h2>Papers</h2><p>The papers of an answer appear here.</p></section>"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _theme() -> gr.themes.Base:
    """System fonts: a font from elsewhere would be a request that leaves the machine."""
    sans = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
    mono = ["ui-monospace", "Menlo", "Consolas", "monospace"]
    return gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.stone,
        font=sans,
        font_mono=mono,
        radius_size=gr.themes.sizes.radius_md,
        text_size=gr.themes.sizes.text_md,
    )
