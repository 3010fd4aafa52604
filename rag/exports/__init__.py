"""Writers: papers as BibTeX, RIS, CSL-JSON or JSON lines, for other programs and for `add`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rag.errors import LibraryError
from rag.exports import bibtex, csl, jsonl, ris
from rag.papers import Paper

__all__ = ["export"]

_WRITERS: dict[str, Callable[[Iterable[Paper]], Iterator[str]]] = {
    ".bib": bibtex.write,
    ".ris": ris.write,
    ".json": csl.write,
    ".jsonl": jsonl.write,
}


def export(papers: Iterable[Paper], file: Path) -> int:
    """Write papers in the format that the file's ending names; returns how many there were.

    The file is whole or, where something fails, as it was.

    Raises:
        LibraryError: the ending names no format, or the file cannot be written.
    """
    writer = _WRITERS.get(file.suffix.lower())
    if writer is None:
        raise LibraryError(
            f"{file.name} does not say in what format to write.",
            f"End it in one of {', '.join(_WRITERS)}.",
        )
    count = 0

    def counted() -> Iterator[Paper]:
        nonlocal count
        for paper in papers:
            count += 1
            yield paper

    temporary = file.with_name(f".{file.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(writer(counted()))
        os.replace(temporary, file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise LibraryError(
            f"{file} cannot be written: {error.strerror}.", "Name a file you may write."
        ) from None
    return count
