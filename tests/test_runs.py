"""Runs: what is kept, what is gone on with, and that what is broken shows in the figures."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from eval import systems
from eval.abstention import measure_abstention
from eval.comparison import compare_runs
from eval.questions import NEAR_MISS, Question, QuestionSet, read_question_set, spread
from eval.runs import Run, read_run, run_questions
from eval.summary import summarise, summarise_system
from eval.systems import Asked, System, ours
from rag.answering import Answerer
from rag.errors import AskpapersError
from rag.library import Library
from rag.papers import RankedPaper
from rag.progress import silent
from rag.retrieval import PaperRetriever
from rag.sample import sample_papers
from rag.settings import Settings
from ui.cli import app

pytestmark = pytest.mark.models

SET = read_question_set(part="report")
ASKED = QuestionSet(
    spread([q for q in SET.questions if q.type in ("fact", "number", "off-topic")], 24), SET.digest
)


@pytest.fixture(scope="module")
def answerer(tmp_path_factory: pytest.TempPathFactory) -> Answerer:
    """The starter papers, answered from in quotations: real search, no language model."""
    settings = Settings(quote=True, reranker="")
    library = Library(tmp_path_factory.mktemp("runs") / "library", settings)
    library.add(sample_papers())
    return Answerer(library, settings=settings)


@pytest.fixture(scope="module")
def sound(answerer: Answerer, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_questions(tmp_path_factory.mktemp("sound"), answerer, ASKED, silent)


def means(run: Run) -> dict[str, float]:
    return {name: f.mean for name, f in summarise_system(run.results).measures.items()}


def test_a_run_is_read_back_as_it_was(sound: Run) -> None:
    again = read_run(sound.folder)
    assert again.results == sound.results
    assert again.info == sound.info
    assert means(sound)["paper_recall"] > 0.8


def test_a_run_that_was_cut_off_goes_on(sound: Run, answerer: Answerer, tmp_path: Path) -> None:
    lines = (sound.folder / "results.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "run.json").write_text((sound.folder / "run.json").read_text())
    (tmp_path / "results.jsonl").write_text("".join(lines[:10]) + lines[10][:50])
    run = run_questions(tmp_path, answerer, ASKED, silent)
    assert [r.question.id for r in run.results] == [q.id for q in ASKED.questions]
    assert run.results[:10] == sound.results[:10]
    assert len(read_run(tmp_path).results) == len(ASKED.questions)


def test_another_run_is_never_mixed_in(sound: Run, answerer: Answerer) -> None:
    other = answerer.under(answerer.settings.model_copy(update={"papers": 5}))
    with pytest.raises(AskpapersError, match="other questions, papers, models or settings"):
        run_questions(sound.folder, other, ASKED, silent)
    with pytest.raises(AskpapersError, match="no baseline 'gpt'"):
        run_questions(sound.folder, answerer, ASKED, silent, baselines=["gpt"])


def test_two_runs_give_the_same_answers(sound: Run, answerer: Answerer, tmp_path: Path) -> None:
    again = run_questions(tmp_path, answerer, ASKED, silent)
    found = compare_runs(sound, again, "askpapers")
    assert found.mended == found.broken == ()
    assert all(d.difference == 0 for n, d in found.measures.items() if not n.endswith("_s"))
    for one, other in zip(sound.results, again.results, strict=True):
        assert replace(one.asked.answer, timings=other.asked.answer.timings) == other.asked.answer


def broken(
    monkeypatch: pytest.MonkeyPatch, answerer: Answerer, tmp_path: Path, system: System
) -> Run:
    monkeypatch.setitem(systems.SYSTEMS, "askpapers", lambda _: system)  # type: ignore[arg-type]
    return run_questions(tmp_path, answerer, ASKED, silent)


def test_a_broken_retriever_shows(
    sound: Run, answerer: Answerer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rank = PaperRetriever.rank

    def worst_first(self: PaperRetriever, *given: Any, **more: Any) -> list[RankedPaper]:
        found = rank(self, *given, **more)
        scores = [r.score for r in found]
        return [replace(r, score=s) for r, s in zip(reversed(found), scores, strict=True)]

    monkeypatch.setattr(PaperRetriever, "rank", worst_first)
    found = compare_runs(sound, run_questions(tmp_path, answerer, ASKED, silent), "askpapers")
    for name in ("ndcg", "recall@1", "mrr", "facts"):
        assert found.measures[name].high < 0, name
        assert found.measures[name].p < 0.05, name
    assert found.broken


def test_a_citation_shuffler_shows(
    sound: Run, answerer: Answerer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    papers = list(answerer.library.papers())
    rng = random.Random(7)
    ask = ours(answerer)

    def shuffled(question: Question) -> Asked:
        there = ask(question)
        wrong = []
        for citation in there.answer.citations:
            paper = rng.choice(papers)
            sentences = answerer.library.sentences(paper)[:1]
            wrong.append(
                replace(citation, title=paper.title, paper_id=paper.id, sentences=sentences)
            )
        return replace(there, answer=replace(there.answer, citations=tuple(wrong)))

    run = broken(monkeypatch, answerer, tmp_path, shuffled)
    found = compare_runs(sound, run, "askpapers").measures
    for name in ("paper_precision", "paper_recall", "citation_recall", "evidence_cited"):
        assert found[name].high < 0, name
        assert found[name].p < 0.05, name
    assert found["facts"].difference == found["ndcg"].difference == 0
    assert summarise_system(run.results).failures["wrong paper"] > 10


def test_a_model_that_always_declines_shows(
    sound: Run, answerer: Answerer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = ours(answerer)

    def declining(question: Question) -> Asked:
        there = ask(question)
        text = "These papers do not say."
        return replace(
            there, answer=replace(there.answer, answer=text, abstained=True, citations=())
        )

    run = broken(monkeypatch, answerer, tmp_path, declining)
    found = means(run)
    assert (found["declined"], found["facts"], found["paper_recall"]) == (1, 0, 0)
    share = sum(not q.answerable for q in ASKED.questions) / len(ASKED.questions)
    assert found["decided"] == pytest.approx(share, abs=1e-3)
    assert summarise(run).systems["askpapers"].risk_coverage == []
    assert found["ndcg"] == means(sound)["ndcg"]


def test_hiding_the_papers_makes_the_program_less_sure(answerer: Answerer) -> None:
    asked = [q for q in ASKED.questions if q.answerable]
    close = [q for q in SET.questions if q.type == NEAR_MISS][:6]
    off = [q for q in SET.questions if q.type == "off-topic"]
    figures = measure_abstention(answerer, asked + close, off, silent)
    assert (figures.questions, figures.near_misses) == (len(asked), len(close))
    assert figures.declined_near_misses is not None
    assert figures.auroc is not None
    assert figures.auroc > 0.8
    assert figures.auroc_off_topic is not None
    assert figures.auroc_off_topic > 0.9
    assert figures.answered > figures.declined_hidden / 2
    assert figures.risk_coverage[-1][0] == 1


def test_the_command_prints_a_table_writes_a_report_and_compares(
    answerer: Answerer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKPAPERS_QUOTE", "true")
    monkeypatch.setenv("COLUMNS", "160")
    run = str(tmp_path / "run")
    library = str(answerer.library.path)
    command = ["eval", "full", "--library", library, "--limit", "9", "--run", run]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "key facts in the answer" in result.stdout
    assert "questions fail" in result.stdout
    assert "<html" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    printed = CliRunner().invoke(app, [*command, "--json"])
    figures = json.loads(printed.stdout)["systems"]["askpapers"]
    assert figures["questions"] == 9
    assert (
        figures
        == json.loads((tmp_path / "run" / "figures.json").read_text())["systems"]["askpapers"]
    )
    compared = CliRunner().invoke(app, ["eval", "compare", run, run])
    assert compared.exit_code == 0, compared.output
    assert "mended: 0 questions" in compared.stdout
