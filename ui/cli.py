"""The command line."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from rag import weights
from rag.errors import AskpapersError, LibraryError, SourceError
from rag.filters import Filters, read_filters
from rag.progress import Report
from rag.settings import Settings, load_settings
from rag.weights.files import gigabytes
from ui import evaluating, keeping, terminal
from ui.opening import (
    JsonOption,
    LibraryOption,
    ModelOption,
    existing_library,
    one_paper,
    open_answerer,
    tell_first_use,
    tell_renewal,
)

if TYPE_CHECKING:
    from rag.answering import Answerer
    from rag.library import Library
    from rag.merging import AddReport
    from rag.papers import Answer, Paper
    from rag.sources import Source, Unreadable

app = typer.Typer(
    name="askpapers",
    help="Ask your papers. Every sentence of an answer names the paper that says so.",
    epilog="ASKPAPERS_HOME holds everything the program keeps; README.md lists the other settings.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
models_app = typer.Typer(help="Model files: list, fetch, verify, path.", rich_markup_mode=None)
app.add_typer(keeping.app)
app.add_typer(models_app, name="models")
app.add_typer(evaluating.app, name="eval")

_READ_AHEAD = 10_000
"""Papers that are read before the first is added, to tell how many there are."""

_LITTLE = 200_000_000
"""Bytes free on the disk below which `doctor` warns."""

_SHOWN = 20
"""Lines of one kind that are shown at most."""


def main() -> None:
    """Run a command; errors a person can act on become two lines and exit status 1."""
    try:
        app()
    except AskpapersError as error:
        terminal.print_error(error)
        sys.exit(1)
    except BrokenPipeError:  # somebody piped us into `head`
        sys.stderr.close()
        sys.exit(1)


@app.command()
def ask(
    question: Annotated[str | None, typer.Argument(help="What to ask.")] = None,
    library: LibraryOption = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
    since: Annotated[int | None, typer.Option(help="Only papers of this year or later.")] = None,
    until: Annotated[int | None, typer.Option(help="Only papers of this year or earlier.")] = None,
    venue: Annotated[str, typer.Option(help="Only papers whose venue has these words.")] = "",
    author: Annotated[str, typer.Option(help="Only papers by an author of this name.")] = "",
    tag: Annotated[
        list[str] | None, typer.Option(help="Only papers with this tag; repeatable.")
    ] = None,
    paper: Annotated[
        list[str] | None,
        typer.Option(help="Only this paper: id or words of its title; repeatable."),
    ] = None,
    every: Annotated[
        bool,
        typer.Option(
            "--all", help="Whatever the question says, as 'papers since …', do not go by it."
        ),
    ] = False,
    quote: Annotated[
        bool,
        typer.Option(
            "--quote", help="Answer with the papers' own sentences, without the language model."
        ),
    ] = False,
    batch: Annotated[
        Path | None,
        typer.Option(help="Questions, a JSON object a line: id, question, history.", metavar="IN"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Answers to the batch, a line each.", metavar="OUT")
    ] = None,
) -> None:
    """Ask one question, or a file of them with --batch and --out.

    A question may itself say which papers to ask: "papers since 2021", "work by Gu".
    """
    if (batch is None) != (out is None):
        raise typer.BadParameter("--batch and --out go together")
    if (question is None) == (batch is None):
        raise typer.BadParameter("give a question, or --batch and --out")
    settings = load_settings(library=library, model=model, quote=quote or None)
    filters = Filters(since=since, until=until, venue=venue, author=author, tags=tuple(tag or ()))
    if batch is not None and out is not None:
        if filters or paper or every:
            raise typer.BadParameter("filters are for one question, not for --batch")
        _ask_batch(settings, batch, out, as_json)
        return
    answerer = open_answerer(settings)
    if paper:
        chosen = frozenset(one_paper(answerer.library, words).id for words in paper)
        filters = replace(filters, papers=chosen)
    stated = Filters() if every else read_filters(str(question))[1]
    answer = _ask_one(answerer, str(question), stated | filters)
    if as_json:
        terminal.print_json(answer.to_json())
    else:
        terminal.print_answer(answer, stated=bool(stated))


@app.command()
def chat(
    library: LibraryOption = None,
    model: ModelOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 picks one.")] = None,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in a browser.")
    ] = True,
) -> None:
    """Open the chat page."""
    from rag.chat_models import load_chat_model
    from rag.library import Library
    from ui.page.engine import Engine
    from ui.web import serve

    settings = load_settings(library=library, model=model, host=host, port=port)
    tell_first_use(settings)
    with terminal.progress() as report:
        place = Library.open(settings=settings, report=report)
    tell_renewal(place)
    serve(
        Engine(place, settings, lambda chosen, report: load_chat_model(chosen, report=report)),
        settings,
        open_browser=open_browser,
        started=lambda address: terminal.out.print(
            Text(f"The page is at {address} — Ctrl-C closes it.")
        ),
    )


@app.command()
def add(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Files or folders with papers, packed or not; - reads standard input; "
            "arxiv:NUMBER or arxiv:'SEARCH' asks arXiv.",
            metavar="SOURCE…",
        ),
    ],
    library: LibraryOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")
    ] = False,
    sync: Annotated[
        bool, typer.Option("--sync", help="Remove papers that have left the source since.")
    ] = False,
    unread: Annotated[
        Path | None,
        typer.Option(
            "--report", help="Write what cannot be read here, a line each.", metavar="FILE"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Add papers from exports and listings. What is there already is left alone.

    Known by what they hold: BibTeX, RIS, CSL-JSON, CSV, PubMed, ACL Anthology, arXiv, JSON
    lines, saved listings, PDF.
    """
    if sync and (dry_run or "-" in sources):
        raise typer.BadParameter("--sync goes with neither --dry-run nor standard input")
    settings = load_settings(library=library)
    started = time.perf_counter()
    if dry_run:
        if not settings.library_path.exists():
            raise LibraryError(
                f"There is no library in {settings.library_path} to compare with.",
                "Leave --dry-run out to make one.",
            )
    else:
        tell_first_use(settings, encoder_only=True)
    with terminal.progress() as report:
        place = _library(settings, report)
        added = _preview(place, sources) if dry_run else _add_all(place, sources, sync)
        count, sample = len(place), place.count_sample()
    if unread is not None:
        _write_report(unread, added.unreadable + added.failed)
    if as_json:
        terminal.print_json(
            {
                **asdict(added.report),
                "removed": added.removed,
                "unreadable": [asdict(entry) for entry in added.unreadable + added.failed],
                "papers": count,
                "seconds": round(time.perf_counter() - started, 3),
            }
        )
    else:
        _print_added(added, count, sample, dry_run)
    if added.failed or (added.unreadable and added.report.is_empty()):
        raise typer.Exit(1)


