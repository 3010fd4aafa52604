"""A run: questions asked of one system or several, kept in a folder, gone on with where it stopped.

``run.json`` says what was measured and with what, ``results.jsonl`` has each answer with its
scores, ``figures.json`` the figures, ``report.html`` all of it for people.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from pydantic import TypeAdapter, ValidationError

from eval.metrics import Failure, Scores, failures, score
from eval.questions import Question, QuestionSet, right_papers
from eval.speed import peak_bytes
from eval.support import support_check
from eval.systems import OURS, SYSTEMS, Asked
from rag import weights
from rag.answering import Answerer
from rag.chat_models import needed_models
from rag.errors import AskpapersError, SourceError
from rag.progress import Progress, Report
from rag.settings import Settings

_PACKAGES = ("torch", "transformers", "langchain-core", "chromadb", "numpy")

# What else a setting changes is where things lie and who may look, not what is answered.
_SETTINGS_THAT_COUNT = {
    "model",
    "server_model",
    "precision",
    "reranker",
    "papers",
    "evidence_tokens",
    "answer_tokens",
    "quote",
    "temperature",
    "caution",
}


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run was measured on."""

    processor: str
    cores: int
    memory_gb: float
    system: str
    python: str


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What was measured, and with what.

    Attributes:
        commit: of the checkout, empty where there is none.
        models: model → file → SHA-256.
        papers: how many the library has.
        library: hash of its titles and abstracts.
        questions: hash of the set.
    """

    started: str
    version: str
    commit: str
    machine: Machine
    settings: Mapping[str, Any]
    packages: Mapping[str, str]
    models: Mapping[str, Mapping[str, str]]
    papers: int
    library: str
    questions: str

    def same_as(self, other: RunInfo) -> bool:
        """Whether answers of the two may stand in one run."""
        return all(
            getattr(self, name) == getattr(other, name)
            for name in ("settings", "models", "library", "questions")
        )


@dataclass(frozen=True, slots=True)
class Result:
    """A question, what a system answered, and what that is worth.

    Attributes:
        right: ids in the library of the papers that answer it.
        peak_gb: the largest memory the process has had by then.
    """

    system: str
    question: Question
    right: tuple[str, ...]
    asked: Asked
    scores: Scores
    failures: tuple[Failure, ...]
    peak_gb: float


@dataclass(frozen=True, slots=True)
class Run:
    """A folder of results, all there are so far."""

    folder: Path
    info: RunInfo
    results: list[Result]

    @property
    def systems(self) -> list[str]:
        return list(dict.fromkeys(r.system for r in self.results))

    def of(self, system: str) -> list[Result]:
        return [r for r in self.results if r.system == system]


_RESULT = TypeAdapter(Result)
_INFO = TypeAdapter(RunInfo)


def run_questions(
    folder: Path,
    answerer: Answerer,
    asked: QuestionSet,
    report: Report,
    *,
    baselines: Sequence[str] = (),
) -> Run:
    """Ask every question of each system in turn, and keep each answer as soon as it is there.

    A folder that has some of them already is gone on with.

    Args:
        baselines: names of `SYSTEMS` to ask beside askpapers.

    Raises:
        AskpapersError: there is no such baseline; the folder holds another run; a question fails.
    """
    if unknown := set(baselines) - set(SYSTEMS):
        raise AskpapersError(
            f"There is no baseline {sorted(unknown)[0]!r}.", f"There is {', '.join(SYSTEMS)}."
        )
    info = describe(answerer, asked)
    run = _open(folder, info)
    done = {(r.system, r.question.id) for r in run.results}
    systems = list(dict.fromkeys([OURS, *baselines]))
    papers = right_papers(asked.questions, answerer.library.papers())
    entails = support_check(answerer.library)
    with (folder / "results.jsonl").open("a", encoding="utf-8") as file:
        for name in systems:
            ask = SYSTEMS[name](answerer)
            for number, question in enumerate(asked.questions, start=1):
                if (name, question.id) not in done:
                    right, there = papers[question.id], ask(question)
                    scores = score(question, right, there, entails)
                    wrong = tuple(failures(question, right, there, scores))
                    ids = tuple(paper.id for paper in right)
                    memory = round(peak_bytes() / 1e9, 2)
                    result = Result(name, question, ids, there, scores, wrong, memory)
                    _write(result, file)
                    run.results.append(result)
                report(Progress(f"asking {name}", number, len(asked.questions), "questions"))
    wanted = {q.id: i for i, q in enumerate(asked.questions)}
    kept = [r for r in run.results if r.question.id in wanted and r.system in systems]
    kept.sort(key=lambda r: (systems.index(r.system), wanted[r.question.id]))
    return Run(folder, run.info, kept)


def read_run(folder: Path) -> Run:
    """A run from its folder.

    Raises:
        SourceError: there is none.
    """
    try:
        info = _INFO.validate_json((folder / "run.json").read_bytes())
    except (OSError, ValidationError) as error:
        raise SourceError(
            f"{folder} holds no run: {str(error).splitlines()[0]}",
            "Name a folder that `askpapers eval` wrote.",
        ) from None
    return Run(folder, info, _read_results(folder / "results.jsonl"))


def describe(answerer: Answerer, asked: QuestionSet) -> RunInfo:
    """What is about to be measured."""
    settings = answerer.settings
    texts = sorted(paper.text_hash for paper in answerer.library.papers())
    return RunInfo(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        version=version("askpapers"),
        commit=_commit(),
        machine=_machine(),
        settings=settings.model_dump(mode="json", include=_SETTINGS_THAT_COUNT),
        packages={name: version(name) for name in _PACKAGES},
        models={
            m.name: {f.name: f.sha256 for f in m.files}
            for m in needed_models(settings)
            if weights.is_present(m, settings.models_path)
        },
        papers=len(texts),
        library=hashlib.sha256("".join(texts).encode()).hexdigest()[:16],
        questions=asked.digest,
    )


def new_folder(settings: Settings, kind: str) -> Path:
    """Where a run goes that nobody named a folder for."""
    return settings.home / "runs" / f"{datetime.now():%Y-%m-%d-%H%M%S}-{kind}"


def _open(folder: Path, info: RunInfo) -> Run:
    if (folder / "run.json").exists():
        run = read_run(folder)
        if not run.info.same_as(info):
            raise AskpapersError(
                f"{folder} holds a run of other questions, papers, models or settings.",
                "Name another folder with --run.",
            )
        # A line that was cut off in the middle is asked again.
        lines = "".join(_line(r) for r in run.results)
        _replace(folder / "results.jsonl", lines)
        return run
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / "run.json", json.dumps(asdict(info), indent=2) + "\n")
    except OSError as error:
        raise AskpapersError(
            f"The folder {folder} cannot be written: {error.strerror}.", "Name another with --run."
        ) from None
    return Run(folder, info, [])


def _read_results(file: Path) -> list[Result]:
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return []
    results = []
    for line in lines:
        try:
            results.append(_RESULT.validate_json(line))
        except ValidationError:
            continue
    return results


def _line(result: Result) -> str:
    return json.dumps(_RESULT.dump_python(result, mode="json"), ensure_ascii=False) + "\n"


def _write(result: Result, file: Any) -> None:
    file.write(_line(result))
    file.flush()
    os.fsync(file.fileno())


def _replace(file: Path, text: str) -> None:
    beside = file.with_suffix(".part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(file)


def _machine() -> Machine:
    return Machine(
        processor=_processor(),
        cores=psutil.cpu_count() or 1,
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n")
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _commit() -> str:
    try:
        found = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip()
