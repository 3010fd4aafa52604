"""What readers think of answers, kept as questions of the evaluation suite."""

from __future__ import annotations

import uuid
from pathlib import Path

from eval.questions import Question
from rag.conversations import Conversation
from rag.errors import LibraryError


def keep_feedback(
    path: Path, conversation: Conversation, place: int, verdict: str, word: str
) -> None:
    """Append one answer's question as a line that `askpapers eval answers` reads.

    A good answer's papers are the right ones. For a wrong answer the reader's word is what a
    right one holds; which papers say so is left to whoever makes a test of it.

    Raises:
        LibraryError: the file cannot be written.
    """
    turn = conversation.turns[place]
    fact = " ".join(word.lower().split())
    question = Question(
        id=f"{verdict}-{uuid.uuid4().hex[:12]}",
        type=verdict,
        question=turn.question,
        history=tuple(t.said for t in conversation.turns[:place] if t.answer),
        titles=tuple(paper.title for paper in turn.cited()) if verdict == "liked" else (),
        facts=((fact,),) if fact else (),
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("a", encoding="utf-8") as file:
            file.write(question.model_dump_json() + "\n")
    except OSError as error:
        raise LibraryError(
            f"The feedback cannot be kept in {path}: {error.strerror}.",
            "Make room there, or set ASKPAPERS_HOME to another folder.",
        ) from None