@dataclass(slots=True)
class _Added:
    """What `add` did, or would do.

    Attributes:
        removed: titles that left their source.
        unreadable: entries that cannot be used.
        failed: sources that cannot be read.
        changed: what would happen to whom, for a dry run.
    """

    report: AddReport
    removed: list[str] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    failed: list[Unreadable] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


def _add_all(place: Library, sources: Sequence[str], sync: bool) -> _Added:
    from rag.merging import AddReport
    from rag.sources import Unreadable, find_sources

    added = _Added(AddReport())
    for given in sources:
        unreadable: list[Unreadable] = []
        failed: list[Unreadable] = []
        papers = chain.from_iterable(
            _readable(source, unreadable, failed) for source in find_sources(given)
        )
        ahead = list(islice(papers, _READ_AHEAD))
        if ahead:
            known = len(ahead) if len(ahead) < _READ_AHEAD else None
            origin = _origin(given)
            added.report += place.add(chain(ahead, papers), total=known, origin=origin)
            if sync and not (unreadable or failed):
                added.removed += [paper.title for paper in place.sync(origin)]
        if sync and (unreadable or failed):
            failed.append(Unreadable(given, f"{given} was not read whole: nothing is removed."))
        added.unreadable += unreadable
        added.failed += failed
    return added


