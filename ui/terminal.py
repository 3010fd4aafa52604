"""What the command line shows: progress, answers, tables, errors."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import (
    Progress as Bars,
)
from rich.text import Text

from rag.errors import AskpapersError
from rag.papers import Answer
from rag.progress import Progress, Report
from rag.weights import Model
from rag.weights.files import gigabytes

out = Console(highlight=False, soft_wrap=False)
err = Console(highlight=False, stderr=True)


def print_json(value: object) -> None:
    """One value as JSON on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def print_error(error: AskpapersError) -> None:
    """What happened, and what to do, on standard error."""
    err.print(Text(error.what, style="bold red"))
    err.print(Text(error.remedy))


def print_first_use(models: list[Model]) -> None:
    """Say what will be fetched before it is."""
    if not models:
        return
    what = " and ".join(f"{m.name} ({gigabytes(m.size)}, {m.licence})" for m in models)
    err.print(Text(f"First use: fetching {what}, once. After that nothing leaves this machine."))


def print_answer(answer: Answer, *, stated: bool = False) -> None:
    """The answer, its papers with the sentences that bear it out, and where the time went.

    Args:
        stated: whether the question itself said which papers to ask.
    """
    if answer.warning:
        out.print(Text(answer.warning, style="yellow"))
    out.print(Text(answer.answer, style="yellow" if answer.abstained else ""))
    if answer.standalone_question != answer.question:
        out.print(Text(f"(understood as: {answer.standalone_question})", style="dim"))
    if answer.filters:
        hint = "; --all does not go by what the question says" if stated else ""
        out.print(Text(f"(only papers {answer.filters} were asked{hint})", style="dim"))
    if answer.abstained:
        out.print(Text(f"Why: {answer.reason}.", style="dim"))
    for citation, sentences in answer.unquoted():
        out.print()
        heading = Text(f"[{citation.number}] ", style="bold").append(citation.title)
        if citation.support != "supported":
            heading.append(f"  ({citation.support} support)", style="yellow")
        out.print(heading)
        for sentence in sentences:
            out.print(Padding(Text(f"“{sentence.text}”", style="dim"), (0, 0, 0, 4)))
    for sentence_text in answer.left_out:
        out.print()
        left = f"Left out, not borne out or beside the question: {sentence_text}"
        out.print(Text(left, style="dim"))
    out.print()
    out.print(Text(_times(answer), style="dim"))


def _times(answer: Answer) -> str:
    t = answer.timings
    if not t.answer_tokens:
        return f"{t.total_s:.1f} s, without the language model"
    return (
        f"found in {t.retrieve_s:.1f} s, first word after {t.first_token_s:.1f} s, "
        f"{t.total_s:.1f} s in all; {answer.model}"
    )


class _Amount(ProgressColumn):
    """Bytes as megabytes with a rate; papers and passages as counts with a rate."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = (DownloadColumn(), TransferSpeedColumn())
        self._count = MofNCompleteColumn()

    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text(f"{int(task.completed):,}" if task.completed else "")
        if task.fields["unit"] == "bytes":
            return Text(" ").join(column.render(task) for column in self._bytes)
        return self._count.render(task).append(f"  {task.speed:.0f}/s" if task.speed else "")


@contextmanager
def progress() -> Iterator[Report]:
    """A report that draws bars on standard error, one a piece of work."""
    bars = Bars(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        _Amount(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
    )
    tasks: dict[str, TaskID] = {}

    def report(step: Progress) -> None:
        if step.label not in tasks:
            tasks[step.label] = bars.add_task(step.label, total=step.total, unit=step.unit)
        bars.update(tasks[step.label], completed=step.done, total=step.total)
        if step.total is not None and step.done >= step.total:
            bars.update(tasks[step.label], visible=False)

    with bars:
        yield report
