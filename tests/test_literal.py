"""Text of papers and people is shown as it is, whatever it holds."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ui.literal import in_html, in_markdown, lines_in_markdown

NASTY = [
    "<SEG> and <script>alert(1)</script>",
    "[1](javascript:alert(1))",
    "$x_i$ and $$y$$ and `code`",
    "# not a heading",
    "1. not a list",
    "![x](http://example.org/x.png) www.example.org",
    "**bold** _em_ | a | b |",
    "&lt;b&gt; &amp;",
]


def shown(markdown: str) -> str:
    """What a person reads: the rendered HTML without its tags."""
    rendered = MarkdownIt("gfm-like", {"linkify": False}).render(markdown).strip()
    match = re.fullmatch(r"<p>(.*)</p>", rendered, re.DOTALL)
    assert match or not rendered, rendered
    inner = match.group(1) if match else ""
    assert "<" not in inner
    return html.unescape(inner)


@pytest.mark.parametrize("text", NASTY)
def test_nothing_in_a_text_is_markdown(text: str) -> None:
    assert shown(in_markdown(text)) == text


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("C",)), max_size=80))
def test_any_text_is_shown_as_it_is(text: str) -> None:
    assert shown(in_markdown(text)) == " ".join(text.split())


@pytest.mark.parametrize("text", NASTY)
def test_nothing_in_a_text_is_html(text: str) -> None:
    escaped = in_html(text)
    assert "<" not in escaped
    assert html.unescape(escaped) == text


def test_lines_stay_lines() -> None:
    assert lines_in_markdown("one\n# two") == "one  \n&#35; two"
