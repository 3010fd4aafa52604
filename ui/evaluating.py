"""The commands that measure: `askpapers eval`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from rag.settings import load_settings
from ui import terminal
from ui.opening import (
    JsonOption,
    LibraryOption,
    ModelOption,
    existing_library,
    open_library,
    tell_first_use,
)

if TYPE_CHECKING:
    from eval.questions import QuestionSet
    from eval.runs import Run
    from eval.summary import RunFigures
    from rag.answering import Answerer
    from rag.chat_models import LocalChatModel
    from rag.library import Library
    from rag.progress import Report
    from rag.reading import EvidenceReader
    from rag.settings import Settings

app = typer.Typer(
    help="Measure how good answers are, and how quick; docs/evaluation.md says what is measured.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_QUICK = 20
"""Questions of a quick run, which ends within two minutes on two cores."""

QuestionsOption = Annotated[
    Path | None,
    typer.Option(
        help="Questions: JSON lines or CSV; by default those about the starter papers.",
        metavar="FILE",
    ),
]
OnlyOption = Annotated[
    list[str] | None, typer.Option("--only", help="Only questions of this type; repeatable.")
]
PartOption = Annotated[
    Literal["tune", "report", "all"],
    typer.Option(help="Questions to report by, those that the code was tuned on, or all."),
]
BeirOption = Annotated[
    Path | None, typer.Option(help="Folder with corpus.jsonl, or a papers file.", metavar="DIR")
]
QueriesOption = Annotated[
    Path | None, typer.Option(help="Folder with queries.jsonl and qrels.tsv.", metavar="DIR")
]
BaselineOption = Annotated[
    list[str] | None,
    typer.Option(help="Ask this too: tutorial, the usual chain.", metavar="NAME"),
]
RunOption = Annotated[
    Path | None,
    typer.Option(
        "--run",
        help="Folder of the run; one that was interrupted is gone on with. By default a new one.",
        metavar="DIR",
    ),
]
SaveOption = Annotated[
    Path | None, typer.Option(help="Write what is fitted on these here.", metavar="DIR")
]
AdaptOption = Annotated[
    bool, typer.Option("--adapt", help="Fit starting from the probes that ship.")
]
LimitOption = Annotated[
    int | None, typer.Option(help="So many questions, spread over the types.", min=1)
]


@app.command("quick")
def eval_quick(
    library: LibraryOption = None,
    model: ModelOption = None,
    questions: QuestionsOption = None,
    run: RunOption = None,
    as_json: JsonOption = False,
) -> None:
    """Twenty questions, in two minutes: how good are answers here, about?"""
    chosen = _Chosen(library, model, questions, limit=_QUICK)
    _measure("quick", chosen, run, as_json)


@app.command("full")
def eval_full(
    library: LibraryOption = None,
    model: ModelOption = None,
    questions: QuestionsOption = None,
    beir: BeirOption = None,
    queries: QueriesOption = None,
    part: PartOption = "report",
    only: OnlyOption = None,
    limit: LimitOption = None,
    baseline: BaselineOption = None,
    run: RunOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every question: prints the table, and writes a report with each answer and what is wrong.

    With --beir and --queries the questions of a judged collection are asked of its documents.
    """
    chosen = _Chosen(library, model, questions, beir, queries, part, only, limit)
    _measure("full", chosen, run, as_json, baseline or ())


@app.command("answers")
def eval_answers(
    library: LibraryOption = None,
    model: ModelOption = None,
    questions: QuestionsOption = None,
    part: PartOption = "report",
    only: OnlyOption = None,
    limit: LimitOption = None,
    run: RunOption = None,
) -> None:
    """The same figures as `full`, as JSON."""
    chosen = _Chosen(library, model, questions, part=part, only=only, limit=limit)
    _measure("answers", chosen, run, as_json=True)


@app.command("report")
def eval_report(
    run: Annotated[Path, typer.Argument(help="Folder of a run.", metavar="RUN")],
) -> None:
    """Print the table of a run again, and write its report anew."""
    from eval.runs import read_run

    _tell(read_run(run), as_json=False)


