"""The program's own support check, on its own: what judges citations, and how well it judges."""

from __future__ import annotations

from collections.abc import Sequence

from eval.metrics import Entails
from eval.systems import Shown
from rag.citations import Statement, bind
from rag.library import Library
from rag.papers import Evidence, Sentence


def support_check(library: Library) -> Entails:
    """The check that every sentence of an answer passes before it is shown."""

    def entails(statement: str, cited: Sequence[Shown]) -> bool:
        evidence = [_evidence(i, s) for i, s in enumerate(cited, start=1)]
        (bound,) = bind(
            [Statement(statement.strip("“”"), ())],
            evidence,
            library.encoder.encode,
            library.keywords.rarity,
        )
        return bound.support != "unsupported"

    return entails


def _evidence(number: int, shown: Shown) -> Evidence:
    sentences = tuple(Sentence(text, 0, len(text)) for text in shown.sentences)
    return Evidence(number, shown.paper_id, shown.title, sentences, (0.0,) * len(sentences))
