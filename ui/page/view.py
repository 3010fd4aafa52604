"""What one event changes on the page: the parts it names, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr


@dataclass(frozen=True, slots=True)
class View:
    """The parts of the asking page, in the order that the page lists them as outputs."""

    transcript: Any = None
    live: Any = None
    sources: Any = None
    rail: Any = None
    chips: Any = None
    question: Any = None
    said: str | None = None

    def updates(self) -> tuple[Any, ...]:
        """One update a component; None means that it stays as it is."""
        parts = (
            self.transcript,
            self.live,
            self.sources,
            self.rail,
            self.chips,
            self.question,
        )
        shown = [gr.skip() if part is None else part for part in parts]
        status = gr.skip() if self.said is None else f'<p role="status">{self.said}</p>'
        return (*shown, status)
