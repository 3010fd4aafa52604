"""LaTeX in bibliographies: accents, symbols and protective braces become plain text.

A whole LaTeX reader would take an unescaped ``%`` for a comment and lose the rest of the
abstract, and would drop commands it does not know. Here what is not known stays as it is
written, and so does maths.
"""

from __future__ import annotations

import re
import unicodedata

_MATHS = re.compile(
    # Bounded, so that openings without an end are not each looked after to the end of the text.
    r"((?<!\\)\$\$.{1,2000}?\$\$|(?<!\\)\$(?:\\.|[^$\\]){1,2000}\$"
    r"|(?<!\\)\\\(.{1,2000}?\\\)|(?<!\\)\\\[.{1,2000}?\\\])",
    re.DOTALL,
)

_MARKS = dict(
    zip(
        "\"'`^~=.cvuHkrbd",
        "\u0308\u0301\u0300\u0302\u0303\u0304\u0307\u0327\u030c\u0306\u030b\u0328\u030a\u0331\u0323",
        strict=True,
    )
)
_LETTER = r"(?:\\[ij](?![A-Za-z])(?:\{\}|[ \t])?|[^\W\d_])"
_ACCENT = re.compile(
    rf"(?<!\\)\\(?:([\"'`^~=.])\s*|([cvuHkrbd])(?:\s+|(?=[{{\\])))"
    rf"(?:\{{\s*({_LETTER})\s*\}}|({_LETTER}))"
)
_NESTED = 3
"""An accent upon an accent, as in Vietnamese, and one more."""

_SYMBOLS = {
    name: symbol
    for pair in (
        "ss=ß o=ø O=Ø l=ł L=Ł ae=æ AE=Æ oe=œ OE=Œ aa=å AA=Å i=ı j=ȷ dh=ð DH=Ð th=þ TH=Þ dj=đ DJ=Đ "
        "ng=ŋ NG=Ŋ textendash=– textemdash=— textquoteleft=‘ textquoteright=’ lq=‘ rq=’ "
        "textquotedblleft=“ textquotedblright=” textquotesingle=' textquotedbl=\" "
        "textbackslash=\\ textasciitilde=~ textasciicircum=^ textunderscore=_ textless=< "
        "textgreater=> textbar=| ldots=… dots=… textellipsis=… copyright=© texttrademark=™ "
        "textregistered=® textdegree=° degree=° pounds=£ textsterling=£ euro=€ texteuro=€ S=§ "
        "P=¶ dag=† textmu=µ guillemotleft=« guillemotright=» quotedblbase=„ quotesinglbase=‚ "
        "LaTeX=LaTeX TeX=TeX BibTeX=BibTeX slash=/"
    ).split()
    for name, _, symbol in [pair.partition("=")]
} | {"newline": " ", "par": "\n\n", "quad": " ", "qquad": " ", "relax": ""}
_FORMATTING = (
    "emph textit textbf textsc texttt textrm textsf textsl textup textnormal textmd text mbox "
    "hbox url path underline enquote MakeUppercase textsuperscript textsubscript it bf sc tt rm "
    "em sl sf itshape bfseries scshape ttfamily rmfamily sffamily normalfont"
).split()

_TOKEN = re.compile(
    r"\\(?P<escaped>[&%#_{}$])"
    rf"|\\(?P<symbol>{'|'.join(sorted(_SYMBOLS, key=len, reverse=True))})(?![A-Za-z])"
    r"(?:\{\}|[ \t]+)?"
    rf"|(?P<dropped>\\(?:{'|'.join(_FORMATTING)})(?![A-Za-z])\s*|\\href\{{[^{{}}]*\}}|\\[-/@])"
    r"|(?P<space>\\\\|\\[ ,;:!]|(?<=\S)~(?=\S))"
    r"|(?P<kept>\\[A-Za-z]+\*?(?:\[[^][]*\])?(?:\{[^{}]*\})*)"
    r"|(?P<other>---|--|``|''|[{}])|\\[\^~=.'\"`]\{\}"
)
_OTHER = {"---": "—", "--": "–", "``": "“", "''": "”", "{": "", "}": ""}


def decode(text: str) -> str:
    """The text as a reader sees it, with maths and unknown commands as they are written."""
    parts = maths_apart(text)
    parts[::2] = [_decode_prose(part) for part in parts[::2]]
    return unicodedata.normalize("NFC", "".join(parts))


def maths_apart(text: str) -> list[str]:
    """The text in parts, every second of them maths."""
    return _MATHS.split(text)


def _decode_prose(text: str) -> str:
    if not any(mark in text for mark in "\\{}~-`'"):
        return text
    for _ in range(_NESTED):
        text, count = _ACCENT.subn(_accented, text)
        if not count:
            break
    return _TOKEN.sub(_replacement, text)


def _accented(found: re.Match[str]) -> str:
    letter = found[3] or found[4]
    if letter.startswith("\\"):  # the dotless i and j, which take their dot back
        letter = letter[1]
    return unicodedata.normalize("NFC", letter + _MARKS[found[1] or found[2]])


def _replacement(found: re.Match[str]) -> str:
    if found["escaped"]:
        return found["escaped"]
    if found["symbol"]:
        return _SYMBOLS[found["symbol"]]
    if found["space"]:
        return " "
    if found["kept"]:
        return found["kept"]
    if found["other"]:
        return _OTHER[found["other"]]
    return "" if found["dropped"] else found[0][1:-2]  # `\~{}` is a tilde by itself
