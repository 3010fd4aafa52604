"""Plots as SVG that stands in the page and takes its colours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from io import StringIO
from math import floor
from statistics import median
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from eval.metrics import BY_NAME
from eval.metrics import Figure as Mean
from eval.runs import Run
from eval.summary import RunFigures, SystemFigures

_WIDTH, _HEIGHT = 4.7, 3.1
"""Of a panel, in inches: a phone's width where a unit of the drawing is a pixel."""

_INK, _SOFT, _LINE = "#010101", "#020202", "#030303"
_COLOURS = ("#0a0001", "#0a0002", "#0a0003", "#0a0004")
_VARIABLES = {
    _INK: "--ink",
    _SOFT: "--soft",
    _LINE: "--line",
    **{colour: f"--system-{i}" for i, colour in enumerate(_COLOURS)},
}
"""Colours that stand for the page's own, which differ in the dark."""

_MARKERS = ("o", "s", "^", "D")
_DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))

_CUT_OFFS = (1, 3, 5, 8)

# Text stays text, and nothing in a file tells when or by which version it was drawn.
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "askpapers",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.labelsize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _SOFT,
    "axes.labelcolor": _SOFT,
    "axes.titlecolor": _INK,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _LINE,
    "grid.linewidth": 0.8,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.linewidth": 1.8,
    "lines.markersize": 6,
    "text.color": _INK,
    "figure.facecolor": "none",
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot for the page.

    Attributes:
        caption: how to read it.
        panels: drawings that stand beside one another, each an SVG element.
    """

    name: str
    title: str
    caption: str
    panels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Look:
    """How a system is drawn, in every plot alike: colour, shape and stroke."""

    colour: str
    marker: str
    dash: Any


def draw(run: Run, figures: RunFigures) -> list[Plot]:
    """The plots of a run, without those that there are no figures for."""
    if not run.systems:
        return []
    with matplotlib.rc_context(_STYLE):
        plots = [
            _recall(figures.systems),
            _risk(figures.systems),
            _calibration(figures.systems),
            _latency(run),
            _by_type(figures.systems),
        ]
    return [plot for plot in plots if plot.panels]


def _recall(systems: Mapping[str, SystemFigures]) -> Plot:
    names = [f"recall@{k}" for k in _CUT_OFFS]
    rows = {
        system: [some.measures[name] for name in names]
        for system, some in systems.items()
        if names[0] in some.measures
    }
    figure, axis = _panel("right papers among the first k")
    for i, (system, row) in enumerate(rows.items()):
        look = _look(systems, system)
        at = [k + 0.16 * (i - (len(rows) - 1) / 2) for k in _CUT_OFFS]
        _bars(axis, at, row, look, upright=True)
        axis.plot(at, [f.mean for f in row], color=look.colour, linestyle=look.dash)
    least = min((f.low for row in rows.values() for f in row), default=0.0)
    axis.set_xticks(_CUT_OFFS)
    axis.set_xlabel("k, papers looked at")
    axis.set_ylim(max(0.0, floor(least * 10 - 0.5) / 10), 1.01)
    said = _said({s: ", ".join(_at(f.mean, k) for f, k in _with(r)) for s, r in rows.items()})
    return Plot(
        "recall",
        "Search: recall by cut-off",
        "Higher is better: the share of the right papers among the first k found, with its 95 % "
        "interval; where the line is flat, looking further finds nothing more.",
        _drawn(figure, "recall", f"Recall by cut-off. {said}", bool(rows)),
    )


def _risk(systems: Mapping[str, SystemFigures]) -> Plot:
    curves = {s: list(some.risk_coverage) for s, some in systems.items() if some.risk_coverage}
    figure, axis = _panel("risk: how wrong these answers are")
    for system, curve in curves.items():
        look = _look(systems, system)
        axis.plot(
            [coverage for coverage, _ in curve],
            [risk for _, risk in curve],
            color=look.colour,
            linestyle=look.dash,
            marker=look.marker,
            markevery=max(1, len(curve) // 6),
        )
    axis.set_xlim(0, 1.02)
    axis.set_ylim(0, max([0.1, *(1.1 * risk for c in curves.values() for _, risk in c)]))
    axis.set_xlabel("coverage: share of questions answered, surest first")
    ends = {s: f"risk {c[-1][1]:.2f} at coverage {c[-1][0]:.2f}" for s, c in curves.items()}
    areas = {s: f"{e}, area {systems[s].aurc or 0:.3f}" for s, e in ends.items()}
    return Plot(
        "risk",
        "Deciding: risk and coverage",
        "Lower is better: going right, less sure answers are let through; a line that rises late "
        "knows which of its answers to trust, and where it ends the system declines the rest.",
        _drawn(figure, "risk", f"Risk by coverage. {_said(areas)}", bool(curves)),
    )


def _calibration(systems: Mapping[str, SystemFigures]) -> Plot:
    bins = {s: list(some.calibration) for s, some in systems.items() if some.calibration}
    most = max((b.questions for some in bins.values() for b in some), default=1)
    figure, axis = _panel("share that the papers answer")
    axis.plot([0, 1], [0, 1], color=_SOFT, linewidth=1, linestyle=(0, (2, 3)))
    for system, some in bins.items():
        look = _look(systems, system)
        axis.scatter(
            [b.confidence for b in some],
            [b.answerable for b in some],
            s=[30 + 220 * b.questions / most for b in some],
            marker=look.marker,
            color=look.colour,
            alpha=0.8,
            linewidths=0,
            clip_on=False,
            zorder=3,
        )
    axis.set_xlim(0, 1.02)
    axis.set_ylim(0, 1.02)
    axis.set_xlabel("confidence of the system")
    said = {
        s: ", ".join(
            f"{b.questions} questions at {b.confidence:.2f} of which {b.answerable:.0%} answerable"
            for b in some
        )
        for s, some in bins.items()
    }
    return Plot(
        "calibration",
        "Deciding: calibration",
        "On the dotted line, confidence is the share of questions that the papers do answer; "
        "above it the system is less sure than it might be, below it too sure; a larger mark "
        "stands for more questions.",
        _drawn(figure, "calibration", f"Calibration. {_said(said)}", bool(bins)),
    )


def _latency(run: Run) -> Plot:
    panels: list[str] = []
    for name in ("retrieve_s", "first_token_s", "total_s"):
        times = {
            s: sorted(r.scores[name] for r in run.of(s) if name in r.scores) for s in run.systems
        }
        times = {system: [max(v, 0.001) for v in some] for system, some in times.items() if some}
        label = BY_NAME[name].label.removesuffix(", s")
        figure, axis = _panel(f"{label}: share of questions done")
        for system, some in times.items():
            look = _look(run.systems, system)
            share = [i / len(some) for i in range(len(some) + 1)]
            axis.step([some[0], *some], share, where="post", color=look.colour, linestyle=look.dash)
            axis.plot(median(some), 0.5, marker=look.marker, color=look.colour)
        _log_seconds(axis, [v for some in times.values() for v in some])
        axis.set_ylim(0, 1.02)
        said = {s: f"median {median(v):.2f} s, longest {v[-1]:.2f} s" for s, v in times.items()}
        panels += _drawn(figure, name, f"Time of {label}. {_said(said)}", bool(times))
    return Plot(
        "latency",
        "Time",
        "Further left is quicker: each line rises to the share of questions that were done within "
        "so many seconds, on a scale where every step multiplies; the mark is the median.",
        tuple(panels),
    )


def _by_type(systems: Mapping[str, SystemFigures]) -> Plot:
    types = list(dict.fromkeys(kind for some in systems.values() for kind in some.by_type))
    panels: list[str] = []
    for name in ("facts", "paper_recall", "decided"):
        label = BY_NAME[name].label
        figure, axis = _panel(label, height=0.75 + 0.3 * len(types))
        rows = {s: _of_types(some, types, name) for s, some in systems.items()}
        for i, (system, row) in enumerate(rows.items()):
            apart = 0.26 * (i - (len(rows) - 1) / 2)
            at = [types.index(kind) + apart for kind in row]
            _bars(axis, at, list(row.values()), _look(systems, system), upright=False)
        axis.set_yticks(range(len(types)), [_short(kind) for kind in types])
        axis.set_ylim(len(types) - 0.5, -0.5)
        axis.set_xlim(-0.02, 1.02)
        axis.grid(False, axis="y")
        said = {
            s: ", ".join(f"{kind} {f.mean:.2f}" for kind, f in row.items())
            for s, row in rows.items()
            if row
        }
        panels += _drawn(figure, name, f"{label} by type of question. {_said(said)}", bool(said))
    return Plot(
        "types",
        "By type of question",
        "Further right is better: the mean over the questions of a type with its 95 % interval; "
        "a type without a mark has no such figure, and where intervals are wide there are few "
        "questions.",
        tuple(panels),
    )


def _of_types(some: SystemFigures, types: Sequence[str], name: str) -> dict[str, Mean]:
    return {
        kind: some.by_type[kind][name]
        for kind in types
        if kind in some.by_type and name in some.by_type[kind]
    }


def _panel(title: str, height: float = _HEIGHT) -> tuple[Any, Any]:
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    axis = figure.subplots()
    axis.set_title(title)
    return figure, axis


def _look(systems: Mapping[str, SystemFigures] | Sequence[str], system: str) -> _Look:
    i = list(systems).index(system) % len(_COLOURS)
    return _Look(_COLOURS[i], _MARKERS[i], _DASHES[i])


def _bars(
    axis: Any, at: Sequence[float], row: Sequence[Mean], look: _Look, *, upright: bool
) -> None:
    """Means as marks with their intervals, along one axis."""
    means = [f.mean for f in row]
    sides = [
        [max(0.0, f.mean - f.low) for f in row],
        [max(0.0, f.high - f.mean) for f in row],
    ]
    places = (at, means) if upright else (means, at)
    axis.errorbar(
        *places,
        **{"yerr" if upright else "xerr": sides},
        fmt=look.marker,
        color=look.colour,
        elinewidth=1.2,
        clip_on=False,
    )


def _log_seconds(axis: Any, values: Sequence[float]) -> None:
    low, high = min(values, default=1.0) / 1.15, max(values, default=1.0) * 1.15
    axis.set_xscale("log")
    axis.set_xlim(low, high)
    wide = high / low
    subs = (1, 1.5, 2, 3, 5, 7) if wide < 8 else (1, 2, 5) if wide < 300 else (1,)
    axis.xaxis.set_major_locator(LogLocator(subs=subs))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_xlabel("seconds")


def _drawn(figure: Any, name: str, label: str, anything: bool) -> tuple[str, ...]:
    """The panel, or none where there is nothing in it."""
    return (_svg(figure, name, label),) if anything else ()


def _svg(figure: Any, name: str, label: str) -> str:
    """A figure as an element of the page, in whose ids no other figure's can be meant."""
    file = StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    drawn = file.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    view = re.search(r'viewBox="([^"]*)"', drawn)
    assert view is not None
    inside = drawn[drawn.index(">") + 1 :]
    inside = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", inside, flags=re.DOTALL)
    inside = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", inside)
    inside = re.sub(r' id="([^"]*)"', rf' id="{name}-\1"', inside)
    inside = re.sub(r'(href="|url\()#', rf"\1#{name}-", inside)
    for colour, variable in _VARIABLES.items():
        inside = inside.replace(colour, f"var({variable})")
    opening = f'<svg class="panel" role="img" aria-label="{escape(label)}" viewBox="{view[1]}">'
    return opening + inside.strip()


def _with(row: Sequence[Mean]) -> list[tuple[Mean, int]]:
    return list(zip(row, _CUT_OFFS, strict=True))


def _at(value: float, k: int) -> str:
    return f"{value:.2f} at {k}"


def _said(parts: Mapping[str, str]) -> str:
    return "; ".join(f"{system}: {words}" for system, words in parts.items())


def _short(kind: str) -> str:
    return kind if len(kind) <= 16 else f"{kind[:15]}…"
