"""Small operations on files that stay whole when the power goes."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from rag.errors import WeightsError

CHUNK = 1 << 22


def sha256_of(path: Path, advance: Callable[[int], None] | None = None) -> str:
    """The file's SHA-256 in hexadecimal; ``advance`` is told how many bytes were read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            if advance:
                advance(len(chunk))
    return digest.hexdigest()


def publish(temporary: Path, final: Path) -> None:
    """Move a finished file or folder to its place, on the disk before it is visible there."""
    for path in [temporary, *temporary.rglob("*")] if temporary.is_dir() else [temporary]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    final.parent.mkdir(parents=True, exist_ok=True)
    os.replace(temporary, final)


def require_space(folder: Path, needed: int, purpose: str) -> None:
    """Raise unless the disk that holds ``folder`` has that many bytes free.

    Raises:
        WeightsError: it has not.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise WeightsError(
            f"{purpose} needs {gigabytes(needed)} in {folder}, and {gigabytes(free)} are free.",
            "Free some space, or set ASKPAPERS_HOME to a folder on a larger disk.",
        )


def gigabytes(size: int) -> str:
    """A size for a person: '1.1 GB', '98 MB'."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
