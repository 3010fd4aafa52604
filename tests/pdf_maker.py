"""PDFs made by hand: an object a part, and lines of text from the top of a page down."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A line on the page; `turned` stands upright at the margin, as arXiv's stamp does."""

    text: str
    size: float = 10
    bold: bool = False
    turned: bool = False


TITLE = [Line("Efﬁcient Flow of Rivers:", 17, bold=True), Line("A Study", 17, bold=True)]
NAMES = [Line("Anna Ferry, Bob Lake", 12), Line("University of Rivers", 10)]
BODY = [
    Line("We ask how ofﬁces by the river work, and ﬁnd that ﬂoods are no pre-"),
    Line("requisite for work. Our state-of-the-"),
    Line("art method, self-"),
    Line("attention over rivers, reaches 85% on RiverBench (x < 5), which is more"),
    Line("than all the others do, and needs three hours on one machine. Naïve ways fail."),
]
REST = [
    Line("1 Introduction", 12, bold=True),
    Line("Self-attention is used in the whole of this text, which goes on and on for long."),
    Line("It is no part of what the abstract says, and must not be found in it at all."),
]
PAPER = [*TITLE, *NAMES, Line("Abstract", 12, bold=True), *BODY, *REST]


def pdf(lines: Sequence[Line], title: str = "", packed: bool = False) -> bytes:
    """A PDF of one page; ﬁ and ﬂ are glyphs of their own, as TeX sets them."""
    content = page(lines)
    extra = b""
    if packed:
        content, extra = zlib.compress(content), b"/Filter /FlateDecode"
    return joined(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>",
        b"<< /Length %d %b >>\nstream\n%b\nendstream" % (len(content), extra, content),
        _font(b"Times-Roman"),
        _font(b"Times-Bold"),
        b"<< /Title (%b) >>" % _escaped(title),
        info=bool(title),
    )


def page(lines: Sequence[Line]) -> bytes:
    """The commands that draw the lines."""
    commands = [b"BT"]
    height = 740.0
    for line in lines:
        font = b"/F2" if line.bold else b"/F1"
        if line.turned:
            place = b"0 1 -1 0 20 200 Tm"
        else:
            height -= line.size * 1.3
            place = b"1 0 0 1 72 %.1f Tm" % height
        commands.append(b"%b %g Tf %b (%b) Tj" % (font, line.size, place, _escaped(line.text)))
    return b"\n".join([*commands, b"ET"])


def joined(*objects: bytes, info: bool = False) -> bytes:
    """A file of numbered objects, the first the catalog, the last its properties if `info`."""
    content, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%b\nendobj\n" % (number, text)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    properties = b" /Info %d 0 R" % len(objects) if info else b""
    return content + (
        b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<< /Size %d /Root 1 0 R%b >>\n"
        b"startxref\n%d\n%%%%EOF\n"
    ) % (len(objects) + 1, table, len(objects) + 1, properties, len(content))


def _font(name: bytes) -> bytes:
    encoding = b"<< /BaseEncoding /WinAnsiEncoding /Differences [1 /fi /fl] >>"
    return b"<< /Type /Font /Subtype /Type1 /BaseFont /%b /Encoding %b >>" % (name, encoding)


def _escaped(text: str) -> bytes:
    text = text.replace("ﬁ", "\x01").replace("ﬂ", "\x02")
    for mark in "\\()":
        text = text.replace(mark, f"\\{mark}")
    return text.encode("cp1252")
