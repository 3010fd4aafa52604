"""Each reader for as long as one likes: whatever a file holds, only papers and notes come out.

`ASKPAPERS_FUZZ_SECONDS=600 pytest -m slow tests/test_fuzz.py` gives each reader ten minutes.
"""

from __future__ import annotations

import gzip
import io
import os
import random
import time
import zipfile
from collections import Counter
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pdf_maker import PAPER, Line, pdf
from test_sources_formats import SAMPLES

from rag.errors import SourceError
from rag.exports import bibtex, csl, jsonl, ris
from rag.papers import Paper
from rag.sources import _BINARY_READERS, _READERS, Unreadable, read_source

SECONDS = float(os.environ.get("ASKPAPERS_FUZZ_SECONDS", "20"))
"""What each reader gets, of a processor's time: beside other work it takes longer."""

LONGEST_S = 20.0
"""A file of a few thousand bytes is read in hundredths of one; a PDF may take its ten."""

STAMP = Line("arXiv:2401.00001v2 [cs.CL] 3 Jan 2024", 20, turned=True)


def _zipped(method: int) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name in ("BibTeX", "RIS"):
            archive.writestr(name, SAMPLES[name])
        archive.writestr("x.pdf", pdf(PAPER))
    return content.getvalue()


CSL_MORE = (
    '[{"id": 7, "type": "book", "title": ["T &amp; <i>x</i>"], "abstract": "A.", "author": '
    '[{"family": "F", "given": "G", "suffix": "Jr.", "non-dropping-particle": "van"}], "issued": '
    '{"date-parts": [["2020", 1], [2021]], "raw": "May"}, "keyword": "a; b", "DOI": "10.1234/x", '
    '"note": "n"}]'
)
OLDER = '[{"title": "T", "abstractNote": "A.", "creators": [{"creatorType": "editor"}], "date": "x", "tags": [{"tag": "a"}], "itemType": "book"}]'  # noqa: E501
VALID: dict[str, list[bytes]] = {name: [text.encode()] for name, text in SAMPLES.items()}
VALID["CSL-JSON or another JSON array"] += [CSL_MORE.encode(), OLDER.encode()]
VALID["BibTeX"].append(SAMPLES["BibTeX"].encode() * 2)
VALID["RIS"].append(SAMPLES["RIS"].replace("\n", "\r\n").encode() * 2)
VALID["listing"].append(SAMPLES["listing"].encode("utf-16"))
VALID["PDF"] = [pdf([STAMP, *PAPER], "A title"), pdf(PAPER, packed=True), pdf([])]
VALID["gzip"] = [gzip.compress(SAMPLES["BibTeX"].encode(), mtime=0)]
VALID["zip"] = [_zipped(zipfile.ZIP_DEFLATED), _zipped(zipfile.ZIP_LZMA)]

_MARKS = [mark.encode() for mark in [*"{}\"'\\,=@#()[]<>&;:%$~^-_|\t\n\r /0", "é", "日", "\u2028"]]
_MARKS += [b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xff\xfe", b"]]>", b"<!--", b"-->"]
_MARKS += [b"99999999999999999999", b"-1", b"1e999", b"NaN", b"null", b"&#x110000;", b"\\u"]
_MARKS += [b"<<", b">>", b"stream\n", b"endobj\n", b"0 R", b"obj", b"<![CDATA[", b"\n\n", b"ER  - "]


@st.composite
def mutated(draw: st.DrawFn, name: str) -> bytes:
    """A valid file with up to five edits, some of which move or repeat pieces of it."""
    content = draw(st.sampled_from(VALID[name]))
    others = [sample for samples in VALID.values() for sample in samples]
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(content)))
        end = min(start + draw(st.integers(0, 60)), len(content))
        piece = content[start:end]
        kind = draw(st.sampled_from(["mark", "cut", "bytes", "text", "repeat", "move", "other"]))
        if kind == "mark":
            put = draw(st.sampled_from(_MARKS))
        elif kind == "bytes":
            put = draw(st.binary(max_size=6))
        elif kind == "text":
            put = draw(st.text(max_size=12)).encode()
        elif kind == "repeat":
            put = piece * draw(st.sampled_from([2, 3, 50, 1000]))
        elif kind == "move":
            at = draw(st.integers(0, len(content)))
            put = content[at : at + 200]
        elif kind == "other":
            other = draw(st.sampled_from(others))
            at = draw(st.integers(0, len(other)))
            put = other[at : at + 200]
        else:
            put = b""
        content = content[:start] + put + content[end:]
    return content[:200_000]


def anything(name: str) -> st.SearchStrategy[bytes]:
    """Text or bytes of any kind, some of them behind the start of a valid file."""
    starts = [b"", *(sample[:count] for sample in VALID[name] for count in (8, 40, 160))]
    loose = st.one_of(st.binary(max_size=400), st.text(max_size=300).map(str.encode))
    return st.tuples(st.sampled_from(starts), loose).map(b"".join)


def survive(path: Path, content: bytes) -> str:
    """What came of the file; it raises whatever a reader must not raise."""
    path.write_bytes(content)
    started = time.process_time()
    outcome = "nothing"
    try:
        for entry in read_source(path):
            if isinstance(entry, Unreadable):
                assert len(entry.where.splitlines()) == 1
                assert len(entry.reason.splitlines()) == 1  # a report has a line for each
                outcome = "notes"
                continue
            assert isinstance(entry, Paper)
            assert entry.title
            assert entry.abstract
            assert len(entry.id) == 16
            for write in (bibtex.write, csl.write, jsonl.write, ris.write):
                "".join(write([entry])).encode()
            outcome = "papers"
    except SourceError as error:
        outcome = "refused" if len(error.what.splitlines()) == 1 else "refused badly"
    assert outcome != "refused badly"
    assert time.process_time() - started < LONGEST_S
    return outcome


def _processor_s() -> float:
    """Seconds that this process and those it started have used of a processor."""
    return sum(os.times()[:4])


@pytest.mark.slow
@pytest.mark.timeout(10 * SECONDS + 300)
@pytest.mark.parametrize("name", VALID)
def test_a_reader_survives_whatever_comes(name: str, tmp_path: Path) -> None:
    outcomes: Counter[str] = Counter()

    def check(content: bytes) -> None:
        outcomes[survive(tmp_path / "x", content)] += 1

    runs = [
        settings(
            max_examples=100,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )(given(contents)(check))
        for contents in (mutated(name), anything(name))
    ]
    end = _processor_s() + SECONDS
    for run in cycle(runs):
        run()
        if _processor_s() > end:
            break
    print(f"{name}: {dict(outcomes)}")
    assert outcomes["papers"]


def test_every_reader_has_valid_files_to_start_from(tmp_path: Path) -> None:
    assert {reader.name for reader in (*_READERS, *_BINARY_READERS)} <= VALID.keys()
    for samples in VALID.values():
        assert any(survive(tmp_path / "x", sample) == "papers" for sample in samples)


def test_readers_survive_a_moment_of_it(tmp_path: Path) -> None:
    """The same without a search for the smallest case, for every run of the tests."""
    chance = random.Random(11)
    for samples in VALID.values():
        for _ in range(20):
            content = bytearray(chance.choice(samples))
            for _ in range(chance.randrange(1, 6)):
                at = chance.randrange(len(content) + 1)
                content[at : at + chance.randrange(4)] = chance.choice(_MARKS)
            with suppress(SourceError):
                survive(tmp_path / "x", bytes(content))