@app.command("compare")
def eval_compare(
    before: Annotated[Path, typer.Argument(help="Folder of the earlier run.", metavar="A")],
    now: Annotated[Path, typer.Argument(help="Folder of the later run.", metavar="B")],
    system: Annotated[str, typer.Option(help="Which system of the runs.")] = "askpapers",
    as_json: JsonOption = False,
) -> None:
    """What changed between two runs, whether it matters, and which questions."""
    from eval.comparison import compare_runs
    from eval.runs import read_run

    found = compare_runs(read_run(before), read_run(now), system)
    if as_json:
        terminal.print_json(asdict(found))
        return
    table = _table("measure", "questions", "before", "now", "difference", "95 %", "p")
    for row in found.rows():
        table.add_row(*row)
    terminal.out.print(table)
    for title, some in (("mended", found.mended), ("broken", found.broken)):
        terminal.out.print(f"{title}: {len(some)} questions")
        for change in some:
            terminal.out.print(Text(f"  {change.id}  {change.question[:70]}  ({change.what})"))
    for note in found.notes:
        terminal.out.print(Text(note, style="yellow"))


@app.command("abstention")
def eval_abstention(
    library: LibraryOption = None,
    model: ModelOption = None,
    questions: QuestionsOption = None,
    beir: BeirOption = None,
    queries: QueriesOption = None,
    part: PartOption = "report",
    limit: LimitOption = None,
) -> None:
    """Each question with its papers there and with them hidden, near-misses and off-topic ones.

    Prints JSON. Near-misses are questions of that type, and claims of SciFact that their paper
    neither supports nor refutes. Off-topic for a judged collection are our own questions about
    machine learning papers.
    """
    from eval.abstention import measure_abstention
    from eval.questions import NEAR_MISS, read_questions, spread

    chosen = _Chosen(library, model, questions, beir, queries, part, limit=limit)
    answerer, asked = chosen.open()
    if beir is None:
        others = (q for q in read_questions(questions) if not q.answerable)
        off_topic = [q for q in others if q.type != NEAR_MISS]
    else:
        off_topic = read_questions(only=("fact", "number", "paraphrase"))
    with terminal.progress() as report:
        figures = measure_abstention(answerer, asked.questions, spread(off_topic, limit), report)
    terminal.print_json(asdict(figures))


@app.command("support")
def eval_support(
    healthver: Annotated[
        Path | None, typer.Option(help="CSV with evidence, claim, label.", metavar="FILE")
    ] = None,
    scifact: Annotated[
        Path | None, typer.Option(help="Folder with SciFact's corpus.jsonl and dev.", metavar="DIR")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="The first so many pairs of each.", min=1)
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(help="Write a judge fitted on our own statements here.", metavar="DIR"),
    ] = None,
) -> None:
    """How well the support check and the judge tell what is borne out, as JSON.

    On our own statements, those that the judge was fitted on and those it has not seen, and on
    claims that others judged.
    """
    from eval.support import (
        measure_support,
        read_healthver,
        read_scifact,
        read_statements,
        read_states,
        save_judge,
    )
    from rag.chat_models import LocalChatModel, load_chat_model
    from rag.probing import load_support_judge

    settings = load_settings()
    pairs = {"statements": read_statements(), "unseen": read_statements(unseen=True)}
    if healthver is not None:
        pairs["healthver"] = read_healthver(healthver)
    if scifact is not None:
        pairs["scifact"] = read_scifact(scifact, scifact / "dev")
    found = {}
    with terminal.progress() as report:
        model = load_chat_model(settings, report=report)
        local = model if isinstance(model, LocalChatModel) else None
        judge = load_support_judge(model)
        for name, some in pairs.items():
            chosen = some[:limit]
            states = read_states(chosen, local, report) if local else None
            ours = name == "statements"
            ships = None if ours else judge
            found[name] = asdict(measure_support(chosen, settings, report, states, ships))
            if save is not None and ours and local and states is not None:
                save_judge(chosen, states, local.model_name, save)
    terminal.print_json(found)


