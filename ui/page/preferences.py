"""What a reader sets on the page, kept on disk; every one of them changes what is answered."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from rag.errors import SettingsError
from rag.filters import Filters
from rag.settings import Settings


@dataclass(frozen=True, slots=True)
class Preferences:
    """The settings of the page. Once kept they hold, whatever the program's own say later."""

    caution: float
    papers: int
    evidence_tokens: int
    answer_tokens: int
    since: int | None = None
    until: int | None = None
    venue: str = ""
    author: str = ""
    quote: bool = False

    @staticmethod
    def of(settings: Settings) -> Preferences:
        """What holds until a reader sets something."""
        return Preferences(
            caution=settings.caution,
            papers=settings.papers,
            evidence_tokens=settings.evidence_tokens,
            answer_tokens=settings.answer_tokens,
            quote=settings.quote,
        )

    def over(self, settings: Settings) -> Settings:
        """The program's settings with these in their place."""
        return settings.model_copy(
            update={
                "caution": self.caution,
                "papers": self.papers,
                "evidence_tokens": self.evidence_tokens,
                "answer_tokens": self.answer_tokens,
                "quote": self.quote,
            }
        )

    @property
    def filters(self) -> Filters:
        """Which papers every question is asked of."""
        return Filters(self.since, self.until, self.venue, self.author)


_ADAPTER = TypeAdapter(Preferences)


def read_preferences(path: Path, settings: Settings) -> Preferences:
    """The ones kept in a file; the program's own where there is none that can be used."""
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return Preferences.of(settings)


def keep_preferences(path: Path, preferences: Preferences) -> None:
    """Write them down, whole or not at all.

    Raises:
        SettingsError: the folder cannot be written.
    """
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part.write_bytes(_ADAPTER.dump_json(preferences))
        os.replace(part, path)
    except OSError as error:
        raise SettingsError(
            f"The settings cannot be kept in {path.parent}: {error.strerror}.",
            "Make room there, or set ASKPAPERS_HOME to another folder.",
        ) from None
