"""The speed benchmark: its ways, its figures. What it times is never asserted."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.speed import SpeedFigures, Spread, measure_speed, plot, rows
from rag.errors import AskpapersError
from rag.library import Library
from rag.progress import silent
from rag.sample import sample_papers
from rag.settings import load_settings
from ui.cli import app

SPREAD = Spread(2.0, 1.0, 4.0)
FIGURES = SpeedFigures(
    way="askpapers",
    questions=3,
    ready_s=7.5,
    retrieve_s=SPREAD,
    first_token_s=SPREAD,
    total_s=SPREAD,
    prompt_tokens=SPREAD,
    answer_tokens=SPREAD,
    read_tokens_s=SPREAD,
    write_tokens_s=SPREAD,
    facts=0.75,
    peak_gb=3.5,
)


def test_a_way_that_is_unknown_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(AskpapersError, match=r"no peer 'gpt'"):
        measure_speed(load_settings(), ["gpt"], [], silent)


def test_the_table_has_a_column_for_each_way() -> None:
    table = {name: cells for name, *cells in rows([FIGURES, FIGURES])}
    assert table["first word, s"] == ["2.00 (1.00–4.00)"] * 2
    assert table["key facts right"] == ["0.75", "0.75"]


def test_the_plot_is_an_image(tmp_path: Path) -> None:
    plot([FIGURES, FIGURES], tmp_path / "speed.svg")
    assert "<svg" in (tmp_path / "speed.svg").read_text()


@pytest.mark.models
def test_each_way_answers_every_question(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKPAPERS_EVIDENCE_TOKENS", "192")  # how much is read, it does not test
    library.add(sample_papers())
    command = ["eval", "speed", "--limit", "1", "--peer", "no-drafts", "--json"]
    result = CliRunner().invoke(app, [*command, "--library", str(library.path)])
    assert result.exit_code == 0, result.output
    ours, other = json.loads(result.stdout)
    assert (ours["way"], other["way"]) == ("askpapers", "no-drafts")
    assert ours["questions"] == other["questions"] == 1
    assert ours["facts"] == other["facts"]
    assert ours["answer_tokens"]["least"] > 1
    assert other["answer_tokens"]["least"] > 1
