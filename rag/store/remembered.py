"""Vectors that took long to make, kept while there is room; nothing rests on their being there.

They are kept by the text that they are of, so a text that changes has none, and any library may
use them. A file that is damaged or cannot be written costs the time to make them again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

import numpy as np

from rag.papers import Vectors

_MOST = 20_000
"""Texts that are kept, 8 KB each with ten sentences."""

_WAIT_S = 1.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (
    number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, rows BLOB NOT NULL
);
"""


class RememberedVectors:
    """Rows of vectors by the key of their text, in an SQLite file.

    A number is kept as a signed byte: a cosine of vectors of length one changes by a thousandth.

    Args:
        folder: where the file is, or will be made.
        name: of what made the vectors.
        dimension: of a vector.
        most: texts that are kept; the oldest are forgotten.
    """

    def __init__(self, folder: Path, name: str, dimension: int, most: int = _MOST) -> None:
        self._file = folder / f"{name}.sqlite"
        self._dimension = dimension
        self._most = most

    def get(self, keys: Sequence[str]) -> dict[str, Vectors]:
        """Those that are kept, ``(rows, dimension)`` each."""
        if not self._file.exists():
            return {}
        asked = ", ".join("?" * len(keys))
        query = f"SELECT key, rows FROM vectors WHERE key IN ({asked})"
        try:
            with closing(self._open()) as file:
                found = file.execute(query, list(keys)).fetchall()
        except sqlite3.Error as error:
            self._put_away(error)
            return {}
        return {
            key: self._numbers(kept)
            for key, kept in found
            if kept and len(kept) % self._dimension == 0
        }

    def put(self, vectors: Mapping[str, Vectors]) -> dict[str, Vectors]:
        """Keep more, each ``(rows, dimension)`` with numbers from -1 to 1.

        Returns:
            The same as they will come back, so that what rests on them is the same from then on.
        """
        kept = {key: (v * 127).round().astype(np.int8).tobytes() for key, v in vectors.items()}
        self._write(kept)
        return {key: self._numbers(rows) for key, rows in kept.items()}

    def _write(self, kept: Mapping[str, bytes]) -> None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._open()) as file, file:
                file.executescript(_SCHEMA)
                file.executemany(
                    "INSERT OR REPLACE INTO vectors (key, rows) VALUES (?, ?)", kept.items()
                )
                file.execute(
                    "DELETE FROM vectors WHERE number <= (SELECT max(number) FROM vectors) - ?",
                    [self._most],
                )
        except sqlite3.Error as error:
            self._put_away(error)
        except OSError:  # the disk is full, or may not be written to
            pass

    def _numbers(self, rows: bytes) -> Vectors:
        kept = np.frombuffer(rows, np.int8).reshape(-1, self._dimension)
        return kept.astype(np.float32) / np.float32(127)

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, timeout=_WAIT_S)

    def _put_away(self, error: sqlite3.Error) -> None:
        """Remove a file that is no database any more; one that is only in use stays."""
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.OperationalError
        ):
            with suppress(OSError):
                self._file.unlink()
