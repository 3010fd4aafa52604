"""Questions about a paper's record, which no abstract answers."""

from __future__ import annotations

import pytest

from rag.papers import Paper
from rag.records import asks_of_record, say_record

OWLS = Paper(
    "Owls at Night",
    "Owls hunt by ear.",
    authors=("Ada Gu", "Bo Li", "C. Ray"),
    year=2021,
    venue="Journal of Owls",
    doi="10.1000/owl",
)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Who wrote Owls at Night?", "was written by Ada Gu, Bo Li and C. Ray"),
        ("who are the authors?", "was written by Ada Gu, Bo Li and C. Ray"),
        ("When was the paper on owls at night published?", "was published in 2021"),
        ("In which year did Owls at Night appear?", "was published in 2021"),
        ("Where did Owls at Night appear?", "appeared in Journal of Owls"),
        ("In which journal was it published?", "appeared in Journal of Owls"),
        ("What is the DOI of the owl paper?", "has the DOI 10.1000/owl"),
    ],
)
def test_the_record_answers(question: str, said: str) -> None:
    assert asks_of_record(question)
    assert say_record(question, OWLS) == f"“Owls at Night” {said}."
    assert say_record(question, Paper("Owls at Night", "Owls hunt by ear.")) == ""


@pytest.mark.parametrize(
    "question",
    [
        "What do the authors of the owl paper propose?",
        "Who was tested in the owl study?",
        "When do owls hunt?",
        "Where do owls appear at night?",
        "Which author of a message does the classifier tell?",
        "In which year do owls leave their nests?",
        "",
        "who " * 5_000,
        "when was " * 5_000,
    ],
)
def test_what_abstracts_answer_does_not_ask_for_it(question: str) -> None:
    assert not asks_of_record(question)