@app.command("reading")
def eval_reading(
    library: LibraryOption = None,
    model: ModelOption = None,
    questions: QuestionsOption = None,
    beir: BeirOption = None,
    queries: QueriesOption = None,
    part: PartOption = "report",
    limit: LimitOption = None,
    save: SaveOption = None,
    adapt: AdaptOption = False,
) -> None:
    """How well the model's reading tells whether evidence answers, and which sentences; JSON.

    Each question is read with what is found for it, and with its right papers hidden.
    """
    from eval.reading import measure_reading, read_evidence, save_reader

    chosen = _Chosen(library, model, questions, beir, queries, part, limit=limit)
    opened, asked = chosen.open_library()
    with terminal.progress() as report:
        loaded, ships = _read_off(chosen.settings, report, adapt)
        start = ships if adapt else None
        reads = read_evidence(opened, asked.questions, chosen.settings, loaded, report)
        figures = measure_reading(reads, None if save and not adapt else ships, start)
    terminal.print_json(asdict(figures))
    if save:
        fitted_on = f"{len(asked.questions)} questions ({asked.digest}) of {len(opened)} papers"
        save_reader(reads, fitted_on, loaded.model_name, save, start)


@app.command("verdicts")
def eval_verdicts(
    library: LibraryOption = None,
    model: ModelOption = None,
    questions: QuestionsOption = None,
    beir: BeirOption = None,
    queries: QueriesOption = None,
    part: PartOption = "report",
    limit: LimitOption = None,
    save: SaveOption = None,
    adapt: AdaptOption = False,
) -> None:
    """How well the model's reading tells yes from no, where a question asks for one; JSON.

    Of questions whose right answer is given as yes, no or maybe.
    """
    from eval.verdicts import measure_verdicts, read_yes_or_no, save_verdicts

    chosen = _Chosen(library, model, questions, beir, queries, part, limit=limit)
    opened, asked = chosen.open_library()
    with terminal.progress() as report:
        loaded, ships = _read_off(chosen.settings, report, adapt)
        start = ships.verdicts if ships and adapt else None
        read = read_yes_or_no(opened, asked.questions, chosen.settings, loaded, report)
        figures = measure_verdicts(read, None if save and not adapt else ships, start)
    terminal.print_json(asdict(figures))
    if save:
        fitted_on = f"{len(read)} questions ({asked.digest}) of {len(opened)} papers"
        save_verdicts(read, fitted_on, loaded.model_name, save, start)


def _read_off(
    settings: Settings, report: Report, adapt: bool
) -> tuple[LocalChatModel, EvidenceReader | None]:
    """The model that can be read off, and the reader with the probes that ship for it, if any.

    Raises:
        typer.BadParameter: it cannot be, or there are none and fitting is to start from them.
    """
    from rag.chat_models import LocalChatModel, load_chat_model
    from rag.reading import load_evidence_reader

    loaded = load_chat_model(settings, report=report)
    if not isinstance(loaded, LocalChatModel):
        raise typer.BadParameter("only a model in this process can be read off")
    ships = load_evidence_reader(loaded)
    if adapt and ships is None:
        raise typer.BadParameter(f"no probes ship for {loaded.model_name}: leave out --adapt")
    return loaded, ships


@app.command("judge")
def eval_judge(
    run: Annotated[Path, typer.Argument(help="Folder of a run.", metavar="RUN")],
    judge: Annotated[
        str, typer.Option(help="Address of an OpenAI-compatible server, or a model's name.")
    ],
    judge_model: Annotated[
        str, typer.Option(help="Name of the model on that server; by default its first one.")
    ] = "",
) -> None:
    """Have another model grade a run's answers by a written rubric; prints JSON.

    What its grades are worth is told with them: how often they agree with the key facts.
    """
    from eval.judge import judge_run
    from eval.runs import read_run
    from rag.chat_models import load_chat_model

    settings = load_settings(model=judge, server_model=judge_model or None)
    graded = read_run(run)
    with terminal.progress() as report:
        model = load_chat_model(settings, report=report)
        name = str(getattr(model, "model_name", judge))
        figures = judge_run(graded, model, name, report)
    _write(graded)
    terminal.print_json([asdict(f) for f in figures])


