"""A PDF: title and abstract of its first page, where they can be told.

A page is a list of glyphs and places; what is a title is told by its size, an abstract by its
heading. Nothing is guessed: where one of the two cannot be told, a note says so.
"""

from __future__ import annotations

import io
import logging
import math
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pypdf import PdfReader, apply_configuration
from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError

from rag.errors import SourceError
from rag.papers import Paper, normalise
from rag.sources import fields
from rag.sources.entry import MAX_TITLE, Unreadable, make_paper

# It tells of each fault it mends; that is nothing for a reader, who gets one line.
logging.getLogger("pypdf").addHandler(logging.NullHandler())

MAX_BYTES = 100 * 10**6
"""A PDF is held in memory as a whole; a scanned book is larger."""

_SECONDS = 10.0
"""A first page of text takes a tenth of one."""

_LIMITS: dict[str, Any] = {
    "maximum_declared_stream_length": 3_000_000,
    "array_based_stream_maximum_output_length": 3_000_000,
    "zlib_maximum_output_length": 3_000_000,
    "lzw_maximum_output_length": 3_000_000,
    "run_length_maximum_output_length": 3_000_000,
    "brotli_maximum_output_length": 3_000_000,
    "stream_decoding_work_maximum_length": 12_000_000,
    "stream_parsing_work_maximum_count": 500_000,
    "xform_maximum_invocations_per_extraction": 500,
    "page_tree_maximum_entries": 20_000,
}
"""What a page may unpack to, and how many drawing commands it may have."""

_LEAST_ABSTRACT = 200
_LONGEST_ABSTRACT = 6_000
"""Characters; beyond them the end of the abstract was missed."""

_ONE_SIZE = 1.04
"""Ratio up to which two sizes of letters are one."""

_MOST_UNKNOWN = 0.05
"""Share of characters that fonts may leave untold."""

_LIGATURES = re.compile("[\ufb00-\ufb06\U0001d400-\U0001d7ff]")
_WORD_END = re.compile(r"([^\W\d_]+)[-\u00ad\u2010]$")

_STAMP = re.compile(r"arXiv:\s*((?:\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?)\s+\[.*")
_FOOTNOTE = re.compile(r"[\s*∗⋆†‡§¶]+$")

_NO_TITLE = re.compile(
    r"untitled|microsoft (?:word|powerpoint)|powerpoint presentation|slide 1$|arxiv:|https?:|doi\b"
    r"|pii:|layout 1$|.*\.(?:docx?|tex|pdf|dvi|ps|indd|rtf|odt|qxd|pages|md)$|paper title"
    r"|.*\btemplate\b.*\b(?:word|latex|ieee|acm)\b|title$|main$|paper$|manuscript$|preprint"
    r"|published as|accepted (?:at|by|to)|under review|to appear in|proceedings of|journal of"
    r"|contents lists|open access|(?:original |research |review )?(?:article|paper|letter|report)$"
    r"|(?:volume|vol\.) \d|issn|isbn|copyright|©",
    re.IGNORECASE,
)
"""What stands where titles stand, in a file's properties or on top of a page, and is none."""

_ABSTRACT = re.compile(r"\W{0,3}a ?b ?s ?t ?r ?a ?c ?t\b(\s*[.:—–-]*)\s*(.*)", re.IGNORECASE)
_SUMMARY = re.compile(r"\W{0,3}summary(\s*[.:—–-]*)\s*(.*)", re.IGNORECASE)

_SPACED_INTRODUCTION = " ?".join("introduction")
_NEXT = re.compile(
    rf"(?:(?:\d{{1,2}}|[IVX]{{1,4}})\s*[.:)]?\s*)?{_SPACED_INTRODUCTION}\s*[.:]?$"
    rf"|(?:1|I)\s*[.:)]?\s+{_SPACED_INTRODUCTION}\b"
    r"|(?:additional )?key ?words?\b|index terms?\b|ccs concepts?\b|categories and subject"
    r"|general terms\b|acm reference format|jel (?:class|code)|mathematics subject|msc ?\d|pacs\b"
    r"|article (?:info|history)|highlights$|graphical abstract|plain language summary"
    r"|significance(?: statement)?$|author summary$|(?:table of )?contents$|nomenclature$"
    r"|permission to make digital|copyright\b|©|\(c\) ?\d{4}|correspond(?:ence|ing author)"
    r"|[*∗†‡]\s*(?:equal|corresp|these authors|work done)|preprint\. |received\b.*\d{4}",
    re.IGNORECASE,
)
"""Where an abstract is over, at the start of a line."""

