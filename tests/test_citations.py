"""Marks are read in any shape, and an answer shows only what its evidence holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.citations import (
    QUOTED_AGAIN,
    Statement,
    bind,
    compose,
    enumerate_papers,
    is_refusal,
    quote,
    read_draft,
    set_side_by_side,
    without_refusals,
)
from rag.papers import Answer, Evidence, Sentence, Timings, Vectors
from rag.store.keywords import tokenize


def evidence(number: int, title: str, *texts: str) -> Evidence:
    sentences = tuple(Sentence(text, 100 * i, 100 * i + len(text)) for i, text in enumerate(texts))
    return Evidence(number, f"p{number}", title, sentences, tuple(0.5 for _ in texts))


def by_words(texts: Sequence[str]) -> Vectors:
    """An encoder for tests: bags of stems, length one."""
    vocabulary = sorted({stem for text in texts for stem in tokenize(text)}) or ["x"]
    rows = np.array(
        [[float(stem in set(tokenize(text))) for stem in vocabulary] for text in texts],
        dtype=np.float32,
    )
    lengths: Vectors = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(lengths, 1e-9)


def support(text: str, *shown: Evidence) -> str:
    (bound,) = bind([Statement(text, ())], shown, by_words, lambda stem: 1.0)
    return bound.support


S4D = evidence(
    1,
    "Diagonal State Spaces",
    "S4D needs 2 lines of code.",
    "S4D averages 85% on the Long Range Arena benchmark.",
)
PTD = evidence(
    2,
    "Robust State Spaces",
    "S4-PTD is a robust version of S4D.",
    "S5-PTD averages 87.6% accuracy on the Long Range Arena benchmark.",
)


@pytest.mark.parametrize(
    ("draft", "marks"),
    [
        ("It works [1].", [(1,)]),
        ("It works. [1] It is fast [2, 3].", [(1,), (2, 3)]),
        ("It works [1][3].", [(1, 3)]),
        ("It works [1], [2], and [3]. It is.", [(1, 2, 3), ()]),
        ("It works【2】.", [(2,)]),
        ("It works (2). So does that [1-3].", [(2,), (1, 2, 3)]),
        ("It works [Source 4].", [(4,)]),
        ("It works.", [()]),
        ("It has (1) speed and (2) size [3].", [(3,)]),
    ],
)
def test_marks_are_read_in_any_shape(draft: str, marks: list[tuple[int, ...]]) -> None:
    assert [statement.marks for statement in read_draft(draft)] == marks


def test_marks_in_the_place_of_words_leave_no_sentence() -> None:
    statements = read_draft("NALSM reaches 97.61% [1]. The two numbers are [1] and [2].")
    assert [s.text for s in statements] == ["NALSM reaches 97.61%."]


@pytest.mark.parametrize(
    ("draft", "sentences"),
    [
        ("Yes. It works [1]. No. It is slow.", ["Yes. It works.", "No. It is slow."]),
        ("Yes [2].", ["Yes."]),
        ("Sources [1] and [2] both say so. It works [1].", ["It works."]),
        ("It works in studies, and it is fast [1].", ["It works in studies, and it is fast."]),
    ],
)
def test_a_yes_alone_goes_with_the_sentence_after_it(draft: str, sentences: list[str]) -> None:
    assert [s.text for s in read_draft(draft)] == sentences


def test_a_mark_that_stands_for_its_paper_becomes_a_word() -> None:
    statements = read_draft(
        "The authors of [2] net owls [2]. In [1], they sing. It is told in [1]."
    )
    assert [s.text for s in statements][:2] == [
        "The authors of this paper net owls.",
        "In this paper, they sing.",
    ]
    assert statements[0].marks == (2,)


def test_a_statement_keeps_its_words_without_the_marks() -> None:
    assert [s.text for s in read_draft("- It works [1].\n- It is 3.5x faster [2] .")] == [
        "It works.",
        "It is 3.5x faster.",
    ]


@given(st.text(alphabet=st.sampled_from("ab .[](),123-\n"), max_size=80))
def test_any_draft_can_be_read(draft: str) -> None:
    assert all(statement.text.strip() for statement in read_draft(draft))


def test_a_sentence_gets_the_evidence_that_holds_it_without_any_mark() -> None:
    (bound,) = bind(
        [Statement("S4D averages 85% on Long Range Arena.", ())], [PTD, S4D], by_words, lambda s: 1
    )
    assert bound.support == "supported"
    assert bound.evidence[0] == (1, S4D.sentences[1])


def test_a_mark_that_points_to_the_wrong_paper_is_put_right() -> None:
    statements = [Statement("S5-PTD averages 87.6% accuracy on Long Range Arena.", (1,))]
    answer = compose(bind(statements, [S4D, PTD], by_words, lambda s: 1), [S4D, PTD])
    assert answer.text == "S5-PTD averages 87.6% accuracy on Long Range Arena [1]."
    assert [(c.number, c.paper_id) for c in answer.citations] == [(1, "p2")]


def test_a_number_that_no_evidence_holds_is_not_shown() -> None:
    assert support("S4D averages 91% on the Long Range Arena benchmark.", S4D, PTD) == "unsupported"


def test_a_sibling_does_not_get_the_figure_of_another() -> None:
    text = "S4D averages 87.6% accuracy on the Long Range Arena benchmark."
    assert support(text, S4D, PTD) == "unsupported"


def test_a_name_that_no_evidence_holds_is_not_shown() -> None:
    assert support("S4D needs 2 lines of PyTorch2 code.", S4D) == "unsupported"


def test_a_sentence_about_something_else_is_not_shown() -> None:
    assert support("Paris is the capital of France.", S4D, PTD) == "unsupported"


def test_numbers_count_in_order_of_appearance_and_left_out_sentences_are_told() -> None:
    statements = [
        Statement("S5-PTD averages 87.6% accuracy on the Long Range Arena.", ()),
        Statement("Nobody knows why.", ()),
        Statement("S4D needs 2 lines of code.", ()),
    ]
    answer = compose(bind(statements, [S4D, PTD], by_words, lambda s: 1), [S4D, PTD])
    assert answer.text.endswith("Long Range Arena [1]. S4D needs 2 lines of code [2].")
    assert [c.title for c in answer.citations] == ["Robust State Spaces", "Diagonal State Spaces"]
    assert answer.left_out == ("Nobody knows why.",)


@pytest.mark.parametrize(
    "text",
    [
        "The sources do not mention the capital of France.",
        "There is no information about GPUs in the sources.",
        "It is not specified in the provided sources.",
    ],
)
def test_a_sentence_that_says_the_sources_do_not_say_is_a_refusal(text: str) -> None:
    assert is_refusal(Statement(text, ()))


def test_a_finding_in_the_negative_is_no_refusal() -> None:
    assert not is_refusal(Statement("DSS does not need the low-rank correction.", ()))


def test_a_quotation_is_the_closest_sentence_with_a_number_where_one_is_asked_for() -> None:
    near = Evidence(1, "p1", "T", S4D.sentences, (0.9, 0.7))
    plain = Evidence(2, "p2", "U", (Sentence("S4D is simple.", 0, 14),), (0.95,))
    quoted = quote("How many?", [near, plain], [Statement("It is 91%.", ())])
    assert quoted is not None
    assert quoted.text == "The closest sentence says: “S4D needs 2 lines of code.” [1]"
    assert quoted.citations[0].sentences == (S4D.sentences[0],)
    assert quote("How many?", [Evidence(1, "p1", "T", S4D.sentences, (0.3, 0.2))], []) is None


HYBRID = evidence(
    1, "Hybrid Quantum Networks", "The hybrid quantum network with parallel circuits runs CIFAR-10."
)
CERTIFIED = evidence(
    2, "Certified Training", "The certified training reaches 82.36% verified error on CIFAR-10."
)


def test_the_subject_of_one_paper_does_not_get_the_figure_of_another() -> None:
    text = "The hybrid quantum network with parallel circuits reaches 82.36% on CIFAR-10."
    assert support(text, HYBRID, CERTIFIED) == "unsupported"


def test_a_comparison_takes_a_figure_from_each_paper_it_names() -> None:
    text = "S4D averages 85% and S5-PTD averages 87.6% accuracy on the Long Range Arena benchmark."
    (bound,) = bind([Statement(text, ())], [S4D, PTD], by_words, lambda stem: 1.0)
    assert bound.support == "supported"
    assert {number for number, _ in bound.evidence} == {1, 2}


def test_each_sentence_of_papers_side_by_side_has_its_mark() -> None:
    answer = set_side_by_side([S4D, PTD])
    assert answer.text == (
        "What each paper says:\n"
        "• Diagonal State Spaces: “S4D needs 2 lines of code.” [1] "
        "“S4D averages 85% on the Long Range Arena benchmark.” [1]\n"
        "• Robust State Spaces: “S4-PTD is a robust version of S4D.” [2] "
        "“S5-PTD averages 87.6% accuracy on the Long Range Arena benchmark.” [2]"
    )
    assert [len(c.sentences) for c in answer.citations] == [2, 2]


def test_a_quotation_has_the_questions_number() -> None:
    near = Evidence(1, "p1", "T", S4D.sentences, (0.9, 0.7))
    quoted = quote("Which model averages 85%?", [near], [])
    assert quoted is not None
    assert quoted.citations[0].sentences == (S4D.sentences[1],)


def test_a_sentence_about_several_papers_names_those_the_model_marked() -> None:
    shown = [
        evidence(1, "One", "Spiking networks are trained here."),
        evidence(2, "Two", "Spiking networks are trained there."),
        evidence(3, "Three", "Lakes are photographed."),
    ]
    statements = [Statement("Spiking networks are trained.", (1, 2, 3))]
    answer = compose(bind(statements, shown, by_words, lambda stem: 1.0), shown)
    assert answer.text == "Spiking networks are trained [1][2]."


def test_a_question_with_two_names_gets_a_quotation_for_each() -> None:
    shown = [
        Evidence(1, "p1", "T", S4D.sentences, (0.6, 0.8)),
        Evidence(2, "p2", "U", PTD.sentences, (0.5, 0.7)),
    ]
    quoted = quote("How do S4D and S5-PTD compare?", shown, [Statement("It is 99.", ())])
    assert quoted is not None
    assert [c.sentences for c in quoted.citations] == [(S4D.sentences[1],), (PTD.sentences[1],)]


def test_a_question_in_other_words_is_quoted_a_less_close_sentence_if_that_is_wanted() -> None:
    less_close = [replace(evidence(1, "Owls", "Owls hunt by ear."), relevance=(0.3,))]
    assert quote("what do night birds listen for?", less_close, []) is None
    found = quote("what do night birds listen for?", less_close, [], QUOTED_AGAIN)
    assert found is not None
    assert "Owls hunt by ear." in found.text


def test_a_list_names_and_quotes_each_paper_under_its_mark() -> None:
    sources = [evidence(1, "Owls", "Owls hunt by ear."), evidence(2, "Bats", "Bats do too.")]
    listed = enumerate_papers(sources)
    assert listed.text == (
        "2 papers come close to this, the closest first:\n"
        "• Owls: “Owls hunt by ear.” [1]\n• Bats: “Bats do too.” [2]"
    )
    assert [citation.title for citation in listed.citations] == ["Owls", "Bats"]


def test_what_the_text_quotes_is_not_quoted_again() -> None:
    listed = enumerate_papers([evidence(1, "Owls", "Owls hunt by ear.")])
    times = Timings(0, 0, 0, 0, 0)
    answer = Answer("", "", listed.text, False, "", listed.citations, "", (), (), times, "fake")
    assert answer.unquoted() == []
    other = Answer(
        "", "", "They listen [1].", False, "", listed.citations, "", (), (), times, "fake"
    )
    assert other.unquoted() == [(listed.citations[0], [Sentence("Owls hunt by ear.", 0, 17)])]


def test_marks_of_the_papers_own_are_not_quoted_as_if_they_were_ours() -> None:
    sources = [evidence(1, "Owls", "Owls hunt by ear [2, 7]."), evidence(2, "Bats", "So do bats.")]
    listed = enumerate_papers(sources)
    assert "“Owls hunt by ear.” [1]" in listed.text
    assert listed.citations[0].sentences[0].text == "Owls hunt by ear [2, 7]."
    quoted = quote("what do owls do?", [replace(sources[0], relevance=(0.9,))], [])
    assert quoted is not None
    assert quoted.text == "The closest sentence says: “Owls hunt by ear.” [1]"


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("However, owls hunt by ear.", "owls hunt by ear."),
        ("In addition, owls hoot.", "owls hoot."),
        ("However loud it is, owls hear it.", "However loud it is, owls hear it."),
        ("Second owls hoot.", "Second owls hoot."),
    ],
)
def test_a_quotation_begins_behind_what_ties_it_to_a_sentence_not_shown(
    sentence: str, said: str
) -> None:
    listed = enumerate_papers([evidence(1, "Owls", sentence)])
    assert f"“{said}” [1]" in listed.text
    assert listed.citations[0].sentences[0].text == sentence


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        (
            'The paper states that "The owl hunts by ear and by eye [1]."',
            "The owl hunts by ear and by eye.",
        ),
        (
            'The text says: "Owls hunt by ear at night. " [2].',
            "Owls hunt by ear at night.",
        ),
        (
            'The paper states that "hooting" means that an owl is at home.',
            'The paper states that "hooting" means that an owl is at home.',
        ),
    ],
)
def test_of_a_sentence_that_only_quotes_the_quotation_is_left(draft: str, said: str) -> None:
    (statement,) = read_draft(draft)
    assert statement.text == said


def test_a_name_that_the_evidence_lacks_is_not_said() -> None:
    said = "S4D averages 85% on the Long Range Arena benchmark"
    texts = [f"Dear Professor Snodgrass, {said}.", f"Indeed {said}."]
    bound = bind([Statement(t, ()) for t in texts], [S4D, PTD], by_words, lambda stem: 1.0)
    assert [b.support for b in bound] == ["unsupported", "supported"]


def test_what_leans_on_a_refusal_goes_with_it() -> None:
    said = ["The sources do not say.", "This is shown in one of them.", "Owls hunt by ear."]
    kept = without_refusals([Statement(text, ()) for text in said])
    assert [s.text for s in kept] == ["Owls hunt by ear."]
