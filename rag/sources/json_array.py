"""A JSON array of papers: CSL-JSON, Zotero's exports, or plain objects with title and abstract.

The array may stand by itself or within an object, as Better BibTeX's ``{"items": […]}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from rag.papers import Paper
from rag.sources.entry import Unreadable
from rag.sources.record import is_paper, read_record

_SPACE = re.compile(r"[ \t\r\n]*")
_WRAPPERS = ("items", "papers", "records", "results", "data")
"""Names under which exports and services put their array."""

_WRAPPER = re.compile(rf'\{{\s*"(?:config|{"|".join(_WRAPPERS)})"\s*:\s*[\[{{]')
_DECODER = json.JSONDecoder()


def recognises(text: str) -> bool:
    """Whether it is an array of objects, or an object over several lines or around an array."""
    start = text.lstrip()
    if start.startswith("["):
        return start[1:].lstrip()[:1] in ("{", "]")
    return start.partition("\n")[0].strip() == "{" or _WRAPPER.match(start) is not None


def read(text: str, source: str) -> Iterator[Paper | Unreadable]:
    """The papers of the array; at broken JSON those before it.

    An object without such an array is one paper itself.
    """
    start = _after_space(text, 0)
    line, counted = 1, 0
    try:
        at = start if text[start : start + 1] == "[" else _array_within(text, start)
        for position, value in _items(text, at) if at is not None else _whole(text, start):
            line, counted = line + text.count("\n", counted, position), position
            if is_paper(value):
                yield read_record(value, f"{source}:{line}", source)
    except json.JSONDecodeError as error:
        reason = f"it is not JSON from here on ({error.msg}); what follows is not read"
        yield Unreadable(f"{source}:{error.lineno}", reason)
    except (ValueError, RecursionError) as error:
        yield Unreadable(f"{source}:{line}", f"it is not JSON: {error}")


def _whole(text: str, start: int) -> Iterator[tuple[int, Any]]:
    yield start, _DECODER.raw_decode(text, start)[0]


def _items(text: str, at: int) -> Iterator[tuple[int, Any]]:
    """The items of the array that opens at ``at``, with their places, as they are parsed."""
    at = _after_space(text, at + 1)
    while text[at : at + 1] != "]":
        value, end = _DECODER.raw_decode(text, at)
        yield at, value
        end = _after_space(text, end)
        if text[end : end + 1] not in (",", "]"):
            raise json.JSONDecodeError("Expecting ',' delimiter", text, min(end, len(text)))
        at = _after_space(text, end + 1) if text[end] == "," else end


def _array_within(text: str, at: int) -> int | None:
    """Where the array opens that this object has under one of those names."""
    at = _after_space(text, at + 1)
    while text[at : at + 1] == '"':
        name, at = _DECODER.raw_decode(text, at)
        at = _after_space(text, at)
        if text[at : at + 1] != ":":
            raise json.JSONDecodeError("Expecting ':' delimiter", text, at)
        at = _after_space(text, at + 1)
        if name in _WRAPPERS and text[at : at + 1] == "[":
            return at
        at = _after_space(text, _DECODER.raw_decode(text, at)[1])
        if text[at : at + 1] == ",":
            at = _after_space(text, at + 1)
    return None


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
