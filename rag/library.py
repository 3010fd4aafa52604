"""A library of papers: add, remove, look up, search, rebuild, check. The one writer.

The catalog is written first and last: a paper's row says ``indexed`` only when its vectors are
stored. A process that is killed in between leaves a mark, and the next one that writes or
searches puts the indexes right from the catalog.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from filelock import Timeout

from rag import weights
from rag.embedding import Encoder, load_encoder
from rag.errors import AskpapersError, LibraryError
from rag.filters import Filters
from rag.identity import names
from rag.memory import give_back_memory
from rag.merging import AddReport, Change, Merging
from rag.papers import Paper, Sentence, Vectors, normalise
from rag.passages import embed_papers, split_paper
from rag.progress import Progress, Report, silent
from rag.sample import sample_papers
from rag.settings import Settings, load_settings
from rag.store import Catalog, KeywordIndex, Manifest, PaperRow, PaperVectors, VectorIndex
from rag.store.catalog import check_backup
from rag.store.writing import WriterLock, disk_full_said
from rag.text import SPLITTER_VERSION

_BATCH = 64
"""Papers that are embedded and written together; the most an interruption can lose."""

_COMPARED = 512
"""Papers that are compared with the catalog together."""

_FEW = 2000
"""Papers that can be compared one by one in the time a search of the index takes."""

_SOON = 500
"""Papers that are embedded anew before the first question; more are while questions are asked."""

_PAUSE_S = 0.2
"""Between two batches that are embedded beside, for who else wants to write."""

_WRITING = "writing"

_SAMPLE = 8
"""Passages that `check` embeds again."""

_ALIKE = 0.97
"""Least cosine of two vectors of one text; what it was encoded with changes the third decimal."""


class _StoppedError(Exception):
    """The process ends, and what is embedded anew in its background stops."""


class Library:
    """Papers on disk, with their indexes.

    Use `Library.open`. Reading is safe from several threads and processes while one writes.
    """

    def __init__(self, path: Path, settings: Settings, report: Report = silent) -> None:
        self.path = path
        self._settings = settings
        self._report = report
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LibraryError(
                f"The folder {path} cannot be made: {error.strerror}.",
                "Name another folder with --library or ASKPAPERS_LIBRARY.",
            ) from None
        self._catalog = Catalog(path / "catalog.sqlite")
        manifest = Manifest(
            encoder=Encoder.name,
            revision=weights.get_model(weights.ENCODER).files[-1].sha256[:16],
            dimension=Encoder.dimension,
            splitter=SPLITTER_VERSION,
        )
        self._vectors = VectorIndex(path / "vectors", manifest)
        self._lock = WriterLock(path, report)
        self._keywords: tuple[int, KeywordIndex] | None = None
        self._seen = -1
        self._writes = False
        self._made: dict[str, PaperVectors] = {}
        self._stopping = threading.Event()
        self._renewing: threading.Thread | None = None
        self._trouble = ""

    @classmethod
    def open(
        cls,
        path: Path | str | None = None,
        *,
        settings: Settings | None = None,
        report: Report = silent,
    ) -> Library:
        """Open a library to ask it.

        Without a path it is the default library, which is made with the starter papers where
        it does not exist yet. The encoder is fetched where it is not there. Where the papers were
        embedded by another encoder, or split otherwise, they are embedded anew: a few at once,
        many in the background, and until then they are found by their words (`renewal`).

        Args:
            report: told how far long work is, such as fetching the encoder or repairing.

        Raises:
            LibraryError: there is no library at that path.
        """
        settings = settings or load_settings()
        if path:
            settings = settings.model_copy(update={"library": Path(path)})
        place = settings.library_path
        is_default = path is None and settings.library is None
        if not (place / "catalog.sqlite").exists() and not is_default:
            raise LibraryError(
                f"There is no library in {place}.",
                f"Make one with `askpapers add SOURCE --library {place}`.",
            )
        library = cls(place, settings, report)
        if is_default and library._catalog.get_meta("filled") is None:
            library.add(sample_papers())
        library.repair()
        return library

    # Looking up

    def __len__(self) -> int:
        return self._catalog.count()

    def count_sample(self) -> int:
        """How many papers are of the starter library."""
        return self._catalog.count_sample()

    def papers(self) -> Iterator[Paper]:
        """Every paper, by title."""
        return self._catalog.papers()

    def some_titles(self, most: int) -> list[str]:
        """Titles of some papers, the same ones as long as those are there."""
        return self._catalog.some_titles(most)

    def get(self, ids: Sequence[str]) -> dict[str, Paper]:
        """The papers with those ids, as far as they are there."""
        return self._catalog.get(ids)

    def find(self, wanted: str) -> list[Paper]:
        """The papers that a person may mean: by an id, a DOI or the like, or by (part of) title."""
        if exact := self.get([wanted]):
            return list(exact.values())
        words = normalise(wanted)
        papers = list(self.papers())
        for matches in (
            [p for p in papers if wanted in (p.source_id, p.doi, p.arxiv, p.pmid)],
            [p for p in papers if normalise(p.title) == words],
            [p for p in papers if words and words in normalise(p.title)],
        ):
            if matches:
                return matches
        return []

    def sentences(self, paper: Paper) -> tuple[Sentence, ...]:
        """The sentences of a paper's abstract, in order."""
        return self._catalog.sentences(paper)

    def sizes(self) -> dict[str, int]:
        """Bytes on disk of the catalog, the vectors and the keyword index."""
        parts = {
            "catalog": self.path.glob("catalog.sqlite*"),
            "vectors": (self.path / "vectors").rglob("*"),
            "keywords": (self.path / "keywords").rglob("*"),
        }
        return {
            name: sum(file.stat().st_size for file in files if file.is_file())
            for name, files in parts.items()
        }

    # Searching

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder, its files fetched on first use."""
        return load_encoder(self._settings, report=self._report)

    @property
    def keywords(self) -> KeywordIndex:
        """The keyword index of what the library holds now."""
        generation = self._catalog.generation()
        if self._keywords is None or self._keywords[0] != generation:
            index = KeywordIndex.load(self.path / "keywords", generation)
            if index is None:
                before = self._keywords[1] if self._keywords else None
                index = self._updated_keywords(before)
                self._save_keywords(index, generation)
            self._keywords = (generation, index)
        return self._keywords[1]

    def _updated_keywords(self, before: KeywordIndex | None = None) -> KeywordIndex:
        """The keyword index of what the library holds now, made of the last one there is."""
        index = before or KeywordIndex.load(self.path / "keywords") or KeywordIndex.build([])
        return index.updated(self._catalog.text_hashes(), self._catalog.some_papers)

    def closest(
        self, vector: Vectors, k: int, within: Set[str] | None = None
    ) -> list[tuple[str, float]]:
        """The ``k`` papers with the closest passages, as (paper id, cosine), closest first.

        Args:
            vector: of the question, ``(384,)``.
            within: the only papers that may be named.
        """
        if not self._are_embedded():
            return []  # vectors of two encoders have no cosine; words find papers meanwhile
        if within is not None and len(within) <= _FEW:
            return self._closest_of(vector, k, within)
        if not self._vectors.is_current():
            return []
        self._look_again()
        share = len(within) / max(len(self), 1) if within else 1.0
        passages = self._vectors.search(vector, int(k * 3 / share))
        paper_of = self._catalog.papers_of_passages([passage for passage, _ in passages])
        best: dict[str, float] = {}
        for passage, cosine in passages:
            paper = paper_of.get(passage)
            if paper and paper not in best and (within is None or paper in within):
                best[paper] = cosine
        return list(best.items())[:k]

    def _look_again(self) -> None:
        """Open the vectors anew if another process has written since they were looked at."""
        generation = self._catalog.generation()
        if generation != self._seen and not self._writes:
            self._vectors.reopen()
            self._seen = generation

    def _closest_of(self, vector: Vectors, k: int, ids: Set[str]) -> list[tuple[str, float]]:
        """The same for a few papers, compared one by one: exact, however far they are."""
        stored = self.vectors(sorted(ids))
        cosines = ((i, float(np.max(v.passages @ vector))) for i, v in stored.items())
        return sorted(cosines, key=lambda item: (-item[1], item[0]))[:k]

    def select(self, filters: Filters) -> frozenset[str]:
        """Ids of the papers that the filters let through."""
        return frozenset(p.id for p in self._catalog.papers() if filters.passes(p))

    def vectors(self, ids: Sequence[str]) -> dict[str, PaperVectors]:
        """The vectors of these papers' passages and sentences.

        Those of another encoder are no use: the papers asked for are embedded then.
        """
        if self._are_embedded():
            return self._catalog.vectors(ids, Encoder.dimension)
        rows = list(self._catalog.rows(self._catalog.seen(ids)))
        known = self._made  # another thread may put an empty one in its place
        if len(known) > _FEW:
            self._made = known = {}
        if lacking := [row for row in rows if _state(row.paper) not in known]:
            made = embed_papers(lacking, self.encoder)
            known |= {_state(row.paper): made[row.paper.id] for row in lacking}
        return {row.paper.id: known[_state(row.paper)] for row in rows}

    def _are_embedded(self) -> bool:
        """Whether the catalog's vectors are those of this encoder and splitter."""
        made_by = self._vectors.made_by()
        said = self._catalog.get_meta("embedded_by") or made_by
        return said == made_by == self._vectors.found_by()

    @property
    def renewal(self) -> Progress | None:
        """How far the papers are embedded anew, while they are found by words; else None."""
        if not len(self) or self._vectors.is_current():
            return None
        left = len(self._catalog.unstaged_ids(self._vectors.made_by()))
        total = len(self._catalog.text_hashes()) + len(self._catalog.unindexed_ids())
        return Progress("embedding anew", total - left, total, "papers")

    # Writing

    def add(self, papers: Iterable[Paper], total: int | None = None, origin: str = "") -> AddReport:
        """Add papers; one that is there already and says nothing new is left alone.

        Which records are of one paper, and what they make together, `rag.identity` decides.
        Papers are written in batches: what an interruption leaves is whole.

        Args:
            total: how many there are, where that is known, for the progress.
            origin: the file or folder they come from, for `sync`.
        """
        result = AddReport()
        with self._writing():
            source = iter(papers)
            done, run = 0, self._catalog.next_run()
            while batch := list(islice(source, _COMPARED)):
                decided = self._decide(batch)
                for written in self._write_batch(decided):
                    self._report(Progress("reading papers in", done + written, total, "papers"))
                self._catalog.list_under(origin, run, decided.owners)
                result += decided.report
                done += len(batch)
                self._report(Progress("reading papers in", done, total, "papers"))
            self._catalog.set_meta("filled", "yes")
        return result

    def preview(self, papers: Iterable[Paper]) -> Iterator[Change]:
        """What `add` would do with each paper, without doing it."""
        source = iter(papers)
        known = Merging()
        while batch := list(islice(source, _COMPARED)):
            before = len(known.changes)
            known = self._decide(batch, known)
            yield from known.changes[before:]

    def sync(self, origin: str) -> list[Paper]:
        """Remove what a source listed before and did not in its last `add`, and return it.

        What another source lists too is kept.
        """
        gone = self._catalog.unlisted(origin)
        papers = list(self.get(gone).values())
        if gone:
            self.remove(gone)
        return papers

    def tag(self, ids: Sequence[str], add: Sequence[str], remove: Sequence[str]) -> int:
        """File papers under tags, or no longer; returns how many changed."""
        gone = set(map(normalise, remove))

        def tagged(paper: Paper) -> Paper:
            there = {normalise(tag) for tag in paper.tags}
            new = [tag for tag in add if normalise(tag) not in there]
            kept = [tag for tag in (*paper.tags, *new) if normalise(tag) not in gone]
            return replace(paper, tags=tuple(dict.fromkeys(kept)))

        return self._annotate(ids, tagged)

    def set_note(self, paper_id: str, note: str) -> int:
        """Keep what the reader writes about a paper; an empty note removes it."""
        return self._annotate([paper_id], lambda paper: replace(paper, note=note.strip()))

    def _annotate(self, ids: Sequence[str], change: Callable[[Paper], Paper]) -> int:
        with self._writing():
            changes = [(paper, change(paper)) for paper in self.get(ids).values()]
            changed = [new for old, new in changes if new != old]
            self._catalog.update_record(changed)
        return len(changed)

    def backup(self, file: Path) -> None:
        """Write the whole library, but for what `restore` makes again, into one file.

        Raises:
            LibraryError: the file is there already, or cannot be written.
        """
        if file.exists():
            raise LibraryError(f"{file} is there already.", "Name a new file.")
        temporary = file.with_name(f".{file.name}.tmp")
        temporary.unlink(missing_ok=True)
        made_by = self._vectors.made_by() if self._vectors.is_current() else ""
        try:
            # With the mark of work begun, so that a restore that is killed is brought to an end.
            self._catalog.copy_to(temporary, {_WRITING: "yes", "vectors": made_by})
            os.replace(temporary, file)
        except (OSError, sqlite3.OperationalError) as error:
            temporary.unlink(missing_ok=True)
            raise LibraryError(
                f"{file} cannot be written: {error}.", "Name a file you may write."
            ) from None

    def restore(self, file: Path) -> None:
        """Be the library that a backup holds; what was here is gone.

        Raises:
            LibraryError: it is no backup, or a damaged one.
        """
        check_backup(file)
        with self._marked():
            self._catalog.put_back(file)
            self._catalog.set_meta(_WRITING, "yes")
            self._catalog.set_meta("embedded_by", self._catalog.get_meta("vectors") or "unknown")
            ids = [*self._catalog.text_hashes(), *self._catalog.unindexed_ids()]
            if self._catalog.get_meta("vectors") == self._vectors.made_by():
                fresh = self._vectors.beside()
                self._copy_vectors(ids, fresh)
                fresh.take_over()
            else:
                self._renew()
            self._catalog.mark_indexed(ids)
            keywords = KeywordIndex.build(self._catalog.papers())
            keywords.save(self.path / "keywords", self._catalog.generation())

    def _copy_vectors(self, ids: Sequence[str], into: VectorIndex) -> None:
        """Fill an index with the vectors that the catalog keeps."""
        lacking = set(self._catalog.unembedded_ids())
        self._embed_all([i for i in ids if i in lacking], into)
        kept = [i for i in ids if i not in lacking]
        for first in range(0, len(kept), _BATCH):
            batch = kept[first : first + _BATCH]
            stored = self._catalog.stored_vectors(batch, Encoder.dimension)
            into.upsert(
                [passage for i in batch for passage in self._catalog.passages_of(i)],
                np.concatenate([stored[i].passages for i in batch]),
            )
            self._report(Progress("restoring", first + len(batch), len(kept), "papers"))

    def remove(self, ids: Sequence[str]) -> int:
        """Remove papers by id, and return how many were there."""
        with self._writing():
            there = list(self._catalog.stored(list(dict.fromkeys(ids))))
            stale = self._catalog.passage_ids(there)
            self._catalog.remove(there)
            self._vectors.delete(list(stale))
        return len(there)

    def remove_sample(self) -> int:
        """Remove what is left of the starter papers, and return how many there were."""
        return self.remove([paper.id for paper in self.papers() if paper.sample])

    def rebuild(self) -> None:
        """Make vectors and keywords again from the catalog.

        They are made beside the old ones, which readers go on with until the new are whole.
        """
        with self._marked():
            ids = list(self._catalog.text_hashes()) + self._catalog.unindexed_ids()
            if self._vectors.is_current():
                fresh = self._vectors.beside()
                self._embed_all(ids, fresh)
                fresh.take_over()
            else:
                self._renew()
            self._catalog.mark_indexed(ids)
            keywords = KeywordIndex.build(self._catalog.papers())
            keywords.save(self.path / "keywords", self._catalog.generation())

    def repair(self) -> None:
        """Put the indexes right if the last writer was killed or vectors are out of date.

        Many papers are embedded anew in the background, and so are those that another process is
        at work on; `renewal` says how far that is.
        """
        held = self._lock.is_held()
        outdated = len(self) > 0 and not self._vectors.is_current()
        if outdated and (held or len(self) > _SOON):
            self._start_renewal()
        elif outdated or (self._catalog.get_meta(_WRITING) == "yes" and not held):
            with self._writing():
                pass

    def check(self) -> list[str]:
        """What `mend` would put right, a line each; empty when all is well.

        Raises:
            LibraryError: the catalog itself is damaged, or somebody is writing.
        """
        if self._lock.is_held():
            raise LibraryError(
                f"The library in {self.path} is being written by {self._lock.holder()}.",
                "Check again when it has finished.",
            )
        if damage := self._catalog.integrity():
            raise LibraryError(
                f"The catalog of {self.path} is damaged: {damage[0]}",
                "Put a copy of catalog.sqlite back, or make the library anew from its sources.",
            )
        self._look_again()
        problems = self._check_vectors()
        if unembedded := len(self._catalog.unembedded_ids()):
            problems.append(f"catalog: {unembedded} papers have no sentence vectors")
        if waiting := len(self._catalog.unindexed_ids()):
            problems.append(f"catalog: {waiting} papers are not indexed yet")
        return problems + self._check_keywords()

    def mend(self) -> None:
        """Put right what `check` finds; what is whole stays as it is."""
        if self._check_keywords():
            shutil.rmtree(self.path / "keywords", ignore_errors=True)
        try:
            with self._writing():
                self._match_vectors()
            sound = not self._check_vectors()
        except LibraryError:  # they cannot even be opened
            sound = False
        if not sound:
            self.rebuild()

    def _check_vectors(self) -> list[str]:
        owners = self._catalog.passage_owners()
        if not owners:
            return []
        if not self._vectors.is_current():
            said = ["vectors: missing, or made with another encoder or splitter"]
            return [*said, f"vectors: {self._trouble}"] if self._trouble else said
        problems = []
        try:
            present = self._vectors.ids()
            if missing := len(owners.keys() - present):
                problems.append(f"vectors: {missing} passages have none")
            if surplus := len(present - owners.keys()):
                problems.append(f"vectors: {surplus} belong to no passage")
            if wrong := self._differing(sorted(owners.keys() & present)):
                problems.append(f"vectors: {wrong} of {_SAMPLE} tried are not what they should be")
        except LibraryError as error:
            problems.append(f"vectors: {error.what}")
        return problems

    def _differing(self, passages: Sequence[str]) -> int:
        """Of some passages, how many have a vector unlike the one that is made of them now."""
        if not passages:
            return 0
        sample = passages[:: max(len(passages) // _SAMPLE, 1)][:_SAMPLE]
        texts = self._catalog.passage_texts(sample)
        made = dict(zip(texts, self.encoder.encode(list(texts.values())), strict=True))
        stored = self._vectors.stored(sample)
        wrong = 0
        for passage, vector in made.items():
            kept = stored.get(passage)
            right = kept is not None and kept.shape == vector.shape
            right = right and float(stored[passage] @ vector) > _ALIKE
            # It must also be found: the search has files of its own.
            right = right and any(c > _ALIKE for _, c in self._vectors.search(vector, 3))
            wrong += not right
        return wrong

    def _check_keywords(self) -> list[str]:
        index = KeywordIndex.load(self.path / "keywords", self._catalog.generation())
        if index is None or index.states() != self._catalog.text_hashes():
            return ["keywords: missing or out of date"]
        if harmed := index.damaged(self.path / "keywords"):
            return [f"keywords: {harmed[0]} is damaged"]
        return []

    def _decide(self, batch: Sequence[Paper], known: Merging | None = None) -> Merging:
        """Which paper each record is of, and what the library would then hold.

        Args:
            known: what was decided of records before these, and is not written yet.
        """
        decided = known or Merging()
        wanted = {name for paper in batch for name in names(paper)}
        owners = self._catalog.named(list(wanted)) | decided.owners
        titles = self._catalog.titled([normalise(paper.title) for paper in batch])
        ids = {*owners.values(), *(i for some in titles.values() for i in some)}
        stored = self._catalog.stored([i for i in ids if i not in decided.held])
        decided.before |= stored
        held = decided.held | {i: p for i, p in stored.items() if i not in decided.held}
        decided.held, decided.owners = held, {n: i for n, i in owners.items() if i in held}
        for title, some in titles.items():
            decided.titles.setdefault(title, []).extend(some)
        for paper in batch:
            decided.take(paper)
        return decided

    def _write_batch(self, decided: Merging) -> Iterator[int]:
        """Write what was decided, and tell after each step how many papers are done."""
        changed = [decided.held[i] for i in decided.touched]
        old = decided.before
        text = [p for p in changed if p.id not in old or old[p.id].text_hash != p.text_hash]
        record = [p for p in changed if p not in text and p != old[p.id]]
        if record:
            self._catalog.update_record(record)
        for first in range(0, len(text), _BATCH):
            some = text[first : first + _BATCH]
            rows = [split_paper(paper, self.encoder) for paper in some]
            stale = self._catalog.passage_ids([paper.id for paper in some])
            self._catalog.put(rows)
            self._embed(rows, self._vectors)
            self._vectors.delete(list(stale))
            self._catalog.mark_indexed([paper.id for paper in some])
            yield first + len(some)

    def _embed(self, rows: Sequence[PaperRow], into: VectorIndex) -> None:
        """Make and store the vectors of these papers' passages and sentences."""
        embedded = embed_papers(rows, self.encoder)
        self._catalog.put_vectors(embedded)
        into.upsert(
            [passage_id for row in rows for passage_id in row.passage_ids()],
            np.concatenate([embedded[row.paper.id].passages for row in rows]),
        )
        give_back_memory()

    def _embed_all(self, ids: Sequence[str], into: VectorIndex) -> None:
        for first in range(0, len(ids), _BATCH):
            batch = ids[first : first + _BATCH]
            self._embed(list(self._catalog.rows(batch)), into)
            self._report(Progress("embedding", first + len(batch), len(ids), "papers"))

    def _match_vectors(self) -> None:
        """Make the vectors those of the catalog's papers: none missing, none too many."""
        if not self._vectors.is_current():
            self._renew()
        self._catalog.forget_staged()  # where the one before was killed at that
        self._vectors.drop_others()
        owners = self._catalog.passage_owners()
        present = self._vectors.ids()
        self._vectors.delete(list(present - owners.keys()))
        lacking = {owner for passage, owner in owners.items() if passage not in present}
        self._embed_all(sorted(lacking.union(self._catalog.unembedded_ids())), self._vectors)
        if waiting := self._catalog.unindexed_ids():
            self._catalog.mark_indexed(waiting)

    def _renew(self) -> None:
        """Split and embed every paper anew beside what readers see, and swap at the end.

        What an interruption leaves staged is taken up again.
        """
        made_by = self._vectors.made_by()
        left = self._catalog.unstaged_ids(made_by)
        for first in range(0, len(left), _BATCH):
            batch = left[first : first + _BATCH]
            self._stage(batch)
            self._report(Progress("embedding anew", first + len(batch), len(left), "papers"))
        fresh = self._vectors.beside()
        staged = self._catalog.staged_passages(Encoder.dimension)
        while some := list(islice(staged, _BATCH)):
            if self._stopping.is_set():
                raise _StoppedError
            fresh.upsert(
                [passage for passages, _ in some for passage in passages],
                np.concatenate([vectors for _, vectors in some]),
            )
        # Readers use neither before both say the same; killed in between, this is done again
        # from what is staged.
        self._catalog.adopt_staged(made_by)
        fresh.take_over()
        self._catalog.forget_staged()
        self._made = {}

    def _stage(self, ids: Sequence[str]) -> None:
        rows = [split_paper(row.paper, self.encoder) for row in self._catalog.rows(ids)]
        self._catalog.stage(rows, embed_papers(rows, self.encoder), self._vectors.made_by())
        give_back_memory()

    def _start_renewal(self) -> None:
        if self._renewing is None:
            self._renewing = threading.Thread(target=self._renew_beside, daemon=True)
            self._renewing.start()
            atexit.register(self._stop_renewal)

    def _stop_renewal(self) -> None:
        """End with the batch in work; the next process goes on from there."""
        self._stopping.set()
        if self._renewing:
            self._renewing.join(timeout=30)

    def _renew_beside(self) -> None:
        """Embed batch after batch, with the lock held for one at a time, and swap at the end."""
        try:
            while not self._stopping.wait(_PAUSE_S):
                try:
                    with self._lock.held(wait=False), disk_full_said(self.path):
                        if self._vectors.is_current():
                            return
                        left = self._catalog.unstaged_ids(self._vectors.made_by())
                        self._stage(left[:_BATCH])
                except Timeout:
                    continue
                if len(left) <= _BATCH:
                    with self._writing():
                        return
        except _StoppedError:
            return
        except Exception as error:  # nobody waits for this thread; `check` tells
            self._trouble = error.what if isinstance(error, AskpapersError) else str(error)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Mark the work, put right what a killed writer left, and bring keywords up to date."""
        with self._marked() as interrupted:
            if interrupted or not self._vectors.is_current():
                self._match_vectors()
            yield
            # Whatever generation the index says: a catalog put back from a copy counts again.
            self._updated_keywords().save(self.path / "keywords", self._catalog.generation())

    @contextmanager
    def _marked(self) -> Iterator[bool]:
        """Hold the lock, and leave a mark until the work is done.

        After work that failed the mark stays, and the next writer or reader does what is left.
        Yields whether there was such a mark.
        """
        with self._lock.held(), disk_full_said(self.path):
            self._look_again()
            interrupted = self._catalog.get_meta(_WRITING) == "yes"
            self._catalog.set_meta(_WRITING, "yes")
            self._writes = True
            try:
                yield interrupted
            finally:
                self._writes = False
                self._seen = self._catalog.generation()
            self._catalog.set_meta(_WRITING, "no")
            self._catalog.settle()

    def _save_keywords(self, index: KeywordIndex, generation: int) -> None:
        try:
            with self._lock.held(wait=False):
                index.save(self.path / "keywords", generation)
        except Timeout:  # somebody writes, and will save a newer one
            return


def _state(paper: Paper) -> str:
    """A paper as it reads now."""
    return f"{paper.id}-{paper.text_hash}"
