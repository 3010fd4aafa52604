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
    asking: bool | None = None
    said: str | None = None

    def updates(self) -> tuple[Any, ...]:
        """One update a component; None means that it stays as it is."""
        *parts, asking, said = (
            self.transcript,
            self.live,
            self.sources,
            self.rail,
            self.chips,
            self.question,
            self.asking,
            self.said,
        )
        shown = [gr.skip() if part is None else part for part in parts]
        stop = gr.skip() if asking is None else gr.update(visible=asking)
        status = gr.skip() if said is None else f'<p role="status">{said}</p>'
        return (*shown, stop, status)
