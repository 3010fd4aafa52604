"""Measures, against cases worked out by hand and against a second implementation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import HERON, KESTREL, QUESTION, asked, by_words, cite, show

from eval.metrics import (
    BY_NAME,
    KINDS,
    area_under,
    auroc,
    failures,
    figures,
    risk_coverage,
    rouge_l,
    score,
    statements,
)
from eval.questions import Question
from eval.systems import Shown
from rag.papers import Paper


def never(statement: str, cited: Sequence[Shown]) -> bool:
    return False


def test_a_right_answer_has_full_marks() -> None:
    answer = asked(
        "Kestrel reaches 71.5% on RiverBench [1]. Training takes 3 hours [1].",
        cite(1, KESTREL, "Kestrel reaches 71.5% on RiverBench.", "Training takes 3 hours."),
    )
    scores = score(QUESTION, [KESTREL], answer, by_words)
    ones = (
        "facts decided paper_precision paper_recall evidence_cited evidence_shown facts_shown "
        "citation_recall citation_precision ndcg mrr recall@1 recall@3 recall@5 recall@8"
    )
    assert {name: scores[name] for name in ones.split()} == dict.fromkeys(ones.split(), 1.0)
    assert {n: scores[n] for n in ("forbidden", "uncited", "stray_numbers", "declined")} == {
        "forbidden": 0,
        "uncited": 0,
        "stray_numbers": 0,
        "declined": 0,
    }
    assert failures(QUESTION, [KESTREL], answer, scores) == []


def test_half_an_answer_with_a_wrong_citation_and_a_stray_number() -> None:
    answer = asked(
        "Kestrel reaches 71.5% on RiverBench [1]. Heron holds 13,000 photographs [2]. Fine.",
        cite(1, KESTREL, "Kestrel reaches 71.5% on RiverBench."),
        cite(2, HERON, "Heron holds 12,000 photographs."),
        found=[HERON, KESTREL],
        shown=[show(KESTREL, "Kestrel reaches 71.5% on RiverBench."), show(HERON)],
    )
    scores = score(QUESTION, [KESTREL], answer, by_words)
    assert scores["facts"] == scores["facts_shown"] == scores["paper_precision"] == 0.5
    assert scores["paper_recall"] == 1
    assert scores["evidence_shown"] == scores["evidence_cited"] == 0.5
    assert scores["uncited"] == scores["stray_numbers"] == pytest.approx(1 / 3, abs=1e-4)
    assert scores["citation_recall"] == pytest.approx(1 / 3, abs=1e-4)  # of three statements
    assert scores["citation_precision"] == 0.5  # of two citations
    assert scores["mrr"] == 0.5
    assert scores["ndcg"] == pytest.approx(1 / math.log2(3), abs=1e-4)
    assert (scores["recall@1"], scores["recall@3"]) == (0, 1)
    kinds = [(f.kind, f.detail) for f in failures(QUESTION, [KESTREL], answer, scores)]
    assert kinds == [
        ("not shown", "3 hours"),
        ("wrong paper", "Heron"),
        ("uncited", ""),
        ("stray number", ""),
    ]


def test_alce_takes_a_citation_that_adds_nothing_for_none() -> None:
    """Gao et al. (2023), section 3: it does not bear the sentence out, and is not needed."""
    answer = asked(
        "Kestrel reaches 71.5% on RiverBench [1][2].",
        cite(1, KESTREL, "Kestrel reaches 71.5% on RiverBench."),
        cite(2, HERON, "Each was labelled by hand."),
    )
    scores = score(QUESTION, [KESTREL], answer, by_words)
    assert (scores["citation_recall"], scores["citation_precision"]) == (1.0, 0.5)
    scores = score(QUESTION, [KESTREL], answer, never)
    assert (scores["citation_recall"], scores["citation_precision"]) == (0.0, 0.0)


def test_alce_keeps_citations_that_bear_out_only_together() -> None:
    answer = asked(
        "Kestrel photographs RiverBench [1][2].",
        cite(1, KESTREL, "Kestrel reaches 71.5% on RiverBench."),
        cite(2, HERON, "Heron holds 12,000 photographs."),
    )
    scores = score(QUESTION, [KESTREL], answer, by_words)
    assert (scores["citation_recall"], scores["citation_precision"]) == (1.0, 1.0)


def test_a_mark_that_points_nowhere_counts_as_no_citation() -> None:
    answer = asked("It takes 3 hours [7].", cite(1, KESTREL, "Training takes 3 hours."))
    assert score(QUESTION, [KESTREL], answer, by_words)["uncited"] == 1


def test_declining_holds_no_facts_and_is_wrong_where_the_papers_answer() -> None:
    answer = asked("These papers do not say: 71.5, 3 hours, 12,000.", declined=True)
    scores = score(QUESTION, [KESTREL], answer, by_words)
    assert (scores["facts"], scores["decided"], scores["paper_recall"]) == (0, 0, 0)
    assert scores["forbidden"] == 0
    assert "citation_recall" not in scores
    assert "paper_precision" not in scores
    assert failures(QUESTION, [KESTREL], answer, scores)[0].kind == "declined"
    off = Question(id="o", type="off-topic", question="How do I repot an orchid?")
    assert score(off, [], answer, by_words)["decided"] == 1
    assert failures(off, [], answer, score(off, [], answer, by_words)) == []
    given_anyway = asked("Kestrel reaches 71.5% [1].", cite(1, KESTREL))
    scores = score(off, [], given_anyway, by_words)
    assert scores["decided"] == 0
    assert failures(off, [], given_anyway, scores)[0].kind == "answered"


def test_what_must_not_be_said_is_noticed() -> None:
    answer = asked("12,000, says [1].", cite(1, HERON, "Heron holds 12,000 photographs."))
    scores = score(QUESTION, [KESTREL], answer, by_words)
    assert scores["forbidden"] == 1
    assert "forbidden" in [f.kind for f in failures(QUESTION, [KESTREL], answer, scores)]


@pytest.mark.parametrize(
    ("text", "right"), [("Yes, it does.", 1), ("No.", 0), ("It may: yes.", 0), ("**yes** [1]", 1)]
)
def test_yes_and_no_are_read_where_an_answer_begins(text: str, right: float) -> None:
    question = QUESTION.model_copy(update={"expected": "yes"})
    assert score(question, [KESTREL], asked(text), by_words)["expected"] == right


def test_a_line_of_a_list_is_one_statement_and_its_opening_none() -> None:
    answer = asked(
        "What each paper says:\n• Kestrel: “A b.” “C d.” [1]\n• Heron: “E f.” [2]"
    ).answer
    assert [s.marks for s in statements(answer)] == [(1,), (2,)]
    quoted = replace(answer, answer="The closest sentence says: “Training takes 3 hours.” [1]")
    (statement,) = statements(quoted)
    assert statement.marks == (1,)
    assert statement.text == "“Training takes 3 hours.”"


def test_rouge_l_by_hand() -> None:
    """The longest common subsequence of the two is five of six words."""
    assert rouge_l("The cat sat on the mat.", "the cat is on the mat") == pytest.approx(5 / 6)
    assert rouge_l("a b c d", "d c b a") == pytest.approx(1 / 4)
    assert rouge_l("same words", "same words") == 1
    assert rouge_l("", "anything") == 0


NUMBERS = st.lists(st.integers(0, 5).map(float), min_size=1, max_size=12)


@given(yes=NUMBERS, no=NUMBERS)
def test_auroc_is_the_share_of_pairs_in_order(yes: list[float], no: list[float]) -> None:
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in yes for b in no]
    assert auroc(yes, no) == pytest.approx(sum(pairs) / len(pairs))


def test_auroc_of_one_kind_alone_is_none() -> None:
    assert auroc([0.3], []) is None


def test_risk_and_coverage_by_hand() -> None:
    """Of five questions four were answered; two of equal confidence are let through together."""
    curve = risk_coverage([(0.9, 0.0), (0.5, 1.0), (0.7, 0.0), (0.7, 0.5)], asked=5)
    assert curve == [(0.2, 0.0), (0.6, round(0.5 / 3, 4)), (0.8, 0.375)]
    by_hand = (0.2 * 0 + 0.4 * (0 + 0.1667) / 2 + 0.2 * (0.1667 + 0.375) / 2) / 0.8
    assert area_under(curve) == pytest.approx(by_hand, abs=1e-4)
    assert risk_coverage([], asked=5) == []
    assert area_under([]) is None


@given(
    found=st.permutations(range(10)),
    right=st.sets(st.integers(0, 13), min_size=1, max_size=6),
)
def test_ranking_agrees_with_a_second_implementation(found: list[int], right: set[int]) -> None:
    papers = [Paper(f"Paper {i}", "Text.") for i in range(14)]
    question = Question(id="q", question="?", titles=tuple(papers[i].title for i in right))
    ranked = [papers[i] for i in found[:8]]
    scores = score(question, [papers[i] for i in right], asked("Yes.", found=ranked), by_words)
    hits = [i in right for i in found[:8]]
    gain = sum(hit / math.log2(rank + 1) for rank, hit in enumerate(hits, start=1))
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(10, len(right)) + 1))
    assert scores["ndcg"] == pytest.approx(gain / best, abs=1e-4)
    first = next((rank for rank, hit in enumerate(hits, start=1) if hit), math.inf)
    assert scores["mrr"] == pytest.approx(1 / first, abs=1e-4)
    for k in (1, 3, 5, 8):
        expected = sum(hits[:k]) / min(k, len(right))
        assert scores[f"recall@{k}"] == pytest.approx(expected, abs=1e-4)


def test_figures_are_means_over_the_answers_they_apply_to() -> None:
    found = figures([{"facts": 1.0}, {"facts": 0.0, "declined": 1.0}, {"facts": 0.5}])
    assert (found["facts"].mean, found["facts"].questions) == (0.5, 3)
    assert found["facts"].low < 0.5 < found["facts"].high
    assert (found["declined"].mean, found["declined"].questions) == (1.0, 1)
    assert set(found) <= set(BY_NAME)


def test_every_measure_and_failure_is_defined_in_the_documentation() -> None:
    text = (Path(__file__).parents[1] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    for measure in BY_NAME.values():
        assert f"`{measure.name}`" in text
        assert measure.definition in text
    for kind, explained in KINDS.items():
        assert f"| {kind} | {explained} |" in text
