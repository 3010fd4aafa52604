"""PDFs: title and abstract of the first page where they can be told, and a line where not."""

from __future__ import annotations

import gzip
import io
import logging
import re
import time
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from pdf_maker import BODY, NAMES, PAPER, REST, TITLE, Line, joined, page, pdf
from pypdf import PdfReader, PdfWriter

from rag.errors import SourceError
from rag.papers import Paper
from rag.sources import Unreadable, read_source
from rag.sources import pdf as reader

ABSTRACT = (
    "We ask how offices by the river work, and find that floods are no prerequisite for work. Our "
    "state-of-the-art method, self-attention over rivers, reaches 85% on RiverBench (x < 5), which "
    "is more than all the others do, and needs three hours on one machine. Naïve ways fail."
)


def read(folder: Path, content: bytes) -> Paper | Unreadable:
    (folder / "x").write_bytes(content)
    (entry,) = read_source(folder / "x")
    return entry


def read_paper(folder: Path, lines: Sequence[Line], title: str = "") -> Paper:
    entry = read(folder, pdf(lines, title))
    assert isinstance(entry, Paper), entry
    return entry


def refused(folder: Path, content: bytes) -> str:
    with pytest.raises(SourceError) as caught:
        read(folder, content)
    assert "\n" not in caught.value.what
    return caught.value.what


@pytest.mark.parametrize("packed", [False, True])
def test_a_first_page_gives_title_and_abstract(tmp_path: Path, packed: bool) -> None:
    assert read(tmp_path, pdf(PAPER, packed=packed)) == Paper(
        title="Efficient Flow of Rivers: A Study", abstract=ABSTRACT, source="x"
    )


def test_arxivs_stamp_gives_number_and_year_and_is_no_title(tmp_path: Path) -> None:
    stamp = Line("arXiv:2401.00001v2  [cs.CL]  3 Jan 2024", 20, turned=True)
    paper = read_paper(tmp_path, [stamp, *PAPER])
    assert paper.title == "Efficient Flow of Rivers: A Study"
    assert (paper.arxiv, paper.year, paper.venue) == ("2401.00001v2", 2024, "arXiv")
    assert paper.url == "https://arxiv.org/abs/2401.00001v2"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "untitled",
        "Microsoft Word - rivers.doc",
        "rivers_final_v3.docx",
        "main.tex",
        "arXiv:2401.00001v2 [cs.CL]",
        "doi:10.1234/x",
        "PII: S0000-0000(00)00000-0",
        "Paper Title (use style: paper title)",
        "University of Rivers",
        "Quite another title than that of this page",
    ],
)
def test_properties_that_do_not_fit_give_no_title(tmp_path: Path, said: str) -> None:
    assert read_paper(tmp_path, PAPER, said).title == "Efficient Flow of Rivers: A Study"


def test_properties_that_the_page_bears_out_give_the_title(tmp_path: Path) -> None:
    said = "Efficient flow of rivers: a study"
    assert read_paper(tmp_path, PAPER, said).title == said
    even = [Line(line.text, 10) for line in PAPER]
    assert read_paper(tmp_path, even, said).title == said


@pytest.mark.parametrize(
    "above",
    [
        [Line("Published as a conference paper at ICLR 2024", 20)],
        [Line("RIVER", 30, bold=True), Line("ARTICLE", 20)],
        [Line("Journal of Rivers 12 (2020) 1-20", 20)],
        [Line("https://doi.org/10.1234/x", 20)],
    ],
)
def test_what_else_stands_large_on_top_is_no_title(tmp_path: Path, above: list[Line]) -> None:
    assert read_paper(tmp_path, above + PAPER).title == "Efficient Flow of Rivers: A Study"


def test_where_all_letters_are_of_a_size_bold_ones_are_the_title(tmp_path: Path) -> None:
    lines = [Line("On Bold Rivers*", bold=True), Line("Anna Ferry"), Line("Abstract"), *BODY]
    assert read_paper(tmp_path, lines).title == "On Bold Rivers"
    lines[0] = Line("On Bold Rivers")
    assert read(tmp_path, pdf(lines)) == Unreadable(
        "x", "its title cannot be told from its first page"
    )


def small_capitals() -> bytes:
    """A title and a heading as some styles set them: each first letter in a larger size."""
    words = [("O", "N"), ("R", "IVERS"), ("A", "BSTRACT")]
    sizes = [(17.0, 13.6), (17.0, 13.6), (12.0, 9.6)]
    places = [(72, 700), (110, 700), (72, 600)]
    commands = b""
    for (large, small), (high, low), (across, up) in zip(words, sizes, places, strict=True):
        for size, place, text in ((high, across, large), (low, across + high * 0.9, small)):
            drawn = (size, place, up, text.encode())
            commands += b"BT /F1 %g Tf 1 0 0 1 %g %d Tm (%b) Tj ET\n" % drawn
    body = page(BODY + REST).replace(b"1 0 0 1 72 7", b"1 0 0 1 72 5").replace(b" 72 6", b" 72 4")
    return pdf([]).replace(b"BT\nET", commands + body)


