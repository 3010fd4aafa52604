r"""Maths in titles and abstracts: simple LaTeX between dollars becomes MathML, the rest stays.

Only what is understood to the last token is turned: `$x_i^2 \leq \mu$` is, `$5 and $6` and
anything with an unknown command is shown as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ui.literal import in_html

_SPAN = re.compile(
    r"\$\$([^$\n]{1,200})\$\$|(?<![\\$\w])\$(?!\s)([^$\n]{1,200}?)(?<![\s\\])\$(?!\w)"
)
_TOKEN = re.compile(r"\\([A-Za-z]+)|\\([{}%&#$_,;!: ])|(\d+(?:\.\d+)?)|(\s+)|(.)", re.DOTALL)
_OPERATORS = frozenset("+-=<>()[]|,.:;!*/'")
_SYMBOLS = {
    **dict(
        zip(
            "alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi "
            "pi rho sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi "
            "Sigma Phi Psi Omega ell infty partial nabla emptyset".split(),
            "αβγδϵεζηθικλμνξπρστυϕφχψωΓΔΘΛΞΠΣΦΨΩℓ∞∂∇∅",
            strict=True,
        )
    ),
}
_SIGNS = dict(
    zip(
        "times cdot pm leq le geq ge neq ne approx sim ll gg to rightarrow in subset cup cap "
        "sum prod int ldots dots cdots propto ast circ forall exists mid equiv".split(),
        "×·±≤≤≥≥≠≠≈∼≪≫→→∈⊂∪∩∑∏∫……⋯∝∗∘∀∃∣≡",
        strict=True,
    )
)
_NAMES = frozenset("log ln exp sin cos tan max min arg sup inf det dim Pr lim".split())
_STYLES = {
    "mathbb": "double-struck",
    "mathcal": "script",
    "mathbf": "bold",
    "mathrm": "normal",
    "text": "normal",
    "mathit": "italic",
    "textit": "italic",
    "textbf": "bold",
    "operatorname": "normal",
}
_DOUBLE = dict(zip("CHNPQRZE", "ℂℍℕℙℚℝℤ𝔼", strict=True))


def with_maths(text: str) -> str:
    """The text as HTML, shown literally except for the maths that is understood."""
    parts, at = [], 0
    for match in _SPAN.finditer(text):
        made = _math(match[1] or match[2])
        if made:
            parts += [_literal(text[at : match.start()]), made]
            at = match.end()
    return "".join([*parts, _literal(text[at:])])


def _literal(text: str) -> str:
    """Like `in_html`, with the blanks at both ends kept, since maths may follow."""
    if not text.strip():
        return " " if text else ""
    return " " * text[0].isspace() + in_html(text) + " " * text[-1].isspace()


class _UnknownError(Exception):
    """Something that this reader of maths does not know."""


def _math(source: str) -> str:
    tokens = [match.group() for match in _TOKEN.finditer(source) if match[4] is None]
    reader = iter(tokens)
    try:
        row = _row(reader, closing="")
    except _UnknownError:
        return ""
    return f"<math>{row}</math>" if row else ""


def _row(tokens: Iterator[str], closing: str) -> str:
    done: list[str] = []
    for token in tokens:
        if token == closing:
            return f"<mrow>{''.join(done)}</mrow>"
        if token in "_^" and done:
            tag = "msub" if token == "_" else "msup"
            base, script = done.pop(), _argument(tokens)
            joined = re.fullmatch(r"<(msub|msup)>(.*)</\1>", base, re.DOTALL)
            if joined and joined[1] != tag and base.count("<" + joined[1]) == 1:
                first, second = _halves(joined[2])
                under, over = (second, script) if joined[1] == "msub" else (script, second)
                done.append(f"<msubsup>{first}{under}{over}</msubsup>")
            else:
                done.append(f"<{tag}>{base}{script}</{tag}>")
        else:
            done.append(_atom(token, tokens))
    if closing:
        raise _UnknownError
    return f"<mrow>{''.join(done)}</mrow>"


def _halves(inner: str) -> tuple[str, str]:
    """The base and the script of a pair whose base is one token or one row."""
    match = re.match(r"(<(m[ino]|mtext)[^>]*>[^<]*</\2>)(.*)", inner, re.DOTALL)
    if not match:
        raise _UnknownError
    return match[1], match[3]


def _argument(tokens: Iterator[str]) -> str:
    token = next(tokens, "")
    if not token or token in "_^}":
        raise _UnknownError
    return _row(tokens, "}") if token == "{" else _atom(token, tokens)


def _atom(token: str, tokens: Iterator[str]) -> str:
    if token == "{":
        return _row(tokens, "}")
    if token.startswith("\\") and token[1:].isalpha():
        return _command(token[1:], tokens)
    if token.startswith("\\"):
        return f"<mtext>{in_html(token[1:])}</mtext>" if token[1:] in "{}%&#$_" else ""
    if token[0].isdigit():
        return f"<mn>{token}</mn>"
    if token.isalpha():
        return f"<mi>{in_html(token)}</mi>"
    if token in _OPERATORS:
        return f"<mo>{in_html('−' if token == '-' else token)}</mo>"
    raise _UnknownError


def _command(name: str, tokens: Iterator[str]) -> str:
    if name in _SYMBOLS:
        return f"<mi>{_SYMBOLS[name]}</mi>"
    if name in _SIGNS:
        return f"<mo>{_SIGNS[name]}</mo>"
    if name in _NAMES:
        return f"<mi>{name}</mi>"
    if name == "sqrt":
        return f"<msqrt>{_argument(tokens)}</msqrt>"
    if name == "frac":
        return f"<mfrac>{_argument(tokens)}{_argument(tokens)}</mfrac>"
    if name in _STYLES:
        return _styled(name, _argument(tokens))
    if name in ("left", "right", "quad", "displaystyle"):
        return ""
    raise _UnknownError


def _styled(name: str, argument: str) -> str:
    letters = "".join(re.findall(r"<m[in]>([^<]*)</m[in]>", argument))
    if not letters or re.sub(r"</?m(?:row|i|n)>|[^<>]", "", argument):
        raise _UnknownError
    if name == "mathbb":
        letters = "".join(_DOUBLE.get(c, c) for c in letters)
    weight = ' class="bold"' if _STYLES[name] == "bold" else ""
    upright = len(letters) > 1 or _STYLES[name] == "normal"
    variant = ' mathvariant="normal"' if upright else ""
    return f"<mi{variant}{weight}>{letters}</mi>"
