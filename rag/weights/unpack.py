"""A GGUF file unpacked once to a folder that loads in seconds.

Transformers can read a GGUF file directly, but keeps its weights packed and unpacks them at
every step on a CPU. What it is unpacked to is a `Form`: the chat models name one for each kind of
machine.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from rag.errors import WeightsError
from rag.progress import Progress, Report, silent
from rag.weights.files import gigabytes, publish, require_space, sha256_of

_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Form:
    """What a model is unpacked to.

    Attributes:
        kind: names the form; part of the folder's name.
        version: of the form, on this machine; the folders of other versions are removed.
        growth: size of the folder over that of the GGUF file, a little more than measured.
        save: writes a transformers model, unpacked to bfloat16, into a folder.
    """

    kind: str
    version: str
    growth: float
    save: Callable[[Any, Path], object]


BF16 = Form("bf16", "2", 3.6, lambda model, folder: model.save_pretrained(folder))
"""All weights as bfloat16 (4-bit 1.5B: 3.2 times the size, 135M: 2.7)."""


def unpack_gguf(
    gguf: Path, into: Path, form: Form, sha256: str | None = None, *, report: Report = silent
) -> Path:
    """The folder with the unpacked model, made on first use.

    Args:
        into: the folder to make it in.
        sha256: the file's hash where it is known already, so that it need not be read for it.

    Raises:
        WeightsError: the file is no model that transformers can read, or the disk is full.
    """
    key = (sha256 or sha256_of(gguf))[:16]
    folder = into / f"unpacked-{key}-{form.kind}-{form.version}"
    if _is_whole(folder):
        return folder
    into.mkdir(parents=True, exist_ok=True)
    with FileLock(into / ".unpack.lock"):
        if not _is_whole(folder):
            _unpack(gguf, folder, form, report)
    return folder


def verify_unpacked(into: Path, *, report: Report = silent) -> list[str]:
    """Read every unpacked model in a folder again and name the files that are damaged."""
    problems = []
    for folder in sorted(into.glob("unpacked-*")):
        if not _is_whole(folder):
            problems.append(f"{folder.name} is not whole")
            continue
        for name, (size, sha256) in _manifest(folder).items():
            report(Progress(f"checking {folder.name}/{name}", 0, size, "bytes"))
            if sha256_of(folder / name) != sha256:
                problems.append(f"{folder.name}/{name} is damaged")
    return problems


def _manifest(folder: Path) -> dict[str, tuple[int, str]]:
    """What the folder should hold: name → (size, SHA-256)."""
    entries = json.loads((folder / _MANIFEST).read_text())
    return {name: (entry["size"], entry["sha256"]) for name, entry in entries.items()}


def _is_whole(folder: Path) -> bool:
    """Whether the folder holds what its manifest names, in size; `verify_unpacked` reads it."""
    try:
        files = _manifest(folder).items()
        return all((folder / name).stat().st_size == size for name, (size, _) in files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _unpack(gguf: Path, folder: Path, form: Form, report: Report) -> None:
    temporary = folder.with_name(f".{folder.name}")
    for leftover in (temporary, folder):
        shutil.rmtree(leftover, ignore_errors=True)
    size = int(gguf.stat().st_size * form.growth)
    require_space(folder.parent, size, f"Unpacking {gguf.name}")
    report(Progress(f"unpacking {gguf.name} to {gigabytes(size)}, once", 0, None, "model"))
    try:
        temporary.mkdir()
        _convert(gguf, temporary, form)
    except Exception as error:  # readers of GGUF raise what they like
        shutil.rmtree(temporary, ignore_errors=True)
        raise WeightsError(
            f"{gguf} cannot be unpacked: {error}",
            "Run `askpapers models verify`; if the file is yours, use one in GGUF format of an "
            "architecture that transformers supports.",
        ) from error
    manifest = {
        path.name: {"size": path.stat().st_size, "sha256": sha256_of(path)}
        for path in temporary.iterdir()
    }
    (temporary / _MANIFEST).write_text(json.dumps(manifest, indent=1))
    publish(temporary, folder)
    for older in folder.parent.glob(f"{folder.name.removesuffix(form.version)}*"):
        if older != folder:
            shutil.rmtree(older, ignore_errors=True)


def _convert(gguf: Path, folder: Path, form: Form) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    place = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    model = AutoModelForCausalLM.from_pretrained(
        **place, quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16
    )
    form.save(model, folder)
    AutoTokenizer.from_pretrained(**place).save_pretrained(folder)
