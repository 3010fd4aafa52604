"""The measure of whether follow-ups are told from questions that stand alone."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from eval.follow_ups import Turn, read_turns
from rag.library import Library
from rag.papers import Paper
from ui.cli import app

FIRST = (("How accurate is Kestrel on RiverBench?", "It reaches 71.5% accuracy."),)
TURNS = [
    Turn(id="a", leans=True, history=FIRST, question="how long does it train?"),
    Turn(id="b", leans=True, history=FIRST, question="what hardware is needed to train the layer"),
    Turn(id="c", leans=False, history=FIRST, question="How many photographs does Heron hold?"),
]


def test_half_of_our_turns_lean_on_the_one_before() -> None:
    turns = read_turns()
    assert sum(turn.leans for turn in turns) == len(turns) / 2
    assert len({turn.id for turn in turns}) == len({turn.question for turn in turns}) == len(turns)


@pytest.mark.models
def test_what_words_show_stands_beside_what_is_found(
    library: Library, three_papers: list[Paper], monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(three_papers)
    monkeypatch.setattr("eval.follow_ups.read_turns", lambda: TURNS)
    result = CliRunner().invoke(app, ["eval", "follow-ups", "--library", str(library.path)])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert (figures["follow_ups"], figures["stand_alone"]) == (2, 1)
    assert figures["by_words"] == {"follow_ups_seen": 1, "left_alone": 1}
    assert figures["ships"] == {"follow_ups_seen": 2, "left_alone": 1}
    assert figures["wrong"] == []
