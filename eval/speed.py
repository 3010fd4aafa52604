"""How long an answer takes and what memory it needs, side by side with other ways to run a model.

Each way is a process of its own that has opened the library and loaded its model; the questions
go to them in turn, one at a time, so that all ways meet the same state of the machine.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil

from eval.questions import Question
from rag import weights
from rag.answering import Answerer
from rag.chat_models import LocalChatModel, load_chat_model
from rag.errors import AskpapersError
from rag.finding import find_evidence
from rag.library import Library
from rag.papers import Answer
from rag.progress import Progress, Report
from rag.retrieval import PaperRetriever
from rag.settings import Settings

OURS = "askpapers"


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and most of a figure over the questions."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f}–{self.most:.2f})"


@dataclass(frozen=True, slots=True)
class SpeedFigures:
    """What was measured of one way. Seconds, tokens a second, gigabytes.

    Attributes:
        ready_s: from the start of its process to library, encoder and model in memory.
        read_tokens_s: prompt tokens a second, until the first word is written.
        write_tokens_s: tokens a second written after the first.
        facts: share of the key facts that the answers hold.
        peak_gb: largest memory of the process.
    """

    way: str
    questions: int
    ready_s: float
    retrieve_s: Spread
    first_token_s: Spread
    total_s: Spread
    prompt_tokens: Spread
    answer_tokens: Spread
    read_tokens_s: Spread
    write_tokens_s: Spread
    facts: float
    peak_gb: float


def rows(figures: Sequence[SpeedFigures]) -> list[tuple[str, ...]]:
    """For a table: a name, then a cell for each way."""
    names = {
        "search, s": "retrieve_s",
        "first word, s": "first_token_s",
        "whole answer, s": "total_s",
        "prompt, tokens": "prompt_tokens",
        "answer, tokens": "answer_tokens",
        "reading, tokens/s": "read_tokens_s",
        "writing, tokens/s": "write_tokens_s",
        "start to ready, s": "ready_s",
        "key facts right": "facts",
        "peak memory, GB": "peak_gb",
        "questions": "questions",
    }
    return [
        (name, *(str(getattr(figure, attribute)) for figure in figures))
        for name, attribute in names.items()
    ]


@dataclass(frozen=True, slots=True)
class SearchFigures:
    """What finding takes, without a language model. Seconds, gigabytes.

    Attributes:
        start_s: from the start of the process to the first question's evidence.
        p50_s, p95_s: from a question to its numbered evidence, encoder included.
        peak_gb: largest memory of the process so far.
    """

    papers: int
    questions: int
    start_s: float
    p50_s: float
    p95_s: float
    most_s: float
    peak_gb: float

    def rows(self) -> list[tuple[str, str, str, str]]:
        """For a table: name, median, 95th percentile, most."""
        return [
            (
                f"search of {self.papers:,} papers, s",
                f"{self.p50_s:.3f}",
                f"{self.p95_s:.3f}",
                f"{self.most_s:.3f}",
            ),
            ("start to first evidence, s", f"{self.start_s:.2f}", "", ""),
            ("peak memory, GB", f"{self.peak_gb:.2f}", "", ""),
            ("questions", str(self.questions), "", ""),
        ]


def measure_search(
    settings: Settings, questions: Sequence[Question], report: Report
) -> SearchFigures:
    """Search the library for every question and pick its evidence, and time it."""
    library = Library.open(settings=settings, report=report)
    retriever = PaperRetriever(library=library, k=settings.papers)

    def find(text: str) -> float:
        started = time.perf_counter()
        find_evidence(text, retriever, settings)
        return time.perf_counter() - started

    find(questions[0].question)
    start_s = time.time() - psutil.Process().create_time()
    times = []
    for number, question in enumerate(questions, start=1):
        times.append(find(question.question))
        report(Progress("searching", number, len(questions), "questions"))
    p50, p95 = (float(np.percentile(times, share)) for share in (50, 95))
    return SearchFigures(
        papers=len(library),
        questions=len(times),
        start_s=round(start_s, 2),
        p50_s=round(p50, 4),
        p95_s=round(p95, 4),
        most_s=round(max(times), 4),
        peak_gb=round(peak_bytes() / 1e9, 2),
    )


def measure_speed(
    settings: Settings, peers: Sequence[str], questions: Sequence[Question], report: Report
) -> list[SpeedFigures]:
    """Answer the questions in every way, in turns.

    The first question warms each way up and is not counted. Questions that a way declines before
    its model writes are left out.

    Args:
        peers: further ways, of `PEERS`.

    Raises:
        AskpapersError: there is no such way, or one needs what is not installed.
    """
    if unknown := set(peers) - set(PEERS):
        raise AskpapersError(
            f"There is no peer {sorted(unknown)[0]!r}.", f"Name one of {', '.join(PEERS)}."
        )
    load_chat_model(settings, report=report)  # what is to be fetched and unpacked, is
    with ExitStack() as stack:
        ways = [
            stack.enter_context(_process(way, settings, report))
            for way in dict.fromkeys([OURS, *peers])
        ]
        warm_up, *questions = questions
        for way in ways:
            way.ask(warm_up)
        answered: dict[str, list[tuple[Question, Answer]]] = {way.name: [] for way in ways}
        for number, question in enumerate(questions):
            turn = number % len(ways)
            for way in [*ways[turn:], *ways[:turn]]:
                answered[way.name].append((question, way.ask(question)))
                done = sum(map(len, answered.values()))
                report(Progress("answering", done, len(questions) * len(ways), "answers"))
        return [_figures(way, answered[way.name]) for way in ways]


def _figures(way: _Way, answered: Sequence[tuple[Question, Answer]]) -> SpeedFigures:
    timings = [a.timings for _, a in answered if a.timings.answer_tokens > 1]
    if not timings:
        raise AskpapersError(
            f"{way.name} wrote no answer to any of the questions.",
            "Name questions that the library answers, or another library.",
        )
    facts = [right for question, a in answered for right in question.facts_in(a.answer)]
    return SpeedFigures(
        way=way.name,
        questions=len(timings),
        ready_s=way.ready_s,
        retrieve_s=_spread([t.retrieve_s for t in timings]),
        first_token_s=_spread([t.first_token_s for t in timings]),
        total_s=_spread([t.total_s for t in timings]),
        prompt_tokens=_spread([t.prompt_tokens for t in timings]),
        answer_tokens=_spread([t.answer_tokens for t in timings]),
        read_tokens_s=_spread(
            [t.prompt_tokens / (t.first_token_s - t.retrieve_s) for t in timings]
        ),
        write_tokens_s=_spread(
            [(t.answer_tokens - 1) / (t.total_s - t.first_token_s) for t in timings]
        ),
        facts=round(sum(facts) / max(1, len(facts)), 3),
        peak_gb=way.peak_gb,
    )


def _our_model(settings: Settings) -> LocalChatModel:
    model = load_chat_model(settings)
    if not isinstance(model, LocalChatModel):
        raise AskpapersError(
            "This compares ways to run a model here, and the model is on a server.",
            "Set ASKPAPERS_MODEL to a model that runs here.",
        )
    return model


def _ours(settings: Settings) -> Answerer:
    return Answerer(Library.open(settings=settings), settings=settings)


def _without_drafts(settings: Settings) -> Answerer:
    model = _our_model(settings).model_copy(update={"draft": False})
    return Answerer(Library.open(settings=settings), model, settings=settings)


def _bf16(settings: Settings) -> Answerer:
    return _without_drafts(settings.model_copy(update={"precision": "bf16"}))


def _llama_cpp(settings: Settings) -> Answerer:
    """The same GGUF file behind llama.cpp's server, reached as any server is."""
    try:
        import xllamacpp
    except ImportError:
        raise AskpapersError(
            "llama.cpp is not installed.", "Install it with: pip install 'askpapers[bench]'"
        ) from None
    known = weights.find_model(settings.model)
    file = (
        weights.model_folder(known, settings.models_path) / known.files[0].name
        if known
        else Path(settings.model)
    )
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(file)
    parameters.n_ctx = 8192
    parameters.n_parallel = 1
    for threads in (parameters.cpuparams, parameters.cpuparams_batch):
        threads.n_threads = settings.threads or psutil.cpu_count(logical=False) or 1
    with Path(os.devnull).open("w") as nowhere:  # it reports every request on standard error
        os.dup2(nowhere.fileno(), sys.stderr.fileno())
    server = xllamacpp.Server(parameters)
    served = settings.model_copy(update={"model": server.listening_address})
    answerer = Answerer(Library.open(settings=settings), settings=served)
    assert answerer.model is not None
    answerer.model.metadata = {"server": server}  # lives as long as the model that asks it
    return answerer


