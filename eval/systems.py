"""What is measured: askpapers as it ships, and what a person would build instead."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from eval.questions import Question
from rag.answering import Answerer, Done, Found
from rag.citations import Statement, is_refusal, read_draft
from rag.papers import Answer, Citation, Paper, Retrieved, Sentence, Timings

OURS = "askpapers"
TUTORIAL = "tutorial"


@dataclass(frozen=True, slots=True)
class Shown:
    """Of one paper, the sentences that the model was given, or that were found for it."""

    paper_id: str
    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a question."""

    answer: Answer
    shown: tuple[Shown, ...]


class System(Protocol):
    """Answers a question of a set."""

    def __call__(self, question: Question) -> Asked: ...


def ours(answerer: Answerer) -> System:
    """askpapers as it ships."""

    def ask(question: Question) -> Asked:
        shown: tuple[Shown, ...] = ()
        for event in answerer.stream(question.question, question.history):
            if isinstance(event, Found):
                shown = tuple(
                    Shown(e.paper_id, e.title, tuple(s.text for s in e.sentences))
                    for e in event.evidence
                )
            elif isinstance(event, Done):
                return Asked(event.answer, shown)
        raise AssertionError("a stream of events ends with Done")

    return ask


_TOP = 4
_TUTORIAL_RULES = (
    "Help with questions. Some retrieved documents are given as context; answer from them. "
    "Say that you don't know where they do not have the answer. At most three sentences, "
    "brief ones. Name the documents that you used by number, such as [2]."
)


def tutorial(answerer: Answerer) -> System:
    """The chain of the usual LangChain tutorial, over the same library, encoder and model.

    The four closest papers by the cosine of their closest passage go whole into one prompt, what
    was said before in front of the question; what the model writes is the answer. Nothing is
    checked. The model is told to put the numbers of its documents, which are its citations;
    where it puts none, all four are, as a tutorial's page lists its sources below the answer.
    """
    library, model = answerer.library, answerer.model
    assert model is not None

    def ask(question: Question) -> Asked:
        start = time.perf_counter()
        vector = library.encoder.encode([question.question])[0]
        closest = library.closest(vector, _TOP)
        papers = library.get([paper_id for paper_id, _ in closest])
        found = [(papers[i], cosine) for i, cosine in closest]
        retrieve_s = time.perf_counter() - start
        sources = [(paper, library.sentences(paper)) for paper, _ in found]
        prompt = _tutorial_prompt(question, [p for p, _ in found])
        text, timings = _write(model, prompt, start, retrieve_s)
        written = read_draft(text)
        declined = not written or all(is_refusal(s) for s in written)
        answer = Answer(
            question=question.question,
            standalone_question=question.question,
            answer=text.strip(),
            abstained=declined,
            reason="the model said so" if declined else "",
            citations=() if declined else tuple(_cited(written, sources)),
            filters="",
            retrieved=tuple(Retrieved(p.title, p.id, round(c, 4)) for p, c in found),
            left_out=(),
            timings=timings,
            model=answerer.model_name,
            confidence=max(0.0, found[0][1]) if found else 0.0,
        )
        shown = (Shown(p.id, p.title, tuple(s.text for s in some)) for p, some in sources)
        return Asked(answer, tuple(shown))

    return ask


SYSTEMS: Mapping[str, Callable[[Answerer], System]] = {OURS: ours, TUTORIAL: tutorial}
"""By the name that `--baseline` takes."""


def _tutorial_prompt(question: Question, papers: Iterable[Paper]) -> list[BaseMessage]:
    context = "\n\n".join(
        f"[{number}] {paper.title}\n{paper.abstract}" for number, paper in enumerate(papers, 1)
    )
    earlier = "".join(f"Question: {q}\nAnswer: {a}\n" for q, a in question.history)
    return [
        SystemMessage(_TUTORIAL_RULES),
        HumanMessage(f"Context:\n{context}\n\n{earlier}Question: {question.question}\nAnswer:"),
    ]


def _write(
    model: BaseChatModel, prompt: list[BaseMessage], start: float, retrieve_s: float
) -> tuple[str, Timings]:
    text, first, read, wrote = "", 0.0, 0, 0
    for chunk in model.stream(prompt):
        if usage := getattr(chunk, "usage_metadata", None):
            read, wrote = read + usage["input_tokens"], wrote + usage["output_tokens"]
        if new := str(chunk.text):
            first = first or time.perf_counter() - start
            text += new
    total = time.perf_counter() - start
    return text, Timings(round(retrieve_s, 4), round(first, 4), round(total, 4), read, wrote)


def _cited(
    written: Iterable[Statement], sources: Sequence[tuple[Paper, tuple[Sentence, ...]]]
) -> Iterator[Citation]:
    """The papers whose numbers the model wrote, or all; whole, as it names no sentence."""
    numbers = dict.fromkeys(n for s in written for n in s.marks if 0 < n <= len(sources))
    for number in numbers or range(1, len(sources) + 1):
        paper, sentences = sources[number - 1]
        yield Citation(number, paper.title, paper.id, "weak", sentences)
