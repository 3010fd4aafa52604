"""Two runs side by side: what changed, whether it matters, and which questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eval.metrics import BY_NAME
from eval.runs import Run
from eval.summary import Difference, differences
from rag.errors import AskpapersError


@dataclass(frozen=True, slots=True)
class Changed:
    """A question that fails in one of the runs only.

    Attributes:
        what: the first thing wrong with it, in the run in which it fails.
    """

    id: str
    question: str
    what: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one run to another.

    Attributes:
        notes: what the runs do not have in common, so that a difference may come of it.
    """

    measures: Mapping[str, Difference]
    mended: tuple[Changed, ...]
    broken: tuple[Changed, ...]
    notes: tuple[str, ...]

    def rows(self) -> list[tuple[str, ...]]:
        """For a table: label, questions, before, now, difference, interval, p."""
        return [
            (
                BY_NAME[name].label,
                str(d.questions),
                f"{d.before:.3f}",
                f"{d.now:.3f}",
                f"{d.difference:+.3f}",
                f"{d.low:+.3f} to {d.high:+.3f}",
                f"{d.p:.3f}",
            )
            for name, d in self.measures.items()
        ]


def compare_runs(before: Run, now: Run, system: str) -> Comparison:
    """Compare a system's results in two runs, question by question.

    Raises:
        AskpapersError: they have no question of that system in common.
    """
    old = {r.question.id: r for r in before.of(system)}
    pairs = [(old[r.question.id], r) for r in now.of(system) if r.question.id in old]
    if not pairs:
        raise AskpapersError(
            f"The two runs have no question in common that {system} was asked.",
            f"There are {', '.join(before.systems)} and {', '.join(now.systems)} in them.",
        )
    mended = [(a, b) for a, b in pairs if a.failures and not b.failures]
    broken = [(a, b) for a, b in pairs if b.failures and not a.failures]
    return Comparison(
        differences(before.of(system), now.of(system)),
        tuple(Changed(a.question.id, a.question.question, a.failures[0].kind) for a, _ in mended),
        tuple(Changed(b.question.id, b.question.question, b.failures[0].kind) for _, b in broken),
        tuple(_notes(before, now, len(pairs))),
    )


def _notes(before: Run, now: Run, common: int) -> list[str]:
    notes = []
    a, b = before.info, now.info
    for name, value in a.settings.items():
        if b.settings.get(name) != value:
            notes.append(f"setting {name}: {value} before, {b.settings.get(name)} now")
    if a.commit != b.commit:
        notes.append(f"code: {a.commit or 'unknown'} before, {b.commit or 'unknown'} now")
    if a.library != b.library:
        notes.append(f"the libraries differ: {a.papers:,} papers before, {b.papers:,} now")
    if a.questions != b.questions:
        notes.append(f"the question sets differ; {common} questions are in both")
    if a.machine != b.machine:
        notes.append("the machines differ: times cannot be compared")
    changed = sorted(n for n, v in a.packages.items() if b.packages.get(n) != v)
    if changed:
        notes.append(f"versions differ: {', '.join(changed)}")
    return notes