def test_small_capitals_are_words(tmp_path: Path) -> None:
    entry = read(tmp_path, small_capitals())
    assert isinstance(entry, Paper)
    assert (entry.title, entry.abstract) == ("ON RIVERS", ABSTRACT)


HEADINGS = ["Abstract", "ABSTRACT", "Abstract.", "A B S T R A C T", "A BSTRACT", "Summary"]


@pytest.mark.parametrize("heading", HEADINGS)
def test_headings_of_an_abstract(tmp_path: Path, heading: str) -> None:
    assert read_paper(tmp_path, [*TITLE, Line(heading), *BODY, *REST]).abstract == ABSTRACT


MARKS = ["Abstract—", "Abstract. ", "ABSTRACT: ", "Abstract ", "Summary: "]


@pytest.mark.parametrize("mark", MARKS)
def test_an_abstract_that_begins_in_the_line_of_its_heading(tmp_path: Path, mark: str) -> None:
    lines = [*TITLE, Line(mark + BODY[0].text), *BODY[1:], *REST]
    assert read_paper(tmp_path, lines).abstract == ABSTRACT


@pytest.mark.parametrize(
    "end",
    [
        "Introduction",
        "INTRODUCTION",
        "1 Introduction",
        "1. INTRODUCTION",
        "I. INTRODUCTION",
        "1 I NTRODUCTION",
        "1 Introduction Rivers flow in all the world",
        "Keywords: rivers, flow",
        "Key words and phrases. rivers",
        "Index Terms—rivers, flow",
        "CCS Concepts: • Rivers",
        "1 The Flow of Rivers",
        "1. Rivers",
        "© 2020 A. House",
        "* Equal contribution.",
        "Received 3 May 2020",
    ],
)
def test_what_ends_an_abstract(tmp_path: Path, end: str) -> None:
    lines = [*TITLE, Line("Abstract"), *BODY, Line(end), *REST[1:]]
    assert read_paper(tmp_path, lines).abstract == ABSTRACT


@pytest.mark.parametrize("size", [8, 12])
def test_letters_of_another_size_end_an_abstract(tmp_path: Path, size: float) -> None:
    lines = [*TITLE, Line("Abstract"), *BODY, Line("Of something else here", size), *REST[1:]]
    assert read_paper(tmp_path, lines).abstract == ABSTRACT


def test_sentences_and_numbers_within_an_abstract_do_not_end_it(tmp_path: Path) -> None:
    more = [Line("Introduction of boats helps, in"), Line("1 Billion cases of those seen")]
    lines = [*TITLE, Line("Abstract"), *BODY, *more, Line("2", 6), Line("here."), *REST]
    assert read_paper(tmp_path, lines).abstract.endswith(
        "Introduction of boats helps, in 1 Billion cases of those seen here."
    )


@pytest.mark.parametrize(
    "lines",
    [
        [*TITLE, *NAMES, *BODY, *REST],
        [*TITLE, Line("Abstract"), Line("Too short."), *REST],
        [*TITLE, Line("Abstract"), *BODY * 25],
        [*TITLE, Line("Abstract interpretation is what we do here, and"), *BODY],
    ],
    ids=["none", "short", "without an end", "a sentence"],
)
def test_an_abstract_that_cannot_be_told_is_noted(tmp_path: Path, lines: list[Line]) -> None:
    assert read(tmp_path, pdf(lines)) == Unreadable(
        "x", "its first page has no abstract that can be told: 'Efficient Flow of Rivers: A Study'"
    )


@pytest.mark.parametrize("content", [b"", b"BT ET", b"q 600 0 0 700 0 0 cm /Im1 Do Q"])
def test_a_page_without_text_is_noted(tmp_path: Path, content: bytes) -> None:
    entry = read(tmp_path, pdf([]).replace(b"BT\nET", content))
    assert entry == Unreadable("x", "its first page has no text; it may be a picture of a page")


def test_letters_that_fonts_do_not_tell_are_noted(tmp_path: Path) -> None:
    content = pdf(PAPER).replace(b"/F1 5 0 R", b"/F9 5 0 R")
    entry = read(tmp_path, content)
    assert entry == Unreadable("x", "its fonts do not say what their letters are")


