"""What commands share: the options that name a library, and how one is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag import weights
from rag.errors import LibraryError
from rag.progress import Report, silent
from rag.settings import Settings, load_settings
from ui import terminal

if TYPE_CHECKING:
    from rag.answering import Answerer
    from rag.library import Library
    from rag.papers import Paper

LibraryOption = Annotated[
    Path | None,
    typer.Option(
        "--library", help="Folder of the library, or @NAME for one by name.", metavar="DIR"
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", help="Language model: a name, folder, GGUF file or server address."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def existing_library(path: Path | None, report: Report | None = None) -> Library:
    """The library a command is about, which must be there."""
    from rag.library import Library

    settings = load_settings(library=path)
    if not (settings.library_path / "catalog.sqlite").exists():
        raise LibraryError(
            f"There is no library in {settings.library_path}.",
            "`askpapers chat` makes one of the starter papers, `askpapers add SOURCE` one of yours."
            if settings.library is None
            else f"Make one with `askpapers add SOURCE --library {settings.library}`.",
        )
    return Library(settings.library_path, settings, report or silent)


def tell_first_use(settings: Settings, *, encoder_only: bool = False) -> None:
    """Say what a command is about to fetch, if anything."""
    from rag.chat_models import needed_downloads

    needed = needed_downloads(settings)
    terminal.print_first_use([m for m in needed if m.name == weights.ENCODER or not encoder_only])


def tell_renewal(library: Library) -> None:
    """Say so where papers are found by their words, since they are embedded anew."""
    if renewal := library.renewal:
        terminal.err.print(
            f"Another encoder or splitter is in use now: {renewal.done:,} of {renewal.total:,} "
            "papers are embedded anew, the others follow in the background. Until then papers are "
            "found by their words; `askpapers rebuild` does it at once."
        )


def open_answerer(settings: Settings) -> Answerer:
    """What answers from the settings' library, which must have papers."""
    from rag.answering import Answerer

    tell_first_use(settings)
    library = open_library(settings)
    with terminal.progress() as report:
        return Answerer(library, settings=settings, report=report)


def open_library(settings: Settings) -> Library:
    """The settings' library, which must have papers."""
    from rag.library import Library

    with terminal.progress() as report:
        library = Library.open(settings=settings, report=report)
    if not len(library):
        raise LibraryError(
            f"The library in {library.path} has no papers.", "`askpapers add SOURCE` adds some."
        )
    tell_renewal(library)
    return library


def one_paper(library: Library, wanted: str) -> Paper:
    """The paper that is meant; it is an error if there is none, or several."""
    found = library.find(wanted)
    if not found:
        raise LibraryError(
            f"No paper in {library.path} is called {wanted!r}.", "`askpapers list` shows them."
        )
    if len(found) > 1:
        some = "; ".join(f"{paper.id} {paper.title[:60]}" for paper in found[:5])
        raise LibraryError(
            f"{len(found)} papers fit {wanted!r}: {some}.", "Name one by its id or whole title."
        )
    return found[0]
