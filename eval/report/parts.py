"""The parts of the page that stand in it as they are: what was measured, figures, failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from eval.metrics import KINDS, MEASURES, Measure
from eval.report.plots import Plot
from eval.runs import Run
from eval.summary import Difference, RunFigures, SystemFigures

_OVERALL = (
    Measure(
        "auroc",
        "AUROC of the confidence",
        "deciding",
        "higher",
        "the chance that the system is surer of a question that the papers answer than of one "
        "that they do not, a tie counting half",
    ),
    Measure(
        "aurc",
        "area under risk-coverage",
        "deciding",
        "lower",
        "mean risk as less and less sure answers are let through (Geifman et al., 2019); the risk "
        "is the share of key facts missing, and 1 for an answer to a question that the papers do "
        "not answer",
    ),
    Measure(
        "peak_gb",
        "memory at its peak, GB",
        "cost",
        "lower",
        "the largest memory that the process had had by the last question; systems of a run share "
        "a process, one after another",
    ),
)
"""What a system has one of, not one a question."""

_GROUPS = {
    "answer": "The answer",
    "citations": "Its citations",
    "deciding": "Answering or declining",
    "search": "The search before it",
    "cost": "Time, reading and memory",
}

_BETTER = {"higher": ("↑", "higher is better"), "lower": ("↓", "lower is better"), "": ("", "")}

_SECTIONS = {
    "figures": "Figures",
    "failures": "What goes wrong",
    "plots": "Plots",
    "questions": "Every question",
}

_SHAPES = ("●", "■", "▲", "◆")


def lead(run: Run) -> str:
    """One sentence of what this is."""
    questions = _count(len({r.question.id for r in run.results}), "question")
    asked = " and ".join(run.systems) or "no system yet"
    papers = _count(run.info.papers, "paper")
    return escape(f"{questions} asked of {asked}, over a library of {papers}, {_day(run)}.")


def contents() -> str:
    """Links to the sections."""
    return "".join(f'<li><a href="#{name}">{title}</a></li>' for name, title in _SECTIONS.items())


def facts(run: Run) -> str:
    """What was measured, and with what."""
    info, machine = run.info, run.info.machine
    terms = {
        "Begun": f"{_day(run)}, {_moment(run):%H:%M %Z}".strip(),
        "Program": f"askpapers {info.version}" + (f", commit {info.commit}" if info.commit else ""),
        "Model": str(info.settings.get("model", "")),
        "Library": _count(info.papers, "paper"),
        "Machine": f"{machine.processor}, {_count(machine.cores, 'core')}, "
        f"{machine.memory_gb:g} GB of memory",
        "System": f"{machine.system}, Python {machine.python}",
        "Questions": _questions(run),
    }
    hashes = {"library": info.library, "questions": info.questions}
    files = {f"{m}, {f}": h for m, some in info.models.items() for f, h in some.items()}
    return (
        f'<dl class="facts">{_terms(terms)}</dl><div class="more">'
        + _folded("Settings", info.settings)
        + _folded("Packages", info.packages)
        + _folded("Hashes of questions, papers and weights", hashes | files)
        + "</div>"
    )


def figure_table(figures: RunFigures) -> str:
    """A row a measure, columns a system, and beside a baseline how the first differs from it."""
    names = list(figures.systems)
    if not names:
        return "<p>No question has been answered yet.</p>"
    bodies = []
    measures = sorted([*MEASURES, *_OVERALL], key=lambda m: list(_GROUPS).index(m.group))
    for group, some in groupby(measures, key=lambda m: m.group):
        rows = "".join(_row(measure, figures) for measure in some if _is_there(measure, figures))
        if rows:
            span = 1 + 3 * len(names) + 2 * (len(names) - 1)
            title = f'<th scope="rowgroup" colspan="{span}"><span>{_GROUPS[group]}</span></th>'
            bodies.append(f'<tbody><tr class="group">{title}</tr>{rows}</tbody>')
    return f"<table>{_columns(figures)}{''.join(bodies)}</table>"


def judges(figures: RunFigures) -> str:
    """What other models made of the answers, and what that is worth; empty where none was asked."""
    if not figures.judged:
        return ""
    names = list(figures.systems)
    heads = ("judge", "system", "grade, 0 to 1", "95 %", "answers", "agreement", "kappa")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    rows = "".join(
        f'<tr><th scope="row">{escape(j.judge)}</th><td>{_name(names.index(j.system), j.system)}'
        f"</td>{_cell('mean', f'{j.mean:.3f}')}"
        f"{_cell('interval', f'{j.interval[0]:.3f}–{j.interval[1]:.3f}')}"
        f"{_cell('n', str(j.answers))}{_cell('n', f'{j.agreement:.3f}')}"
        f"{_cell('n', '' if j.kappa is None else f'{j.kappa:.3f}')}</tr>"
        for j in figures.judged
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Judged by other models">'
        "<table><caption><span>Judged by another model. Agreement: how often its “right and "
        "complete” and the key facts, which people wrote, say the same; kappa takes off what "
        f"chance would give.</span></caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def failure_bars(figures: RunFigures) -> str:
    """A bar a system for each kind of failure: where it is the first cause, and where it is any."""
    systems = figures.systems
    if not systems:
        return "<p>No question has been answered yet.</p>"
    totals = "".join(
        f"<li>{_name(i, system)}: "
        + _link(f"{some.failed} of {_count(some.questions, 'question')} fail", system, "fails")
        + "</li>"
        for i, (system, some) in enumerate(systems.items())
    )
    most = max([1, *(count for some in systems.values() for count in some.failures.values())])
    there = [kind for kind in KINDS if any(some.failures.get(kind) for some in systems.values())]
    rows = "".join(
        f'<li><p class="kind"><b>{kind}</b> <span>{escape(KINDS[kind])}</span></p>'
        f'<div class="bars">{"".join(_bars(kind, systems, most))}</div></li>'
        for kind in there
    )
    return f'<ul class="totals">{totals}</ul><ul class="kinds">{rows}</ul>'


def plots(drawn: Sequence[Plot], systems: Sequence[str]) -> str:
    """The plots with their captions, and above each which mark is which system."""
    key = "".join(f"<li>{_name(i, system)}</li>" for i, system in enumerate(systems))
    legend = f'<ul class="key">{key}</ul>' if len(systems) > 1 else ""
    return "".join(
        f'<figure id="plot-{plot.name}" class="of-{len(plot.panels)}">'
        f'<h3>{escape(plot.title)}</h3>{legend}<div class="panels">{"".join(plot.panels)}</div>'
        f"<figcaption>{escape(plot.caption)}</figcaption></figure>"
        for plot in drawn
    )


def filters(run: Run) -> str:
    """What the questions can be chosen by."""
    types = dict.fromkeys(r.question.type for r in run.results)
    many = len(run.systems) > 1
    outcome = _option("", "any") + _option("fails", "something wrong") + _option("right", "right")
    outcome += _option("differ", "right in one, wrong in another") if many else ""
    outcome += _options_of("First thing wrong", "first") + _options_of("Wrong at all", "any")
    return (
        _select("system", "System", _option("", "any"), run.systems)
        + _select("type", "Type", _option("", "any"), types)
        + _select("wrong", "Outcome", outcome)
        + '<div><label for="text">Words</label>'
        '<input id="text" name="text" type="search" autocomplete="off" spellcheck="false"></div>'
    )


def _row(measure: Measure, figures: RunFigures) -> str:
    arrow, meaning = _BETTER[measure.better]
    way = f' <span class="way" aria-hidden="true">{arrow}</span>' if arrow else ""
    way += f'<span class="unseen"> ({meaning})</span>' if meaning else ""
    cells = [cell for some in figures.systems.values() for cell in _cells(measure, some)]
    for baseline in list(figures.systems)[1:]:
        cells += _test(measure, figures.against.get(baseline, {}).get(measure.name))
    head = (
        f"<details><summary>{escape(measure.label)}{way}</summary>"
        f"<p>{escape(measure.definition)}</p></details>"
    )
    return f'<tr><th scope="row">{head}</th>{"".join(cells)}</tr>'


def _cells(measure: Measure, some: SystemFigures) -> list[str]:
    """Mean, interval and number of questions."""
    if measure in _OVERALL:
        value = getattr(some, measure.name)
        return [_cell("mean", "" if value is None else _number(measure, value)), *[_cell()] * 2]
    figure = some.measures.get(measure.name)
    if figure is None:
        return [_cell()] * 3
    interval = f"{_number(measure, figure.low)}–{_number(measure, figure.high)}"
    return [
        _cell("mean", _number(measure, figure.mean)),
        _cell("interval", interval),
        _cell("n", str(figure.questions)),
    ]


def _test(measure: Measure, test: Difference | None) -> list[str]:
    """Difference and p value."""
    if test is None:
        return [_cell()] * 2
    p = test.p
    return [
        _cell("difference", _signed(measure, test.difference)),
        _cell("p sure" if p < 0.05 else "p", "&lt; 0.001" if p < 0.001 else f"{p:.3f}"),
    ]


def _cell(kind: str = "", text: str = "") -> str:
    return f'<td class="{kind}">{text}</td>' if kind else f"<td>{text}</td>"


def _number(measure: Measure, value: float) -> str:
    places = 2 if measure.name.endswith(("_s", "_gb")) else 1 if "tokens" in measure.name else 3
    return f"{value:.{places}f}"


def _signed(measure: Measure, value: float) -> str:
    sign = "+" if value > 0 else "−" if value < 0 else ""
    return sign + _number(measure, abs(value))


def _is_there(measure: Measure, figures: RunFigures) -> bool:
    some = figures.systems.values()
    if measure in _OVERALL:
        return any(getattr(s, measure.name) is not None for s in some)
    return any(measure.name in s.measures for s in some)


def _columns(figures: RunFigures) -> str:
    """Headings in two rows."""
    names = list(figures.systems)
    top = "".join(
        f'<th scope="colgroup" colspan="3">{_name(i, name)}</th>' for i, name in enumerate(names)
    )
    low = '<th scope="col">mean</th><th scope="col">95 %</th><th scope="col">n</th>' * len(names)
    for name in names[1:]:
        against = escape(f"{names[0]} − {name}")
        top += f'<th scope="colgroup" colspan="2">{against}</th>'
        low += '<th scope="col">difference</th><th scope="col">p</th>'
    groups = '<colgroup span="3"></colgroup>' * len(names)
    groups += '<colgroup span="2"></colgroup>' * (len(names) - 1)
    return (
        f"<caption><span>{_caption(figures)}</span></caption>"
        f"<col>{groups}<thead>"
        f'<tr><th scope="col" rowspan="2">measure</th>{top}</tr><tr>{low}</tr></thead>'
    )


def _caption(figures: RunFigures) -> str:
    """What the figures are of, and whether a baseline is still to be asked some."""
    counts = {name: some.questions for name, some in figures.systems.items()}
    text = "Means over the questions that a measure applies to"
    if len(set(counts.values())) > 1:
        asked = ", ".join(f"{name} {count}" for name, count in counts.items())
        text += f"; not every system was asked every question: {asked}"
    return escape(f"{text}.")


def _bars(kind: str, systems: Mapping[str, SystemFigures], most: int) -> Iterator[str]:
    for i, (system, some) in enumerate(systems.items()):
        first, all_of_them = some.causes.get(kind, 0), some.failures.get(kind, 0)
        bar = (
            f'<span class="track"><span class="bar all" style="width:{all_of_them / most:.2%}">'
            f'</span><span class="bar" style="width:{first / most:.2%}"></span></span>'
        )
        words = f'{_name(i, system)}{bar}<span class="count">{first}</span>'
        spoken = f"{system}: first cause in {_count(first, 'question')}"
        yield (
            _link(words, system, f"first:{kind}", f"system-{i}", spoken)
            if first
            else (f'<span class="system-{i} none">{words}</span>')
        )
        more = f'{all_of_them} in all<span class="unseen">, {escape(system)}, {kind}</span>'
        yield (
            _link(more, system, f"any:{kind}", "in-all") if all_of_them > first else "<span></span>"
        )


def _link(inside: str, system: str, wrong: str, kind: str = "", spoken: str = "") -> str:
    """A link to the questions that went wrong in this way."""
    to = escape(urlencode({"system": system, "wrong": wrong}))
    label = f' aria-label="{escape(spoken)}"' if spoken else ""
    return f'<a class="{kind}" href="#{to}"{label}>{inside}</a>'


def _name(number: int, system: str) -> str:
    """A system by the shape and colour it has all over the page."""
    number %= len(_SHAPES)
    shape = f'<span class="shape" aria-hidden="true">{_SHAPES[number]}</span>'
    return f'<span class="system system-{number}">{shape} {escape(system)}</span>'


def _select(name: str, label: str, first: str, values: Iterable[str] = ()) -> str:
    options = first + "".join(_option(value, value) for value in values)
    return (
        f'<div><label for="{name}">{label}</label>'
        f'<select id="{name}" name="{name}">{options}</select></div>'
    )


def _options_of(title: str, where: str) -> str:
    options = "".join(_option(f"{where}:{kind}", kind) for kind in KINDS)
    return f'<optgroup label="{title}">{options}</optgroup>'


def _option(value: str, label: str) -> str:
    return f'<option value="{escape(value)}">{escape(label)}</option>'


def _terms(terms: Mapping[str, Any]) -> str:
    return "".join(
        f"<div><dt>{escape(term)}</dt><dd>{escape(str(value))}</dd></div>"
        for term, value in terms.items()
        if value != ""
    )


def _folded(title: str, terms: Mapping[str, Any]) -> str:
    return f"<details><summary>{title}</summary><dl>{_terms(terms)}</dl></details>"


def _questions(run: Run) -> str:
    kinds = {r.question.id: r.question.type for r in run.results}
    types = ", ".join(f"{count} {kind}" for kind, count in Counter(kinds.values()).items())
    return f"{len(kinds)}: {types}" if types else "0"


def _moment(run: Run) -> datetime:
    return datetime.fromisoformat(run.info.started)


def _day(run: Run) -> str:
    return f"{_moment(run).day} {_moment(run):%B %Y}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
