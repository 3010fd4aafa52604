"""For pytest: your own question set as a test with thresholds.

Installed along with askpapers; gives the fixture `askpapers_eval`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from eval.runs import Run
    from eval.summary import SystemFigures

_SHOWN = 10
"""Failing questions that a failing test names."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of a question set.

    Attributes:
        figures: every measure with its interval; `eval.metrics.MEASURES` says what each means.
        run: every question with its answer and what is wrong.
    """

    figures: SystemFigures
    run: Run

    def mean(self, measure: str) -> float:
        """A figure by its name, such as ``facts``, ``decided`` or ``paper_precision``."""
        return self.figures.measures[measure].mean

    def require(self, **bounds: float) -> None:
        """Fail the test where a figure is worse than its bound, and say which questions fail.

        A bound is the least for a measure that should be high, the most for one that should be
        low: ``require(facts=0.8, uncited=0)``.
        """
        from eval.metrics import BY_NAME

        worse = []
        for name, bound in bounds.items():
            lower = BY_NAME[name].better == "lower"
            value = self.mean(name)
            if value > bound if lower else value < bound:
                worse.append(f"{name} is {value:.3f}, not {'<=' if lower else '>='} {bound}")
        if worse:
            pytest.fail("\n".join([*worse, *self._failing()]), pytrace=False)

    def _failing(self) -> list[str]:
        return [
            f"  {r.question.id}: {r.failures[0].kind}: {r.question.question[:80]}"
            for r in self.run.results
            if r.failures
        ][:_SHOWN]


Evaluate = Callable[..., Evaluation]


@pytest.fixture
def askpapers_eval(tmp_path: Path) -> Evaluate:
    """Ask a question set: ``askpapers_eval("mine.jsonl", library="papers").require(facts=0.8)``.

    Arguments: a file of questions (by default those about the starter papers), ``library``,
    ``only`` (types of question), ``limit``, and any setting by its name.
    """

    def evaluate(
        questions: str | Path | None = None,
        *,
        library: str | Path | None = None,
        only: Sequence[str] = (),
        limit: int | None = None,
        **settings: object,
    ) -> Evaluation:
        from eval.questions import QuestionSet, read_question_set, spread
        from eval.runs import run_questions
        from eval.summary import summarise_system
        from rag.answering import Answerer
        from rag.library import Library
        from rag.progress import silent
        from rag.settings import load_settings

        loaded = load_settings(library=Path(library) if library else None, **settings)
        asked = read_question_set(Path(questions) if questions else None, only)
        asked = QuestionSet(spread(asked.questions, limit), asked.digest)
        answerer = Answerer(Library.open(settings=loaded), settings=loaded)
        run = run_questions(tmp_path / "evaluation", answerer, asked, silent)
        return Evaluation(summarise_system(run.results), run)

    return evaluate
