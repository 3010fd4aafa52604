"""What is shown of a draft: sentences that hold, quotations where the judge doubts, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from test_citations import PTD, S4D, by_words, evidence

from rag.citations import BoundAnswer, Statement
from rag.papers import Evidence, Verdict
from rag.prompts import answer_messages
from rag.question_forms import asks_yes_or_no
from rag.vouching import tells_count, vouch


@dataclass
class Doubting:
    """A judge that doubts every sentence with a word, and remembers what it was asked."""

    word: str
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def accepts(self, statement: str, sources: Sequence[tuple[str, Sequence[str]]]) -> bool:
        self.asked.append((statement, sources))
        return self.word not in statement


def shown(
    judge: Any,
    question: str,
    *texts: str,
    papers: Sequence[Evidence] = (),
    read: Sequence[Sequence[float]] | None = None,
    instead: bool = True,
    verdict: Verdict | None = None,
) -> BoundAnswer:
    claims = [Statement(text, ()) for text in texts]
    return vouch(
        claims,
        question,
        papers or [S4D, PTD],
        encode=by_words,
        rarity=lambda stem: 1.0,
        judge=judge,
        read=read,
        instead=instead,
        verdict=verdict,
    )


SAID = "On the Long Range Arena benchmark S4D averages 85%."


def test_what_leans_on_a_sentence_of_another_paper_is_left_out() -> None:
    other = "It averages 87.6% accuracy on the Long Range Arena benchmark."
    apart = shown(None, "How good is it?", SAID, other.replace("It", "S5-PTD"))
    leaning = shown(None, "How good is it?", SAID, other)
    assert [c.number for c in apart.citations] == [1, 2]
    assert [c.number for c in leaning.citations] == [1]
    assert leaning.left_out == (other,)


def test_what_speaks_of_an_echo_goes_with_it_and_what_speaks_of_its_subject_stands() -> None:
    echo = "Yes, S4D averages 85%."
    of_echo = "This is on the Long Range Arena benchmark."
    of_subject = "It averages 85% on the Long Range Arena benchmark."
    assert shown(None, "How good is it?", echo, of_echo).left_out == ()
    answer = shown(None, "Is there an S4D that averages 85%?", echo, of_echo, of_subject)
    assert answer.left_out[:2] == (echo, of_echo)
    assert of_subject.rstrip(".") in answer.text


def test_what_the_judge_accepts_stands() -> None:
    judge = Doubting("never")
    answer = shown(judge, "How good is it?", SAID)
    assert answer.text == "On the Long Range Arena benchmark S4D averages 85% [1]."
    assert judge.asked == [(SAID, [(S4D.title, [S4D.sentences[1].text])])]


def test_a_figure_of_another_name_is_doubted_and_quoted() -> None:
    papers = [
        evidence(
            1, "A net", "Our net reaches 93.1% and 67.7% on Oak-10 and ForestNet, respectively."
        )
    ]
    said = "Our net reaches 93.1% on ForestNet."
    answer = shown(Doubting("never"), "How good is it on ForestNet?", said, papers=papers)
    assert answer.left_out == (said,)
    assert answer.text.startswith("The paper says: “Our net reaches 93.1% and 67.7%")


def test_figures_set_side_by_side_have_both_marks() -> None:
    said = "S4D averages 85% on the Long Range Arena, while S5-PTD averages 87.6% accuracy."
    answer = shown(None, "Which is better?", said)
    assert answer.text == f"{said.removesuffix('.')} [1][2]."


def test_of_figures_set_side_by_side_the_right_one_stands() -> None:
    said = "S4D averages 85% on the Long Range Arena; S5-PTD averages 99% accuracy."
    answer = shown(None, "Which is better?", said)
    assert answer.text == "S4D averages 85% on the Long Range Arena [1]."
    assert answer.left_out == ("S5-PTD averages 99% accuracy.",)


def test_what_the_judge_doubts_is_quoted() -> None:
    answer = shown(Doubting("averages"), "How good is it?", SAID)
    assert answer.text == f"The paper says: “{S4D.sentences[1].text}” [1]"
    assert answer.left_out == (SAID,)
    (citation,) = answer.citations
    assert citation.support == "weak"
    assert citation.sentences == (S4D.sentences[1],)


def test_a_quotation_stands_once() -> None:
    again = "S4D averages 85% on the benchmark Long Range Arena."
    answer = shown(Doubting("averages"), "How good is it?", SAID, again)
    assert answer.text.count(S4D.sentences[1].text) == 1
    assert answer.left_out == (SAID, again)


def test_what_was_quoted_is_not_said_again() -> None:
    answer = shown(Doubting("benchmark S4D"), "How good is it?", SAID, S4D.sentences[1].text)
    assert answer.text == f"The paper says: “{S4D.sentences[1].text}” [1]"
    assert answer.left_out == (SAID,)


def test_what_the_authors_say_of_themselves_is_quoted() -> None:
    own = evidence(1, "Owls", "We net owls at night.", "They hunt by ear.", "Our nets hold.")
    answer = shown(None, "How?", "We net owls at night.", "Our nets hold.", papers=[own])
    assert answer.text == "The paper says: “We net owls at night.” [1] “Our nets hold.” [1]"
    answer = shown(None, "How?", "Owls are in our nets at night.", papers=[own])
    assert answer.text.startswith("The paper says: “")
    assert answer.left_out == ("Owls are in our nets at night.",)


def test_what_is_copied_needs_no_judge() -> None:
    judge = Doubting("")
    answer = shown(judge, "How many lines?", "S4D needs 2 lines of code.")
    assert answer.text == "S4D needs 2 lines of code [1]."
    assert not judge.asked


def test_what_the_model_looked_at_stands_in_the_place_of_what_is_doubted() -> None:
    read = [(0.9, 0.1), (0.8, 0.2)]
    answer = shown(Doubting("averages"), "How good is it?", SAID, read=read)
    assert answer.text == f"The paper says: “{S4D.sentences[0].text}” [1]"  # not its sibling's
    assert answer.left_out == (SAID,)


def test_what_rests_on_nothing_that_was_looked_at_is_beside_the_question() -> None:
    answer = shown(None, "How long is it?", SAID, read=[(0.9, 0.2), (0.1, 0.1)])
    assert answer.text == f"The paper says: “{S4D.sentences[0].text}” [1]"
    assert answer.left_out == (SAID,)


def test_an_answer_that_rests_on_what_was_looked_at_is_whole() -> None:
    answer = shown(None, "How good is it?", SAID, read=[(0.1, 0.9), (0.4, 0.2)])
    assert answer.text == "On the Long Range Arena benchmark S4D averages 85% [1]."


@pytest.mark.parametrize("before", ["S4D averages 85% on ImageNet.", SAID])
def test_what_leans_on_a_sentence_left_out_goes_with_it(before: str) -> None:
    leaning = "It needs 2 lines of code."
    read = [(0.9, 0.9), (0.1, 0.1)]
    stays = shown(None, "How good is it?", SAID, leaning, read=read)
    assert "It needs 2 lines" in stays.text
    goes = shown(Doubting("averages"), "How good is it?", before, leaning, read=read)
    assert goes.left_out == (before, leaning)


def test_what_was_looked_at_beside_what_stands_is_added() -> None:
    answer = shown(None, "How good is it?", SAID, read=[(0.6, 0.9), (0.4, 0.2)])
    assert answer.text.endswith(f"The paper says: “{S4D.sentences[0].text}” [1]")


def test_what_was_looked_at_far_less_than_the_best_is_not_added() -> None:
    for second, count in ((0.8, 2), (0.55, 1)):
        answer = shown(None, "How good is it?", read=[(0.95, second), (0.1, 0.1)])
        assert answer.text.count("“") == count
        assert {c.support for c in answer.citations} == {"supported"}


def test_where_nothing_stands_something_is_quoted() -> None:
    answer = shown(None, "How good is it?", read=[(0.1, 0.2), (0.1, 0.1)])
    assert answer.text == f"The paper says: “{S4D.sentences[1].text}” [1]"


def test_nothing_is_quoted_for_a_question_that_the_papers_may_not_answer() -> None:
    answer = shown(None, "How long?", SAID, read=[(0.9, 0.2), (0.1, 0.1)], instead=False)
    assert not answer.citations
    assert answer.left_out == (SAID,)


@pytest.mark.parametrize("verdict", ["Yes", "No"])
def test_the_verdict_stands_before_what_is_quoted(verdict: Verdict) -> None:
    read = [(0.9, 0.1), (0.1, 0.1)]
    answer = shown(Doubting("averages"), "Is S4D good?", SAID, read=read, verdict=verdict)
    assert answer.text == f"{verdict}: “{S4D.sentences[0].text}” [1]"
    assert answer.citations[0].support == "weak"


def test_a_sentence_with_the_verdict_stands_and_one_against_it_does_not() -> None:
    said = "Yes, on the Long Range Arena benchmark S4D averages 85%."
    read = [(0.1, 0.9), (0.1, 0.1)]
    assert shown(None, "Is S4D good?", said, read=read, verdict="Yes").text.startswith("Yes, on")
    answer = shown(None, "Is S4D good?", said, read=read, verdict="No")
    assert answer.left_out == (said,)
    assert answer.text == f"No: “{S4D.sentences[1].text}” [1]"


def test_a_word_that_only_begins_like_no_is_no_verdict() -> None:
    said = "Notably, on the Long Range Arena benchmark S4D averages 85%."
    read = [(0.1, 0.9), (0.1, 0.1)]
    answer = shown(None, "Is S4D bad?", said, read=read, verdict="No")
    assert answer.text.startswith("No: Notably, on the")


def test_yes_is_not_said_where_it_is_too_close() -> None:
    said = "Yes, on the Long Range Arena benchmark S4D averages 85%."
    read = [(0.1, 0.9), (0.1, 0.1)]
    answer = shown(None, "Is S4D good?", said, read=read, verdict="")
    assert answer.left_out == (said,)
    assert answer.text == f"The paper says: “{S4D.sentences[1].text}” [1]"
    assert shown(None, "Is S4D good?", said, read=read).text.startswith("Yes, on")


def test_no_verdict_where_the_draft_denies_what_it_says_yes_to() -> None:
    said = "Yes, there is no benchmark that S4D averages 85% on."
    answer = shown(None, "Is there one?", said, read=[(0.9, 0.1), (0.1, 0.1)], verdict="Yes")
    assert answer.text.startswith("The paper says")
    assert answer.left_out == (said,)


def test_no_verdict_on_what_the_sentence_is_not_about() -> None:
    read = [(0.9, 0.1), (0.1, 0.1)]
    answer = shown(None, "Is Mamba good?", read=read, verdict="Yes")
    assert answer.text.startswith("The paper says")


READ = [(0.9, 0.1), (0.1, 0.1)]


def test_nothing_is_no_answer_whatever_the_verdict() -> None:
    assert shown(None, "Is it?", verdict="Yes", read=READ, instead=False).text == ""


def test_without_a_judge_words_decide() -> None:
    assert shown(None, "How good is it?", SAID).left_out == ()


@pytest.mark.parametrize(
    ("said", "stands"),
    [
        ("S4D needs lines of code.", False),
        ("S4D needs 2 lines of code.", True),
        ("Yes, S4D needs lines of code.", True),
    ],
)
def test_a_sentence_that_only_says_the_question_again_is_left_out(said: str, stands: bool) -> None:
    answer = shown(None, "How many lines of code does S4D need?", said)
    assert bool(answer.text) is stands
    assert answer.left_out == (() if stands else (said,))


@pytest.mark.parametrize(
    ("said", "stands"),
    [
        ("Owl attacks require full access to the victim.", False),
        ("Existing attacks require full access to the victim.", True),
    ],
)
def test_what_others_work_needs_is_not_what_the_papers_own_does(said: str, stands: bool) -> None:
    paper = evidence(
        1, "Owl attacks", "However, these attack methods require full access to the victim."
    )
    answer = shown(None, "What do owl attacks require?", said, papers=[paper])
    assert (answer.left_out == ()) is stands


@pytest.mark.parametrize(
    ("said", "stands"),
    [
        ("Row scaling scales over the summed input of a mini-batch.", False),
        ("Batch scaling scales over the summed input of a mini-batch.", True),
    ],
)
def test_what_a_paper_says_of_one_other_work_is_not_so_of_its_own(said: str, stands: bool) -> None:
    other = (
        "A recently introduced technique called batch scaling "
        "scales over the summed input of a mini-batch."
    )
    paper = evidence(1, "Row scaling", other, "We propose row scaling over one case.")
    answer = shown(None, "What is scaled over?", said, papers=[paper])
    assert (answer.left_out == ()) is stands


@pytest.mark.parametrize(
    ("question", "said", "stands"),
    [
        (
            "Is there a way to average on the Arena?",
            "Yes, there is a way to average on the Arena.",
            False,
        ),
        ("Does S4D average on the Arena?", "Yes, S4D averages on the Arena.", True),
    ],
)
def test_that_there_is_something_is_no_answer_without_what(
    question: str, said: str, stands: bool
) -> None:
    assert bool(shown(None, question, said, instead=False).text) is stands


def test_a_number_that_the_closest_sentence_lacks_is_quoted_with_it() -> None:
    paper = evidence(
        1, "Wrens", "Wren trains on marsh data for long.", "In all it takes 12 hours of training."
    )
    said = "Wren trains on marsh data for 12 hours."
    answer = shown(Doubting("Wren"), "How long?", said, papers=[paper])
    first, second = (sentence.text for sentence in paper.sentences)
    assert answer.text == f"The paper says: “{first}” [1] “{second}” [1]"


@pytest.mark.parametrize(
    ("question", "yes_or_no"),
    [
        ("Does S4D need a kernel?", True),
        ("Small nets: are they any good?", True),
        ("and is it quick?", True),
        ("The kernel is short, yes or no?", True),
        ("Is S4D or S5 quicker?", False),
        ("What does S4D need?", False),
        ("In which net, if any, is it needed?", False),
        ("How is it trained?", False),
    ],
)
def test_questions_for_yes_or_no_are_seen_and_said(question: str, yes_or_no: bool) -> None:
    assert asks_yes_or_no(question) is yes_or_no
    prompt = str(answer_messages(question, [S4D])[-1].text)
    assert ("Begin with Yes or No" in prompt) is yes_or_no


def test_what_papers_without_the_name_say_is_no_answer() -> None:
    said = "On the Long Range Arena S5-PTD averages 87.6% accuracy."
    answer = shown(None, "What does S5-PTD average?", SAID, said)
    assert [c.title for c in answer.citations] == [PTD.title]
    assert answer.left_out == (SAID,)
    read = [[0.1, 0.9], [0.1, 0.6]]
    (citation,) = shown(None, "What does S5-PTD average?", read=read).citations
    assert citation.title == PTD.title


def test_where_no_paper_holds_all_names_all_are_heard() -> None:
    answer = shown(None, "What does S6 average?", SAID)
    assert [c.title for c in answer.citations] == [S4D.title]


@pytest.mark.parametrize(
    ("counted", "sentence", "tells"),
    [
        ("templates does", "It learns templates of rules and is tested in 3 worlds.", False),
        ("templates does", "It learns four rule templates.", True),
        ("people took", "It was tried by 84 persons.", True),
        ("people took", "It was tried by many persons.", False),
        ("on a", "It needs 4 million parameters.", True),
        ("runs does", "It cuts the number of runs that are made by older nets by about 57%.", True),
        ("runs does", "Runs that are made by older and by newer nets take 57 days.", False),
    ],
)
def test_a_count_is_of_what_is_asked_for(counted: str, sentence: str, tells: bool) -> None:
    assert tells_count(counted, [sentence]) is tells


def test_where_none_shown_holds_the_name_the_paper_that_does_elsewhere_is_quoted() -> None:
    read = [(0.3, 0.4), (0.9, 0.2)]
    whole = {S4D.paper_id: "S4D, tried as Quuxity-9", PTD.paper_id: "S5-PTD"}
    answer = vouch(
        [],
        "How good is Quuxity-9?",
        [S4D, PTD],
        encode=by_words,
        rarity=lambda stem: 1.0,
        read=read,
        papers=whole,
    )
    assert answer.text == f"The paper says: “{S4D.sentences[1].text}” [1]"
