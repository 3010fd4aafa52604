"""The report of a run: one HTML file for people, which needs nothing beside it.

Its figures and plots stand in the file as they are; the questions are drawn in the browser when
they are opened, from the results that the file holds as JSON.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from string import Template

from eval.report.entries import entries, inert_json
from eval.report.parts import (
    contents,
    facts,
    failure_bars,
    figure_table,
    filters,
    judges,
    lead,
    plots,
)
from eval.report.plots import draw
from eval.runs import Run
from eval.summary import RunFigures


def write_report(run: Run, figures: RunFigures) -> Path:
    """Write the report into the folder of the run; the same run gives the same file."""
    path = run.folder / "report.html"
    beside = path.with_suffix(".part")
    beside.write_text(_page(run, figures), encoding="utf-8")
    return beside.replace(path)


def _page(run: Run, figures: RunFigures) -> str:
    return Template(_asset("report.html")).substitute(
        style=_asset("report.css"),
        script=_asset("report.js"),
        lead=lead(run),
        contents=contents(),
        facts=facts(run),
        table=figure_table(figures),
        judges=judges(figures),
        failures=failure_bars(figures),
        plots=plots(draw(run, figures), run.systems),
        filters=filters(run),
        data=inert_json(entries(run)),
    )


def _asset(name: str) -> str:
    return files("eval.report").joinpath(name).read_text(encoding="utf-8")
