"""Text of papers and people, made safe to stand in HTML: shown, never obeyed."""

from __future__ import annotations

import html


def in_html(text: str) -> str:
    """The text as HTML that shows exactly these characters."""
    return html.escape(" ".join(text.split()))