_NUMBERED = re.compile(r"(?:1|I)\s*[.:)]?\s+[A-Z][^.!?]{2,60}$")


def recognises(head: bytes) -> bool:
    """Whether the file says that it is one."""
    return head.lstrip(b"\0\t\n\f\r \xef\xbb\xbf").startswith(b"%PDF-")


def read(content: bytes, source: str) -> Iterator[Paper | Unreadable]:
    """The paper, or what of it cannot be told."""
    if len(content) > MAX_BYTES:
        raise SourceError(
            f"{source} is a PDF of more than {MAX_BYTES // 10**6} MB, and was not read.",
            "Add the paper's entry from a bibliography instead.",
        )
    page = _first_page(content, source)
    yield page if isinstance(page, Unreadable) else _paper(page, source)


@dataclass(frozen=True, slots=True)
class _Run:
    """Letters of one font; a line is made of several.

    Attributes:
        text: what is written, a ligature as its letters.
        size: height of its letters in points; a line has that of most of its letters.
        bold: whether the font's name says so.
    """

    text: str
    size: float
    bold: bool


_Line = _Run


@dataclass(slots=True)
class _Page:
    """A first page: its upright lines in the order of the file, the rest, and the properties."""

    title: str
    lines: list[_Line] = field(default_factory=list)
    turned: str = ""

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)


class _TooLongError(Exception):
    """The time for a file is over."""


class _Timed(io.BytesIO):
    """Bytes that can be read until a moment; whatever is done with a PDF begins with reading."""

    def __init__(self, content: bytes, end: float) -> None:
        super().__init__(content)
        self._end = end

    def check(self, *_: object) -> None:
        if time.monotonic() > self._end:
            raise _TooLongError

    def read(self, size: int | None = -1, /) -> bytes:
        self.check()
        return super().read(size)


def _first_page(content: bytes, source: str) -> _Page | Unreadable:
    stream = _Timed(content, time.monotonic() + _SECONDS)
    try:
        with apply_configuration(**_LIMITS):
            reader = PdfReader(stream)
            if reader.is_encrypted and not reader.decrypt(""):
                raise FileNotDecryptedError
            if not reader.pages:
                return Unreadable(source, "it has no pages")
            page = _Page(title=str(reader.metadata.title or "") if reader.metadata else "")
            runs: list[_Run] = []

            def take(
                text: str, cm: Sequence[float], tm: Sequence[float], font: Any, size: float
            ) -> None:
                across, up = _direction(tm, cm)
                if abs(up) > abs(across):
                    page.turned += text
                elif text:
                    height = abs(size) * _scale(tm) * _scale(cm)
                    runs.append(_Run(_letters(text), height, _is_bold(font)))

            reader.pages[0].extract_text(visitor_operand_before=stream.check, visitor_text=take)
            stream.check()
    except Exception as error:  # it raises whatever a broken file makes its code stumble over
        raise _trouble(error, stream, source) from None
    page.lines = list(_lines(runs))
    return page


def _trouble(error: Exception, stream: _Timed, source: str) -> SourceError:
    """What went wrong, for a person; pypdf may have made another error of the time being over."""
    if isinstance(error, FileNotDecryptedError | DependencyError):
        return SourceError(
            f"{source} is encrypted.", "Save it without a password and add it again."
        )
    try:
        stream.check()
    except _TooLongError:
        what = f"takes longer than {_SECONDS:g} seconds to read"
    else:
        too_large = isinstance(error, LimitReachedError)
        said = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        what = "has a first page that is too large" if too_large else f"is damaged ({said[:100]})"
    return SourceError(
        f"{source} {what}, and was not read.", "Fetch it again, or add a bibliography's entry."
    )


def _direction(tm: Sequence[float], cm: Sequence[float]) -> tuple[float, float]:
    """Which way the text runs, across and up."""
    return tm[0] * cm[0] + tm[1] * cm[2], tm[0] * cm[1] + tm[1] * cm[3]


