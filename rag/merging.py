"""What records do to what a library holds: which paper each is of, and what it then is."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from rag.identity import alike, contradict, merge, names
from rag.papers import Paper, normalise


@dataclass(frozen=True, slots=True)
class AddReport:
    """What adding papers did: how many were new, changed, and already there as they are."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0

    def is_empty(self) -> bool:
        """Whether there was no paper at all."""
        return self == AddReport()

    def __add__(self, other: AddReport) -> AddReport:
        return AddReport(
            self.new + other.new,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What a record does, or would do, to the library."""

    what: Literal["new", "updated", "unchanged"]
    paper: Paper


@dataclass(slots=True)
class Merging:
    """Records that are being put together with what the library holds.

    Attributes:
        before: papers as they are stored, by id.
        held: the same and the new ones, as they will be.
        owners: name → id of the paper it belongs to.
        titles: normalised title → ids.
        touched: ids of what must be written.
        changes: what each record did.
    """

    before: dict[str, Paper] = field(default_factory=dict)
    held: dict[str, Paper] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    titles: dict[str, list[str]] = field(default_factory=dict)
    touched: dict[str, None] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

    @property
    def report(self) -> AddReport:
        counts = Counter(change.what for change in self.changes)
        return AddReport(counts["new"], counts["updated"], counts["unchanged"])

    def take(self, paper: Paper) -> None:
        """Decide which paper a record is of."""
        known = names(paper)
        old = self._same(paper, known)
        if old is None:
            paper = replace(paper, key=self._free_id(paper, known))
            self.titles.setdefault(normalise(paper.title), []).append(paper.id)
            what: Literal["new", "updated", "unchanged"] = "new"
        else:
            paper = merge(old, paper)
            what = "unchanged" if paper == old else "updated"
        if what != "unchanged":
            self.held[paper.id] = paper
            self.touched[paper.id] = None
        for name in known:
            self.owners.setdefault(name, paper.id)
        self.changes.append(Change(what, paper))

    def _same(self, paper: Paper, known: Sequence[str]) -> Paper | None:
        *numbers, record = known
        for number in numbers:
            if number in self.owners:
                return self.held[self.owners[number]]
        if (owner := self.owners.get(record)) and not contradict(self.held[owner], paper):
            return self.held[owner]
        same_title = (self.held[i] for i in self.titles.get(normalise(paper.title), ()))
        return next((other for other in same_title if alike(other, paper)), None)

    def _free_id(self, paper: Paper, known: Sequence[str]) -> str:
        """The record's own id, or one of its number where another paper has that."""
        if paper.id not in self.held:
            return paper.id
        return hashlib.sha256(known[0].encode()).hexdigest()[:16]
