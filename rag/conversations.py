"""Conversations kept on disk: one JSON file each, with the evidence as it read then."""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from rag.errors import LibraryError
from rag.papers import Answer, Paper, Sentence

_ID = re.compile(r"[0-9a-f]{32}")
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Shown:
    """A paper as it read when it was found.

    Attributes:
        score: of the paper for the question, up to 1.
        best: the sentences picked for the question, the closest first.
    """

    paper_id: str
    paper: Paper
    score: float
    best: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what came of it.

    Attributes:
        answer: None where it was stopped or failed.
        trouble: what went wrong, or that it was stopped; empty for an answer.
        draft: what the model had written until then, unchecked.
        shown: the papers found, best first.
        verdict: what the reader thought of it: "liked", "disliked" or empty.
    """

    question: str
    answer: Answer | None = None
    trouble: str = ""
    draft: str = ""
    shown: tuple[Shown, ...] = ()
    verdict: str = ""

    @property
    def said(self) -> tuple[str, str]:
        """Question and answer, as the next question's history."""
        return self.question, self.answer.answer if self.answer else ""

    def cited(self) -> list[Paper]:
        """The papers the answer cites, in the order of their numbers, as they read then."""
        papers = {shown.paper_id: shown.paper for shown in self.shown}
        citations = self.answer.citations if self.answer else ()
        return [papers[c.paper_id] for c in citations if c.paper_id in papers]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns under a name.

    Attributes:
        id: thirty-two hexadecimal digits, the name of its file.
        name: what the reader calls it; until then its first question.
        changed: seconds since 1970.
    """

    id: str
    name: str
    changed: float
    turns: tuple[Turn, ...] = ()

    @staticmethod
    def new() -> Conversation:
        return Conversation(uuid.uuid4().hex, "", time.time())

    def with_turns(self, turns: Sequence[Turn]) -> Conversation:
        """The same conversation with these turns."""
        name = self.name or (_shortened(turns[0].question) if turns else "")
        return replace(self, turns=tuple(turns), name=name, changed=time.time())

    def renamed(self, name: str) -> Conversation:
        """The same conversation under another name; an empty one changes nothing."""
        return replace(self, name=_shortened(name) or self.name)

    def history(self) -> list[tuple[str, str]]:
        """The answered turns."""
        return [turn.said for turn in self.turns if turn.answer]

    def cited(self) -> list[Paper]:
        """The papers that its answers cite, each once."""
        papers = {paper.id: paper for turn in self.turns for paper in turn.cited()}
        return list(papers.values())


class Shelf:
    """The conversations in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, tuple[int, Conversation]] = {}

    def all(self) -> list[Conversation]:
        """Every conversation, the latest first; a file that cannot be read is passed over."""
        found = (self._load(path) for path in self._folder.glob("*.json"))
        return sorted((c for c in found if c), key=lambda c: -c.changed)

    def find(self, words: str) -> list[Conversation]:
        """Those whose name, questions or answers hold all the words."""
        wanted = words.casefold().split()
        return [c for c in self.all() if all(word in _text(c) for word in wanted)]

    def get(self, identity: str) -> Conversation | None:
        """One conversation, None if it is not there."""
        return self._load(self._path(identity)) if _ID.fullmatch(identity) else None

    def keep(self, conversation: Conversation) -> None:
        """Write it down, whole or not at all.

        Raises:
            LibraryError: the folder cannot be written.
        """
        path = self._path(conversation.id)
        part = path.with_suffix(f".{uuid.uuid4().hex}.part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            part.write_bytes(_ADAPTER.dump_json(conversation))
            os.replace(part, path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise LibraryError(
                f"The conversation cannot be kept in {self._folder}: {error.strerror}.",
                "Make room there, or set ASKPAPERS_HOME to another folder.",
            ) from None

    def delete(self, identity: str) -> None:
        """Take it away for good."""
        if _ID.fullmatch(identity):
            self._path(identity).unlink(missing_ok=True)

    def _path(self, identity: str) -> Path:
        return self._folder / f"{identity}.json"

    def _load(self, path: Path) -> Conversation | None:
        try:
            stamp = path.stat().st_mtime_ns
            known = self._read.get(path)
            if known is None or known[0] != stamp:
                known = stamp, _ADAPTER.validate_json(path.read_bytes())
                self._read[path] = known
        except (OSError, ValidationError):
            return None
        return known[1]


_ADAPTER = TypeAdapter(Conversation)


def _text(conversation: Conversation) -> str:
    said = (part for turn in conversation.turns for part in turn.said)
    return "\n".join([conversation.name, *said]).casefold()


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    if len(text) <= _LONGEST_NAME:
        return text
    return text[: _LONGEST_NAME - 1].rsplit(" ", 1)[0] + "…"
