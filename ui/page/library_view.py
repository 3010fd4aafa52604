"""The library as the reader sees it: a table to search and sort, and what it knows of itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rag.embedding import Encoder
from rag.library import Library
from rag.merging import AddReport
from rag.papers import Paper, normalise
from rag.sources import Unreadable
from ui.literal import in_html
from ui.page.markup import abstract, button, byline
from ui.page.maths import with_maths

_ROWS = 50
_MOST_NOTES = 50

Column = Literal["title", "authors", "year", "venue"]
Kind = Literal["all", "own", "starter"]


@dataclass(frozen=True, slots=True)
class Browse:
    """What part of the library is looked at.

    Attributes:
        kind: the reader's own papers, the starter papers, or all.
        first: the row at the top.
    """

    words: str = ""
    kind: Kind = "all"
    column: Column = "title"
    falling: bool = False
    first: int = 0

    def sorted_by(self, column: Column) -> Browse:
        """By that column; the other way round if it is by that column already."""
        falling = column == self.column and not self.falling
        return replace(self, column=column, falling=falling, first=0)


def table(library: Library, browse: Browse) -> str:
    """The papers that are looked for, a page of them."""
    every = list(library.papers())
    papers = _select(every, browse)
    if not papers:
        said = "No paper holds these words." if len(library) else "The library is empty."
        return f'<p class="hint">{said}</p>'
    first = min(browse.first, (len(papers) - 1) // _ROWS * _ROWS)
    shown = papers[first : first + _ROWS]
    columns = [c for c in _COLUMNS if c == "title" or any(_cell(paper, c) for paper in every)]
    heads = "".join(_head(column, browse) for column in columns)
    rows = "".join(_row(paper, columns[1:]) for paper in shown)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Papers">'
        f'<table class="papers"><thead><tr>{heads}'
        '<th scope="col"><span class="unseen">Remove</span></th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{_pages(first, len(papers))}"
    )


_COLUMNS: tuple[Column, ...] = ("title", "authors", "year", "venue")


def _select(papers: Sequence[Paper], browse: Browse) -> list[Paper]:
    words = normalise(browse.words).split()
    found = [
        paper
        for paper in papers
        if (browse.kind == "all" or paper.sample == (browse.kind == "starter"))
        and all(word in _text(paper) for word in words)
    ]
    return sorted(found, key=lambda p: _order(p, browse.column), reverse=browse.falling)


def _text(paper: Paper) -> str:
    facts = (paper.title, *paper.authors, paper.venue, str(paper.year or ""), paper.source_id)
    return normalise(" ".join(facts))


def _order(paper: Paper, column: Column) -> tuple[object, ...]:
    value: dict[Column, tuple[object, ...]] = {
        "title": (),
        "authors": (normalise(" ".join(paper.authors)),),
        "year": (paper.year or 0,),
        "venue": (normalise(paper.venue),),
    }
    return (*value[column], normalise(paper.title))


def _head(column: Column, browse: Browse) -> str:
    mine = column == browse.column
    way = ("descending" if browse.falling else "ascending") if mine else "none"
    arrow = ("↓" if browse.falling else "↑") if mine else ""
    label = f"{column.capitalize()} {arrow}".strip()
    by = button(label, "sort", name=f"Sort by {column}", text=column)
    return f'<th scope="col" aria-sort="{way}" class="{column}">{by}</th>'


def _cell(paper: Paper, column: Column) -> str:
    names = ", ".join(paper.authors[:3]) + (" et al." if len(paper.authors) > 3 else "")
    cells: dict[Column, str] = {
        "title": paper.title,
        "authors": names,
        "year": str(paper.year or ""),
        "venue": paper.venue,
    }
    return cells[column]


def _row(paper: Paper, columns: Sequence[Column]) -> str:
    """A paper: its title, which opens to the abstract, and what is known in these columns."""
    cells = "".join(f'<td class="{c}">{in_html(_cell(paper, c))}</td>' for c in columns)
    note = '<span class="starter">starter paper</span>' if paper.sample else ""
    remove = button("Remove", "remove", name=f"Remove {paper.title}", id=paper.id)
    return (
        f'<tr><th scope="row"><details><summary>{with_maths(paper.title)}</summary>'
        f"{byline(paper)}{abstract(paper.abstract, ())}</details>{note}</th>"
        f"{cells}<td>{remove}</td></tr>"
    )


def _pages(first: int, count: int) -> str:
    last = min(first + _ROWS, count)
    before = button("Earlier", "page", turn=first - _ROWS) if first else ""
    after = button("Later", "page", turn=first + _ROWS) if last < count else ""
    return f'<p class="pages">{first + 1}–{last} of {count:,} {before}{after}</p>'


def facts(library: Library, problems: Sequence[str] | None = None) -> str:
    """What the library knows of itself.

    Args:
        problems: what a check found; None where none was made.
    """
    changed = (library.path / "catalog.sqlite").stat().st_mtime
    count, sample = len(library), library.count_sample()
    starters = f", {'all' if sample == count else sample} of them starter papers" if sample else ""
    size = sum(f.stat().st_size for f in library.path.rglob("*") if f.is_file())
    known = [
        ("Papers", f"{count:,}{starters}"),
        ("Folder", str(library.path)),
        ("On disk", f"{size / 1e6:,.1f} MB"),
        ("Encoder", f"{Encoder.name}, {Encoder.dimension} dimensions"),
        ("Last changed", time.strftime("%-d %B %Y, %H:%M", time.localtime(changed))),
    ]
    if problems is not None:
        known.append(("Health", "; ".join(problems) or "all is well"))
    rows = "".join(f"<dt>{name}</dt><dd>{in_html(value)}</dd>" for name, value in known)
    mend = button("Mend", "mend") if problems else ""
    take_out = button("Remove the starter papers", "remove-sample") if sample else ""
    return f'<dl class="facts">{rows}</dl><p class="tools">{mend}{take_out}</p>'


def removed_note(papers: Sequence[Paper]) -> str:
    """What was removed, and the way back."""
    if not papers:
        return ""
    what = f"“{papers[0].title}”" if len(papers) == 1 else f"{len(papers)} papers"
    return f'<p class="removed" role="status">Removed {in_html(what)}. {button("Undo", "undo")}</p>'


def added_note(report: AddReport, unreadable: Sequence[Unreadable], *, stopped: bool) -> str:
    """What adding did, with every entry that could not be read."""
    said = f"{report.new} new, {report.updated} updated, {report.unchanged} there already."
    if stopped:
        said = f"Stopped; what was read until then is kept. {said}"
    notes = "".join(
        f"<li><b>{in_html(entry.where)}</b>: {in_html(entry.reason)}</li>"
        for entry in unreadable[:_MOST_NOTES]
    )
    more = len(unreadable) - _MOST_NOTES
    if more > 0:
        notes += f"<li>and {more:,} more</li>"
    held = (
        f'<details open class="unreadable"><summary>{len(unreadable):,} could not be used'
        f"</summary><ul>{notes}</ul></details>"
        if unreadable
        else ""
    )
    return f'<div class="added" role="status"><p>{said}</p>{held}</div>'
