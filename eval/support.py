"""The program's own support check, on its own: what judges citations, and how well it judges."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from statistics import mean

import numpy as np

from eval.collections import read_lines
from eval.metrics import Entails, auroc_of
from eval.probing import cross_validated, fit_probe
from eval.systems import Shown
from rag.chat_models import LocalChatModel
from rag.citations import WEAK, Statement, bind
from rag.embedding import load_encoder
from rag.errors import SourceError
from rag.library import Library
from rag.papers import Evidence, Paper, Sentence, Vectors
from rag.probing import SupportJudge, write_probe
from rag.progress import Progress, Report
from rag.prompts import support_messages
from rag.settings import Settings
from rag.store.keywords import KeywordIndex
from rag.text import split_sentences

_STATEMENTS = ("statements.jsonl", "statements-invented.jsonl")
_UNSEEN = ("statements-unseen.jsonl",)

JUDGED_LAYER = 18
"""Of the default model's 28. Later ones do no better, earlier ones worse; what is after it need
not be run."""


_LINE = 0.35
"""Probability from which the judge accepts. Half of the statements that it is fitted on are wrong;
of what a model writes and the check lets through, one in five. Of 106 such sentences, read by hand,
it accepts 63 of 84 right and 4 of 22 wrong ones from here, 46 and 4 from .5 (November 2026)."""


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
    """A claim, the sentences set beside it, and whether they bear it out.

    Attributes:
        title: of the paper that the sentences are from; empty where it is not known.
        group: pairs that resemble one another share it.
    """

    claim: str
    sentences: tuple[str, ...]
    supported: bool
    title: str = ""
    group: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class SupportFigures:
    """How well the check tells what is borne out from what is not.

    Attributes:
        supported: pairs that people say are.
        auroc: of the check's score, against the rest.
        auroc_cosine: of the encoder's cosine alone, what one would take instead.
        auroc_judge: of the judge as it ships; None where the model has none, and for pairs that
            it was fitted on.
        auroc_refitted: of a judge fitted anew on four fifths of these pairs, over the fifths
            that it has not seen.
        passed_supported, passed_rest: share of either that the check lets through, without the
            judge.
    """

    pairs: int
    supported: int
    auroc: float | None
    auroc_cosine: float | None
    auroc_judge: float | None
    auroc_refitted: float | None
    passed_supported: float
    passed_rest: float


def measure_support(
    pairs: Sequence[Pair],
    settings: Settings,
    report: Report,
    states: Vectors | None = None,
    judge: SupportJudge | None = None,
) -> SupportFigures:
    """Put every pair to the check that answers pass before they are shown.

    Args:
        states: the model's for each pair, to fit judges on; None to leave those out.
        judge: the one that ships, unless it was fitted on these pairs.
    """
    encoder = load_encoder(settings, report=report)
    texts = [Paper(f"{i}", " ".join(pair.sentences)) for i, pair in enumerate(pairs)]
    rarity = KeywordIndex.build(texts).rarity
    scores, cosines, passed = [], [], []
    for number, pair in enumerate(pairs, start=1):
        shown = Shown("", pair.title, pair.sentences)
        (bound,) = bind([Statement(pair.claim, ())], [_evidence(1, shown)], encoder.encode, rarity)
        refused = bound.support == "unsupported"
        # A number or name that is not there refuses what words alone would let through.
        scores.append(bound.score - (1.0 if refused and bound.score >= WEAK else 0.0))
        passed.append(not refused)
        claim, text = encoder.encode([pair.claim, " ".join(pair.sentences)])
        cosines.append(float(claim @ text))
        report(Progress("checking", number, len(pairs), "pairs"))

    labels = [pair.supported for pair in pairs]
    yes = [float(p) for p, supported in zip(passed, labels, strict=True) if supported]
    no = [float(p) for p, supported in zip(passed, labels, strict=True) if not supported]
    judged = refitted = None
    if states is not None and len(pairs) > 1:
        groups = [p.group or p.claim for p in pairs]
        refitted = auroc_of(cross_validated(states, labels, groups, JUDGED_LAYER), labels)
        if judge is not None:
            judged = auroc_of([judge.probe.probability(state) for state in states], labels)
    return SupportFigures(
        pairs=len(pairs),
        supported=len(yes),
        auroc=auroc_of(scores, labels),
        auroc_cosine=auroc_of(cosines, labels),
        auroc_judge=judged,
        auroc_refitted=refitted,
        passed_supported=round(mean(yes or [0.0]), 4),
        passed_rest=round(mean(no or [0.0]), 4),
    )


def read_states(pairs: Sequence[Pair], model: LocalChatModel, report: Report) -> Vectors:
    """The states ``(pairs, width)`` in which a model is about to say whether pairs hold."""
    states = []
    for number, pair in enumerate(pairs, start=1):
        messages = support_messages(pair.claim, [(pair.title, pair.sentences)])
        states.append(model.state(messages, JUDGED_LAYER))
        report(Progress("judging", number, len(pairs), "pairs"))
    return np.stack(states)


def save_judge(pairs: Sequence[Pair], states: Vectors, model_name: str, folder: Path) -> Path:
    """Fit the judge that ships on pairs, and write it where `rag.probing` looks for it."""
    fitted = fit_probe(states, [p.supported for p in pairs], JUDGED_LAYER)
    probe = replace(fitted, line=_LINE)
    fitted_on = f"eval/data/statements*.jsonl, {len(pairs)} pairs"
    return write_probe(probe, "support", model_name, fitted_on, folder)


def read_statements(*, unseen: bool = False) -> list[Pair]:
    """Our own pairs: short answers, half of which join the words of their sentences wrongly; about
    starter papers first, then about papers of many fields that were invented for this.

    Args:
        unseen: those that no judge which ships was fitted on, all about invented papers.
    """
    data = files("eval").joinpath("data")
    names = _UNSEEN if unseen else _STATEMENTS
    texts = [data.joinpath(name).read_text(encoding="utf-8") for name in names]
    return [
        Pair(e["statement"], tuple(e["sentences"]), e["supported"], e["title"], e["question"])
        for text in texts
        for e in map(json.loads, text.splitlines())
    ]


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
            Pair(
                row["claim"],
                _sentences(row["evidence"]),
                row["label"] == "Supports",
                group=row.get("question", ""),
            )
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
