"""Made-up papers, a question about them, answers to it, and a run."""

from __future__ import annotations

from collections.abc import Sequence

from eval.questions import Pointer, Question
from eval.runs import Machine, RunInfo
from eval.systems import Asked, Shown
from rag.papers import Answer, Citation, Paper, Retrieved, Sentence, Timings

INFO = RunInfo(
    started="2026-11-25T01:22:29+00:00",
    version="0.1.0",
    commit="abc1234",
    machine=Machine("A <b>processor</b>", 2, 25.3, "Linux x86_64", "3.11.7"),
    settings={"model": "small-model", "papers": 8},
    packages={"torch": "2.13.0"},
    models={"small-model": {"weights.gguf": "cc324af0"}},
    papers=115,
    library="fef252bf48088198",
    questions="7f9fbb703a9f9141",
)

KESTREL = Paper("Kestrel", "Kestrel reaches 71.5% on RiverBench. Training takes 3 hours.")
HERON = Paper("Heron", "Heron holds 12,000 photographs. Each was labelled by hand.")
WREN = Paper("Wren", "Wren sings with 4 million parameters. It runs on a phone.")

QUESTION = Question(
    id="q",
    type="number",
    question="How well does Kestrel do on RiverBench, and how long does it train?",
    titles=("Kestrel",),
    facts=(("71.5",), ("3 hours", "three hours")),
    forbidden=(("12,000",),),
    evidence=(
        Pointer(title="Kestrel", holds=("71.5", "riverbench")),
        Pointer(title="Kestrel", holds=("3 hours",)),
    ),
    reference="It reaches 71.5% after 3 hours.",
)


def cite(number: int, paper: Paper, *sentences: str) -> Citation:
    found = [(s, paper.abstract.index(s)) for s in sentences]
    placed = tuple(Sentence(s, at, at + len(s)) for s, at in found)
    return Citation(number, paper.title, paper.id, "supported", placed)


def show(paper: Paper, *sentences: str) -> Shown:
    return Shown(
        paper.id, paper.title, sentences or tuple(s + "." for s in paper.abstract.split(". "))
    )


def asked(
    text: str,
    *citations: Citation,
    found: Sequence[Paper] = (KESTREL, HERON, WREN),
    shown: Sequence[Shown] = (),
    declined: bool = False,
) -> Asked:
    answer = Answer(
        question=QUESTION.question,
        standalone_question=QUESTION.question,
        answer=text,
        abstained=declined,
        reason="",
        citations=citations,
        filters="",
        retrieved=tuple(Retrieved(p.title, p.id, 1 / i) for i, p in enumerate(found, start=1)),
        left_out=(),
        timings=Timings(0.1, 1.0, 2.0, 700, 30),
        model="made up",
        confidence=0.8,
    )
    return Asked(answer, tuple(shown or [show(p) for p in found]))


def by_words(statement: str, cited: Sequence[Shown]) -> bool:
    """Entailment for these tests: all of the statement's words stand in what is cited."""
    there = " ".join(s for c in cited for s in c.sentences).lower().replace(".", " ")
    return all(word in there for word in statement.lower().replace(".", " ").split())
