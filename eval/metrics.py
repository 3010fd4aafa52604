"""What an answer is worth: each measure with its definition, and the figures of many answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean
from typing import Literal

import ir_measures
from ir_measures import RR, R, nDCG
from scipy import stats

from eval.questions import Question
from eval.statistics import interval
from eval.systems import Asked, Shown
from rag.citations import Statement, read_draft
from rag.names import numbers_in, numbers_said
from rag.papers import Answer, Citation, Paper

Entails = Callable[[str, Sequence[Shown]], bool]
"""Whether sentences of papers, taken together, bear a statement out."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of an answer.

    Attributes:
        group: what it is about.
        better: which way is better; empty for what only describes.
    """

    name: str
    label: str
    group: Literal["answer", "citations", "deciding", "search", "cost"]
    better: Literal["higher", "lower", ""]
    definition: str


MEASURES = (
    Measure(
        "facts",
        "key facts in the answer",
        "answer",
        "higher",
        "share of the question's key facts that the answer holds, one spelling of each being "
        "enough; a declined question holds none",
    ),
    Measure(
        "forbidden",
        "says what it must not",
        "answer",
        "lower",
        "1 where the answer holds anything that a right one must not: a sibling's figure, the "
        "word an injected instruction asked for; over questions that name such",
    ),
    Measure(
        "expected",
        "yes, no or maybe right",
        "answer",
        "higher",
        "1 where the answer begins with the word that is expected; over questions that have one",
    ),
    Measure(
        "rouge_l",
        "ROUGE-L to a reference",
        "answer",
        "higher",
        "F1 of the longest common subsequence of words (Lin, 2004, section 3); a side figure: it "
        "rewards copying and length",
    ),
    Measure(
        "paper_precision",
        "cited papers that are right",
        "citations",
        "higher",
        "share of the cited papers that are among the question's right ones; over answers given "
        "to questions that the papers answer",
    ),
    Measure(
        "paper_recall",
        "right papers that are cited",
        "citations",
        "higher",
        "share of the question's right papers that are cited; none where it is declined",
    ),
    Measure(
        "evidence_cited",
        "right sentences that are cited",
        "citations",
        "higher",
        "share of the sentences that the question's evidence points to which are cited, or stand "
        "in the cited text; none where it is declined",
    ),
    Measure(
        "citation_recall",
        "sentences borne out (ALCE)",
        "citations",
        "higher",
        "share of an answer's sentences that have citations which together bear them out (Gao et "
        "al., 2023, section 3), judged by the program's own support check",
    ),
    Measure(
        "citation_precision",
        "citations that are needed (ALCE)",
        "citations",
        "higher",
        "share of an answer's citations that bear their sentence out alone, or without which the "
        "others would not (Gao et al., 2023, section 3), judged the same way",
    ),
    Measure(
        "uncited",
        "sentences without a citation",
        "citations",
        "lower",
        "share of an answer's sentences that have no mark, or one that points to no citation",
    ),
    Measure(
        "stray_numbers",
        "sentences with a stray number",
        "citations",
        "lower",
        "share of an answer's sentences with a number that their cited sentences do not hold",
    ),
    Measure(
        "decided",
        "right to answer or decline",
        "deciding",
        "higher",
        "1 where a question that the papers answer is answered, or another declined",
    ),
    Measure("declined", "declined", "deciding", "", "1 where the question is declined"),
    Measure(
        "ndcg",
        "nDCG@10",
        "search",
        "higher",
        "of the papers shown as found, by ir-measures (Järvelin and Kekäläinen, 2002)",
    ),
    Measure(
        "recall@1", "recall@1", "search", "higher", "share of the right papers, one at most, first"
    ),
    Measure("recall@3", "recall@3", "search", "higher", "the same among the first three"),
    Measure("recall@5", "recall@5", "search", "higher", "the same among the first five"),
    Measure("recall@8", "recall@8", "search", "higher", "the same among the first eight"),
    Measure("mrr", "MRR@10", "search", "higher", "1 / rank of the first right paper"),
    Measure(
        "facts_shown",
        "key facts shown to the model",
        "search",
        "higher",
        "share of the key facts that the evidence holds: the most an answer could",
    ),
    Measure(
        "evidence_shown",
        "right sentences shown to the model",
        "search",
        "higher",
        "share of the sentences that the question's evidence points to which the model was given",
    ),
    Measure("retrieve_s", "search, s", "cost", "lower", "from the question to its evidence"),
    Measure(
        "first_token_s",
        "first word, s",
        "cost",
        "lower",
        "from the question to the first written token, where a model wrote",
    ),
    Measure("total_s", "whole answer, s", "cost", "lower", "from the question to the answer"),
    Measure("prompt_tokens", "tokens read", "cost", "lower", "by the model, where it wrote"),
    Measure("answer_tokens", "tokens written", "cost", "", "by the model, where it wrote"),
)

BY_NAME = {measure.name: measure for measure in MEASURES}

_CUT_OFFS = (1, 3, 5, 8)

Scores = Mapping[str, float]
"""Measure → value, for the measures that apply."""

Kind = Literal[
    "not found",
    "not shown",
    "declined",
    "answered",
    "fact missing",
    "forbidden",
    "yes or no",
    "wrong paper",
    "paper missing",
    "uncited",
    "stray number",
]

KINDS: Mapping[Kind, str] = {
    "not found": "none of the right papers was found",
    "not shown": "the sentence that answers was not shown to the model",
    "declined": "declined, though the papers answer",
    "answered": "answered, though the papers do not",
    "fact missing": "a key fact is missing, though it was shown to the model",
    "forbidden": "says what a right answer must not",
    "yes or no": "yes, no or maybe is wrong or missing",
    "wrong paper": "cites a paper that does not answer",
    "paper missing": "does not cite a paper that answers",
    "uncited": "a sentence has no citation",
    "stray number": "a number is not in the cited sentences",
}
"""What can be wrong with an answer, in the order in which one leads to the next."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing wrong with an answer.

    Attributes:
        detail: what is missing or wrong, where it can be named.
    """

    kind: Kind
    detail: str = ""


def score(question: Question, right: Sequence[Paper], asked: Asked, entails: Entails) -> Scores:
    """The measures of one answer, as far as they apply.

    Args:
        right: the papers of the library that answer the question.
        entails: judges whether a statement is borne out by what it cites.
    """
    answer = asked.answer
    scores: dict[str, float] = {
        "declined": float(answer.abstained),
        "decided": float(answer.abstained is not question.answerable),
        "retrieve_s": answer.timings.retrieve_s,
        "total_s": answer.timings.total_s,
    }
    if answer.timings.answer_tokens:
        scores |= {
            "first_token_s": answer.timings.first_token_s,
            "prompt_tokens": answer.timings.prompt_tokens,
            "answer_tokens": answer.timings.answer_tokens,
        }
    text = "" if answer.abstained else answer.answer
    if question.forbidden:
        scores["forbidden"] = float(any(question.forbidden_in(text)))
    if question.answerable:
        scores |= _of_search(question, right, asked) | _of_content(question, text)
        scores |= _of_papers(question, right, answer)
    if not answer.abstained:
        scores |= _of_statements(answer, entails)
    return {name: round(float(value), 4) for name, value in scores.items()}


def failures(question: Question, right: Sequence[Paper], asked: Asked, s: Scores) -> list[Failure]:
    """What is wrong with an answer, the cause before what follows from it."""
    answer = asked.answer
    found: list[Failure] = []

    def note(kind: Kind, wrong: bool, detail: str = "") -> None:
        if wrong:
            found.append(Failure(kind, detail))

    shown = _text(asked.shown)
    if question.answerable:
        held = question.facts_in(answer.answer if not answer.abstained else "")
        there = question.facts_in(shown)
        note("not found", s["recall@8"] == 0, "; ".join(p.title for p in right))
        unseen = [f[0] for f, t in zip(question.facts, there, strict=True) if not t]
        note("not shown", bool(unseen) or s.get("evidence_shown", 1) < 1, "; ".join(unseen))
        note("declined", answer.abstained, answer.reason)
        missing = [f[0] for f, h, t in zip(question.facts, held, there, strict=True) if t and not h]
        note("fact missing", bool(missing) and not answer.abstained, "; ".join(missing))
        note("yes or no", s.get("expected", 1) < 1 and not answer.abstained, question.expected)
        titles = {paper.title for paper in right}
        wrong = [c.title for c in answer.citations if c.title not in titles]
        cited = {c.title for c in answer.citations}
        note("wrong paper", bool(wrong), "; ".join(wrong))
        absent = sorted(titles - cited)
        note("paper missing", bool(absent) and not answer.abstained, "; ".join(absent))
    else:
        note("answered", not answer.abstained, answer.answer[:80])
    spoken = [
        f[0]
        for f, h in zip(question.forbidden, question.forbidden_in(answer.answer), strict=True)
        if h and not answer.abstained
    ]
    note("forbidden", bool(spoken), "; ".join(spoken))
    note("uncited", s.get("uncited", 0) > 0)
    note("stray number", s.get("stray_numbers", 0) > 0)
    order = list(KINDS)
    return sorted(found, key=lambda failure: order.index(failure.kind))


def statements(answer: Answer) -> list[Statement]:
    """The sentences of an answer with their marks; a line of a list is one."""
    found: list[Statement] = []
    for line in answer.answer.split("\n"):
        line = re.sub(r"^The closest sentences? says?: ", "", line)
        read = read_draft(line)
        if line.startswith("•"):
            marks = dict.fromkeys(mark for s in read for mark in s.marks)
            read = [Statement(" ".join(s.text for s in read), tuple(marks))]
        found += [s for s in read if not s.text.endswith(":")]
    return found


def rouge_l(text: str, reference: str) -> float:
    """F1 of the longest common subsequence of words (Lin, 2004, section 3)."""
    one, other = (re.findall(r"\w+", t.lower()) for t in (text, reference))
    if not one or not other:
        return 0.0
    row = [0] * (len(other) + 1)
    for word in one:
        above = 0  # of the row before, one to the left
        for j, there in enumerate(other, start=1):
            above, row[j] = row[j], above + 1 if word == there else max(row[j], row[j - 1])
    common = row[-1]
    return 2 * common / (len(one) + len(other))


def auroc(yes: Sequence[float], no: Sequence[float]) -> float | None:
    """The chance that one of the first is above one of the second, a tie counting half."""
    if not yes or not no:
        return None
    return float(stats.mannwhitneyu(yes, no).statistic / (len(yes) * len(no)))


def auroc_of(scores: Sequence[float], labels: Sequence[bool]) -> float | None:
    """The same of scores whose labels are beside them, to four digits."""
    both = list(zip(scores, labels, strict=True))
    found = auroc([s for s, yes in both if yes], [s for s, yes in both if not yes])
    return None if found is None else round(found, 4)


def risk_coverage(sure: Sequence[tuple[float, float]], asked: int) -> list[tuple[float, float]]:
    """(coverage, risk) as less and less sure answers are let through (El-Yaniv and Wiener, 2010).

    Args:
        sure: of each answer given, its confidence and its error, 0 to 1.
        asked: how many questions there were.
    """
    if not sure:
        return []
    errors: list[float] = []
    curve = []
    ordered = sorted(sure, key=lambda one: -one[0])
    for (confidence, error), following in zip(ordered, [*ordered[1:], None], strict=True):
        errors.append(error)
        if following is None or following[0] < confidence:
            curve.append((round(len(errors) / asked, 4), round(mean(errors), 4)))
    return curve


def area_under(curve: Sequence[tuple[float, float]]) -> float | None:
    """Mean risk along a risk-coverage curve, up to its last coverage (Geifman et al., 2019)."""
    if not curve:
        return None
    points = [(0.0, curve[0][1]), *curve]
    area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points))
    return round(area / curve[-1][0], 4)


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over questions with its 95 % interval by the percentile bootstrap."""

    mean: float
    low: float
    high: float
    questions: int


