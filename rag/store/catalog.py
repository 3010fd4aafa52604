"""The catalog: papers, passages and sentences in SQLite. It is the truth.

A paper is written with ``indexed = 0``, and its row says 1 only after its vectors are stored;
readers see indexed papers alone. Every change of what readers see raises ``generation``, by
which an index knows that it is behind.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from rag.errors import LibraryError
from rag.identity import find_identifiers, names
from rag.papers import Paper, Passage, Sentence, Signs, Vectors, normalise

_SCHEMA_VERSION = 3
_OLDER = ("1", "2")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO meta VALUES ('schema', '1');
CREATE TABLE IF NOT EXISTS papers (
    id TEXT PRIMARY KEY, text_hash TEXT NOT NULL, title TEXT NOT NULL, abstract TEXT NOT NULL,
    authors TEXT NOT NULL, year INTEGER, venue TEXT NOT NULL, url TEXT NOT NULL,
    source_id TEXT NOT NULL, source TEXT NOT NULL, sample INTEGER NOT NULL,
    indexed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS passages (
    id TEXT PRIMARY KEY, paper_id TEXT NOT NULL REFERENCES papers ON DELETE CASCADE,
    text TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS passages_of ON passages (paper_id);
CREATE TABLE IF NOT EXISTS sentences (
    paper_id TEXT NOT NULL REFERENCES papers ON DELETE CASCADE,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, PRIMARY KEY (paper_id, start)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS vectors (
    paper_id TEXT PRIMARY KEY REFERENCES papers ON DELETE CASCADE,
    passages BLOB NOT NULL, sentences BLOB NOT NULL
);
"""
_IDENTIFIERS = """
ALTER TABLE papers ADD COLUMN doi TEXT NOT NULL DEFAULT '';
ALTER TABLE papers ADD COLUMN arxiv TEXT NOT NULL DEFAULT '';
ALTER TABLE papers ADD COLUMN pmid TEXT NOT NULL DEFAULT '';
ALTER TABLE papers ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE papers ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE papers ADD COLUMN entry TEXT NOT NULL DEFAULT '';
ALTER TABLE papers ADD COLUMN origins TEXT NOT NULL DEFAULT '[]';
ALTER TABLE papers ADD COLUMN title_key TEXT NOT NULL DEFAULT '';
CREATE INDEX papers_titled ON papers (title_key);
CREATE TABLE names (
    name TEXT PRIMARY KEY, paper_id TEXT NOT NULL REFERENCES papers ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX names_of ON names (paper_id);
CREATE TABLE listings (
    origin TEXT NOT NULL, paper_id TEXT NOT NULL REFERENCES papers ON DELETE CASCADE,
    run INTEGER NOT NULL, PRIMARY KEY (origin, paper_id)
) WITHOUT ROWID;
CREATE INDEX listings_of ON listings (paper_id);
"""
"""What the second format adds: identifiers and names, tags and notes, what each source lists."""

_WORDS = """
ALTER TABLE vectors ADD COLUMN words BLOB NOT NULL DEFAULT x'';
DROP TABLE IF EXISTS staged_passages;
DROP TABLE IF EXISTS staged_sentences;
DROP TABLE IF EXISTS staged;
"""
"""What the third format adds: words. What was staged before has none."""

