"""A small part of the question set with the real language model, as a person would test theirs."""

from __future__ import annotations

import pytest

from eval.pytest_plugin import Evaluate
from rag.library import Library
from rag.sample import sample_papers

pytestmark = pytest.mark.models


def test_answers_about_the_starter_papers_stay_good(
    library: Library, askpapers_eval: Evaluate
) -> None:
    library.add(sample_papers())
    evaluation = askpapers_eval(
        library=library.path, only=["fact", "number", "off-topic"], limit=10
    )
    evaluation.require(facts=0.6, paper_precision=0.8, decided=0.8, uncited=0, stray_numbers=0)


def test_a_figure_below_its_bound_fails_and_names_the_questions(
    library: Library, askpapers_eval: Evaluate
) -> None:
    library.add(list(sample_papers())[:3])
    evaluation = askpapers_eval(library=library.path, only=["number"], limit=3, quote=True)
    with pytest.raises(pytest.fail.Exception, match=r"facts is .* not >= 1(?s:.*): not found: "):
        evaluation.require(facts=1)
