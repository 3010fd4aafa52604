"""Collections that others judged, in the layout of BEIR: documents, queries, judgements."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from eval.questions import NEAR_MISS, YES_NO, Pointer, Question, QuestionSet, YesNo
from rag.errors import SourceError
from rag.library import Library
from rag.papers import Paper
from rag.progress import Report
from rag.settings import Settings

_MOST_SPELLINGS = 12

_UNSAID = "NEI"
"""SciFact's label of a claim of which its paper does not say enough."""


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents, and queries with their judgements.

    Attributes:
        digest: of the documents' file.
        asked: query → its text, where it has judgements.
        judged: query → document → grade.
        entries: query → all that its line says, such as answers.
    """

    digest: str
    documents: list[Paper]
    asked: dict[str, str]
    judged: dict[str, dict[str, int]]
    entries: Mapping[str, Mapping[str, Any]] = field(repr=False, default_factory=dict)

    def question_set(self, only: Sequence[str] = ()) -> QuestionSet:
        """The questions of the collection, as a set."""
        asked = self.questions()
        digest = hashlib.sha256("".join(q.model_dump_json() for q in asked).encode())
        chosen = [q for q in asked if not only or q.type in only]
        return QuestionSet(chosen, digest.hexdigest()[:16])

    def questions(self) -> list[Question]:
        """The queries as questions, with what their lines say of the right answer.

        Read are the fields of PubMedQA (Jin et al., 2019): ``answer`` and ``long_answer``; of
        BioASQ (Tsatsaronis et al., 2015): ``type``, ``exact_answer``, ``ideal_answer`` and
        ``snippets``; and of SciFact (Wadden et al., 2020): ``label``. A claim of which experts
        found that its paper does not say enough to support or refute it (NEI) is a near-miss.
        """
        return [
            _question(query, text, [d for d, grade in self.judged[query].items() if grade > 0], e)
            for query, text in self.asked.items()
            for e in [self.entries.get(query, {})]
        ]


def read_collection(corpus: Path, queries: Path) -> Collection:
    """A collection in the BEIR layout (Thakur et al., 2021), or papers with such queries.

    Args:
        corpus: a folder with ``corpus.jsonl`` (``_id``, ``title``, ``text``), or a file of
            papers (``id``, ``title``, ``abstract``).
        queries: a folder with ``queries.jsonl`` (``_id``, ``text``) and ``qrels.tsv``.

    Raises:
        SourceError: a file cannot be read.
    """
    file = corpus / "corpus.jsonl" if corpus.is_dir() else corpus
    digest = hashlib.sha256(_read(file).encode()).hexdigest()[:16]
    judged = _judgements(queries / "qrels.tsv")
    entries = {str(e["_id"]): e for e in read_lines(queries / "queries.jsonl")}
    asked = {query: str(e["text"]) for query, e in entries.items() if query in judged}
    judged = {query: judged[query] for query in asked}
    return Collection(digest, list(_documents(file)), asked, judged, entries)


def index_collection(collection: Collection, settings: Settings, report: Report) -> Library:
    """The collection as a library, indexed once under the home folder, by the hash of its file."""
    library = Library(settings.home / "eval" / collection.digest, settings, report)
    library.add(collection.documents, total=len(collection.documents))
    return library


def _question(query: str, text: str, right: list[str], entry: Mapping[str, Any]) -> Question:
    exact, ideal = entry.get("exact_answer"), entry.get("ideal_answer")
    told = entry.get("answer") or exact
    expected: YesNo | Literal[""] = next((word for word in YES_NO if word == told), "")
    unsaid = entry.get("label") == _UNSAID
    kind = NEAR_MISS if unsaid else "claim" if entry.get("label") else "question"
    return Question(
        id=query,
        type=str(entry.get("type") or ("yesno" if expected else kind)),
        question=text,
        ids=() if unsaid else tuple(right),
        facts=() if expected else tuple(_facts(exact)),
        evidence=tuple(
            Pointer(id=str(s["doc"]), quote=str(s["text"])) for s in entry.get("snippets") or ()
        ),
        expected=expected,
        reference=str(entry.get("long_answer") or (ideal[0] if ideal else "")),
    )


def _facts(exact: object) -> Iterator[tuple[str, ...]]:
    """Of an exact answer each thing with its names; a factoid's names may stand in one list."""
    for thing in exact if isinstance(exact, list) else ():
        names = thing if isinstance(thing, list) else [thing]
        spellings = [str(n).strip().lower().replace("\\", "") for n in names[:_MOST_SPELLINGS]]
        if any(spellings):
            yield tuple(s for s in spellings if s)


def _documents(file: Path) -> Iterator[Paper]:
    """Every document of a collection, also those without a title or a text.

    The id stands in for the author, so that two documents of one title stay two papers.
    """
    for entry in read_lines(file):
        document = str(entry.get("_id") or entry["id"])
        yield Paper(
            title=str(entry.get("title") or ""),
            abstract=str(entry.get("text") or entry.get("abstract") or ""),
            authors=(document,),
            source_id=document,
        )


def _judgements(file: Path) -> dict[str, dict[str, int]]:
    judged: dict[str, dict[str, int]] = {}
    for row in list(csv.reader(_read(file).splitlines(), delimiter="\t"))[1:]:
        query, document, score = row[0], row[1], int(row[2])
        judged.setdefault(query, {})[document] = score
    return judged


def read_lines(file: Path) -> Iterable[dict[str, Any]]:
    """The objects of a JSON lines file."""
    return [json.loads(line) for line in _read(file).split("\n") if line.strip()]


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{file} cannot be read: {error}",
            "A collection has corpus.jsonl; its queries have queries.jsonl and qrels.tsv.",
        ) from None