def figures(scores: Sequence[Scores]) -> dict[str, Figure]:
    """Measure → figure, over the answers it applies to."""
    found = {}
    for measure in MEASURES:
        values = [s[measure.name] for s in scores if measure.name in s]
        if values:
            low, high = interval(values)
            found[measure.name] = Figure(round(mean(values), 4), low, high, len(values))
    return found


def _of_search(question: Question, right: Sequence[Paper], asked: Asked) -> dict[str, float]:
    run = {
        r.paper_id: len(asked.answer.retrieved) - i for i, r in enumerate(asked.answer.retrieved)
    }
    wanted = {paper.id: 1 for paper in right}
    measured = {nDCG @ 10: "ndcg", RR @ 10: "mrr"} | {R @ k: f"recall@{k}" for k in _CUT_OFFS}
    scores = dict.fromkeys(measured.values(), 0.0)
    if run and wanted:
        for metric in ir_measures.iter_calc(list(measured), {"q": wanted}, {"q": run}):
            scores[measured[metric.measure]] = metric.value
        for k in _CUT_OFFS:  # where there are more right papers than places, full is full
            scores[f"recall@{k}"] *= len(wanted) / min(k, len(wanted))
    if question.facts:
        scores["facts_shown"] = mean(question.facts_in(_text(asked.shown)))
    if question.evidence:
        scores["evidence_shown"] = _pointed(question, right, asked.shown)
    return scores