_STAGING = (
    """CREATE TABLE IF NOT EXISTS staged (
    paper_id TEXT PRIMARY KEY REFERENCES papers ON DELETE CASCADE, text_hash TEXT NOT NULL,
    made_by TEXT NOT NULL, whole BLOB NOT NULL,
    passages BLOB NOT NULL, sentences BLOB NOT NULL, words BLOB NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS staged_passages (
    id TEXT PRIMARY KEY, paper_id TEXT NOT NULL REFERENCES staged ON DELETE CASCADE,
    text TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS staged_sentences (
    paper_id TEXT NOT NULL REFERENCES staged ON DELETE CASCADE,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, PRIMARY KEY (paper_id, start)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS staged_passages_of ON staged_passages (paper_id)",
)
"""What another encoder or splitter makes of the papers, until it takes the old one's place.

``whole`` are the passages' vectors as the encoder made them, for the index to be filled with.
"""

_SCALE = 127 / 0.35
"""Hardly a number of a vector of 384 at length one is beyond .35; those are cut to it."""

_COLUMNS = (
    "id, title, abstract, authors, year, venue, url, source_id, source, sample, "
    "doi, arxiv, pmid, tags, note, entry, origins"
)
_RECORD = (
    "authors year venue url source_id source sample doi arxiv pmid tags note entry origins"
).split()
"""Columns that hold everything about a paper but its text."""


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A paper with what it was split into, ready to be written."""

    paper: Paper
    sentences: tuple[Sentence, ...]
    passages: tuple[Passage, ...]

    def passage_ids(self) -> list[str]:
        """One id a passage, in order; they change whenever the paper's text does."""
        state = f"{self.paper.id}-{self.paper.text_hash}"
        return [f"{state}-{n}" for n in range(len(self.passages))]


@dataclass(frozen=True, slots=True)
class PaperVectors:
    """Vectors of a paper's passages ``(passages, dimension)`` and sentences, in their order.

    Attributes:
        words: the signs of the vectors of its words, a bit a number, ``(words, dimension / 8)``.
    """

    passages: Vectors
    sentences: Vectors
    words: Signs


class Catalog:
    """The SQLite file of a library. Safe to read from several threads and processes."""

    schema = str(_SCHEMA_VERSION)

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        try:
            if not self._is_made():
                self._make()
            if self.get_meta("schema") in _OLDER:
                self._upgrade()
            found = self.get_meta("schema")
        except sqlite3.DatabaseError as error:
            raise LibraryError(
                f"The catalog {path} cannot be opened: {error}.",
                "If another program changed it, put a copy back; if the disk is full or read-only, "
                "mend that first.",
            ) from None
        if found != str(_SCHEMA_VERSION):
            raise LibraryError(
                f"The catalog {path} has format {found}; this askpapers reads {_SCHEMA_VERSION}.",
                "Upgrade askpapers.",
            )

    # Reading

    def count(self) -> int:
        """How many papers readers see."""
        row = self._read("SELECT COUNT(*) FROM papers WHERE indexed = 1").fetchone()
        return int(row[0])

    def count_sample(self) -> int:
        """How many of them belong to the starter library."""
        row = self._read("SELECT COUNT(*) FROM papers WHERE indexed = 1 AND sample = 1").fetchone()
        return int(row[0])

    def papers(self) -> Iterator[Paper]:
        """Every paper readers see, by title."""
        query = f"SELECT {_COLUMNS} FROM papers WHERE indexed = 1 ORDER BY title COLLATE NOCASE, id"
        for row in self._read(query):
            yield _paper(row)

    def some_titles(self, most: int) -> list[str]:
        """Titles of papers that readers see, chosen by their ids, which is as good as by lot."""
        query = "SELECT title FROM papers WHERE indexed = 1 ORDER BY id LIMIT ?"
        return [row[0] for row in self._read(query, [most])]

    def some_papers(self, ids: Sequence[str]) -> Iterator[Paper]:
        """These papers one by one, as far as readers see them; for more than fit the memory."""
        for some in _batches(ids):
            yield from self.get(some).values()

    def text_hashes(self) -> dict[str, str]:
        """Every paper readers see, by id, with the hash of its text."""
        return dict(self._read("SELECT id, text_hash FROM papers WHERE indexed = 1"))

    def get(self, ids: Sequence[str]) -> dict[str, Paper]:
        """The papers with those ids, as far as readers see them."""
        found = {}
        for some in _batches(ids):
            marks = ",".join("?" * len(some))
            query = f"SELECT {_COLUMNS} FROM papers WHERE indexed = 1 AND id IN ({marks})"
            found.update({row[0]: _paper(row) for row in self._read(query, some)})
        return found

    def stored(self, ids: Sequence[str]) -> dict[str, Paper]:
        """The papers with those ids, indexed or not."""
        found = {}
        for some in _batches(ids):
            marks = ",".join("?" * len(some))
            query = f"SELECT {_COLUMNS} FROM papers WHERE id IN ({marks})"
            found.update({row[0]: _paper(row) for row in self._read(query, some)})
        return found

    def named(self, wanted: Sequence[str]) -> dict[str, str]:
        """Name → paper id, for the names (see `rag.identity.names`) that are known."""
        found: dict[str, str] = {}
        for some in _batches(wanted):
            marks = ",".join("?" * len(some))
            query = f"SELECT name, paper_id FROM names WHERE name IN ({marks})"
            found.update(self._read(query, some))
        return found

    def titled(self, titles: Sequence[str]) -> dict[str, list[str]]:
        """Normalised title → ids of the papers of that title."""
        found: dict[str, list[str]] = {}
        for some in _batches(titles):
            marks = ",".join("?" * len(some))
            query = f"SELECT title_key, id FROM papers WHERE title_key IN ({marks}) ORDER BY id"
            for title, paper_id in self._read(query, some):
                found.setdefault(title, []).append(paper_id)
        return found

    def sentences(self, paper: Paper) -> tuple[Sentence, ...]:
        """The paper's sentences in order."""
        query = 'SELECT start, "end" FROM sentences WHERE paper_id = ? ORDER BY start'
        return tuple(
            Sentence(paper.abstract[start:end], start, end)
            for start, end in self._read(query, [paper.id])
        )

    def vectors(self, ids: Sequence[str], dimension: int) -> dict[str, PaperVectors]:
        """The stored vectors of these papers, as far as readers see them."""
        return self.stored_vectors(self.seen(ids), dimension)

    def seen(self, ids: Sequence[str]) -> list[str]:
        """Those of these papers that readers see."""
        found: list[str] = []
        for some in _batches(ids):
            marks = ",".join("?" * len(some))
            query = f"SELECT id FROM papers WHERE indexed = 1 AND id IN ({marks})"
            found += [row[0] for row in self._read(query, some)]
        return found

    def stored_vectors(self, ids: Sequence[str], dimension: int) -> dict[str, PaperVectors]:
        """The stored vectors of these papers, indexed or not."""
        found = {}
        for some in _batches(ids):
            marks = ",".join("?" * len(some))
            query = (
                "SELECT paper_id, passages, sentences, words FROM vectors "
                f"WHERE paper_id IN ({marks})"
            )
            for paper_id, passages, sentences, words in self._read(query, some):
                found[paper_id] = PaperVectors(
                    _unpack(passages, dimension),
                    _unpack(sentences, dimension),
                    np.frombuffer(words, np.uint8).reshape(-1, dimension // 8),
                )
        return found

    def papers_of_passages(self, ids: Sequence[str]) -> dict[str, str]:
        """Passage id → paper id, for the passages of papers that readers see."""
        found: dict[str, str] = {}
        for some in _batches(ids):
            marks = ",".join("?" * len(some))
            query = (
                "SELECT passages.id, paper_id FROM passages JOIN papers ON papers.id = paper_id "
                f"WHERE indexed = 1 AND passages.id IN ({marks})"
            )
            found.update(self._read(query, some))
        return found

    def unembedded_ids(self) -> list[str]:
        """Papers, indexed or not, whose vectors are not stored."""
        query = "SELECT id FROM papers WHERE id NOT IN (SELECT paper_id FROM vectors)"
        return [row[0] for row in self._read(query)]

    def passage_owners(self) -> dict[str, str]:
        """Passage id → paper id, for every passage there should be a vector of."""
        return dict(self._read("SELECT id, paper_id FROM passages"))

    def passage_texts(self, ids: Sequence[str]) -> dict[str, str]:
        """What the encoder reads of these passages, by id."""
        found: dict[str, str] = {}
        for some in _batches(ids):
            marks = ",".join("?" * len(some))
            found.update(self._read(f"SELECT id, text FROM passages WHERE id IN ({marks})", some))
        return found

    def rows(self, ids: Sequence[str]) -> Iterator[PaperRow]:
        """These papers, indexed or not, with what they were split into."""
        for paper_id in ids:
            query = f"SELECT {_COLUMNS} FROM papers WHERE id = ?"
            paper = _paper(self._read(query, [paper_id]).fetchone())
            query = 'SELECT text, start, "end" FROM passages WHERE paper_id = ? ORDER BY start'
            passages = tuple(Passage(*row) for row in self._read(query, [paper_id]))
            yield PaperRow(paper, self.sentences(paper), passages)

    def passages_of(self, paper_id: str) -> list[str]:
        """Ids of a paper's passages in order, as its vectors are."""
        query = "SELECT id FROM passages WHERE paper_id = ? ORDER BY start"
        return [row[0] for row in self._read(query, [paper_id])]

    def passage_ids(self, paper_ids: Sequence[str]) -> set[str]:
        """Ids of the passages of these papers, indexed or not."""
        found: set[str] = set()
        for some in _batches(paper_ids):
            marks = ",".join("?" * len(some))
            query = f"SELECT id FROM passages WHERE paper_id IN ({marks})"
            found.update(row[0] for row in self._read(query, some))
        return found

    def generation(self) -> int:
        """Raised by every change of what readers see."""
        return int(self.get_meta("generation") or 0)

    def get_meta(self, key: str) -> str | None:
        row = self._read("SELECT value FROM meta WHERE key = ?", [key]).fetchone()
        return row[0] if row else None

    def integrity(self) -> list[str]:
        """What SQLite finds wrong with the file; empty when it is sound."""
        try:
            rows = [row[0] for row in self._read("PRAGMA integrity_check")]
        except sqlite3.DatabaseError as error:
            return [str(error)]
        return [row for row in rows if row != "ok"]

    # Writing; the caller holds the library's lock

    def put(self, rows: Iterable[PaperRow]) -> None:
        """Write papers, not indexed yet, in one transaction; a paper that is there is replaced."""
        with self._write() as connection:
            for row in rows:
                _put_paper(connection, row)
            _raise_generation(connection)

    def update_record(self, papers: Iterable[Paper]) -> None:
        """Write everything about papers but their text, which must be the same."""
        with self._write() as connection:
            for paper in papers:
                _put_record(connection, paper)
            _raise_generation(connection)

    def list_under(self, origin: str, run: int, owners: Mapping[str, str]) -> None:
        """Note what a source lists in this run, and by which names its papers are known.

        Args:
            owners: name → paper id.
        """
        with self._write() as connection:
            connection.executemany("INSERT OR IGNORE INTO names VALUES (?, ?)", owners.items())
            if origin:
                connection.executemany(
                    "INSERT OR REPLACE INTO listings VALUES (?, ?, ?)",
                    [(origin, paper_id, run) for paper_id in set(owners.values())],
                )

    def unlisted(self, origin: str) -> list[str]:
        """Papers that this source once listed, did not in its last run, and no other lists."""
        query = (
            "SELECT paper_id FROM listings AS l WHERE origin = :origin "
            "AND run < (SELECT MAX(run) FROM listings WHERE origin = :origin) AND NOT EXISTS "
            "(SELECT 1 FROM listings WHERE paper_id = l.paper_id AND origin <> :origin)"
        )
        return [row[0] for row in self._connection.execute(query, {"origin": origin})]

    def next_run(self) -> int:
        """A number that is higher for each run of a source."""
        return int(self._read("SELECT COALESCE(MAX(run), 0) + 1 FROM listings").fetchone()[0])

    def put_vectors(self, vectors: Mapping[str, PaperVectors]) -> None:
        """Keep the vectors of papers, by paper id; those that are there are replaced."""
        with self._write() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)",
                [(paper, *_packed(made)) for paper, made in vectors.items()],
            )

    def stage(
        self, rows: Sequence[PaperRow], vectors: Mapping[str, PaperVectors], made_by: str
    ) -> None:
        """Keep what papers are split into now, and its vectors, beside what readers see."""
        with self._write() as connection:
            for statement in _STAGING:
                connection.execute(statement)
            for row in rows:
                made = vectors[row.paper.id]
                connection.execute("DELETE FROM staged WHERE paper_id = ?", (row.paper.id,))
                connection.execute(
                    "INSERT INTO staged VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(row.paper.id, row.paper.text_hash, made_by),
                        np.asarray(made.passages, np.float32).tobytes(),
                        *_packed(made),
                    ),
                )
                _put_parts(connection, row, "staged_")

    def unstaged_ids(self, made_by: str) -> list[str]:
        """Papers, indexed or not, that are not staged by this, as they read now."""
        query = "SELECT id FROM papers"
        if not self._has_staged():
            return [row[0] for row in self._read(query)]
        query += (
            " WHERE NOT EXISTS (SELECT 1 FROM staged WHERE paper_id = papers.id "
            "AND staged.text_hash = papers.text_hash AND made_by = ?)"
        )
        return [row[0] for row in self._read(query, [made_by])]

    def staged_passages(self, dimension: int) -> Iterator[tuple[list[str], Vectors]]:
        """Of each staged paper the ids of its passages and their vectors, in order."""
        if not self._has_staged():
            return
        ids = [row[0] for row in self._read("SELECT paper_id FROM staged")]
        query = "SELECT id FROM staged_passages WHERE paper_id = ? ORDER BY start"
        for paper_id in ids:
            passages = [row[0] for row in self._read(query, [paper_id])]
            found = self._read("SELECT whole FROM staged WHERE paper_id = ?", [paper_id])
            yield passages, np.frombuffer(found.fetchone()[0], np.float32).reshape(-1, dimension)

    def adopt_staged(self, made_by: str) -> None:
        """Let what is staged, of all papers, be what readers see. In one transaction."""
        with self._write() as connection:
            if self._has_staged():
                for table in ("passages", "sentences"):
                    connection.execute(f"DELETE FROM {table}")
                    connection.execute(f"INSERT INTO {table} SELECT * FROM staged_{table}")
                connection.execute("DELETE FROM vectors")
                connection.execute(
                    "INSERT INTO vectors SELECT paper_id, passages, sentences, words FROM staged"
                )
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('embedded_by', ?)", (made_by,))
            _raise_generation(connection)

    def forget_staged(self) -> None:
        """Drop what is staged, if anything is."""
        with self._write() as connection:
            for table in ("staged_passages", "staged_sentences", "staged"):
                connection.execute(f"DROP TABLE IF EXISTS {table}")

    def _has_staged(self) -> bool:
        query = "SELECT 1 FROM sqlite_master WHERE name = 'staged_sentences'"
        return self._read(query).fetchone() is not None

    def mark_indexed(self, ids: Sequence[str]) -> None:
        """Let readers see these papers: their vectors are stored."""
        with self._write() as connection:
            connection.executemany(
                "UPDATE papers SET indexed = 1 WHERE id = ?", [(paper_id,) for paper_id in ids]
            )
            _raise_generation(connection)

    def unindexed_ids(self) -> list[str]:
        return [row[0] for row in self._read("SELECT id FROM papers WHERE indexed = 0")]

    def remove(self, ids: Sequence[str]) -> None:
        """Forget these papers, their passages and sentences."""
        with self._write() as connection:
            connection.executemany(
                "DELETE FROM papers WHERE id = ?", [(paper_id,) for paper_id in ids]
            )
            _raise_generation(connection)

    def set_meta(self, key: str, value: str) -> None:
        with self._write() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def settle(self) -> None:
        """Move what was written from the journal into the file itself, as far as readers let it.

        Afterwards nothing is lost with the journal.
        """
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def copy_to(self, file: Path, note: Mapping[str, str]) -> None:
        """Write a copy of the whole catalog, with these entries among its ``meta``."""
        with closing(sqlite3.connect(file)) as copy:
            self._connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            with copy:
                for table in ("staged_passages", "staged_sentences", "staged"):
                    copy.execute(f"DROP TABLE IF EXISTS {table}")
                copy.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", note.items())

    def put_back(self, file: Path) -> None:
        """Be what that copy is; what was here is gone. In one transaction.

        A copy of an older format is then brought to this one.
        """
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as copy:
            copy.backup(self._connection)
        if self.get_meta("schema") in _OLDER:
            self._upgrade()

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _is_made(self) -> bool:
        query = "SELECT 1 FROM sqlite_master WHERE name = 'vectors'"
        return self._read(query).fetchone() is not None

    def _make(self) -> None:
        # SQLite refuses, without waiting, when two processes switch one new file to WAL.
        with FileLock(self._path.with_suffix(".making")):
            if not self._is_made():
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")

    def _upgrade(self) -> None:
        """Bring a catalog of an older format to this one, in one transaction."""
        with FileLock(self._path.with_suffix(".making")):
            found = self.get_meta("schema")
            with self._write() as connection:
                if found == "1":
                    _add_identifiers(connection)
                if found in _OLDER:
                    _run(connection, _WORDS)
                    connection.execute(
                        "UPDATE meta SET value = ? WHERE key = 'schema'", (self.schema,)
                    )

    @property
    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._local.connection = connection
        return connection

    def _read(self, query: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        return self._connection.execute(query, values)

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        if connection.in_transaction:
            connection.execute("COMMIT")


def _add_identifiers(connection: sqlite3.Connection) -> None:
    _run(connection, _IDENTIFIERS)
    papers = connection.execute(f"SELECT {_COLUMNS} FROM papers").fetchall()
    for paper in map(_paper, papers):
        found = find_identifiers(paper.url)
        _put_record(connection, replace(paper, doi=found.doi, arxiv=found.arxiv, pmid=found.pmid))


def _run(connection: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";"):
        connection.execute(statement)


def _put_paper(connection: sqlite3.Connection, row: PaperRow) -> None:
    p = row.paper
    connection.execute(
        "INSERT INTO papers (id, text_hash, title, abstract, authors, venue, url, source_id, "
        "source, sample) VALUES (?, ?, ?, ?, '', '', '', '', '', 0) ON CONFLICT (id) DO UPDATE "
        "SET text_hash = excluded.text_hash, title = excluded.title, "
        "abstract = excluded.abstract, indexed = 0",
        (p.id, p.text_hash, p.title, p.abstract),
    )
    _put_record(connection, p)
    for table in ("sentences", "passages", "vectors"):
        connection.execute(f"DELETE FROM {table} WHERE paper_id = ?", (p.id,))
    _put_parts(connection, row)


def _put_parts(connection: sqlite3.Connection, row: PaperRow, prefix: str = "") -> None:
    """Write what a paper is split into."""
    paper_id = row.paper.id
    connection.executemany(
        f"INSERT INTO {prefix}sentences VALUES (?, ?, ?)",
        [(paper_id, s.start, s.end) for s in row.sentences],
    )
    connection.executemany(
        f"INSERT INTO {prefix}passages VALUES (?, ?, ?, ?, ?)",
        [
            (passage_id, paper_id, passage.text, passage.start, passage.end)
            for passage_id, passage in zip(row.passage_ids(), row.passages, strict=True)
        ],
    )


def _put_record(connection: sqlite3.Connection, p: Paper) -> None:
    """Write everything about a paper that is there but its text, and what it is known by."""
    columns = ", ".join(f"{name} = ?" for name in (*_RECORD, "title_key"))
    values = [_plain(getattr(p, name)) for name in _RECORD]
    connection.execute(
        f"UPDATE papers SET {columns} WHERE id = ?", (*values, normalise(p.title), p.id)
    )
    connection.executemany(
        "INSERT OR IGNORE INTO names VALUES (?, ?)", [(name, p.id) for name in names(p)]
    )


def _plain(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, tuple) else value


def _paper(row: tuple[Any, ...]) -> Paper:
    paper_id, title, abstract, authors, year, venue, url, source_id, source, sample, *rest = row
    doi, arxiv, pmid, tags, note, entry, origins = rest
    return Paper(
        title=title,
        abstract=abstract,
        authors=tuple(json.loads(authors)),
        year=year,
        venue=venue,
        url=url,
        source_id=source_id,
        source=source,
        sample=bool(sample),
        doi=doi,
        arxiv=arxiv,
        pmid=pmid,
        tags=tuple(json.loads(tags)),
        note=note,
        entry=entry,
        origins=tuple((field, origin) for field, origin in json.loads(origins)),
        key=paper_id,
    )


def _packed(made: PaperVectors) -> tuple[bytes, bytes, bytes]:
    """A paper's vectors as they are kept: passages, sentences, words."""
    return _pack(made.passages), _pack(made.sentences), made.words.tobytes()


def _pack(vectors: Vectors) -> bytes:
    """Vectors of length one, a signed byte a number: cosines stay within .004."""
    return bytes(np.clip(np.rint(vectors * _SCALE), -127, 127).astype(np.int8).tobytes())


def _unpack(packed: bytes, dimension: int) -> Vectors:
    vectors = np.frombuffer(packed, dtype=np.int8).reshape(-1, dimension).astype(np.float32)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-9), dtype=np.float32)


def _raise_generation(connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO meta VALUES ('generation', '1') "
        "ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1"
    )


def _batches(ids: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    for first in range(0, len(ids), size):
        yield ids[first : first + size]


def check_backup(file: Path) -> None:
    """Look at a file, without writing to it, before it takes a catalog's place."""
    if not file.is_file():
        raise LibraryError(f"{file} does not exist.", "Check the name and the folder.")
    address = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as copy:
            meta = dict(copy.execute("SELECT key, value FROM meta"))
            damage = [row[0] for row in copy.execute("PRAGMA integrity_check(1)")]
    except sqlite3.DatabaseError as error:
        meta, damage = {}, [str(error)]
    if "vectors" not in meta:
        raise LibraryError(
            f"{file} is no backup of a library, or a damaged one.",
            "`askpapers backup FILE` makes one.",
        )
    if meta["schema"] not in (*_OLDER, Catalog.schema):
        raise LibraryError(
            f"The backup {file} has format {meta['schema']}; "
            f"this askpapers reads {Catalog.schema}.",
            "Use the askpapers that wrote it.",
        )
    if damage != ["ok"]:
        raise LibraryError(f"The backup {file} is damaged: {damage[0]}", "Take another one.")
