"""Every question with what each system made of it, as the JSON that the page draws from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from eval.metrics import KINDS, MEASURES, Failure, Scores
from eval.questions import Pointer, Question, Spellings
from eval.runs import Result, Run
from rag.papers import Citation, Timings


@dataclass(frozen=True, slots=True)
class Source:
    """A paper that was cited, found or shown.

    Attributes:
        right: whether it is one of those that answer the question.
        number: of its mark in the answer; 0 where it is not cited.
        support: how well it bears the answer out; empty where it is not cited.
        score: of the search; None where it does not come from there.
    """

    title: str
    right: bool
    sentences: tuple[str, ...] = ()
    number: int = 0
    support: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one system made of a question.

    Attributes:
        searched: the question as it was searched, where that differs.
        held: of each key fact, whether the answer holds it.
        said: of each thing that must not be said, whether the answer says it.
    """

    system: str
    answer: str
    declined: bool
    reason: str
    warning: str
    searched: str
    filters: str
    left_out: tuple[str, ...]
    confidence: float
    cited: tuple[Source, ...]
    found: tuple[Source, ...]
    shown: tuple[Source, ...]
    held: tuple[bool, ...]
    said: tuple[bool, ...]
    failures: tuple[Failure, ...]
    scores: Scores
    timings: Timings


@dataclass(frozen=True, slots=True)
class Entry:
    """A question, what a right answer to it is, and the outcomes.

    Attributes:
        right: titles of the papers that answer it.
        pointers: in words, the sentences that say it.
    """

    id: str
    type: str
    part: str
    question: str
    history: tuple[tuple[str, str], ...]
    right: tuple[str, ...]
    facts: tuple[Spellings, ...]
    forbidden: tuple[Spellings, ...]
    pointers: tuple[str, ...]
    expected: str
    reference: str
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """All that the page's script reads.

    Attributes:
        kinds: what can be wrong → what that means.
        measures: measure → label, in order.
    """

    systems: Sequence[str]
    kinds: Mapping[str, str]
    measures: Mapping[str, str]
    questions: Sequence[Entry]


def entries(run: Run) -> Entries:
    """The questions of a run in their order, the results of one question together."""
    titles = _titles(run)
    together: dict[str, list[Result]] = {}
    for result in run.results:
        together.setdefault(result.question.id, []).append(result)
    return Entries(
        systems=run.systems,
        kinds={str(kind): meaning for kind, meaning in KINDS.items()},
        measures={measure.name: measure.label for measure in MEASURES},
        questions=[_entry(results, titles) for results in together.values()],
    )


def inert_json(found: Entries) -> str:
    """As JSON that no text in it can turn into markup, or end the script element around it."""
    text = json.dumps(asdict(found), ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _titles(run: Run) -> dict[str, str]:
    """Paper → title, as far as the results name it; a question may know its papers by id only."""
    titles: dict[str, str] = {}
    for result in run.results:
        answer = result.asked.answer
        titles |= {found.paper_id: found.title for found in answer.retrieved}
        titles |= {citation.paper_id: citation.title for citation in answer.citations}
        titles |= {shown.paper_id: shown.title for shown in result.asked.shown}
    return titles


def _entry(results: Sequence[Result], titles: Mapping[str, str]) -> Entry:
    question, right = results[0].question, results[0].right
    return Entry(
        id=question.id,
        type=question.type,
        part=question.part,
        question=question.question,
        history=question.history,
        right=question.titles or tuple(titles.get(i, i) for i in right) or question.ids,
        facts=question.facts,
        forbidden=question.forbidden,
        pointers=tuple(_in_words(pointer) for pointer in question.evidence),
        expected=question.expected,
        reference=question.reference,
        outcomes=tuple(_outcome(result) for result in results),
    )


def _outcome(result: Result) -> Outcome:
    answer, question, right = result.asked.answer, result.question, set(result.right)
    found = [Source(r.title, r.paper_id in right, score=r.score) for r in answer.retrieved]
    shown = [Source(s.title, s.paper_id in right, s.sentences) for s in result.asked.shown]
    return Outcome(
        system=result.system,
        answer=answer.answer,
        declined=answer.abstained,
        reason=answer.reason,
        warning=answer.warning,
        searched=_where_other(answer.standalone_question, question),
        filters=answer.filters,
        left_out=answer.left_out,
        confidence=round(answer.confidence, 4),
        cited=tuple(_cited(c, c.paper_id in right) for c in answer.citations),
        found=tuple(found),
        shown=tuple(shown),
        held=tuple(question.facts_in("" if answer.abstained else answer.answer)),
        said=tuple(question.forbidden_in("" if answer.abstained else answer.answer)),
        failures=result.failures,
        scores=result.scores,
        timings=answer.timings,
    )


def _cited(citation: Citation, right: bool) -> Source:
    sentences = tuple(sentence.text for sentence in citation.sentences)
    return Source(citation.title, right, sentences, citation.number, citation.support)


def _where_other(searched: str, question: Question) -> str:
    return "" if searched == question.question else searched


def _in_words(pointer: Pointer) -> str:
    words = f"“{pointer.quote}”" if pointer.quote else f"with {', '.join(pointer.holds)}"
    return f"{pointer.title or pointer.id}: {words}"
