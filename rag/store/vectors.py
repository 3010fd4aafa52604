"""Vectors of passages in Chroma, with a manifest of what made them.

Chroma is handed finished vectors and no embedding function, so the manifest beside it is the
only trace of the encoder; vectors of another encoder or splitter are never searched.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import chromadb
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
    """The vectors of one library. One process writes at a time; the library sees to that."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._folder = folder
        self._manifest = manifest
        self._opened: Any = None

    def is_current(self) -> bool:
        """Whether what lies there was made with this manifest; nothing there counts as not."""
        try:
            stored = json.loads((self._folder / "manifest.json").read_text())
        except (OSError, ValueError):
            return False
        return bool(stored == asdict(self._manifest))

    def reset(self) -> None:
        """Throw everything away and start anew."""
        self._opened = None
        _forget_clients()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._collection.count()
        temporary = self._folder / "manifest.tmp"
        temporary.write_text(json.dumps(asdict(self._manifest), indent=1))
        os.replace(temporary, self._folder / "manifest.json")

    def upsert(self, ids: Sequence[str], vectors: Vectors) -> None:
        """Store vectors ``(len(ids), dimension)`` under ids, replacing those that are there."""
        for first in range(0, len(ids), _BATCH):
            self._collection.upsert(
                ids=list(ids[first : first + _BATCH]),
                embeddings=vectors[first : first + _BATCH],
            )

    def delete(self, ids: Sequence[str]) -> None:
        for first in range(0, len(ids), _BATCH):
            self._collection.delete(ids=list(ids[first : first + _BATCH]))

    def ids(self) -> set[str]:
        return set(self._collection.get(include=[])["ids"])

    def count(self) -> int:
        return int(self._collection.count())

    def search(self, vector: Vectors, k: int) -> list[tuple[str, float]]:
        """The ``k`` closest passages as (id, cosine), closest first.

        Args:
            vector: of the question, ``(dimension,)``.
        """
        k = min(k, self.count())
        if k == 0:
            return []
        found = self._collection.query(
            query_embeddings=[vector], n_results=k, include=["distances"]
        )
        distances = found["distances"]
        return [
            (passage, 1.0 - float(distance))
            for passage, distance in zip(found["ids"][0], distances[0], strict=True)
        ]

    @property
    def _collection(self) -> Any:
        if self._opened is None:
            try:
                self._opened = self._open()
            except Exception as error:  # Chroma raises what its Rust core does
                raise LibraryError(
                    f"The vectors in {self._folder} cannot be opened: {error}",
                    "Run `askpapers rebuild` to make them again from the catalog.",
                ) from error
        return self._opened

    def _open(self) -> Any:
        client = chromadb.PersistentClient(
            path=str(self._folder / "chroma"),
            settings=ChromaSettings(anonymized_telemetry=False),
        )
        return client.get_or_create_collection(
            _COLLECTION,
            embedding_function=None,
            configuration={"hnsw": {"space": "cosine", "ef_search": 200}},
        )


def _forget_clients() -> None:
    """Make Chroma open a folder that was replaced anew; it keeps one client a path."""
    from chromadb.api.shared_system_client import SharedSystemClient

    SharedSystemClient.clear_system_cache()
