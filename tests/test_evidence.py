"""Evidence: the sentences that matter, from all the papers that matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from test_citations import evidence as made

from rag.evidence import (
    Candidate,
    compared_evidence,
    list_candidates,
    of_the_named,
    parts_of_an_answer,
    pick_evidence,
    qualifying,
    said_of_each_side,
    sides_compared,
)
from rag.finding import find_evidence
from rag.library import Library
from rag.papers import Evidence, Paper, RankedPaper
from rag.retrieval import PaperRetriever
from rag.settings import load_settings


def pick(library: Library, question: str, budget: int) -> list[Evidence]:
    ranked = PaperRetriever(library=library).rank(question)
    return pick_evidence(question, ranked, library, budget)


@pytest.mark.models
def test_a_comparison_hears_both_sides(library: Library, three_papers: list[Paper]) -> None:
    library.add(three_papers)
    found = pick(
        library, "How many parameters has Wren, and how many hours does Kestrel train?", 70
    )
    assert {e.title.split()[0] for e in found} == {"Wren:", "Kestrel:"}


@pytest.mark.models
def test_where_the_code_is_answers_only_who_asks_for_it(library: Library) -> None:
    says = "Kestrel is a sparse layer. The code of Kestrel is publicly available at kestrel.org."
    library.add([Paper(title="Sparse layers", abstract=says)])

    def shown(question: str) -> str:
        return " ".join(s.text for e in pick(library, question, 200) for s in e.sentences)

    assert shown("What is Kestrel?") == "Kestrel is a sparse layer."
    assert "kestrel.org" in shown("Where is the code of Kestrel?")


@pytest.mark.models
def test_a_list_has_a_sentence_of_each_paper_that_fits(
    library: Library, three_papers: list[Paper]
) -> None:
    library.add(three_papers)

    def listed(question: str) -> list[Evidence]:
        ranked = PaperRetriever(library=library).rank(question)
        return qualifying(list_candidates(question, ranked, library))

    (only,) = listed("Which papers label photographs of lakes?")
    assert (only.number, only.title) == (1, three_papers[2].title)
    assert len(only.sentences) == 1
    assert listed("Which papers about lakes name GPT-4?") == []
    assert listed("Which papers are about lakes or name GPT-4?")


@pytest.mark.models
@pytest.mark.parametrize(
    ("question", "is_plain"),
    [
        ("Which papers report results on RiverBench?", True),
        ("Which papers make use of RiverBench or GPT-4?", True),
        ("Which papers on pruning report results on RiverBench?", False),
        ("Which papers speed up RiverBench?", False),
    ],
)
def test_a_name_alone_does_not_let_a_paper_into_a_list_that_asks_for_more(
    library: Library, three_papers: list[Paper], question: str, is_plain: bool
) -> None:
    library.add(three_papers)
    ranked = PaperRetriever(library=library).rank(question)
    first = list_candidates(question, ranked, library)[0]
    assert first.evidence.title.startswith("Kestrel")
    assert first.named
    assert first.plain == is_plain


def candidate(share: float, words: float, *, plain: bool = False) -> Candidate:
    return Candidate(Evidence(1, f"{share} {words}", "", (), ()), share, words, plain, plain)


FAR = [candidate(0.4, 0.5)] * 6


def test_a_model_that_looked_at_it_lets_a_paper_into_a_list_and_keeps_one_out() -> None:
    first, close, far = candidate(1.0, 1.0), candidate(0.8, 0.8), candidate(0.5, 0.8)
    candidates = [first, close, far, *FAR]
    assert len(qualifying(candidates)) == 2
    looked_at = [0.7, 0.05, 0.9, *[0.05] * len(FAR)]
    found = qualifying(candidates, looked_at)
    assert [e.paper_id for e in found] == [first.evidence.paper_id, far.evidence.paper_id]
    assert [e.number for e in found] == [1, 2]


def test_a_paper_that_holds_what_is_named_is_listed_unseen() -> None:
    candidates = [candidate(1.0, 1.0), candidate(0.5, 0.1, plain=True), *FAR]
    assert len(qualifying(candidates, [0.9, 0.01, *[0.01] * len(FAR)])) == 2


def test_where_one_paper_is_asked_for_those_far_behind_the_best_are_left_out() -> None:
    candidates = [candidate(1.0, 1.0), candidate(0.9, 0.98), candidate(0.9, 0.9), *FAR]
    looked_at = [0.9, 0.9, 0.5, *[0.01] * len(FAR)]
    assert len(qualifying(candidates, looked_at)) == 3
    assert len(qualifying(candidates, looked_at, one=True)) == 2


def test_the_paper_that_a_name_is_of_comes_before_those_that_speak_of_it() -> None:
    said = {
        "Wren: Small Models": "It sings.",
        "Birdsong": "Heron sings better than Wren.",
        "Lakes": "Ice.",
    }
    wren, birdsong, lakes = (RankedPaper(Paper(t, a), 0.5, 0.5) for t, a in said.items())
    ranked = [lakes, birdsong, wren]
    assert of_the_named("How many parameters has Wren-2?", ranked) == ranked
    assert of_the_named("Which rivers freeze?", ranked) == ranked
    assert of_the_named("What is the accuracy of WREN?", ranked) == [wren]
    assert of_the_named("What is the accuracy of HeRon beside WREN?", ranked) == [birdsong]


def test_where_all_papers_are_close_nothing_stands_out() -> None:
    candidates = [candidate(0.95, 0.95)] * 20
    assert len(qualifying(candidates, [0.1] * 20)) == 20


@pytest.mark.models
def test_evidence_keeps_within_its_budget_and_in_order(
    library: Library, three_papers: list[Paper]
) -> None:
    library.add(three_papers)
    found = pick(library, "How accurate is Kestrel's sparse attention on RiverBench?", 60)
    assert [e.number for e in found] == list(range(1, len(found) + 1))
    assert found[0].title.startswith("Kestrel")
    texts = [e.title for e in found] + [s.text for e in found for s in e.sentences]
    assert sum(len(library.encoder.token_spans(text)) for text in texts) <= 60
    for e in found:
        assert [s.start for s in e.sentences] == sorted(s.start for s in e.sentences)


@pytest.mark.models
def test_sentence_vectors_are_kept_with_the_paper(
    library: Library, three_papers: list[Paper]
) -> None:
    library.add(three_papers)
    kestrel = three_papers[0]
    stored = library.vectors([kestrel.id])[kestrel.id]
    assert stored.passages.shape == (1, 384)
    assert stored.sentences.shape == (3, 384)
    assert np.allclose(np.linalg.norm(stored.sentences, axis=1), 1, atol=1e-5)
    asked = library.encoder.encode(["How long does training take?"])[0]
    assert int(np.argmax(stored.sentences @ asked)) == 2
    library.remove([kestrel.id])
    assert library.vectors([kestrel.id]) == {}


@pytest.mark.models
def test_of_two_records_of_one_work_one_is_read(
    library: Library, three_papers: list[Paper]
) -> None:
    kestrel = three_papers[0]
    preprint = Paper(title="Sparse Attention for Rivers", abstract=kestrel.abstract + " Preprint.")
    library.add([*three_papers, preprint])
    found = pick(library, "What accuracy does Kestrel reach on RiverBench?", 400)
    assert len([e for e in found if "RiverBench" in " ".join(s.text for s in e.sentences)]) == 1


@pytest.mark.models
@pytest.mark.parametrize(
    ("question", "two"),
    [
        ("How do Kestrel's training time and Wren's parameters compare?", True),
        ("What does Kestrel attend to, and what does Wren generate?", True),
        ("Which is smaller, the bird song model or the attention layer for rivers?", True),
        ("How do Kestrel and Wren deal with data?", True),
        ("How long does Kestrel train?", False),
        ("What accuracy does Kestrel reach, and how long does it train?", False),
    ],
)
def test_a_question_that_sets_two_papers_side_by_side_is_seen(
    library: Library, three_papers: list[Paper], question: str, two: bool
) -> None:
    library.add(three_papers)
    ranked = PaperRetriever(library=library).rank(question)
    assert (sides_compared(question, ranked, library) is not None) is two


@pytest.mark.models
@pytest.mark.parametrize(("word", "two"), [("relationship", False), ("difference", True)])
def test_what_two_things_have_with_each_other_is_one_thing(
    library: Library, three_papers: list[Paper], word: str, two: bool
) -> None:
    library.add(three_papers)
    question = (
        f"Is there a {word} between accuracy, training time, sparse attention on RiverBench "
        "and bird song?"
    )
    kestrel, wren, _ = three_papers
    ranked = [RankedPaper(paper, 0.5, 0.5) for paper in (kestrel, wren)]
    assert (sides_compared(question, ranked, library) is not None) is two


@pytest.mark.models
def test_two_papers_named_by_their_titles_are_compared_however_far_the_second_is(
    library: Library, three_papers: list[Paper]
) -> None:
    library.add(three_papers)
    kestrel, wren, lakes = three_papers
    ranked = [RankedPaper(p, s, s) for p, s in [(kestrel, 0.6), (lakes, 0.4), (wren, 0.2)]]

    def sides(question: str) -> list[Paper]:
        return [side.paper for side in sides_compared(question, ranked, library) or ()]

    assert sides("How do Kestrel and Wren differ in size?") == [kestrel, wren]
    assert sides("How does Kestrel differ from dense attention?") == []
    assert sides("What does Kestrel do to a Wren?") == []


@pytest.mark.models
def test_a_paper_that_names_another_method_is_compared_with_that_ones_own(
    library: Library,
) -> None:
    ours = Paper(
        title="Robust tables by perturbation",
        abstract="We introduce TB5-X. It is more robust than TB4D, whose start is fragile.",
    )
    theirs = Paper(
        title="Tables from one diagonal", abstract="Our final model TB4D starts on a diagonal."
    )
    users = Paper(title="A survey of diagonals", abstract="We evaluate TB4D on many tables.")
    library.add([ours, theirs, users])
    retriever = PaperRetriever(library=library)
    found = find_evidence("How do TB4D and TB5-X differ?", retriever, load_settings())
    claimed = find_evidence("TB4D and TB5-X differ in their start.", retriever, load_settings())
    assert (found.kind, claimed.kind) == ("comparison", "answer")
    ranked = [RankedPaper(p, s, s) for p, s in [(ours, 0.6), (users, 0.3), (theirs, 0.28)]]

    def sides(question: str) -> list[Paper]:
        return [side.paper for side in sides_compared(question, ranked, library) or ()]

    assert sides("How do TB4D and TB5-X differ?") == [ours, theirs]
    assert sides("How does TB5-X differ from the others?") == []


@pytest.mark.models
def test_both_sides_of_a_comparison_are_heard(library: Library, three_papers: list[Paper]) -> None:
    library.add(three_papers)
    question = "How do Kestrel's training time and Wren's parameters compare?"
    kestrel, wren, _ = three_papers
    sides = [RankedPaper(paper, 0.5, 0.5) for paper in (kestrel, wren)]
    found = compared_evidence(question, sides, library)
    said = [" ".join(s.text for s in e.sentences) for e in found]
    assert sorted(e.number for e in found) == [1, 2]
    assert any("3 hours" in text for text in said)
    assert any("4 million" in text for text in said)


@pytest.mark.models
@pytest.mark.parametrize(
    ("question", "papers"),
    [
        (
            "How many photographs of lakes does Heron hold, and what does Wren sing with?",
            ["Heron, a Data Set of Lakes", "Wren: Small Models that Sing"],
        ),
        ("How many photographs of lakes does Heron hold, and what labelled them by hand?", []),
        ("How many photographs of lakes does Heron hold, and how were they labelled?", []),
        ("How many photographs of lakes does Heron hold, and what is the capital of Peru?", []),
    ],
)
def test_two_questions_in_one_have_a_paper_each(
    library: Library, three_papers: list[Paper], question: str, papers: list[str]
) -> None:
    library.add(three_papers)
    found = find_evidence(question, PaperRetriever(library=library), load_settings())
    assert found.kind == ("comparison" if papers else "answer")
    if papers:
        assert [e.title for e in found.evidence] == papers
        assert [r.paper.title for r in found.ranked[:2]] == papers


@pytest.mark.models
def test_a_paper_far_less_close_gives_no_evidence_beside_a_sure_one(
    library: Library, three_papers: list[Paper]
) -> None:
    library.add(three_papers)
    retriever = PaperRetriever(library=library)

    def read(question: str) -> set[str]:
        found = find_evidence(question, retriever, load_settings())
        assert len(found.ranked) == 3
        return {e.title.split()[0] for e in found.evidence}

    assert read("What accuracy does Kestrel reach on RiverBench?") == {"Kestrel:"}
    assert len(read("Which thing was made with some effort?")) > 1  # sure of none


def test_a_side_says_what_was_looked_at_about_as_surely_as_its_best_sentence() -> None:
    sides = [made(1, "Owls", "a", "b", "c"), made(2, "Bats", *"defgh")]
    said = said_of_each_side(sides, [[0.2, 0.9, 0.3], [0.3, 0.4, 0.3, 0.35, 0.2]])
    assert [[s.text for s in side.sentences] for side in said] == [["b"], ["d", "e", "f", "g"]]


def test_an_open_question_has_an_answer_of_each_paper_that_says_some() -> None:
    evidence = [
        made(1, "Owls", "Nets hold owls.", "Owls sing."),
        made(2, "Bats", "Bats are heard.", "Caves are dark."),
        made(3, "Newts", "Newts swim."),
    ]
    ranked = [
        RankedPaper(Paper(e.title, ""), score, score)
        for e, score in zip(evidence, (0.5, 0.4, 0.4), strict=True)
    ]
    evidence = [replace(e, paper_id=r.paper.id) for e, r in zip(evidence, ranked, strict=True)]
    looked_at = [[0.9, 0.2], [0.4, 0.7], [0.1]]

    def parts(
        question: str, *, looked: Sequence[Sequence[float]] = looked_at, far: float = 0.4
    ) -> list[tuple[str, list[str]]]:
        found = [ranked[0], replace(ranked[1], score=far), ranked[2]]
        told = parts_of_an_answer(question, found, evidence, looked)
        return [(part.title, [s.text for s in part.sentences]) for part in told]

    asked = "How can night animals be counted?"
    assert parts(asked) == [
        ("Owls", ["Nets hold owls."]),
        ("Bats", ["Bats are heard.", "Caves are dark."]),
    ]
    assert not parts(asked, far=0.3), "what is far less close is of something else"
    assert not parts("How can OWLS-2 be counted?")
    assert not parts("How were they counted?")
    assert not parts("How can birds be counted?", looked=[[0.9, 0], [0, 0], [0]])