def _origin(given: str) -> str:
    """What a source is called from one time to the next; standard input is never the same."""
    if given == "-":
        return ""
    return given if given.startswith("arxiv:") else str(Path(given).absolute())


def _preview(place: Library, sources: Sequence[str]) -> _Added:
    from rag.merging import AddReport
    from rag.sources import find_sources

    added = _Added(AddReport())
    papers = (
        paper
        for source in chain.from_iterable(map(find_sources, sources))
        for paper in _readable(source, added.unreadable, added.failed)
    )
    counts = Counter[str]()
    for change in place.preview(papers):
        counts[change.what] += 1
        if change.what != "unchanged":
            added.changed.append(f"{change.what}: {change.paper.title}")
    added.report = AddReport(counts["new"], counts["updated"], counts["unchanged"])
    return added


def _write_report(file: Path, entries: Sequence[Unreadable]) -> None:
    lines = [f"{entry.where}\t{entry.reason}\n" for entry in entries]
    try:
        file.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise SourceError(
            f"The report {file} cannot be written: {error.strerror}.", "Name another file."
        ) from None


def _print_added(added: _Added, count: int, sample: int, dry_run: bool) -> None:
    total = added.report
    for line in added.changed[:_SHOWN]:
        terminal.out.print(Text(line))
    if len(added.changed) > _SHOWN:
        terminal.out.print(f"… and {len(added.changed) - _SHOWN:,} more")
    removed = f"{len(added.removed)} removed, " if added.removed else ""
    terminal.out.print(
        f"{total.new} new, {total.updated} updated, {removed}{total.unchanged} there already; "
        f"the library has {count:,} papers{', and nothing was changed' if dry_run else ''}.",
        markup=False,
    )
    _print_unreadable(added.unreadable)
    for entry in added.failed:
        terminal.err.print(Text(f"not read: {entry.reason}", style="red"))
    if sample and count > sample:
        terminal.out.print(
            f"{sample} of them are starter papers; `askpapers remove --sample` takes them out."
        )


@app.command("list")
def list_papers(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """List the papers of the library."""
    papers = list(existing_library(library).papers())
    if as_json:
        terminal.print_json([_paper_json(paper) for paper in papers])
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "year", "title"):
        table.add_column(heading, no_wrap=heading != "title")
    for paper in papers:
        table.add_row(paper.id, str(paper.year or ""), Text(paper.title))
    terminal.out.print(table)
    terminal.out.print(f"{len(papers):,} papers")


