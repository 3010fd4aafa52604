"""Text of papers and people is shown as it is, whatever it holds."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.literal import in_html

NASTY = [
    "<SEG> and <script>alert(1)</script>",
    "[1](javascript:alert(1))",
    "$x_i$ and $$y$$ and `code`",
    '" onmouseover="alert(1)',
    "&lt;b&gt; &amp;",
]


@pytest.mark.parametrize("text", NASTY)
def test_nothing_in_a_text_is_html(text: str) -> None:
    escaped = in_html(text)
    assert not set("<>\"'") & set(escaped)
    assert html.unescape(escaped) == text


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("C",)), max_size=80))
def test_any_text_is_shown_as_it_is(text: str) -> None:
    assert html.unescape(in_html(text)) == " ".join(text.split())