@app.command("speed")
def eval_speed(
    library: LibraryOption = None,
    model: ModelOption = None,
    questions: QuestionsOption = None,
    limit: Annotated[
        int | None, typer.Option(help="Questions at most; 20 by default, all for --search.", min=1)
    ] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(help="Also in this way, in turns: no-drafts, bf16, llama.cpp.", metavar="WAY"),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw it into this SVG or PNG file.", metavar="FILE")
    ] = None,
    search: Annotated[
        bool, typer.Option("--search", help="Only finding, without the language model.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Time until ready, to the first word and in all; tokens a second; memory."""
    from eval import speed
    from eval.questions import read_questions

    settings = load_settings(library=library, model=model)
    asked = [q for q in read_questions(questions) if q.answerable and not q.history]
    if search:
        with terminal.progress() as report:
            found = speed.measure_search(settings, asked[:limit], report)
        _print_figures(found, ("what", "median", "95%", "most"), found.rows(), as_json)
        return
    with terminal.progress() as report:
        figures = speed.measure_speed(settings, peer or (), asked[: (limit or 20) + 1], report)
    if plot:
        speed.plot(figures, plot)
    headings = ("median (least–most)", *(figure.way for figure in figures))
    _print_figures(figures, headings, speed.rows(figures), as_json)


def _print_figures(
    figures: Any, headings: Sequence[str], rows: Sequence[Sequence[str]], as_json: bool
) -> None:
    if as_json:
        many = isinstance(figures, list)
        terminal.print_json([asdict(f) for f in figures] if many else asdict(figures))
        return
    table = _table(*headings)
    for row in rows:
        table.add_row(*row)
    terminal.out.print(table)


@app.command("agreement")
def eval_agreement(
    library: LibraryOption = None,
    model: ModelOption = None,
    questions: QuestionsOption = None,
    limit: Annotated[int, typer.Option(help="Prompts at most.", min=1)] = 20,
) -> None:
    """How often the four-bit layers take the token that bfloat16 takes, as JSON."""
    from eval.agreement import measure_agreement
    from eval.questions import read_questions

    settings = load_settings(library=library, model=model)
    asked = [q for q in read_questions(questions) if q.answerable and not q.history]
    with terminal.progress() as report:
        terminal.print_json(asdict(measure_agreement(settings, asked[:limit], report)))


@app.command("encoder")
def eval_encoder(
    beir: Annotated[
        Path, typer.Option(help="Collection: a folder with corpus.jsonl, or a file of papers.")
    ],
    queries: Annotated[Path, typer.Option(help="Folder with queries.jsonl and qrels.tsv.")],
) -> None:
    """Speed of the encoder, and what it finds, beside sentence-transformers, as JSON."""
    from eval.encoder import measure_encoder

    with terminal.progress() as report:
        terminal.print_json(asdict(measure_encoder(beir, queries, load_settings(), report)))


@app.command("retrieval")
def eval_retrieval(
    beir: BeirOption = None,
    queries: QueriesOption = None,
    ablation: Annotated[
        bool,
        typer.Option(help="Beside it each search alone, their ranks fused, a second look."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Where to write each query's figures.", metavar="FILE")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Such a file of an earlier run, to compare.", metavar="FILE")
    ] = None,
    library: LibraryOption = None,
    questions: QuestionsOption = None,
    only: OnlyOption = None,
) -> None:
    """Ranking quality as JSON: on a judged collection (--beir, --queries), or on a question set.

    Without --beir the library is asked our own questions: recall of the right papers, and of
    the key facts in the evidence.
    """
    from eval.questions import read_questions
    from eval.retrieval import measure_questions, measure_retrieval

    if (beir is None) != (queries is None):
        raise typer.BadParameter("--beir and --queries go together")
    settings = load_settings(library=library)
    with terminal.progress() as report:
        if beir is not None and queries is not None:
            if library is not None or questions is not None:
                raise typer.BadParameter("--library and --questions are for our own questions")
            figures = measure_retrieval(
                beir, queries, settings, report, ablation=ablation, out=out, against=against
            )
        else:
            if ablation or out is not None or against is not None:
                raise typer.BadParameter("--ablation, --out and --against need --beir")
            opened = existing_library(library)
            asked = read_questions(questions, only or ())
            figures = measure_questions(opened, asked, settings, report)
    terminal.print_json(figures)


@app.command("follow-ups")
def eval_follow_ups(library: LibraryOption = None) -> None:
    """Whether follow-ups are told from questions that stand alone, as JSON."""
    from eval.follow_ups import measure_follow_ups

    with terminal.progress() as report:
        terminal.print_json(measure_follow_ups(existing_library(library), report))


class _Chosen:
    """Which questions are asked of which library."""

    def __init__(
        self,
        library: Path | None,
        model: str | None,
        questions: Path | None,
        beir: Path | None = None,
        queries: Path | None = None,
        part: Literal["tune", "report", "all"] = "report",
        only: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> None:
        if (beir is None) != (queries is None):
            raise typer.BadParameter("--beir and --queries go together")
        if beir is not None and (library is not None or questions is not None):
            raise typer.BadParameter("--beir has its own papers and questions")
        self.settings = load_settings(library=library, model=model)
        self._questions, self._beir, self._queries = questions, beir, queries
        self._part, self._only, self._limit = part, only or (), limit

    def open(self) -> tuple[Answerer, QuestionSet]:
        """What answers, and what is asked."""
        from rag.answering import Answerer

        tell_first_use(self.settings)
        library, asked = self.open_library()
        with terminal.progress() as report:
            return Answerer(library, settings=self.settings, report=report), asked

    def open_library(self) -> tuple[Library, QuestionSet]:
        """The papers, and what is asked about them."""
        from eval.collections import index_collection, read_collection
        from eval.questions import QuestionSet, read_question_set, spread

        if self._beir is not None and self._queries is not None:
            collection = read_collection(self._beir, self._queries)
            asked = collection.question_set(self._only)
            with terminal.progress() as report:
                library = index_collection(collection, self.settings, report)
        else:
            part = None if self._part == "all" else self._part
            asked = read_question_set(self._questions, self._only, part)
            library = open_library(self.settings)
        return library, QuestionSet(spread(asked.questions, self._limit), asked.digest)


def _measure(
    kind: str,
    chosen: _Chosen,
    folder: Path | None,
    as_json: bool,
    baselines: Sequence[str] = (),
) -> None:
    from eval.runs import new_folder, run_questions

    answerer, asked = chosen.open()
    if not asked.questions:
        raise typer.BadParameter("no question of the set is of that type and part")
    folder = folder or new_folder(chosen.settings, kind)
    try:
        with terminal.progress() as report:
            run = run_questions(folder, answerer, asked, report, baselines=baselines)
    except KeyboardInterrupt:
        terminal.err.print(Text(f"Interrupted. The same command with --run {folder} goes on."))
        raise typer.Exit(1) from None
    _tell(run, as_json)


def _tell(run: Run, as_json: bool) -> None:
    figures, report = _write(run)
    if as_json:
        terminal.print_json({"run": str(run.folder), **asdict(figures)})
        return
    _print_run(figures)
    terminal.out.print(Text(f"Report: {report}"), soft_wrap=True)


def _write(run: Run) -> tuple[RunFigures, Path]:
    """Figures and report, put into the folder of the run."""
    from eval.report import write_report
    from eval.summary import summarise, write_figures

    figures = summarise(run)
    write_figures(figures, run.folder)
    return figures, write_report(run, figures)


def _print_run(figures: RunFigures) -> None:
    from eval.metrics import BY_NAME

    names = list(figures.systems)
    headings = [name for n in names for name in (n, "95 %")]
    table = _table("measure", "questions", *headings, *(f"p, {n}" for n in names[1:]))
    for name, measure in BY_NAME.items():
        found = [figures.systems[n].measures.get(name) for n in names]
        if not any(found):
            continue
        cells = []
        for figure in found:
            cells += (
                [f"{figure.mean:.3f}", f"{figure.low:.2f}–{figure.high:.2f}"]
                if figure
                else ["", ""]
            )
        tests = [figures.against[n].get(name) for n in names[1:]]
        sure = [str(test.p) if test else "" for test in tests]
        count = next(f.questions for f in found if f)
        arrow = {"higher": " ↑", "lower": " ↓", "": ""}[measure.better]
        table.add_row(measure.label + arrow, str(count), *cells, *sure)
    terminal.out.print(table)
    for name in names:
        some = figures.systems[name]
        parts = ", ".join(f"{kind} {count}" for kind, count in some.causes.items())
        terminal.out.print(
            Text(f"{name}: {some.failed} of {some.questions} questions fail; first cause: {parts}")
        )


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    return table