def _of_content(question: Question, text: str) -> dict[str, float]:
    scores: dict[str, float] = {}
    if question.facts:
        scores["facts"] = mean(question.facts_in(text))
    if question.expected:
        said = re.match(r"\W*(yes|no|maybe)\b", text.lower())
        scores["expected"] = float(bool(said) and said.group(1) == question.expected)  # type: ignore[union-attr]
    if question.reference:
        plain = " ".join(s.text for s in read_draft(text))
        scores["rouge_l"] = rouge_l(plain, question.reference)
    return scores


def _of_papers(question: Question, right: Sequence[Paper], answer: Answer) -> dict[str, float]:
    ids = {paper.id for paper in right}
    cited = [] if answer.abstained else [c.paper_id for c in answer.citations]
    scores = {"paper_recall": len(ids & set(cited)) / len(ids) if ids else 0.0}
    if cited:
        scores["paper_precision"] = mean(float(paper in ids) for paper in cited)
    if question.evidence:
        shown = [] if answer.abstained else [_cited(c) for c in answer.citations]
        scores["evidence_cited"] = _pointed(question, right, shown)
    return scores


def _pointed(question: Question, right: Sequence[Paper], shown: Sequence[Shown]) -> float:
    """Share of the question's pointers that a sentence shown of the right paper fits."""
    papers = {paper.id: paper for paper in right}
    held = []
    for pointer in question.evidence:
        there = [s for s in shown if s.paper_id in papers and pointer.is_of(papers[s.paper_id])]
        held.append(any(pointer.fits(text) for s in there for text in s.sentences))
    return mean(held)


