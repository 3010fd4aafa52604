"""What is not in the papers is declined, with a reason that says what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from test_citations import PTD, S4D

from rag.abstention import Decision, Signals, decide, may_answer, read_signals
from rag.citations import show_either
from rag.evidence import best_of_each
from rag.finding import Finding
from rag.judging import judge_finding
from rag.papers import Evidence, Paper, RankedPaper, Sentence
from rag.reading import Reading

NALSM = Paper(title="Liquid State Machines: NALSM", abstract="NALSM reaches 97.61% on MNIST.")
OTHER = Paper(title="Robust Training", abstract="We train on CIFAR-10 and Long-Range Arena.")


def ask(
    question: str,
    closeness: float = 0.7,
    score: float = 0.5,
    caution: float = 0.5,
    *,
    sides: bool = False,
) -> Decision:
    sentence = Sentence(NALSM.abstract, 0, len(NALSM.abstract))
    evidence = [Evidence(1, NALSM.id, NALSM.title, (sentence,), (closeness,))]
    ranked = [RankedPaper(NALSM, score, 0.6), RankedPaper(OTHER, score / 2, 0.3)]
    return decide(read_signals(question, ranked, evidence, sides=sides), question, caution)


def test_a_close_question_is_answered() -> None:
    assert ask("How accurate is NALSM on MNIST?").answer


def test_a_far_question_is_declined() -> None:
    decision = ask("What is the capital of France?", closeness=0.1, score=0.1)
    assert not decision.answer
    assert decision.reason == "the papers found are about something else"


def test_a_paper_that_has_the_words_may_be_less_close() -> None:
    assert not ask("How are they built?", closeness=0.3, score=0.2).answer
    assert ask("How are they built?", closeness=0.3, score=0.4).answer


def test_a_name_that_is_there_brings_a_question_closer() -> None:
    assert not ask("How is it built?", closeness=0.3, score=0.25).answer
    assert ask("How is NALSM built?", closeness=0.3, score=0.25).answer


def look(scores: list[float], closeness: float) -> Decision:
    """Ask in words that are nobody's, of papers found with these scores."""
    sentence = Sentence(NALSM.abstract, 0, len(NALSM.abstract))
    evidence = [Evidence(1, NALSM.id, NALSM.title, (sentence,), (closeness,))]
    ranked = [RankedPaper(OTHER, score, score) for score in scores]
    return decide(read_signals("how are they made?", ranked, evidence), "how are they made?", 0.5)


def test_a_question_that_many_papers_come_near_is_answered_with_a_warning() -> None:
    decision = look([0.19] * 8, closeness=0.35)
    assert decision.answer
    assert decision.warning.startswith("The papers found only touch on this")


def test_a_question_that_one_paper_comes_near_by_chance_is_declined() -> None:
    assert not look([0.19] + [0.05] * 7, closeness=0.35).answer


def test_an_answer_that_is_sure_carries_no_warning() -> None:
    decision = look([0.5] + [0.2] * 7, closeness=0.6)
    assert (decision.answer, decision.warning) == (True, "")


def test_the_second_look_does_not_make_the_library_about_something_else() -> None:
    sentence = Sentence(NALSM.abstract, 0, len(NALSM.abstract))
    evidence = [Evidence(1, NALSM.id, NALSM.title, (sentence,), (0.2,))]
    first = [RankedPaper(OTHER, 0.08, 0.1)] * 8
    second = [RankedPaper(OTHER, 0.7, 0.1, first_score=0.08)] * 8
    assert read_signals("why?", first, evidence) == read_signals("why?", second, evidence)


def test_a_name_that_no_paper_holds_is_declined_by_name() -> None:
    decision = ask("How accurate is NALSM on ImageNet?")
    assert decision == Decision(False, 0.0, "none of the papers found mentions ImageNet")


def test_a_name_of_another_paper_does_not_make_an_answer() -> None:
    decision = ask("What accuracy does NALSM reach on CIFAR-10?")
    assert decision == Decision(False, 0.0, "no paper found speaks of NALSM and CIFAR-10 together")


def test_a_comparison_may_find_its_names_in_two_papers() -> None:
    assert ask("Compare NALSM and the training on CIFAR-10").answer


def test_names_set_side_by_side_are_enough_where_each_is_found() -> None:
    question = "How do NALSM and {} differ?"
    assert ask(question.format("CIFAR-10"), closeness=0.2, score=0.2, sides=True).answer
    assert not ask(question.format("ImageNet-21k"), closeness=0.2, score=0.2, sides=True).answer


def test_names_joined_by_and_are_no_comparison() -> None:
    """As in "How long does NALSM train, and on what GPUs?"."""
    assert not ask("What is NALSM, and does it know CIFAR-10?", closeness=0.2, score=0.2).answer


def test_an_acronym_that_is_spelled_out_is_known() -> None:
    assert ask("Which one trains on LRA?").answer


def test_who_has_read_the_evidence_decides() -> None:
    signals = Signals(0.5, 0.4, 0.3, named=True, compared=False, unknown=(), apart=())
    assert decide(signals, "how?", 0.5).answer
    declined = decide(signals, "how?", 0.5, read=-4.0)
    assert not declined.answer
    assert declined.reason.endswith("no sentence of them answers it")
    doubtful = decide(signals, "how?", 0.5, read=-0.5)
    assert (doubtful.answer, bool(doubtful.warning)) == (True, True)
    sure = decide(signals, "how?", 0.5, read=3.0)
    assert (sure.answer, sure.warning) == (True, "")
    unknown = replace(signals, unknown=("gpt-4",))
    unnamed = decide(unknown, "GPT-4?", 0.5, read=0.0)
    assert (unnamed.answer, unnamed.reason) == (False, "none of the papers found mentions GPT-4")
    told = decide(unknown, "GPT-4?", 0.5, read=3.0)
    assert (told.answer, told.warning) == (True, "None of the papers found mentions GPT-4.")
    assert decide(replace(signals, compared=True), "how?", 0.5, read=-4.0).answer


