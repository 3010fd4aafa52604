"""What a language model holds of a text beyond what it says of it: linear probes of its states.

Asked outright, a small model says yes to nearly anything. The state in which it is about to reply
tells more, and a linear classifier can read it (Alain and Bengio, 2017, "Understanding
intermediate layers using linear classifier probes"; for whether a statement holds, Azaria and
Mitchell, 2023, "The Internal State of an LLM Knows When It's Lying"; for whether a passage answers
a question, Slobodkin et al., 2023, "The Curious Case of Hallucinatory (Un)answerability",
section 4). A probe fits the one model whose states it was fitted on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from langchain_core.language_models import BaseChatModel

from rag.chat_models import LocalChatModel
from rag.odds import probability
from rag.papers import Vectors
from rag.prompts import support_messages


@dataclass(frozen=True, slots=True)
class Probe:
    """A logistic regression on the state behind a prompt's last token.

    Attributes:
        layer: how many layers the state has passed.
        weights: ``(width,)``.
        line: probability from which the answer is taken to be yes.
    """

    layer: int
    weights: Vectors
    intercept: float
    line: float = 0.5

    def probability(self, state: Vectors) -> float:
        """Of yes, for a state ``(width,)``."""
        return probability(self.log_odds(state))

    def log_odds(self, state: Vectors) -> float:
        """The same as log-odds."""
        return float(state @ self.weights) + self.intercept


def write_probe(probe: Probe, task: str, model_name: str, fitted_on: str, folder: Path) -> Path:
    """Write a probe as JSON; four digits a weight move a probability in its third decimal."""
    file = folder / f"{task}-{model_name}.json"
    entry = {
        "task": task,
        "model": model_name,
        "fitted_on": fitted_on,
        "layer": probe.layer,
        "line": probe.line,
        "intercept": round(probe.intercept, 4),
        "weights": [float(f"{weight:.4g}") for weight in probe.weights],
    }
    file.write_text(json.dumps(entry) + "\n", encoding="utf-8")
    return file


def load_probe(task: str, model_name: str) -> Probe | None:
    """The probe of ``rag/probes`` for a task and a model; None where there is none."""
    file = files("rag").joinpath("probes", f"{task}-{model_name}.json")
    if "/" in model_name or not file.is_file():
        return None
    read = json.loads(file.read_text(encoding="utf-8"))
    weights = np.array(read["weights"], dtype=np.float32)
    return Probe(read["layer"], weights, read["intercept"], read["line"])


@dataclass(frozen=True, slots=True)
class SupportJudge:
    """Tells whether sentences of papers bear a statement out, by a model's own states."""

    model: LocalChatModel
    probe: Probe

    def bears_out(self, statement: str, sources: Sequence[tuple[str, Sequence[str]]]) -> float:
        """The probability that they do.

        Args:
            sources: titles, each with sentences of that paper.
        """
        messages = support_messages(statement, sources)
        return self.probe.probability(self.model.state(messages, self.probe.layer))

    def accepts(self, statement: str, sources: Sequence[tuple[str, Sequence[str]]]) -> bool:
        return self.bears_out(statement, sources) >= self.probe.line


def load_support_judge(model: BaseChatModel | None) -> SupportJudge | None:
    """The judge for a model; None where no probe was fitted on it."""
    if not isinstance(model, LocalChatModel):
        return None
    probe = load_probe("support", model.model_name)
    return SupportJudge(model, probe) if probe else None
