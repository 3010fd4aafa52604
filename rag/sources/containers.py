"""Where papers lie: files, folders, patterns, standard input, and what is packed in them."""

from __future__ import annotations

import glob
import gzip
import io
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, NoReturn

from rag.errors import SourceError, in_one_line

MAX_UNPACKED = 2 * 10**9
"""Bytes that one packed file may unpack to."""

MAX_RATIO = 200
"""How many times its size a packed file may unpack to; text reaches ten."""

_FREE = 1 << 20
"""Bytes that may be unpacked whatever the ratio."""

_BUFFER = 1 << 16

_GZIP, _ZIP = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06")


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may hold papers, unpacked where it was packed.

    Attributes:
        name: how its entries are told from others', before the line.
        place: where it lies, as a person would say it.
        open: its bytes from the start. Raises SourceError where they cannot be had.
    """

    name: str
    place: str
    open: Callable[[], IO[bytes]]


def find(given: str) -> Iterator[Found]:
    """The files that one argument of a command stands for; ``-`` is standard input.

    Read each before asking for the next: what it lies in is closed then.
    """
    path = Path(given)
    if given == "-":
        yield from _opened(_standard_input, "standard input", given)
    elif path.is_dir():
        yield from _in_folder(path)
    elif glob.has_magic(given) and not path.exists():
        yield from _matching(given)
    else:
        yield from _opened(partial(_open, path), path.name, given)


def _matching(pattern: str) -> Iterator[Found]:
    matches = sorted(Path(match) for match in glob.glob(pattern, recursive=True))
    if "**" in pattern:  # it names the files of each folder by themselves
        matches = [match for match in matches if not match.is_dir()]
    if not matches:
        yield _failing(pattern, "No file matches {}.", "Check the pattern and the folder.")
    for match in matches:
        yield from find(str(match))


def _in_folder(folder: Path) -> Iterator[Found]:
    """Every file below that is not hidden; links only to files that lie in the folder too."""
    root = folder.resolve()
    troubles: list[OSError] = []
    empty = True
    for place, folders, files in os.walk(folder, onerror=troubles.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        for name in sorted([*files, *links]):
            path = Path(place) / name
            if name.startswith("."):
                continue
            if path.is_symlink() and (trouble := _link_trouble(path, root)):
                yield trouble
            elif path.is_file():
                inner = str(Path(root.name) / path.relative_to(folder))
                yield from _opened(partial(_open, path), inner, str(path))
            else:
                continue
            empty = False
    for error in troubles:
        yield _failing(
            str(error.filename), f"{{}} cannot be read: {error.strerror}.", "Check your rights."
        )
    if empty and not troubles:
        yield _failing(str(folder), "{} holds no files.", "Hidden files are not read.")


def _link_trouble(link: Path, root: Path) -> Found | None:
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):  # a link to nothing, or in a circle
        return _failing(str(link), "{} is a link that leads nowhere.", "Mend or remove the link.")
    if target.is_relative_to(root):
        return None
    return _failing(
        str(link),
        f"{{}} is a link out of {root.name}, which is not followed.",
        "Add what it points to by itself.",
    )


def _opened(open_it: Callable[[], IO[bytes]], name: str, place: str) -> Iterator[Found]:
    """What a file holds: itself, or what is packed in it."""
    name = in_one_line(name)
    try:
        stream = open_it()
    except SourceError as error:
        yield Found(name, place, partial(_raise, error))
        return
    with stream:
        start = stream.read(4)
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        allowance = _Allowance(place, size)
        if start.startswith(_ZIP):
            yield from _members(stream, name, place, allowance)
        elif start.startswith(_GZIP):
            yield Found(name, place, partial(_gunzip, stream, place, allowance))
        else:
            yield Found(name, place, lambda: stream)


def _open(path: Path) -> IO[bytes]:
    try:
        stream = path.open("rb")
        return stream if stream.seekable() else _kept(stream)
    except FileNotFoundError:
        raise SourceError(f"{path} does not exist.", "Check the name and the folder.") from None
    except (OSError, ValueError) as error:  # a name with a zero byte is a ValueError
        reason = getattr(error, "strerror", None) or error
        raise SourceError(
            f"{path} cannot be read: {reason}.", "Check that it is a file you may read."
        ) from None


def _standard_input() -> IO[bytes]:
    return _kept(sys.stdin.buffer)


def _kept(stream: IO[bytes]) -> IO[bytes]:
    """The bytes of a pipe in a file, since what is packed is read from its end."""
    kept = tempfile.TemporaryFile()  # noqa: SIM115 - whoever reads it closes it
    shutil.copyfileobj(stream, kept)
    kept.seek(0)
    return kept


def _members(stream: IO[bytes], name: str, place: str, allowance: _Allowance) -> Iterator[Found]:
    try:
        archive = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        yield _failing(
            place, f"{{}} is a damaged or cut zip file ({_said(error)}).", "Fetch it again."
        )
        return
    with archive:
        inner = [info for info in archive.infolist() if not _is_hidden(info)]
        if not inner or any(info.filename == "[Content_Types].xml" for info in inner):
            what = "is an office document" if inner else "is a zip file that holds no files"
            yield _failing(place, f"{{}} {what}.", "Export its papers as CSV or BibTeX.")
            return
        for info in inner:
            if allowance.is_spent:
                return
            inside = f"{place}/{info.filename}"
            opened = partial(_open_member, archive, info, inside, allowance)
            yield Found(f"{name}/{in_one_line(info.filename)}", inside, opened)


def _is_hidden(info: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(info.filename).parts
    is_folder = info.filename.endswith("/")  # `is_dir` trips over an entry without a name
    return is_folder or any(part.startswith((".", "__MACOSX")) for part in parts)


def _open_member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, place: str, allowance: _Allowance
) -> IO[bytes]:
    try:
        packed = archive.open(info)
    except RuntimeError:  # how zipfile says that it wants a password
        raise SourceError(
            f"{place} is locked with a password.", "Unpack it, and add what comes out."
        ) from None
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise _damaged(place, error) from None
    member = io.BufferedReader(_Unpacked(packed.read, place, allowance), _BUFFER)
    start = member.peek(4)[:4]
    if start.startswith(_ZIP):
        raise SourceError(
            f"{place} is a zip file in a zip file.", "Unpack the outer one and add the inner."
        )
    return _gunzip(member, place, allowance) if start.startswith(_GZIP) else member


def _gunzip(stream: IO[bytes], place: str, allowance: _Allowance) -> IO[bytes]:
    packed = gzip.GzipFile(fileobj=stream)
    unpacked = io.BufferedReader(_Unpacked(packed.read, place, allowance), _BUFFER)
    if unpacked.peek(4).startswith((_GZIP, *_ZIP)):
        raise SourceError(f"{place} is packed twice.", "Unpack it once and add what comes out.")
    return unpacked


@dataclass(slots=True)
class _Allowance:
    """What a packed file may still unpack to, all that is in it together.

    Attributes:
        packed: its size in bytes.
        unpacked: bytes that have come out of it.
    """

    place: str
    packed: int
    unpacked: int = 0

    @property
    def is_spent(self) -> bool:
        return self.unpacked > min(MAX_UNPACKED, max(_FREE, MAX_RATIO * self.packed))

    def take(self, count: int) -> None:
        self.unpacked += count
        if not self.is_spent:
            return
        over = (
            f"{MAX_UNPACKED / 10**9:g} GB"
            if self.unpacked > MAX_UNPACKED
            else f"{MAX_RATIO} times its size"
        )
        raise SourceError(
            f"{self.place} unpacks to more than {over}, and was not read further.",
            "If it is what you think it is, unpack it and add what comes out.",
        )


class _Unpacked(io.RawIOBase):
    """The bytes that come out of a packed file, counted, its faults told for a person."""

    def __init__(self, read: Callable[[int], bytes], place: str, allowance: _Allowance) -> None:
        self._read = read
        self._place = place
        self._allowance = allowance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            piece = self._read(len(buffer))
        except Exception as error:  # every way to pack has errors of its own
            raise _damaged(self._place, error) from None
        self._allowance.take(len(piece))
        buffer[: len(piece)] = piece
        return len(piece)


def _damaged(place: str, error: Exception) -> SourceError:
    return SourceError(
        f"{place} is packed, and damaged or cut short ({_said(error)}).", "Fetch or pack it again."
    )


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")


def _failing(place: str, what: str, remedy: str) -> Found:
    """A file that cannot be had; ``what`` says why, with ``{}`` for its place."""
    # Replaced, not formatted: a file's name may have braces.
    error = SourceError(what.replace("{}", place, 1), remedy)
    return Found(place, place, partial(_raise, error))


def _raise(error: SourceError) -> NoReturn:
    raise error