@app.command()
def show(
    paper: Annotated[str, typer.Argument(help="Its id, or some words of its title.")],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one paper with its abstract."""
    found = one_paper(existing_library(library), paper)
    if as_json:
        terminal.print_json(
            {
                **_paper_json(found),
                "abstract": found.abstract,
                "origins": dict(found.origins),
            }
        )
        return
    terminal.out.print(Text(found.title, style="bold"))
    tags = f"tags: {', '.join(found.tags)}" if found.tags else ""
    facts = [", ".join(found.authors), found.venue, str(found.year or ""), found.url, tags]
    for fact in filter(None, facts):
        terminal.out.print(Text(fact, style="dim"))
    terminal.out.print()
    terminal.out.print(Text(found.abstract))
    if found.note:
        terminal.out.print(Text(f"\nnote: {found.note}"))
    origin = "a digest written for the starter library" if found.sample else found.source
    terminal.out.print(Text(f"\n{found.id}, from {origin}", style="dim"))


@app.command()
def remove(
    papers: Annotated[
        list[str] | None, typer.Argument(help="Ids, or titles.", metavar="PAPER…")
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="All starter papers.")] = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove papers from the library."""
    if not papers and not sample:
        raise typer.BadParameter("name a paper, or --sample")
    place = existing_library(library)
    found = [one_paper(place, wanted) for wanted in papers or []]
    removed = place.remove([paper.id for paper in found]) if found else 0
    removed += place.remove_sample() if sample else 0
    if as_json:
        terminal.print_json({"removed": removed, "papers": len(place)})
    else:
        terminal.out.print(f"{removed} removed; the library has {len(place):,} papers.")


@app.command()
def rebuild(library: LibraryOption = None) -> None:
    """Make the vectors and the keyword index again from the catalog."""
    settings = load_settings(library=library)
    tell_first_use(settings, encoder_only=True)
    with terminal.progress() as report:
        place = existing_library(library, report)
        place.rebuild()
    terminal.out.print(f"Made again for {len(place):,} papers.")


@app.command()
def doctor(
    library: LibraryOption = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the library and the model files; --fix mends the library."""
    import shutil

    settings = load_settings(library=library)
    with terminal.progress() as report:
        place = existing_library(library, report)
        problems = place.check()
        if problems and fix:
            place.mend()
            problems = place.check()
        problems += _check_models(settings, report)[1]
    free = shutil.disk_usage(place.path).free
    if free < _LITTLE:
        problems.append(f"disk: only {gigabytes(free)} free")
    if as_json:
        terminal.print_json({"problems": problems, "papers": len(place), "free_bytes": free})
    else:
        for problem in problems:
            terminal.out.print(Text(problem, style="red"))
        state = "all is well" if not problems else f"{len(problems)} problems"
        terminal.out.print(
            Text(f"{place.path}: {len(place):,} papers, {gigabytes(free)} free, {state}.")
        )
    if problems:
        raise typer.Exit(1)


@models_app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """Without a command: list."""
    if context.invoked_subcommand is None:
        models_list()


@models_app.command("list")
def models_list(as_json: JsonOption = False) -> None:
    """List the models that askpapers knows, and which are here."""
    settings = load_settings()
    rows = [(model, weights.is_present(model, settings.models_path)) for model in weights.CATALOGUE]
    if as_json:
        terminal.print_json(
            [
                {
                    **{k: getattr(m, k) for k in ("name", "role", "about", "licence", "size")},
                    "present": present,
                }
                for m, present in rows
            ]
        )
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "size", "licence", "here", "what for"):
        table.add_column(heading, no_wrap=heading == "name")
    for model, present in rows:
        here = "yes" if present else "no"
        table.add_row(model.name, gigabytes(model.size), model.licence, here, model.about)
    terminal.out.print(table)


@models_app.command("fetch")
def models_fetch(
    names: Annotated[
        list[str] | None, typer.Argument(help="Models; by default those a question needs.")
    ] = None,
) -> None:
    """Fetch and unpack models now, so that the first question need not wait."""
    from rag.chat_models import load_chat_model
    from rag.reranking import load_reranker

    settings = load_settings()
    with terminal.progress() as report:
        if names:
            for name in names:
                model = weights.get_model(name)
                if model.name == settings.reranker:
                    load_reranker(settings, report=report)
                elif model.role == "chat":
                    load_chat_model(load_settings(model=model.name), report=report)
                else:
                    weights.fetch(
                        model, settings.models_path, local=settings.models_from, report=report
                    )
        else:
            encoder = weights.get_model(weights.ENCODER)
            weights.fetch(encoder, settings.models_path, local=settings.models_from, report=report)
            load_reranker(settings, report=report)
            load_chat_model(settings, report=report)
    terminal.out.print(Text(f"Everything is in {settings.models_path}."))


@models_app.command("verify")
def models_verify() -> None:
    """Read every model file again and compare it with its published hash."""
    settings = load_settings()
    with terminal.progress() as report:
        checked, problems = _check_models(settings, report)
    for problem in problems:
        terminal.err.print(Text(problem, style="red"))
    if problems:
        folder = settings.models_path
        terminal.err.print(
            Text(f"Remove what is named from {folder} and run `askpapers models fetch NAME`.")
        )
        raise typer.Exit(1)
    terminal.out.print(f"{checked} models are here, every file as published.")


@models_app.command("path")
def models_path(name: Annotated[str, typer.Argument(help="Name of the model.")]) -> None:
    """Print the folder of a model."""
    settings = load_settings()
    model = weights.get_model(name)
    sys.stdout.write(f"{weights.model_folder(model, settings.models_path)}\n")


def _check_models(settings: Settings, report: Report) -> tuple[int, list[str]]:
    """How many models are here, and what is wrong with their files."""
    here = [m for m in weights.CATALOGUE if weights.is_present(m, settings.models_path)]
    problems = []
    for model in here:
        folder = weights.model_folder(model, settings.models_path)
        found = weights.verify(model, settings.models_path, report=report)
        found += weights.verify_unpacked(folder, report=report)
        problems += [f"{model.name}: {problem}" for problem in found]
    return len(here), problems


def _library(settings: Settings, report: Report) -> Library:
    from rag.library import Library

    return Library(settings.library_path, settings, report)


def _ask_one(answerer: Answerer, question: str, filters: Filters) -> Answer:
    from rag.answering import Done, Found, Writing

    draft = ""
    with terminal.err.status("loading the models") as status:
        for event in answerer.stream(question, filters=filters):
            if isinstance(event, Found):
                papers = len({e.paper_id for e in event.evidence})
                status.update(f"reading {papers} paper{'' if papers == 1 else 's'}")
            elif isinstance(event, Writing):
                draft = (draft + event.text)[-70:]
                status.update(Text(f"writing: …{' '.join(draft.split())}"))
            elif isinstance(event, Done):
                return event.answer
    raise AssertionError("a stream of events ends with Done")


def _ask_batch(settings: Settings, source: Path, target: Path, as_json: bool) -> None:
    from ui.batch import run_batch

    with terminal.progress() as report:
        result = run_batch(
            source,
            target,
            lambda: open_answerer(settings),
            report,
            lambda line: terminal.err.print(Text(line, style="red")),
        )
    if as_json:
        terminal.print_json(asdict(result))
    else:
        terminal.err.print(
            f"{result.answered} answered, {result.there} there already, {result.failed} failed."
        )
    if result.failed:
        raise typer.Exit(1)


def _readable(
    source: Source, unreadable: list[Unreadable], failed: list[Unreadable]
) -> Iterator[Paper]:
    """The papers of a source; entries that cannot be read, or the source itself, are put by."""
    from rag.sources import Unreadable

    try:
        for entry in source.read():
            if isinstance(entry, Unreadable):
                unreadable.append(entry)
            else:
                yield entry
    except SourceError as error:
        failed.append(Unreadable(source.place, error.what))


def _paper_json(paper: Paper) -> dict[str, object]:
    return {
        "paper_id": paper.id,
        "title": paper.title,
        "authors": list(paper.authors),
        "year": paper.year,
        "venue": paper.venue,
        "url": paper.url,
        "doi": paper.doi,
        "arxiv": paper.arxiv,
        "pmid": paper.pmid,
        "tags": list(paper.tags),
        "note": paper.note,
        "source_id": paper.source_id,
        "source": paper.source,
        "sample": paper.sample,
    }


def _print_unreadable(unreadable: list[Unreadable]) -> None:
    for entry in unreadable[:_SHOWN]:
        terminal.err.print(Text(f"not read: {entry.where}: {entry.reason}", style="yellow"))
    if len(unreadable) > _SHOWN:
        terminal.err.print(f"… and {len(unreadable) - _SHOWN} more")