def test_a_file_without_pages_is_noted(tmp_path: Path) -> None:
    empty = joined(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>")
    assert read(tmp_path, empty) == Unreadable("x", "it has no pages")


@pytest.mark.parametrize("kids", [b"[2 0 R]", b"[3 0 R]"])
def test_page_trees_in_a_circle_are_told(tmp_path: Path, kids: bytes) -> None:
    circle = joined(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids %b /Count 1 >>" % kids,
        b"<< /Type /Pages /Kids [2 0 R] /Parent 2 0 R /Count 1 >>",
    )
    assert "is damaged" in refused(tmp_path, circle)


@pytest.mark.parametrize("content", [b"%PDF-", b"%PDF-1.4\n%%EOF\n", b"%PDF-1.7\n" + b"\xff" * 999])
def test_a_broken_file_is_told(tmp_path: Path, content: bytes) -> None:
    assert "x is damaged" in refused(tmp_path, content)


def test_a_file_cut_anywhere_is_read_or_told(tmp_path: Path) -> None:
    whole = pdf(PAPER)
    for end in range(5, len(whole), 97):
        with suppress(SourceError):
            entry = read(tmp_path, whole[:end])
            assert isinstance(entry, Unreadable) or entry.title.startswith("Efficient")


def encrypted(password: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(PAPER))))
    writer.encrypt(password, "owner", algorithm="RC4-128")
    content = io.BytesIO()
    writer.write(content)
    return content.getvalue()


def test_a_locked_file_is_told_and_one_without_a_password_read(tmp_path: Path) -> None:
    assert refused(tmp_path, encrypted("secret")) == "x is encrypted."
    entry = read(tmp_path, encrypted(""))
    assert isinstance(entry, Paper)
    assert entry.abstract == ABSTRACT


def test_a_cipher_that_is_not_known_here_is_told(tmp_path: Path) -> None:
    aes = re.sub(rb"/V 2", b"/V 5", encrypted("secret"))
    assert "x is encrypted" in refused(tmp_path, aes) or "x is damaged" in refused(tmp_path, aes)


def bomb(content: bytes) -> bytes:
    packed = zlib.compress(content, 9)
    stream = b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(packed), packed)
    return re.sub(
        rb"<< /Length \d+  >>\nstream\n.*?\nendstream", lambda _: stream, pdf([]), flags=re.DOTALL
    )


@pytest.mark.parametrize(
    "content",
    [
        b" " * 200_000_000,
        b"0 0 m 1 1 l S\n" * 2_000_000,
        b"BT /F1 9 Tf " + b"(a) Tj " * 2_000_000,
        b"[" * 1_000_000,
        b"<<" * 100_000,
        b"q " * 400_000,
        b"(" * 1_000_000,
    ],
    ids=["spaces", "lines", "letters", "arrays", "dictionaries", "states", "brackets"],
)
def test_a_page_that_unpacks_to_too_much_is_told_at_once(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What pytest notes of a hundred thousand warnings would take longer than the file.
    monkeypatch.setattr(logging.getLogger("pypdf"), "propagate", False)
    started = time.perf_counter()
    with suppress(SourceError):
        assert isinstance(read(tmp_path, bomb(content)), Unreadable)
    assert time.perf_counter() - started < 2 * reader._SECONDS


def test_forms_within_each_other_end(tmp_path: Path) -> None:
    """Each of thirty forms draws the next twice."""
    forms = [
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length 11"
        b" /Resources << /XObject << /X %d 0 R >> >> >>\nstream\n/X Do /X Do\nendstream" % (n + 1)
        for n in range(4, 34)
    ]
    content = joined(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /XObject << /X 5 0 R >> >> >>",
        *forms,
    )
    assert isinstance(read(tmp_path, content), Unreadable)


def test_a_file_that_is_too_large_or_takes_too_long_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(reader, "_SECONDS", 0)
        assert "takes longer than 0 seconds" in refused(tmp_path, pdf(PAPER))
    monkeypatch.setattr(reader, "MAX_BYTES", 1000)
    assert "x is a PDF of more than" in refused(tmp_path, pdf(PAPER))


def test_a_packed_pdf_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(pdf(PAPER)))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("inner.pdf", pdf(PAPER))
    for name, source in [("a.gz", "a.gz"), ("b.zip", "b.zip/inner.pdf")]:
        (paper,) = read_source(tmp_path / name)
        assert isinstance(paper, Paper)
        assert (paper.abstract, paper.source) == (ABSTRACT, source)


def test_nothing_is_said_of_what_was_mended(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    read(tmp_path, pdf(PAPER).replace(b"startxref\n", b"startxref\n9"))
    assert capfd.readouterr() == ("", "")