def test_what_is_plainly_about_something_else_is_not_read() -> None:
    far = Signals(0.0, 0.0, 0.0, named=False, compared=False, unknown=(), apart=())
    assert not may_answer(far, 0.5)
    assert may_answer(far, 0.0)
    assert may_answer(replace(far, closeness=0.5), 0.5)


@pytest.mark.parametrize(("caution", "answers"), [(0.0, True), (0.2, True), (0.9, False)])
def test_caution_moves_the_line(caution: float, answers: bool) -> None:
    assert ask("How are they built?", closeness=0.4, score=0.2, caution=caution).answer is answers


def test_without_caution_everything_is_answered() -> None:
    assert ask("What is the capital of France?", closeness=0.0, score=0.0, caution=0.0).answer


@pytest.mark.parametrize("caution", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("score", [0.05, 0.15, 0.25, 0.35, 0.5])
def test_what_is_answered_is_what_confidence_reaches(caution: float, score: float) -> None:
    decision = ask("How are they built?", closeness=score, score=score, caution=caution)
    assert decision.answer is (decision.confidence >= caution)


@pytest.mark.parametrize(
    ("second_score", "answers"), [(0.3, False), (0.5, True)], ids=["far less close", "as close"]
)
def test_what_is_read_in_another_paper_than_the_one_meant_is_no_answer(
    second_score: float, answers: bool
) -> None:
    papers = [Paper(e.title, " ".join(s.text for s in e.sentences)) for e in (S4D, PTD)]
    ranked = tuple(
        RankedPaper(paper, score, score)
        for paper, score in zip(papers, (0.6, second_score), strict=True)
    )
    evidence = tuple(
        replace(e, paper_id=paper.id) for e, paper in zip((S4D, PTD), papers, strict=True)
    )

    def read(evidence: Sequence[Evidence]) -> Reading:
        return Reading(0.5, ((0.2, 0.2), (0.2, 0.9)), 0)

    found = Finding(ranked, evidence)
    judged = judge_finding(found, "How good is it?", 0.5, read, lambda found: found)
    assert judged.decision.answer is answers


def second_look(read_alone: float | None, first: float = 0.15, similarity: float = 0.4) -> float:
    """The confidence after a second look, whose best paper was read alone or was not."""
    sentence = Sentence(NALSM.abstract, 0, len(NALSM.abstract))
    evidence = (Evidence(1, NALSM.id, NALSM.title, (sentence,), (0.6,)),)
    found = Finding((RankedPaper(NALSM, 0.3, 0.4, first, similarity),), evidence)

    def alone(found: Finding) -> Finding:
        return replace(found, ranked=(replace(found.ranked[0], answers=read_alone),))

    read = Reading(-3.0, ((0.6,),), 0.0)
    return judge_finding(found, "how?", 0.5, lambda _: read, alone).decision.confidence


def test_after_a_second_look_the_paper_that_was_read_alone_decides() -> None:
    assert second_look(None) < 0.5 < second_look(1.0) < second_look(2.0)
    assert second_look(-3.0) < 0.5


def test_after_a_second_look_similarity_counts_and_how_close_everything_is() -> None:
    assert second_look(1.0, similarity=0.5) > second_look(1.0) > second_look(1.0, first=0.25)


def test_what_the_first_look_is_sure_of_is_not_read_paper_by_paper() -> None:
    def fail(found: Finding) -> Finding:
        raise AssertionError("read alone")

    sentence = Sentence(NALSM.abstract, 0, len(NALSM.abstract))
    evidence = (Evidence(1, NALSM.id, NALSM.title, (sentence,), (0.6,)),)
    found = Finding((RankedPaper(NALSM, 0.6, 0.6),), evidence)
    read = Reading(1.0, ((0.6,),), 0.0)
    judged = judge_finding(found, "How accurate is NALSM on MNIST?", 0.5, lambda _: read, fail)
    assert judged.found is found
    assert judged.decision.answer


@pytest.mark.parametrize(("second", "either"), [(0.35, True), (0.2, False)])
def test_two_papers_read_alone_that_come_as_close_may_either_be_meant(
    second: float, either: bool
) -> None:
    papers = [Paper(e.title, " ".join(s.text for s in e.sentences)) for e in (S4D, PTD)]
    ranked = tuple(
        RankedPaper(paper, score, score, 0.15, 0.4, answers=3.0)
        for paper, score in zip(papers, (0.4, second), strict=True)
    )
    evidence = tuple(
        replace(e, paper_id=paper.id) for e, paper in zip((S4D, PTD), papers, strict=True)
    )
    asked: list[tuple[str, ...]] = []

    def read(evidence: Sequence[Evidence]) -> Reading:
        asked.append(tuple(e.title for e in evidence))
        return Reading(1.0, ((0.2, 0.9 if len(asked) == 1 else 0.1),), 0.0)

    judged = judge_finding(Finding(ranked, evidence), "how?", 0.5, read, lambda found: found)
    assert judged.decision.answer
    assert judged.either is either
    together = [(S4D.title, PTD.title)]
    assert asked == ([(S4D.title,), (PTD.title,)] if either else together)
    if either:
        assert judged.reading is not None
        best = best_of_each(judged.found.evidence, judged.reading.sentences)
        assert [len(e.sentences) for e in best] == [1, 1]
        shown = show_either(best)
        assert shown.text.startswith("Either of two papers may be the one you mean:\n• Diagonal")
        assert [c.number for c in shown.citations] == [1, 2]
