"""Readers: each turns a file into papers and says what it could not read.

A reader is found by what a file holds, not by what it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.errors import SourceError
from rag.papers import Paper
from rag.sources import jsonl, listing
from rag.sources.entry import Unreadable

__all__ = ["Unreadable", "read_source"]


@dataclass(frozen=True, slots=True)
class _Reader:
    name: str
    recognises: Callable[[str], bool]
    read: Callable[[str, str], Iterator[Paper | Unreadable]]


_READERS = (
    _Reader("JSON lines", jsonl.recognises, jsonl.read),
    _Reader("listing", listing.recognises, listing.read),
)


def read_source(path: Path) -> Iterator[Paper | Unreadable]:
    """The papers of one file, with a note for each entry that cannot be used.

    Raises:
        SourceError: the file cannot be read at all, or is in no format known here.
    """
    text = _text_of(path)
    for reader in _READERS:
        if reader.recognises(text):
            return reader.read(text, path.name)
    known = ", ".join(reader.name for reader in _READERS)
    raise SourceError(
        f"{path} holds no papers that can be recognised.", f"The formats known here: {known}."
    )


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise SourceError(f"{path} does not exist.", "Check the name and the folder.") from None
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{path} is not UTF-8 text (byte {error.start}).", "Save it as UTF-8 and add it again."
        ) from None
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror}.", "Check that it is a file you may read."
        ) from None
