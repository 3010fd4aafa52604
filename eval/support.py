"""The program's own support check, on its own: what judges citations, and how well it judges."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from eval.collections import read_lines
from eval.metrics import Entails, auroc
from eval.systems import Shown
from rag.citations import WEAK, Statement, bind
from rag.embedding import load_encoder
from rag.errors import SourceError
from rag.library import Library
from rag.papers import Evidence, Paper, Sentence
from rag.progress import Progress, Report
from rag.settings import Settings
from rag.store.keywords import KeywordIndex
from rag.text import split_sentences


def support_check(library: Library) -> Entails:
    """The check that every sentence of an answer passes before it is shown."""

    def entails(statement: str, cited: Sequence[Shown]) -> bool:
        evidence = [_evidence(i, s) for i, s in enumerate(cited, start=1)]
        (bound,) = bind(
            [Statement(statement.strip("“”"), ())],
            evidence,
            library.encoder.encode,
            library.keywords.rarity,
        )
        return bound.support != "unsupported"

    return entails


def _evidence(number: int, shown: Shown) -> Evidence:
    sentences = tuple(Sentence(text, 0, len(text)) for text in shown.sentences)
    return Evidence(number, shown.paper_id, shown.title, sentences, (0.0,) * len(sentences))


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim, the sentences set beside it, and whether they bear it out."""

    claim: str
    sentences: tuple[str, ...]
    supported: bool


@dataclass(frozen=True, slots=True)
class SupportFigures:
    """How well the check tells what is borne out from what is not.

    Attributes:
        supported: pairs that people say are.
        auroc: of the check's score, against the rest.
        auroc_cosine: of the encoder's cosine alone, what one would take instead.
        passed_supported, passed_rest: share of either that the check lets through.
    """

    pairs: int
    supported: int
    auroc: float | None
    auroc_cosine: float | None
    passed_supported: float
    passed_rest: float


def measure_support(pairs: Sequence[Pair], settings: Settings, report: Report) -> SupportFigures:
    """Put every pair to the check that answers pass before they are shown."""
    encoder = load_encoder(settings, report=report)
    texts = [Paper(f"{i}", " ".join(pair.sentences)) for i, pair in enumerate(pairs)]
    rarity = KeywordIndex.build(texts).rarity
    scores, cosines, passed = [], [], []
    for number, pair in enumerate(pairs, start=1):
        shown = Shown("", "", pair.sentences)
        (bound,) = bind([Statement(pair.claim, ())], [_evidence(1, shown)], encoder.encode, rarity)
        refused = bound.support == "unsupported"
        # A number or name that is not there refuses what words alone would let through.
        scores.append(bound.score - (1.0 if refused and bound.score >= WEAK else 0.0))
        passed.append(not refused)
        claim, text = encoder.encode([pair.claim, " ".join(pair.sentences)])
        cosines.append(float(claim @ text))
        report(Progress("checking", number, len(pairs), "pairs"))

    def split(values: Sequence[float]) -> tuple[list[float], list[float]]:
        both = list(zip(values, pairs, strict=True))
        return [v for v, p in both if p.supported], [v for v, p in both if not p.supported]

    yes, no = split([float(p) for p in passed])
    areas = [auroc(*split(values)) for values in (scores, cosines)]
    ours, cosine = (None if area is None else round(area, 4) for area in areas)
    return SupportFigures(
        pairs=len(pairs),
        supported=len(yes),
        auroc=ours,
        auroc_cosine=cosine,
        passed_supported=round(mean(yes or [0.0]), 4),
        passed_rest=round(mean(no or [0.0]), 4),
    )


def read_healthver(file: Path) -> list[Pair]:
    """HealthVer's pairs of evidence and claim (Sarrouti et al., 2021): ``evidence``, ``claim``,
    ``label``.

    Raises:
        SourceError: the file cannot be read, or has other columns.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
        return [
            Pair(row["claim"], _sentences(row["evidence"]), row["label"] == "Supports")
            for row in rows
        ]
    except (OSError, UnicodeDecodeError, KeyError) as error:
        raise SourceError(
            f"{file} cannot be read: {error}", "It has the columns evidence, claim and label."
        ) from None


def read_scifact(corpus: Path, queries: Path) -> list[Pair]:
    """SciFact's claims with the sentences that experts say support or contradict them (Wadden et
    al., 2020); claims without such are left out.

    Raises:
        SourceError: a file cannot be read.
    """
    file = corpus / "corpus.jsonl" if corpus.is_dir() else corpus
    texts = {str(e["_id"]): e["sentences"] for e in read_lines(file)}
    return [
        Pair(
            str(entry["text"]),
            tuple(texts[document][i] for i in rationale["sentences"]),
            rationale["label"] == "SUPPORT",
        )
        for entry in read_lines(queries / "queries.jsonl")
        for document, rationales in entry.get("evidence", {}).items()
        for rationale in rationales
    ]


def _sentences(text: str) -> tuple[str, ...]:
    return tuple(sentence.text for sentence in split_sentences(text))
