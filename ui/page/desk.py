"""What one browser tab has before it: a conversation, chosen papers, and at most one question."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from rag.conversations import Conversation, Shelf
from rag.filters import Filters
from rag.papers import Paper
from rag.settings import Settings
from ui.page.preferences import Preferences, keep_preferences, read_preferences

_READER = re.compile(r"[0-9a-f]{32}")
_MOST_DESKS = 1_000


@dataclass(eq=False)
class Run:
    """A question on its way.

    Attributes:
        stopped: set by the reader, who still wants to see how it ended.
        replaced: set when something else took its place on the page.
    """

    stopped: threading.Event = field(default_factory=threading.Event)
    replaced: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)


@dataclass(eq=False)
class Desk:
    """One tab.

    Attributes:
        editing: the turn whose question is being changed.
        papers: which papers the next question is asked of, chosen one by one.
        removed: papers taken out of the library last, for undoing it.
    """

    shelf: Shelf
    folder: Path
    settings: Settings
    conversation: Conversation = field(default_factory=Conversation.new)
    papers: Filters = field(default_factory=Filters)
    editing: int | None = None
    removed: tuple[Paper, ...] = ()
    adding: threading.Event | None = None
    run: Run | None = None

    @property
    def preferences(self) -> Preferences:
        return read_preferences(self.folder / "settings.json", self.settings)

    def prefer(self, preferences: Preferences) -> None:
        """Keep these settings."""
        keep_preferences(self.folder / "settings.json", preferences)

    @property
    def filters(self) -> Filters:
        """All that the reader set: in the settings, and paper by paper."""
        return self.preferences.filters | self.papers

    def begin(self) -> Run:
        """Start a question: one that is on its way gives way to it, and is kept as stopped."""
        self.clear()
        self.run = Run()
        return self.run

    def clear(self) -> None:
        """End the question that is on its way, without showing how it ended."""
        if self.run is not None:
            self.run.replaced.set()
            self.run.ended.wait(timeout=10)

    def open(self, conversation: Conversation) -> None:
        """Put another conversation on the desk."""
        self.clear()
        self.conversation = conversation
        self.editing = None
        self.papers = Filters()


class Desks:
    """Every tab's desk, by the session that the server gave it.

    Args:
        shared: whether people other than this machine's user may come; each then has a folder
            under a key that only their browser knows.
    """

    def __init__(self, settings: Settings, *, shared: bool) -> None:
        self._settings = settings
        self._shared = shared
        self._desks: OrderedDict[str, Desk] = OrderedDict()
        self._shelves: dict[Path, Shelf] = {}
        self._lock = threading.Lock()

    def of(self, session: str) -> Desk:
        """The desk of a session; a new one at its first call."""
        return self.sit(session, "")

    def sit(self, session: str, reader: str) -> Desk:
        """The desk of a session whose browser has come with its key."""
        with self._lock:
            if session not in self._desks:
                folder = self._folder(session, reader)
                shelf = self._shelves.setdefault(folder, Shelf(folder / "conversations"))
                self._desks[session] = Desk(shelf, folder, self._settings)
                if len(self._desks) > _MOST_DESKS:
                    self._desks.popitem(last=False)
            self._desks.move_to_end(session)
            return self._desks[session]

    def leave(self, session: str) -> None:
        """A tab was closed: its question ends."""
        with self._lock:
            desk = self._desks.pop(session, None)
        if desk is not None and desk.run is not None:
            desk.run.replaced.set()

    def _folder(self, session: str, reader: str) -> Path:
        home = self._settings.home / "page"
        if not self._shared:
            return home
        if not _READER.fullmatch(reader):  # what the browser sends names no folder unchecked
            reader = f"tab-{sha256(session.encode()).hexdigest()[:32]}"
        return home / "readers" / reader
