"""Small pieces of HTML that several parts of the page are made of."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence

from rag.papers import Paper, Sentence
from ui.literal import in_html
from ui.page.maths import with_maths


def button(label: str, do: str, *, name: str = "", kind: str = "quiet", **data: object) -> str:
    """A button that sends an action to the page, with what the action is about.

    Args:
        name: for screen readers, where the label alone does not say it.
    """
    action = html.escape(json.dumps({"do": do, **data}))
    aria = f' aria-label="{in_html(name)}"' if name else ""
    return (
        f'<button type="button" class="{kind}" data-do="{action}"{aria}>{in_html(label)}</button>'
    )


def copier(label: str, text: str, *, name: str = "") -> str:
    """A button that copies a text without asking the server."""
    aria = f' aria-label="{in_html(name)}"' if name else ""
    return (
        f'<button type="button" class="quiet" data-copy="{html.escape(text)}"{aria}>'
        f"{in_html(label)}</button>"
    )


def saver(label: str, text: str, file: str, *, name: str = "") -> str:
    """A button that saves a text as a file without asking the server."""
    aria = f' aria-label="{in_html(name)}"' if name else ""
    return (
        f'<button type="button" class="quiet" data-save="{html.escape(text)}" '
        f'data-file="{in_html(file)}"{aria}>{in_html(label)}</button>'
    )


def byline(paper: Paper) -> str:
    """Authors, venue, year and a link, as far as they are known."""
    names = ", ".join(paper.authors[:6]) + (" et al." if len(paper.authors) > 6 else "")
    parts = [in_html(part) for part in (names, paper.venue, str(paper.year or "")) if part]
    if is_link(paper.url):
        place = "DOI" if "doi.org/" in paper.url else "arXiv" if "arxiv.org/" in paper.url else ""
        parts.append(
            f'<a href="{html.escape(paper.url)}" target="_blank" rel="noopener noreferrer" '
            f'aria-label="{place or "Web page"} of {in_html(paper.title)}">'
            f"{place or 'web page'} ↗</a>"
        )
    return f'<p class="by">{" · ".join(parts)}</p>' if parts else ""


def is_link(url: str) -> bool:
    """Whether it is an address that a browser may follow; scripts and files are not."""
    return url.lower().startswith(("http://", "https://")) and not set(url) & set(' "<>\\')


def abstract(text: str, evidence: Sequence[Sentence]) -> str:
    """An abstract with its evidence marked; sentences that do not stand there are passed over."""
    parts, at = [], 0
    for sentence in sorted(evidence, key=lambda s: s.start):
        if sentence.start < at or text[sentence.start : sentence.end] != sentence.text:
            continue
        parts.append(with_maths(text[at : sentence.start]))
        parts.append(f"<mark>{with_maths(sentence.text)}</mark>")
        at = sentence.end
    parts.append(with_maths(text[at:]))
    return f'<p class="abstract">{"".join(parts)}</p>'
