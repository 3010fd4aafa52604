"""Vectors of passages in Chroma, with a manifest of what made them.

Chroma is handed finished vectors and no embedding function, so the manifest beside it is the
only trace of the encoder; vectors of another encoder or splitter are never searched.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
from chromadb.config import Settings as ChromaSettings

from rag.errors import LibraryError
from rag.papers import Vectors

_COLLECTION = "passages"
_BATCH = 2000
"""Chroma takes at most 5,461 rows a call."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the vectors were made with; any difference means making them again."""

    encoder: str
    revision: str
    dimension: int
    splitter: int


class VectorIndex:
    """The vectors of one library. One process writes at a time; the library sees to that.

    The manifest names the folder of the collection, so vectors that are made anew beside the old
    ones take their place in one step.

    Args:
        place: folder of the collection; by default the one that the manifest names.
    """

    def __init__(self, folder: Path, manifest: Manifest, place: str = "") -> None:
        self._folder = folder
        self._manifest = manifest
        self._place = place
        self._opened: tuple[str, Any] | None = None

    def is_current(self) -> bool:
        """Whether what lies there was made with this manifest; nothing there counts as not."""
        return self.found_by() == self.made_by() and (self._folder / self._pointed()).is_dir()

    def made_by(self) -> str:
        """The manifest as text, to compare with another's."""
        return json.dumps(asdict(self._manifest), sort_keys=True)

    def found_by(self) -> str:
        """The manifest of what lies there, as text; empty where nothing does."""
        stored = self._stored()
        stored.pop("folder", None)
        return json.dumps(stored, sort_keys=True) if stored else ""

    def beside(self) -> VectorIndex:
        """An empty index, which counts for readers as soon as it takes over."""
        pointed = self._pointed()
        names = (f"chroma-{number}" for number in count(1))
        place = next(n for n in names if n != pointed and not (self._folder / n).exists())
        _forget_clients()
        (self._folder / place).mkdir(parents=True)
        return VectorIndex(self._folder, self._manifest, place)

    def take_over(self) -> None:
        """Be the index that readers find, and drop all others."""
        self.count()
        temporary = self._folder / "manifest.tmp"
        content = asdict(self._manifest) | {"folder": self._place}
        temporary.write_text(json.dumps(content, indent=1))
        os.replace(temporary, self._folder / "manifest.json")
        self.drop_others()

    def drop_others(self) -> None:
        """Remove what an interrupted rebuild, or an index that was replaced, left behind."""
        pointed = self._pointed()
        for other in self._folder.glob("chroma*"):
            if other.name != pointed:
                shutil.rmtree(other, ignore_errors=True)

    def upsert(self, ids: Sequence[str], vectors: Vectors) -> None:
        """Store vectors ``(len(ids), dimension)`` under ids, replacing those that are there."""
        with self._trouble_said():
            for first in range(0, len(ids), _BATCH):
                self._collection().upsert(
                    ids=list(ids[first : first + _BATCH]),
                    embeddings=vectors[first : first + _BATCH],
                )

    def delete(self, ids: Sequence[str]) -> None:
        with self._trouble_said():
            for first in range(0, len(ids), _BATCH):
                self._collection().delete(ids=list(ids[first : first + _BATCH]))

    def ids(self) -> set[str]:
        with self._trouble_said():
            return set(self._collection().get(include=[])["ids"])

    def count(self) -> int:
        with self._trouble_said():
            return int(self._collection().count())

    def stored(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors under these ids, as far as they are there."""
        with self._trouble_said():
            found = self._collection().get(ids=list(ids), include=["embeddings"])
        return dict(zip(found["ids"], np.asarray(found["embeddings"], np.float32), strict=True))

    def search(self, vector: Vectors, k: int) -> list[tuple[str, float]]:
        """The ``k`` closest passages as (id, cosine), closest first.

        Args:
            vector: of the question, ``(dimension,)``.
        """
        try:
            return self._search(vector, k)
        except LibraryError:  # a rebuild took its place in this moment
            self.reopen()
            return self._search(vector, k)

    def reopen(self) -> None:
        """Read the disk anew: Chroma does not see what another process has written."""
        self._opened = None
        _forget_clients()

    def _search(self, vector: Vectors, k: int) -> list[tuple[str, float]]:
        k = min(k, self.count())
        if k == 0:
            return []
        with self._trouble_said():
            found = self._collection().query(
                query_embeddings=[vector], n_results=k, include=["distances"]
            )
        distances = found["distances"]
        return [
            (passage, 1.0 - float(distance))
            for passage, distance in zip(found["ids"][0], distances[0], strict=True)
        ]

    def _stored(self) -> dict[str, Any]:
        try:
            stored = json.loads((self._folder / "manifest.json").read_text())
        except (OSError, ValueError):
            return {}
        return stored if isinstance(stored, dict) else {}

    def _pointed(self) -> str:
        """Folder of the collection; libraries of older versions do not name theirs."""
        return self._place or str(self._stored().get("folder", "chroma"))

    def _collection(self) -> Any:
        place = self._pointed()
        if self._opened is None or self._opened[0] != place:
            if self._opened is not None:
                _forget_clients()
            self._opened = (place, self._open(place))
        return self._opened[1]

    def _open(self, place: str) -> Any:
        client = chromadb.PersistentClient(
            path=str(self._folder / place),
            settings=ChromaSettings(anonymized_telemetry=False),
        )
        return client.get_or_create_collection(
            _COLLECTION,
            embedding_function=None,
            configuration={"hnsw": {"space": "cosine", "ef_search": 200}},
        )

    @contextmanager
    def _trouble_said(self) -> Iterator[None]:
        """What Chroma raises, which is whatever its Rust core does, told for a person."""
        try:
            yield
        except BaseException as error:
            panicked = type(error).__name__ == "PanicException"  # no Exception, and not importable
            if isinstance(error, LibraryError) or not (isinstance(error, Exception) or panicked):
                raise
            said = " ".join(str(error).split())[:200]
            if "disk is full" in said or "No space left" in said:
                raise OSError(errno.ENOSPC, said) from error
            raise LibraryError(
                f"The vectors in {self._folder} cannot be used: {said}",
                "Run `askpapers rebuild` to make them again from the catalog.",
            ) from error


def _forget_clients() -> None:
    """Make Chroma open a folder that was replaced anew; it keeps one client a path."""
    from chromadb.api.shared_system_client import SharedSystemClient

    SharedSystemClient.clear_system_cache()
