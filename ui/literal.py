"""Text of papers and people, made safe to stand in Markdown and HTML: shown, never obeyed."""

from __future__ import annotations

import html


def in_markdown(text: str) -> str:
    """The text as Markdown that shows exactly these characters.

    Every ASCII mark is written as a character reference, which Markdown never takes for its
    own syntax (CommonMark 0.31, section 2.5), nor a mathematics extension for its delimiters.
    """
    return "".join(
        c if c.isalnum() or c == " " or not c.isascii() else f"&#{ord(c)};"
        for c in " ".join(text.split())
    )


def lines_in_markdown(text: str) -> str:
    """The same for a text of several lines, each of which stays a line of its own."""
    return "  \n".join(in_markdown(line) for line in text.split("\n"))


def in_html(text: str) -> str:
    """The text as HTML that shows exactly these characters."""
    return html.escape(" ".join(text.split()))