def _scale(matrix: Sequence[float]) -> float:
    scale = math.sqrt(abs(matrix[0] * matrix[3] - matrix[1] * matrix[2]))
    return scale if math.isfinite(scale) else 0.0


def _is_bold(font: Any) -> bool:
    name = str(font.get("/BaseFont", "")) if isinstance(font, dict) else ""
    return re.search(r"bold|black|heavy|cmbx|-bd|medi\b", name, re.IGNORECASE) is not None


def _letters(text: str) -> str:
    """The text with its ligatures and letters of maths as plain ones."""
    return _LIGATURES.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)


def _lines(runs: Sequence[_Run]) -> Iterator[_Line]:
    line: list[_Run] = []
    for run in runs:
        first, *others = run.text.split("\n")
        line.append(_Run(first, run.size, run.bold))
        for other in others:
            yield from _line(line)
            line = [_Run(other, run.size, run.bold)]
    yield from _line(line)


def _line(runs: list[_Run]) -> Iterator[_Line]:
    """The line that these runs make, if anything is written in it."""
    runs = [run for run in runs if run.text]
    sizes: Counter[float] = Counter()
    bold = 0
    text = ""
    before = None
    for run in runs:
        written = run.text
        if before and _is_small_capital(before, run, text):
            text, written = text.rstrip(), written.lstrip()
        text += written
        letters = sum(map(str.isalnum, run.text))
        sizes[round(run.size, 1)] += letters
        bold += letters if run.bold else -letters
        before = run if run.text.strip() else before
    if text := " ".join(text.split()):
        yield _Line(text, sizes.most_common(1)[0][0], bold > 0)


def _is_small_capital(before: _Run, run: _Run, text: str) -> bool:
    """Whether two runs are of one word in small capitals: its first letter is set larger."""
    start = run.text.lstrip()[:1]
    if 0.65 * before.size < run.size < 0.9 * before.size:
        large = before.text.rstrip()[-1:]
        return large.isupper() and start.isupper() and not text.rstrip()[-2:-1].isalnum()
    return 0.65 * run.size < before.size < 0.9 * run.size and start in tuple("-:,;.?!")


def _paper(page: _Page, source: str) -> Paper | Unreadable:
    text = page.text
    if sum(map(str.isalpha, text)) < 20:
        return Unreadable(source, "its first page has no text; it may be a picture of a page")
    untold = sum(c == "\ufffd" or unicodedata.category(c) in ("Co", "Cn", "Cc") for c in text)
    if untold - text.count("\n") > _MOST_UNKNOWN * len(text):
        return Unreadable(source, "its fonts do not say what their letters are")
    heading, abstract = _find_abstract(page.lines)
    title = _find_title(page, heading)
    if not title:
        return Unreadable(source, "its title cannot be told from its first page")
    if abstract is None:
        reason = f"its first page has no abstract that can be told: {title[:80]!r}"
        return Unreadable(source, reason)
    stamp = _STAMP.search(page.turned) or _STAMP.search(text)
    arxiv = stamp[1] if stamp else ""
    return make_paper(
        where=source,
        title=title,
        abstract=abstract,
        year=fields.year_in(stamp[0].rpartition("]")[2]) if stamp else None,
        venue="arXiv" if arxiv else "",
        url=f"https://arxiv.org/abs/{arxiv}" if arxiv else "",
        source=source,
        arxiv=arxiv,
    )


# The title


def _find_title(page: _Page, heading: int | None) -> str:
    """The title by the file's properties, if the page agrees, or by its size; empty if untold."""
    said = _FOOTNOTE.sub("", " ".join(_letters(page.title).split()))
    seen = _largest(page.lines[:heading] if heading else page.lines, page.lines)
    if _is_title(said) and _squeezed(said) in _squeezed(page.text):
        # A journal's name may stand in both places; a title's many words do not by chance.
        long = len(said.split()) >= 5
        if long or not seen or _squeezed(said) in _squeezed(seen):
            return said
    return seen or (said if _is_title(said) else "")


