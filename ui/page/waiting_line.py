"""Who may use the model next: one at a time, in the order they came."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from rag.errors import AskpapersError

_MOST = 16
_LOOK = 0.2
"""Seconds after which one who waits looks again."""


class WaitingLine:
    """A line with an end: whoever finds it full is told so."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._line: list[object] = []
        self._moved = threading.Condition()

    def join(self, who: object) -> None:
        """Stand at the end.

        Raises:
            AskpapersError: the line is full.
        """
        with self._moved:
            if len(self._line) >= self._most:
                raise AskpapersError(
                    f"{self._most} questions are waiting already.", "Ask again in a minute."
                )
            self._line.append(who)

    def places(self, who: object) -> Iterator[int]:
        """How many stand before, again and again until nobody does."""
        while True:
            with self._moved:
                if who not in self._line or self._line[0] is who:
                    return
                place = self._line.index(who)
            yield place
            with self._moved:
                self._moved.wait(_LOOK)

    def leave(self, who: object) -> None:
        """Go, wherever one stands."""
        with self._moved:
            if who in self._line:
                self._line.remove(who)
            self._moved.notify_all()
