"""How long work tells how far it is: the pipeline reports, a face draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one piece of work is.

    Attributes:
        label: what is being done, for a person.
        done: how much is done, in ``unit``.
        total: how much there is, None where it cannot be known.
        unit: ``"bytes"``, ``"papers"`` …
    """

    label: str
    done: int
    total: int | None
    unit: str


Report = Callable[[Progress], None]
"""Called again and again while long work goes on."""


def silent(progress: Progress) -> None:
    """A report that nobody reads."""
