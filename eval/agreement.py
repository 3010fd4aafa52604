"""Whether the four-bit layers choose the tokens that the same model in bfloat16 chooses."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from langchain_core.messages import BaseMessage

from eval.questions import Question
from eval.statistics import interval
from rag.chat_models import LocalChatModel, load_chat_model
from rag.errors import AskpapersError
from rag.finding import find_evidence
from rag.library import Library
from rag.progress import Progress, Report
from rag.prompts import answer_messages
from rag.retrieval import PaperRetriever
from rag.settings import Settings


@dataclass(frozen=True, slots=True)
class AgreementFigures:
    """Share of the positions of real prompts at which both take the same next token.

    Attributes:
        agreement: mean over prompts.
        interval: 95 %, by resampling prompts.
    """

    model: str
    prompts: int
    positions: int
    agreement: float
    interval: tuple[float, float]


def measure_agreement(
    settings: Settings, questions: Sequence[Question], report: Report
) -> AgreementFigures:
    """Read each question's prompt in both forms of the model.

    Raises:
        AskpapersError: the model does not run here in two forms.
    """
    plain = load_chat_model(settings.model_copy(update={"precision": "bf16"}), report=report)
    packed = load_chat_model(settings, report=report)
    if not isinstance(plain, LocalChatModel) or not isinstance(packed, LocalChatModel):
        raise AskpapersError("The model is on a server.", "Name one that runs here.")
    if plain.folder == packed.folder:
        raise AskpapersError(
            "On this machine the model runs in bfloat16 as it is.",
            "There is nothing to compare; docs/performance.md says when there is.",
        )
    prompts = _prompts(settings, questions)
    wanted = _choices(plain, prompts, report)
    name = packed.model_name
    del plain
    gc.collect()
    found = _choices(packed, prompts, report)
    same = [
        mean(a == b for a, b in zip(one, other, strict=True))
        for one, other in zip(wanted, found, strict=True)
    ]
    positions = sum(map(len, wanted))
    return AgreementFigures(name, len(prompts), positions, round(mean(same), 4), interval(same))


def _prompts(settings: Settings, questions: Sequence[Question]) -> list[list[BaseMessage]]:
    library = Library.open(settings=settings)
    retriever = PaperRetriever(library=library, k=settings.papers)
    found = (find_evidence(q.question, retriever, settings).evidence for q in questions)
    return [answer_messages(q.question, e) for q, e in zip(questions, found, strict=True) if e]


def _choices(
    model: LocalChatModel, prompts: Sequence[list[BaseMessage]], report: Report
) -> list[list[int]]:
    choices = []
    for number, prompt in enumerate(prompts, start=1):
        choices.append(model.likeliest(prompt))
        report(Progress("reading prompts", number, len(prompts), "prompts"))
    return choices
