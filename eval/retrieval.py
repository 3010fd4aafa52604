"""How well the right papers are found, on collections that others judged."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ir_measures
from ir_measures import RR, R, nDCG

from rag.errors import SourceError
from rag.library import Library
from rag.papers import Paper
from rag.progress import Progress, Report
from rag.retrieval import PaperRetriever
from rag.settings import Settings

_MEASURES = (nDCG @ 10, R @ 20, R @ 100, RR @ 10)
_DEPTH = 100


def measure_retrieval(
    corpus: Path, queries: Path, settings: Settings, report: Report
) -> dict[str, Any]:
    """nDCG@10, recall@20 and @100, and MRR@10 by ir-measures, over the queries with judgements.

    The collection is indexed once under the home folder, by the hash of its file.

    Args:
        corpus: a folder with ``corpus.jsonl`` (``_id``, ``title``, ``text``), or a file of
            papers (``id``, ``title``, ``abstract``).
        queries: a folder with ``queries.jsonl`` (``_id``, ``text``) and ``qrels.tsv``.
    """
    file = corpus / "corpus.jsonl" if corpus.is_dir() else corpus
    digest = hashlib.sha256(_read(file).encode()).hexdigest()[:16]
    library = Library(settings.home / "eval" / digest, settings, report)
    documents = list(_documents(file))
    library.add(documents, total=len(documents))
    retriever = PaperRetriever(library=library, k=_DEPTH)
    asked = _queries(queries / "queries.jsonl")
    judged = _judgements(queries / "qrels.tsv")
    asked = {query: text for query, text in asked.items() if query in judged}
    run: dict[str, dict[str, float]] = {}
    for number, (query, text) in enumerate(asked.items(), start=1):
        run[query] = {found.paper.source_id: found.score for found in retriever.rank(text)}
        report(Progress("searching", number, len(asked), "queries"))
    figures = ir_measures.calc_aggregate(_MEASURES, judged, run)
    return {
        "documents": len(documents),
        "queries": len(asked),
        **{str(measure): round(figures[measure], 4) for measure in _MEASURES},
    }


def _documents(file: Path) -> Iterator[Paper]:
    """Every document of a collection, also those without a title or a text.

    The id stands in for the author, so that two documents of one title stay two papers.
    """
    for line in _read(file).split("\n"):
        if line.strip():
            entry = json.loads(line)
            document = str(entry.get("_id") or entry["id"])
            yield Paper(
                title=str(entry.get("title") or ""),
                abstract=str(entry.get("text") or entry.get("abstract") or ""),
                authors=(document,),
                source_id=document,
            )


def _queries(file: Path) -> dict[str, str]:
    entries = [json.loads(line) for line in _read(file).split("\n") if line.strip()]
    return {str(entry["_id"]): str(entry["text"]) for entry in entries}


def _judgements(file: Path) -> dict[str, dict[str, int]]:
    judged: dict[str, dict[str, int]] = {}
    for row in list(csv.reader(_read(file).splitlines(), delimiter="\t"))[1:]:
        query, document, score = row[0], row[1], int(row[2])
        judged.setdefault(query, {})[document] = score
    return judged


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{file} cannot be read: {error}",
            "A collection has corpus.jsonl; its queries have queries.jsonl and qrels.tsv.",
        ) from None
