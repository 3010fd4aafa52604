"""How well the right papers are found: on collections that others judged, and on our questions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import ir_measures
from ir_measures import RR, R, nDCG

from eval.collections import index_collection, read_collection
from eval.questions import Question
from eval.statistics import compare, interval
from rag.conversation import stand_alone
from rag.errors import SourceError
from rag.finding import find_evidence
from rag.library import Library
from rag.progress import Progress, Report
from rag.reranking import Reranker, is_unsure, load_reranker
from rag.retrieval import PaperRetriever
from rag.settings import Settings

_MEASURES = (nDCG @ 10, R @ 20, R @ 100, RR @ 10)
_DEPTH = 100

Run = dict[str, dict[str, float]]
"""Query → document → score."""

Search = Callable[[str], list[tuple[str, float]]]
"""From a question to (paper id, score), best first."""


def measure_retrieval(
    corpus: Path,
    queries: Path,
    settings: Settings,
    report: Report,
    *,
    ablation: bool = False,
    out: Path | None = None,
    against: Path | None = None,
) -> dict[str, Any]:
    """nDCG@10, recall@20 and @100, and MRR@10 by ir-measures, with 95 % bootstrap intervals.

    Queries with judgements count. The collection is indexed once under the home folder, by the
    hash of its file.

    Args:
        corpus: a folder with ``corpus.jsonl`` (``_id``, ``title``, ``text``), or a file of
            papers (``id``, ``title``, ``abstract``).
        queries: a folder with ``queries.jsonl`` (``_id``, ``text``) and ``qrels.tsv``.
        ablation: measure each search alone, and their ranks fused, beside what is shipped.
        out: where to write each query's figures, a JSON object a line.
        against: such a file of an earlier run, to compare with by a paired test.
    """
    collection = read_collection(corpus, queries)
    documents, asked, judged = collection.documents, collection.asked, collection.judged
    library = index_collection(collection, settings, report)
    searches = _searches(library, settings, report) if ablation else {"hybrid": _hybrid(library)}
    figures: dict[str, Any] = {}
    for name, search in searches.items():
        by_query = judge(judged, _run(asked, search, library, report, name))
        figures[name] = _summary(by_query)
        if name == "hybrid":
            if out is not None:
                _write(out, asked, by_query)
            if against is not None:
                figures[name]["against"] = _compare(by_query, _read_figures(against))
    hybrid = figures.pop("hybrid")
    result = {"documents": len(documents), "queries": len(asked), **hybrid}
    return result | ({"ablation": {**figures, "hybrid": hybrid}} if ablation else {})


def measure_questions(
    library: Library, questions: Sequence[Question], settings: Settings, report: Report
) -> dict[str, Any]:
    """Recall of the right papers, and of the key facts in the evidence, by type of question.

    ``recall@k`` is the share of a question's papers, k at most, among the first k; ``facts`` the
    share of its key facts that the evidence holds, the most an answer could; ``tokens`` what
    the model has to read for them. The model that writes does not run: the question before
    is put in front of one that leans on it.
    """
    retriever = PaperRetriever(library=library, k=settings.papers)
    reranker = load_reranker(settings, report=report)
    look_again = reranker.rerank if reranker else None
    rows: dict[str, list[dict[str, float]]] = {}
    answerable = [q for q in questions if q.answerable]
    for number, question in enumerate(answerable, start=1):
        alone = stand_alone(question.question, question.history, None, retriever.closest)
        found = find_evidence(
            alone.question, retriever, settings, alone.context, look_again=look_again
        )
        titles = [r.paper.title for r in found.ranked]
        text = " ".join(
            f"{e.title} {' '.join(s.text for s in e.sentences)}" for e in found.evidence
        )
        rows.setdefault(question.type, []).append(
            {f"recall@{k}": _recall(titles[:k], question.titles, k) for k in (1, 3, 5)}
            | {
                "facts": mean(question.facts_in(text)),
                "tokens": float(len(library.encoder.token_spans(text))),
            }
        )
        report(Progress("searching", number, len(answerable), "questions"))
    everything = [row for some in rows.values() for row in some]
    by_type = {kind: _means(some) for kind, some in rows.items()}
    return {"questions": len(everything), **_means(everything), "by_type": by_type}


def _recall(found: Sequence[str], wanted: Sequence[str], k: int) -> float:
    return len(set(found) & set(wanted)) / min(k, len(wanted))


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: round(mean(row[name] for row in rows), 3) for name in rows[0]} if rows else {}


def _searches(library: Library, settings: Settings, report: Report) -> dict[str, Search]:
    """Each part alone, their ranks fused as is usual, the whole, and what a second look makes."""

    def keywords(text: str) -> list[tuple[str, float]]:
        coverage = library.keywords.coverage(text)
        return [(paper, coverage.of(paper)) for paper in coverage.best(_DEPTH)]

    def dense(text: str) -> list[tuple[str, float]]:
        return library.closest(library.encoder.encode([text])[0], _DEPTH)

    def fused(text: str) -> list[tuple[str, float]]:
        rankings = [[paper for paper, _ in search(text)] for search in (keywords, dense)]
        return fuse_ranks(rankings)[:_DEPTH]

    searches = {
        "bm25": keywords,
        "dense": dense,
        "ranks fused": fused,
        "hybrid": _hybrid(library),
    }
    reranker = load_reranker(settings, report=report)
    return searches | ({"reranked": _reranked(library, reranker)} if reranker else {})


def fuse_ranks(rankings: Sequence[Sequence[str]], k: int = 10) -> list[tuple[str, float]]:
    """Reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009): (id, score), best first.

    What hybrid search usually does, to measure ours against. The score is the sum of
    1 / (k + rank); 10 did better than the usual 60 on short collections.
    """
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, paper_id in enumerate(ranking, start=1):
            scores[paper_id] = scores.get(paper_id, 0.0) + 1 / (k + rank)
    return sorted(scores.items(), key=lambda item: -item[1])


def _hybrid(library: Library) -> Search:
    retriever = PaperRetriever(library=library, k=_DEPTH)
    return lambda text: [(found.paper.id, found.score) for found in retriever.rank(text)]


def _reranked(library: Library, reranker: Reranker) -> Search:
    """The same, its first papers looked at again where the first look is not sure."""
    retriever = PaperRetriever(library=library, k=_DEPTH)

    def search(text: str) -> list[tuple[str, float]]:
        ranked = retriever.rank(text)
        if is_unsure(ranked):
            ranked = reranker.rerank(text, ranked)
        return [(found.paper.id, found.score) for found in ranked]

    return search


def _run(
    asked: Mapping[str, str], search: Search, library: Library, report: Report, name: str
) -> Run:
    run: Run = {}
    for number, (query, text) in enumerate(asked.items(), start=1):
        found = search(text)
        papers = library.get([paper_id for paper_id, _ in found])
        run[query] = {papers[i].source_id: score for i, score in found if i in papers}
        report(Progress(f"searching, {name}", number, len(asked), "queries"))
    return run


def judge(judged: Mapping[str, Mapping[str, int]], run: Run) -> dict[str, dict[str, float]]:
    """Measure → query → value; a query that found nothing counts as zero."""
    figures = {str(measure): dict.fromkeys(judged, 0.0) for measure in _MEASURES}
    for metric in ir_measures.iter_calc(_MEASURES, judged, run):
        figures[str(metric.measure)][metric.query_id] = metric.value
    return figures


def _summary(figures: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    means = {name: round(mean(values.values()), 4) for name, values in figures.items()}
    return {**means, "interval": {n: interval(list(v.values())) for n, v in figures.items()}}


def _compare(
    now: Mapping[str, Mapping[str, float]], before: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    result = {}
    for name, values in now.items():
        both = [query for query in values if query in before.get(name, {})]
        if both:
            result[name] = compare([before[name][q] for q in both], [values[q] for q in both])
    return result


def _write(out: Path, asked: Mapping[str, str], figures: Mapping[str, Mapping[str, float]]) -> None:
    with out.open("w", encoding="utf-8") as file:
        for query, text in asked.items():
            line = {"id": query, "question": text, **{n: v[query] for n, v in figures.items()}}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _read_figures(file: Path) -> dict[str, dict[str, float]]:
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]
    except (OSError, ValueError) as error:
        raise SourceError(
            f"{file} cannot be read: {error}", "Name a file that an earlier run wrote with --out."
        ) from None
    return {str(m): {x["id"]: x[str(m)] for x in lines if str(m) in x} for m in _MEASURES}
