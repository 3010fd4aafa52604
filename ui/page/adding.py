"""Papers added from the page: files or a path read in the background, with how far it is."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from rag.errors import AskpapersError, SourceError
from rag.library import Library
from rag.merging import AddReport
from rag.papers import Paper
from rag.sources import Unreadable, find_sources
from rag.sources.arxiv_api import PREFIX
from ui.literal import in_html
from ui.page.library_view import added_note

_LOOK = 0.3
LONGEST_PASTE = 2_000_000


def add_papers(library: Library, sources: Sequence[str], stop: threading.Event) -> Iterator[str]:
    """Add what the sources hold; yields what to show while it goes on, and at the end."""
    work = _Work(library, sources, stop)
    thread = threading.Thread(target=work.run, daemon=True, name="add-papers")
    thread.start()
    try:
        while thread.is_alive():
            yield (
                f'<p class="loading" role="status">{work.read:,} papers read … '
                "<progress></progress></p>"
            )
            thread.join(_LOOK)
    finally:
        if thread.is_alive():
            stop.set()
    if work.error is not None:
        yield (
            f'<p class="trouble" role="alert"><b>{in_html(work.error.what)}</b> '
            f"{in_html(work.error.remedy)}</p>"
        )
    else:
        yield added_note(work.report, work.unreadable, stopped=stop.is_set())


def as_source(typed: str) -> str:
    """What was typed as `askpapers add` takes it: a file, a folder, a pattern, or ``arxiv:…``."""
    typed = typed.strip()
    if typed.lower().startswith(PREFIX):
        return PREFIX + typed[len(PREFIX) :]
    return str(Path(typed).expanduser().absolute())  # so that "-" is no standard input here


def paste_to_file(text: str) -> str:
    """A pasted bibliography or listing as a file that the readers can read."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", suffix=".txt", prefix="pasted-", delete=False
    ) as file:
        file.write(text[:LONGEST_PASTE])
    return file.name


class _Work:
    """One run of adding, whose figures another thread reads."""

    def __init__(self, library: Library, sources: Sequence[str], stop: threading.Event) -> None:
        self.read = 0
        self.report = AddReport()
        self.unreadable: list[Unreadable] = []
        self.error: AskpapersError | None = None
        self._library = library
        self._sources = sources
        self._stop = stop

    def run(self) -> None:
        try:
            self.report = self._library.add(self._papers())
        except AskpapersError as error:
            self.error = error
        except Exception as error:  # the page must say it, whatever it is
            self.error = AskpapersError(f"Adding failed: {error}", "`askpapers doctor` may help.")

    def _papers(self) -> Iterator[Paper]:
        for given in self._sources:
            try:
                for source in find_sources(given):
                    yield from self._of(source.place, source.read())
            except SourceError as error:
                self.unreadable.append(Unreadable(_name(given), error.what))
            if self._stop.is_set():
                return

    def _of(self, place: str, entries: Iterator[Paper | Unreadable]) -> Iterator[Paper]:
        try:
            for entry in entries:
                if self._stop.is_set():
                    return
                if isinstance(entry, Unreadable):
                    self.unreadable.append(entry)
                else:
                    self.read += 1
                    yield entry
        except SourceError as error:
            self.unreadable.append(Unreadable(_name(place), error.what))


def _name(place: str) -> str:
    """What to call a source in a note: an upload's folder would mean nothing to a reader."""
    return place if place.startswith(PREFIX) else Path(place).name
