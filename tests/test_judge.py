"""The optional judge: what it is shown, how it is read, what it is worth."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.judge import is_right, judge_run, kappa, read_grade
from eval.metrics import failures, score
from eval.questions import Question
from eval.report import write_report
from eval.runs import Result, Run
from eval.summary import summarise
from rag.progress import silent
from tests.scripted import ScriptedModel
from tests.test_metrics import KESTREL, QUESTION, asked, by_words, cite
from tests.test_report import INFO


def result(question: Question, text: str, *, declined: bool = False) -> Result:
    there = asked(text, cite(1, KESTREL, "Training takes 3 hours."), declined=declined)
    right = [KESTREL] if question.answerable else []
    scores = score(question, right, there, by_words)
    wrong = tuple(failures(question, right, there, scores))
    return Result("askpapers", question, tuple(p.id for p in right), there, scores, wrong, 1.0)


@pytest.mark.parametrize(
    ("reply", "grade"),
    [("GRADE: 2", 2), ("Grade 1.", 1), ("0", 0), ("It is good. GRADE: 2", 2), ("12 of 20", None)],
)
def test_a_grade_is_read_from_a_reply(reply: str, grade: int | None) -> None:
    assert read_grade(reply) == grade


def test_agreement_beyond_chance_by_hand() -> None:
    """Eight of ten the same; chance gives .6 * .6 + .4 * .4 = .52."""
    one = [True] * 6 + [False] * 4
    other = [True] * 5 + [False] + [False] * 3 + [True]
    assert kappa(one, other) == pytest.approx((0.8 - 0.52) / 0.48, abs=1e-4)
    assert kappa([True, True], [True, True]) is None


def test_a_run_is_graded_once_and_the_judge_is_held_against_the_key_facts(tmp_path: Path) -> None:
    off = Question(id="off", type="off-topic", question="How do I repot an orchid?")
    other = QUESTION.model_copy(update={"id": "half", "question": "And only half of it?"})
    run = Run(
        tmp_path,
        INFO,
        [
            result(QUESTION, "71.5% after 3 hours [1]."),
            result(other, "71.5% [1]."),
            result(off, "These papers do not say.", declined=True),
        ],
    )
    assert [is_right(r) for r in run.results] == [True, False, True]
    model = ScriptedModel(
        replies={"how long": "GRADE: 2", "only half": "GRADE: 2", "orchid": "no idea"}
    )
    (figures,) = judge_run(run, model, "scripted", silent)
    assert (figures.answers, figures.unread, figures.mean) == (2, 1, 1.0)
    assert figures.agreement == 0.5
    asked_before = (tmp_path / "judge.jsonl").read_text()
    assert judge_run(run, model, "scripted", silent) == [figures]
    assert (tmp_path / "judge.jsonl").read_text() == asked_before
    found = summarise(run)
    assert list(found.judged) == [figures]
    page = write_report(run, found).read_text(encoding="utf-8")
    assert "Judged by another model" in page
    assert "scripted" in page


def test_an_unread_reply_is_no_grade() -> None:
    assert read_grade("") is None
