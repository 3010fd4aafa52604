"""Commands that keep a library: export, backup, restore, tag, note, stats, libraries."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from rag.errors import AskpapersError, LibraryError
from rag.settings import load_settings
from rag.weights.files import gigabytes
from ui import terminal
from ui.opening import JsonOption, LibraryOption, existing_library, one_paper

if TYPE_CHECKING:
    from rag.statistics import LibraryFigures

app = typer.Typer(rich_markup_mode=None)

_MOST = 10
"""Venues, sources and tags that are shown."""


@app.command()
def export(
    file: Annotated[
        Path, typer.Argument(help="Its ending says the format: .bib, .ris, .json (CSL), .jsonl.")
    ],
    tag: Annotated[
        list[str] | None, typer.Option(help="Only papers with this tag; repeatable.")
    ] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the papers into a file for other programs, or for `add`."""
    from rag.exports import export as write
    from rag.filters import Filters

    filters = Filters(tags=tuple(tag or ()))
    place = existing_library(library)
    count = write((paper for paper in place.papers() if filters.passes(paper)), file)
    if as_json:
        terminal.print_json({"papers": count, "file": str(file)})
    else:
        terminal.out.print(Text(f"{count:,} papers are in {file}."))


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="A new file.")], library: LibraryOption = None
) -> None:
    """Write the whole library into one file: papers, tags, notes, vectors."""
    place = existing_library(library)
    place.backup(file)
    terminal.out.print(
        Text(f"{len(place):,} papers are in {file} ({gigabytes(file.stat().st_size)}).")
    )


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `backup` wrote.")],
    library: LibraryOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also where the library has papers, which go.")
    ] = False,
) -> None:
    """Make a library of a backup; one that has papers is replaced only with --replace."""
    from rag.library import Library

    settings = load_settings(library=library)
    with terminal.progress() as report:
        place = Library(settings.library_path, settings, report)
        if len(place) > place.count_sample() and not replace:
            raise LibraryError(
                f"The library in {place.path} has {len(place):,} papers.",
                "Name another one with --library, or give --replace: they go.",
            )
        place.restore(file)
    terminal.out.print(Text(f"{len(place):,} papers are in {place.path}."))


@app.command()
def tag(
    papers: Annotated[list[str], typer.Argument(help="Ids, or titles.", metavar="PAPER…")],
    add: Annotated[list[str] | None, typer.Option(help="A tag; repeatable.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="A tag; repeatable.")] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put tags on papers, or take them off; `ask --tag` asks only papers that have one."""
    if not add and not remove:
        raise typer.BadParameter("give --add or --remove")
    place = existing_library(library)
    ids = [one_paper(place, wanted).id for wanted in papers]
    words = [" ".join(word.split()) for word in add or []]
    changed = place.tag(ids, list(filter(None, words)), remove or [])
    if as_json:
        tags = {i: list(paper.tags) for i, paper in place.get(ids).items()}
        terminal.print_json({"changed": changed, "tags": tags})
    else:
        terminal.out.print(f"{changed} changed.")


@app.command()
def note(
    paper: Annotated[str, typer.Argument(help="Its id, or some words of its title.")],
    text: Annotated[str, typer.Argument(help="What to keep; empty removes it.")],
    library: LibraryOption = None,
) -> None:
    """Keep a note on a paper, in the place of the one before; `show` shows it."""
    place = existing_library(library)
    place.set_note(one_paper(place, paper).id, text)
    terminal.out.print("Kept." if text.strip() else "Removed.")


@app.command()
def stats(
    library: LibraryOption = None,
    as_json: JsonOption = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw papers by year into this SVG or PNG.", metavar="FILE")
    ] = None,
) -> None:
    """Count the library: years, venues, sources, tags, sizes."""
    from rag.statistics import describe

    figures = describe(existing_library(library))
    if plot is not None:
        _plot_years(figures, plot)
    if as_json:
        terminal.print_json(asdict(figures))
        return
    total = gigabytes(sum(figures.sizes.values()))
    terminal.out.print(
        f"{figures.papers:,} papers, {figures.sample} of them starter papers; "
        f"abstracts of {figures.abstract_characters:,} characters (median); {total} on disk."
    )
    years = {str(year or "none"): count for year, count in figures.years.items()}
    for heading, counts in (
        ("year", dict(list(years.items())[-2 * _MOST :])),
        ("venue", figures.venues),
        ("source", figures.sources),
        ("tag", figures.tags),
    ):
        _print_counts(heading, counts, len(counts) if heading == "year" else _MOST)


def _print_counts(heading: str, counts: dict[str, int], most: int) -> None:
    if not counts:
        return
    table = Table(box=None, pad_edge=False)
    table.add_column(heading)
    table.add_column("papers", justify="right")
    for name, count in list(counts.items())[:most]:
        table.add_row(Text(name), f"{count:,}")
    terminal.out.print()
    terminal.out.print(table)
    if len(counts) > most:
        terminal.out.print(f"… and {len(counts) - most:,} more")


def _plot_years(figures: LibraryFigures, file: Path) -> None:
    from matplotlib import pyplot

    years = {year: count for year, count in figures.years.items() if year}
    drawing, axes = pyplot.subplots(figsize=(8, 3))
    axes.bar(list(years), list(years.values()), color="#356859")
    axes.set(xlabel="year", ylabel="papers", title=f"{figures.papers:,} papers")
    axes.spines[["top", "right"]].set_visible(False)
    drawing.tight_layout()
    try:
        drawing.savefig(file)
    except (OSError, ValueError) as error:
        raise AskpapersError(
            f"{file} cannot be drawn: {error}.", "End it in .svg or .png."
        ) from None
    finally:
        pyplot.close(drawing)


@app.command()
def libraries(as_json: JsonOption = False) -> None:
    """List the libraries that have names; `--library @NAME` uses or makes one."""
    from rag.store import Catalog

    settings = load_settings()
    folders = sorted(settings.libraries_path.glob("*/catalog.sqlite"))
    found = {file.parent.name: Catalog(file).count() for file in folders}
    if as_json:
        terminal.print_json([{"name": name, "papers": count} for name, count in found.items()])
        return
    for name, count in found.items():
        terminal.out.print(Text(f"@{name}  {count:,} papers"))
    if not found:
        terminal.out.print("None yet: `askpapers add SOURCE --library @NAME` makes one.")
