"""The pipeline of askpapers: from a question to an answer whose sentences name their papers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.answering import Answerer
    from rag.library import Library
    from rag.papers import Answer, Citation, Paper

__all__ = ["Answer", "Answerer", "Citation", "Library", "Paper"]

_HOMES = {
    "Answer": "rag.papers",
    "Answerer": "rag.answering",
    "Citation": "rag.papers",
    "Library": "rag.library",
    "Paper": "rag.papers",
}


def __getattr__(name: str) -> Any:
    """Import on first use: `askpapers --help` should not wait for PyTorch."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
