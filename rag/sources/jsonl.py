"""JSON lines: an object a line with a title and an abstract, arXiv's metadata among them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from rag.papers import Paper
from rag.sources import json_array
from rag.sources.entry import Unreadable
from rag.sources.record import read_record


def recognises(text: str) -> bool:
    """Whether the first thing in the file is an object, and not one around all the others."""
    return text.lstrip()[:1] == "{" and not json_array.recognises(text)


def read(text: str, source: str) -> Iterator[Paper | Unreadable]:
    """The papers of a file; a line that is not one is noted, and the rest goes on."""
    return read_lines(text.split("\n"), source)


def read_lines(lines: Iterable[str], source: str) -> Iterator[Paper | Unreadable]:
    """The same from lines as they come, for files that are larger than the memory."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _read_line(line, f"{source}:{number}", source)


def _read_line(line: str, where: str, source: str) -> Paper | Unreadable:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Unreadable(where, f"it is not JSON: {error}")
    return read_record(value, where, source)
