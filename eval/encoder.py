"""The encoder beside sentence-transformers in float32: texts a second, and what is found."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import numpy as np

from eval.collections import Collection, read_collection
from eval.retrieval import judge
from rag import weights
from rag.embedding import PASSAGE_TOKENS, Encoder, load_encoder
from rag.errors import AskpapersError
from rag.papers import Vectors
from rag.progress import Progress, Report
from rag.settings import Settings

Encode = Callable[[Sequence[str]], Vectors]
"""From texts to vectors of length one, ``(texts, 384)``."""

_TURN = 256
"""Texts that one encoder gets before it is the other's turn."""


@dataclass(frozen=True, slots=True)
class EncoderFigures:
    """Both encoders over the same texts, title and abstract of each paper.

    Attributes:
        ours_texts_s, peer_texts_s: median over the turns.
        cosine: least cosine between the two vectors of a text.
        ours_ndcg, peer_ndcg: nDCG@10 of dense search over those vectors.
    """

    texts: int
    ours_texts_s: float
    peer_texts_s: float
    times: float
    cosine: float
    ours_ndcg: float
    peer_ndcg: float


def measure_encoder(
    corpus: Path, queries: Path, settings: Settings, report: Report
) -> EncoderFigures:
    """Encode a collection in turns by both encoders, and search it by the vectors of each.

    Raises:
        AskpapersError: sentence-transformers is not installed.
    """
    ours = load_encoder(settings, report=report)
    folder = weights.model_folder(weights.get_model(weights.ENCODER), settings.models_path)
    encoders: list[Encode] = [ours.encode, _sentence_transformers(folder)]
    collection = read_collection(corpus, queries)
    texts = [f"{paper.title}. {paper.abstract}" for paper in collection.documents]
    vectors, speeds = _encode(encoders, texts, report)
    found = [
        _ndcg(collection, embedded, encode(list(collection.asked.values())))
        for embedded, encode in zip(vectors, encoders, strict=True)
    ]
    return EncoderFigures(
        texts=len(texts),
        ours_texts_s=round(speeds[0], 1),
        peer_texts_s=round(speeds[1], 1),
        times=round(speeds[0] / speeds[1], 2),
        cosine=round(float((vectors[0] * vectors[1]).sum(1).min()), 4),
        ours_ndcg=round(found[0], 4),
        peer_ndcg=round(found[1], 4),
    )


def _encode(
    encoders: Sequence[Encode], texts: Sequence[str], report: Report
) -> tuple[list[Vectors], list[float]]:
    """The vectors of each encoder, and its median of texts a second."""
    parts: list[list[Vectors]] = [[] for _ in encoders]
    speeds: list[list[float]] = [[] for _ in encoders]
    for encode in encoders:
        encode(texts[:8])  # loads it
    for start in range(0, len(texts), _TURN):
        turn = texts[start : start + _TURN]
        for number, encode in enumerate(encoders):
            began = time.perf_counter()
            parts[number].append(encode(turn))
            speeds[number].append(len(turn) / (time.perf_counter() - began))
        report(Progress("encoding", start + len(turn), len(texts), "texts"))
    return [np.concatenate(some) for some in parts], [median(some) for some in speeds]


def _sentence_transformers(folder: Path) -> Encode:
    try:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    except ImportError:
        raise AskpapersError(
            "sentence-transformers is not installed.",
            "Install it with: pip install 'askpapers[bench]'",
        ) from None
    transformer = Transformer(str(folder), max_seq_length=PASSAGE_TOKENS + 2)
    pooling = Pooling(Encoder.dimension)
    model = SentenceTransformer(modules=[transformer, pooling], device="cpu").float()
    return lambda texts: np.asarray(
        model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
    )


def _ndcg(collection: Collection, documents: Vectors, queries: Vectors) -> float:
    ids = [paper.source_id for paper in collection.documents]
    run = {}
    for query, scores in zip(collection.asked, queries @ documents.T, strict=True):
        best = np.argsort(-scores)[:10]
        run[query] = {ids[i]: float(scores[i]) for i in best}
    return mean(judge(collection.judged, run)["nDCG@10"].values())