def _largest(above: Sequence[_Line], lines: Sequence[_Line]) -> str:
    """The text in the largest letters above the abstract, or in bold ones where all are alike."""
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    body = sizes.most_common(1)[0][0]
    groups: list[list[_Line]] = []
    for line in above:
        last = groups[-1][-1] if groups else None
        if last and _are_alike(last.size, line.size) and last.bold == line.bold:
            groups[-1].append(line)
        else:
            groups.append([line])
    vocabulary = _words(lines)
    titles = [(group[0], _FOOTNOTE.sub("", _joined(group, vocabulary))) for group in groups]
    titles = [(first, title) for first, title in titles if _is_title(title)]
    larger = [item for item in titles if item[0].size > body * _ONE_SIZE]
    if larger:
        most = max(first.size for first, _ in larger)
        return next(title for first, title in larger if _are_alike(first.size, most))
    return next((title for first, title in titles if first.bold), "")


def _is_title(text: str) -> bool:
    letters = sum(map(str.isalpha, text))
    wordy = len(text.split()) >= 2 or letters >= 10 or _is_east_asian(text)
    return letters >= 4 and wordy and len(text) <= MAX_TITLE // 2 and not _NO_TITLE.match(text)


def _is_east_asian(text: str) -> bool:
    return any(unicodedata.east_asian_width(c) == "W" for c in text)


def _are_alike(one: float, other: float) -> bool:
    return max(one, other) <= _ONE_SIZE * min(one, other)


def _squeezed(text: str) -> str:
    return normalise(text).replace(" ", "")


# The abstract


def _find_abstract(lines: Sequence[_Line]) -> tuple[int | None, str | None]:
    """The line of its heading, and the abstract; None for what cannot be told."""
    vocabulary = _words(lines)
    first = None
    for number, line in enumerate(lines):
        rest = _after_heading(line.text)
        if rest is None:
            continue
        first = number if first is None else first
        body = [_Line(rest, line.size, False)] if rest else []
        text = _joined(_until_the_end(body, lines[number + 1 :]), vocabulary)
        if _LEAST_ABSTRACT <= len(text) <= _LONGEST_ABSTRACT:
            return number, text
    return first, None


def _after_heading(text: str) -> str | None:
    """What follows the word "Abstract" in its line; None where it is no heading."""
    for pattern, sure in ((_ABSTRACT, True), (_SUMMARY, False)):
        if found := pattern.match(text):
            mark, rest = found[1].strip(), found[2]
            # "Abstract interpretation is …" is a sentence.
            if not rest or mark or (sure and not rest[0].islower()):
                return rest
    return None


def _until_the_end(start: list[_Line], lines: Sequence[_Line]) -> list[_Line]:
    """The abstract's lines, up to the next heading or to letters of another size."""
    body = list(start)
    length = sum(len(line.text) for line in body)
    for line in lines:
        ended = not body or body[-1].text[-1:] in ".!?)”\"'"
        if _NEXT.match(line.text) or (ended and body and _NUMBERED.match(line.text)):
            break
        usual = Counter(other.size for other in body[1:]).most_common(1)
        if usual and length >= _LEAST_ABSTRACT and not _are_alike(line.size, usual[0][0]):
            if len(line.text) <= 3:  # a footnote's number, or an index that stands by itself
                continue
            if ended or line.size > usual[0][0]:
                break
        if length > _LONGEST_ABSTRACT:
            return [*body, line]
        body.append(line)
        length += len(line.text) + 1
    return body


def _words(lines: Sequence[_Line]) -> set[str]:
    """Words that stand on the page in one piece, with hyphens within."""
    return {w.lower() for line in lines for w in re.findall(r"\w+(?:-\w+)*", line.text)}


def _joined(lines: Sequence[_Line], vocabulary: set[str]) -> str:
    """Lines as one text; a word that was parted at the end of a line is whole again."""
    text = ""
    for line in lines:
        start = re.match(r"[^\W\d_]+", line.text)
        if (end := _WORD_END.search(text)) and start and start[0][0].islower():
            whole, compound = f"{end[1]}{start[0]}".lower(), f"{end[1]}-{start[0]}".lower()
            parted = text[: end.start()].endswith("-")  # "state-of-the-" goes on with "art"
            if whole not in vocabulary and (compound in vocabulary or parted):
                text = f"{text[: end.end(1)]}-{line.text}"
            else:
                text = f"{text[: end.end(1)]}{line.text}"
        else:
            text = f"{text} {line.text}"
    return " ".join(text.replace("\u00ad", "").split())