PEERS: dict[str, Callable[[Settings], Answerer]] = {
    "no-drafts": _without_drafts,
    "bf16": _bf16,
    "llama.cpp": _llama_cpp,
}
"""Other ways: ours without drafts; all weights in bfloat16, without drafts; llama.cpp."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """What went wrong in the other process."""

    what: str
    remedy: str

    @classmethod
    def of(cls, error: AskpapersError) -> _Failure:
        return cls(error.what, error.remedy)


@dataclass
class _Way:
    """A process that answers in one way."""

    name: str
    connection: Connection
    ready_s: float
    peak_gb: float = 0.0

    def ask(self, question: Question) -> Answer:
        self.connection.send(question.question)
        answer: Answer
        answer, self.peak_gb = self._received()
        return answer

    def _received(self) -> Any:
        received = self.connection.recv()
        if isinstance(received, _Failure):
            raise AskpapersError(received.what, received.remedy)
        return received


@contextmanager
def _process(name: str, settings: Settings, report: Report) -> Iterator[_Way]:
    report(Progress(f"starting {name}", 0, None, ""))
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(name, settings, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        try:
            way = _Way(name, ours, 0.0)
            way.ready_s = way._received()
            yield way
        except EOFError:
            raise AskpapersError(
                f"The process of {name} ended.", "See whether the machine has memory for it."
            ) from None
    finally:
        ours.close()
        process.terminate()
        process.join()


def _work(name: str, settings: Settings, connection: Connection) -> None:
    """Answer what comes in until the other end is closed."""
    try:
        answerer = PEERS.get(name, _ours)(settings)
        answerer.load()
    except AskpapersError as error:
        connection.send(_Failure.of(error))
        return
    connection.send(round(time.time() - psutil.Process().create_time(), 2))
    while True:
        try:
            question = connection.recv()
        except EOFError:
            return
        try:
            connection.send((answerer.answer(question), round(peak_bytes() / 1e9, 2)))
        except AskpapersError as error:
            connection.send(_Failure.of(error))


def plot(figures: Sequence[SpeedFigures], path: Path) -> None:
    """Bars of waiting and of speed, a colour each way, as an SVG or PNG file."""
    from matplotlib import pyplot  # slow to import, and seldom needed

    panels = [
        ("first_token_s", "first word, s"),
        ("total_s", "whole answer, s"),
        ("read_tokens_s", "reading, tokens/s"),
        ("write_tokens_s", "writing, tokens/s"),
    ]
    drawing, axes = pyplot.subplots(1, len(panels), figsize=(11, 2.2 + 0.3 * len(figures)))
    for axis, (attribute, title) in zip(axes, panels, strict=True):
        spreads: list[Spread] = [getattr(figure, attribute) for figure in figures]
        middle = [s.median for s in spreads]
        sides = [
            [s.median - s.least for s in spreads],
            [s.most - s.median for s in spreads],
        ]
        colours = ["tab:blue", *["0.75"] * (len(figures) - 1)]
        bars = axis.barh(range(len(figures)), middle, xerr=sides, color=colours, ecolor="0.4")
        axis.bar_label(bars, fmt="%.1f", padding=4)
        axis.margins(x=0.2)
        axis.set_yticks(range(len(figures)), [f.way for f in figures] if axis is axes[0] else [])
        axis.invert_yaxis()
        axis.set_title(title)
        axis.spines[["top", "right"]].set_visible(False)
    drawing.tight_layout()
    drawing.savefig(path)
    pyplot.close(drawing)


def _spread(values: Sequence[float]) -> Spread:
    return Spread(*(round(v, 4) for v in (median(values), min(values), max(values))))


def peak_bytes() -> int:
    """The largest memory this process has had."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
