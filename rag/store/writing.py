"""One writer at a time, and what is said when the disk is full."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from rag.errors import LibraryError
from rag.progress import Progress, Report


class WriterLock:
    """The lock of a library's folder, with the number of the process that holds it beside it.

    Args:
        report: told whom one waits for.
    """

    def __init__(self, folder: Path, report: Report) -> None:
        self._folder = folder
        self._report = report

    @contextmanager
    def held(self, *, wait: bool = True) -> Iterator[None]:
        """Hold the lock. Without waiting, filelock's Timeout says that somebody else does."""
        holder = self._folder / "writer.pid"
        lock = self._lock()
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if not wait:
                raise
            label = f"waiting for {self.holder()}, which is writing"
            self._report(Progress(label, 0, None, "seconds"))
            lock.acquire()
        try:
            holder.write_text(str(os.getpid()))
            yield
        finally:
            holder.unlink(missing_ok=True)
            lock.release()

    def is_held(self) -> bool:
        """Whether somebody writes."""
        lock = self._lock()
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        return False

    def _lock(self) -> FileLock:
        return FileLock(self._folder / ".lock")

    def holder(self) -> str:
        """Who writes, as far as it is told."""
        try:
            number = (self._folder / "writer.pid").read_text()
        except OSError:
            number = ""
        # It holds the lock a moment before it says who it is.
        return f"process {number}" if number else "another process"


@contextmanager
def disk_full_said(path: Path) -> Iterator[None]:
    """Tell a full disk from other trouble; what was written until then stays whole."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        if not full and "full" not in str(error):
            raise
        raise LibraryError(
            f"The disk that holds {path} is full; the papers written before are kept.",
            "Free some space and run it again: it goes on where it stopped.",
        ) from None
