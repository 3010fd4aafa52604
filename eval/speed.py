"""How long an answer takes and what memory it needs, over a question set."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import psutil

from eval.questions import Question
from rag.answering import Answerer, find_evidence
from rag.library import Library
from rag.papers import Timings
from rag.progress import Progress, Report
from rag.retrieval import PaperRetriever
from rag.settings import Settings


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and most of a figure over the questions."""

    median: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class SpeedFigures:
    """What was measured. Seconds, tokens a second, gigabytes.

    Attributes:
        load_s: from nothing to encoder and model in memory, files present and unpacked.
        read_tokens_s: prompt tokens read a second, until the first word is written.
        write_s_per_token: seconds a token written after the first.
        peak_gb: largest memory of the process so far; resident_gb: at the end.
    """

    questions: int
    model: str
    load_s: float
    retrieve_s: Spread
    first_token_s: Spread
    total_s: Spread
    prompt_tokens: Spread
    answer_tokens: Spread
    read_tokens_s: Spread
    write_s_per_token: Spread
    peak_gb: float
    resident_gb: float

    def rows(self) -> list[tuple[str, str, str, str]]:
        """For a table: name, median, least, most."""
        spreads = (
            ("search, s", self.retrieve_s),
            ("first word, s", self.first_token_s),
            ("whole answer, s", self.total_s),
            ("prompt, tokens", self.prompt_tokens),
            ("answer, tokens", self.answer_tokens),
            ("reading, tokens/s", self.read_tokens_s),
            ("writing, s/token", self.write_s_per_token),
        )
        table = [
            (name, f"{s.median:.2f}", f"{s.least:.2f}", f"{s.most:.2f}") for name, s in spreads
        ]
        singles = (
            ("loading, s", self.load_s),
            ("peak memory, GB", self.peak_gb),
            ("memory at the end, GB", self.resident_gb),
            (f"questions answered by {self.model}", self.questions),
        )
        return [*table, *((name, f"{value:.4g}", "", "") for name, value in singles)]


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
        peak_gb=round(_peak_bytes() / 1e9, 2),
    )


def measure_speed(
    settings: Settings, questions: Sequence[Question], report: Report
) -> SpeedFigures:
    """Load the models, answer the questions that the library answers, and time it.

    The first answer warms the model up and is not counted. Questions that are declined before
    the model writes are left out.
    """
    library = Library.open(settings=settings, report=report)
    answerer = Answerer(library, settings=settings, report=report)
    started = time.perf_counter()
    answerer.load()
    load_s = time.perf_counter() - started
    timings: list[Timings] = []
    for number, question in enumerate([questions[0], *questions]):
        answer = answerer.answer(question.question)
        if number and answer.timings.answer_tokens > 1:
            timings.append(answer.timings)
        report(Progress("answering", number, len(questions), "questions"))
    return SpeedFigures(
        questions=len(timings),
        model=answerer.model_name,
        load_s=round(load_s, 3),
        retrieve_s=_spread([t.retrieve_s for t in timings]),
        first_token_s=_spread([t.first_token_s for t in timings]),
        total_s=_spread([t.total_s for t in timings]),
        prompt_tokens=_spread([t.prompt_tokens for t in timings]),
        answer_tokens=_spread([t.answer_tokens for t in timings]),
        read_tokens_s=_spread(
            [t.prompt_tokens / (t.first_token_s - t.retrieve_s) for t in timings]
        ),
        write_s_per_token=_spread(
            [(t.total_s - t.first_token_s) / (t.answer_tokens - 1) for t in timings]
        ),
        peak_gb=round(_peak_bytes() / 1e9, 2),
        resident_gb=round(_resident_bytes() / 1e9, 2),
    )


def _spread(values: Sequence[float]) -> Spread:
    return Spread(*(round(v, 4) for v in (median(values), min(values), max(values))))


def _peak_bytes() -> int:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)