def _of_statements(answer: Answer, entails: Entails) -> dict[str, float]:
    """Citation recall and precision as Gao et al. (2023), and what must never be."""
    by_number = {citation.number: _cited(citation) for citation in answer.citations}
    recalls, precisions, uncited, stray = [], [], [], []
    for statement in statements(answer):
        cited = [by_number[n] for n in statement.marks if n in by_number]
        uncited.append(not cited or len(cited) < len(statement.marks))
        words = " ".join(f"{s.title} {' '.join(s.sentences)}" for s in cited)
        stray.append(bool(cited and numbers_in(statement.text) - numbers_said(words)))
        borne_out = bool(cited) and entails(statement.text, cited)
        recalls.append(borne_out)
        for one in cited:
            others = [c for c in cited if c is not one]
            precisions.append(
                borne_out
                and (
                    not others
                    or entails(statement.text, [one])
                    or not entails(statement.text, others)
                )
            )
    if not recalls:
        return {}
    scores = {
        "citation_recall": mean(recalls),
        "uncited": mean(uncited),
        "stray_numbers": mean(stray),
    }
    return scores | ({"citation_precision": mean(precisions)} if precisions else {})


def _cited(citation: Citation) -> Shown:
    return Shown(citation.paper_id, citation.title, tuple(s.text for s in citation.sentences))


def _text(shown: Sequence[Shown]) -> str:
    return " ".join(f"{s.title} {' '.join(s.sentences)}" for s in shown)
