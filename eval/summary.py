"""The figures of a run: by system, by type of question, and against a baseline."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

from eval.judge import JudgeFigures, judged
from eval.metrics import (
    KINDS,
    MEASURES,
    Figure,
    area_under,
    auroc_of,
    figures,
    risk_coverage,
)
from eval.runs import Result, Run
from eval.statistics import compare

_BINS = 5


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions whose confidence lies between two values, and how many the papers do answer."""

    low: float
    high: float
    confidence: float
    answerable: float
    questions: int


@dataclass(frozen=True, slots=True)
class SystemFigures:
    """What a system is worth.

    Attributes:
        measures: measure → figure, over all questions it applies to.
        by_type: type of question → the same.
        failed: questions with anything wrong.
        failures: kind of failure → questions.
        causes: kind of failure → questions in which it is the first.
        auroc: of the confidence, questions that the papers answer against the rest.
        risk_coverage: (coverage, risk), the surest answers first; risk is the share of key facts
            missing, 1 for an answer to a question that the papers do not answer.
        aurc: mean risk along it.
        calibration: share of questions that the papers answer, by confidence.
        peak_gb: the largest memory of the process.
    """

    questions: int
    measures: Mapping[str, Figure]
    by_type: Mapping[str, Mapping[str, Figure]]
    failed: int
    failures: Mapping[str, int]
    causes: Mapping[str, int]
    auroc: float | None
    risk_coverage: Sequence[tuple[float, float]]
    aurc: float | None
    calibration: Sequence[Bin]
    peak_gb: float


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure of two sets of results, over the questions that both measured.

    Attributes:
        low, high: the 95 % interval of the difference.
        p: of a paired randomisation test.
    """

    questions: int
    before: float
    now: float
    difference: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class RunFigures:
    """The figures of a run.

    Attributes:
        systems: by name.
        against: baseline → measure → how the first system differs from it, by a paired test.
        judged: what other models made of the answers, where they were asked.
    """

    systems: Mapping[str, SystemFigures]
    against: Mapping[str, Mapping[str, Difference]]
    judged: Sequence[JudgeFigures] = ()


def summarise(run: Run) -> RunFigures:
    """All figures of a run."""
    first, *others = run.systems or [""]
    return RunFigures(
        systems={name: summarise_system(run.of(name)) for name in run.systems},
        against={other: differences(run.of(other), run.of(first)) for other in others},
        judged=judged(run),
    )


def write_figures(figures: RunFigures, folder: Path) -> None:
    """Keep the figures beside the results they are of."""
    text = json.dumps(asdict(figures), indent=2, ensure_ascii=False)
    (folder / "figures.json").write_text(text + "\n", encoding="utf-8")


def summarise_system(results: Sequence[Result]) -> SystemFigures:
    """The figures of one system's results."""
    types: dict[str, list[Result]] = {}
    for result in results:
        types.setdefault(result.question.type, []).append(result)
    sure = [(r.asked.answer.confidence, r.question.answerable) for r in results]
    rated = [
        (r.asked.answer.confidence, error) for r in results if (error := _error(r)) is not None
    ]
    curve = risk_coverage(rated, sum(_counts(r) for r in results))
    area = area_under(curve)
    kinds = Counter(kind for r in results for kind in {f.kind for f in r.failures})
    causes = Counter(r.failures[0].kind for r in results if r.failures)
    return SystemFigures(
        questions=len(results),
        measures=figures([r.scores for r in results]),
        by_type={kind: figures([r.scores for r in some]) for kind, some in types.items()},
        failed=sum(bool(r.failures) for r in results),
        failures={kind: kinds[kind] for kind in KINDS if kinds[kind]},
        causes={kind: causes[kind] for kind in KINDS if causes[kind]},
        auroc=auroc_of([c for c, _ in sure], [answerable for _, answerable in sure]),
        risk_coverage=curve,
        aurc=area,
        calibration=_calibration(sure),
        peak_gb=max((r.peak_gb for r in results), default=0.0),
    )


def differences(before: Sequence[Result], now: Sequence[Result]) -> dict[str, Difference]:
    """Measure → how it differs over the questions that both have."""
    old = {r.question.id: r.scores for r in before}
    pairs = [(old[r.question.id], r.scores) for r in now if r.question.id in old]
    found = {}
    for measure in MEASURES:
        name = measure.name
        both = [(a[name], b[name]) for a, b in pairs if name in a and name in b]
        if both:
            found[name] = _difference([a for a, _ in both], [b for _, b in both])
    return found


def _difference(before: list[float], now: list[float]) -> Difference:
    found = compare(before, now)
    low, high = found["interval"]
    return Difference(
        len(before),
        round(mean(before), 4),
        round(mean(now), 4),
        found["difference"],
        low,
        high,
        found["p"],
    )


def _counts(result: Result) -> bool:
    """Whether an answer to this question can be told right or wrong."""
    question = result.question
    return not question.answerable or bool(question.facts or question.expected)


def _error(result: Result) -> float | None:
    """How wrong an answer is, 0 to 1; None where there is none, or it cannot be told."""
    if result.asked.answer.abstained or not _counts(result):
        return None
    if not result.question.answerable:
        return 1.0
    return 1 - result.scores.get("facts", result.scores.get("expected", 0.0))


def _calibration(sure: Sequence[tuple[float, bool]]) -> list[Bin]:
    bins = []
    for i in range(_BINS):
        low, high = i / _BINS, (i + 1) / _BINS
        some = [(c, yes) for c, yes in sure if low <= c < high or (c == high == 1)]
        if some:
            confidence, answerable = (mean(map(float, v)) for v in zip(*some, strict=True))
            bins.append(Bin(low, high, round(confidence, 4), round(answerable, 4), len(some)))
    return bins
