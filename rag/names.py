"""Numbers and names in text: what an answer must not get wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable

# With a unit of up to three letters behind it: "30s", "10.6X", "48M", "160km".
_NUMBER = re.compile(r"(?<![\w.])(\d+(?:[.,]\d+)*)(?:[A-Za-z]{1,3})?(?!\w)")
_NUMBER_IN_WORD = re.compile(r"(?<![\w.])[A-Za-z][\w.-]*\d[\w.-]*|\b[\d.]+-[A-Za-z]\w*")
# After a word in small letters or a comma: a capital that begins no sentence.
_PROPER = re.compile(r"(?<=[a-z,;)] )[A-Z][a-z]{2,}\b")
_IN_WORDS = {
    word: str(number)
    for number, word in enumerate(
        "one two three four five six seven eight nine ten eleven twelve".split(), start=1
    )
}
_ONE = re.compile(
    r"\bon (?:the )?one hand\b|\bone (?:of|another|and the same|by one|can|may|must)\b"
    r"|\bone[- ]to[- ](?:one|many)\b|\b(?:zero|one)[- ]shot\b",
    re.IGNORECASE,
)
"""Words that count nothing."""

_SPACE = re.compile(r"\b[1-4]-?D\b")
_AMOUNT = re.compile(
    r"\b(?:exponential(?:ly)?|infinite(?:ly)?|single|double|triple|twice|half|zero|dozens?|hundreds?|"
    r"thousands?|millions?|billions?|logarithmic(?:ally)?|log(?= ?\(?[a-z]\b))\b",
    re.IGNORECASE,
)
_MADE_OF = re.compile(r"^(?:anti|non|pre|post|pro|de|multi|co)-(?=.*[A-Z\d])|-(?:[a-z]{4,})$")
"""What a name is joined with to a word: "Sf1-expressing", "anti-CD3", "ImageNet-trained"."""

_COMMON = frozenset(
    "ai cv dl dna eu ii iii iv lm ml mm mrna mt nn pc qa ram rl rna uk us usa 2d 3d".split()
)
"""Written like names, and mostly left unsaid or said otherwise: "in the UK", "type II", "RL"."""

_IN_PARENTHESES = re.compile(
    r"(?<![A-Za-z0-9])((?:[A-Za-z0-9]+[\s-]+){0,7}[A-Za-z0-9]+)[\s-]*\(([A-Za-z0-9-]{2,10})\)"
)

_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
_LETTERS = (
    "α alpha β beta γ gamma δ delta ε epsilon ζ zeta η eta θ theta κ kappa λ lambda μ mu π pi "
    "σ sigma τ tau φ phi χ chi ψ psi ω omega"
).split()
_PLAIN = str.maketrans(_DASHES | dict(zip(_LETTERS[::2], _LETTERS[1::2], strict=True)))
_SERIES = re.compile(r"\b([a-z]+-?)(\d+)/(\d+)\b")
"""Names that share their letters: "CIFAR-10/100"."""

_SMALL = "a|an|and|at|by|for|from|have|in|of|on|or|the|to|who|with"
"""Words that have no letter in an abbreviation: "men who have sex with men", MSM."""

_GIVES = "(?:call|called|develop|dubbed|introduce|named|present|propose|termed)"
"""What authors say before a name of their own making."""

_WRITTEN = re.compile(r"[A-Za-z0-9]+(?:[-.'/][A-Za-z0-9]+)*")


def numbers_in(text: str) -> set[str]:
    """Numbers as written, without thousands separators and units: '85%' and '85s' give '85'."""
    return {match.group(1).replace(",", "") for match in _NUMBER.finditer(text)}


def numbers_said(text: str) -> set[str]:
    """Numbers written in digits or, up to twelve, in words: what a text lets one say in digits."""
    words = re.findall(r"[a-z]+", text.lower())
    return numbers_in(text) | {_IN_WORDS[word] for word in words if word in _IN_WORDS}


def tells_number(text: str) -> bool:
    """Whether a text says how many of something there are, in digits or in words."""
    text = _SPACE.sub(" ", _ONE.sub(" ", text))
    return bool(numbers_said(text)) or _AMOUNT.search(text) is not None


def tells_figure(text: str) -> bool:
    """Whether a text gives a figure, rather than a number as a part of a name or word: "CIFAR-10",
    "5-qubit"."""
    return _NUMBER.search(_NUMBER_IN_WORD.sub(" ", text)) is not None


def names_in(text: str) -> set[str]:
    """Words written like names of models or data sets: 'S4D', 'HiPPO', 'GPT-4', 'Path-X'.

    In lower case, plurals, possessives and what is joined to them ("S4-like") taken off. A
    capital at the start of a word alone makes no name.
    """
    found = set()
    for match in _WRITTEN.finditer(text.translate(_PLAIN)):
        word = _MADE_OF.sub("", match.group().removesuffix("'s"))
        first_letter = next((c for c in word if c.isalpha()), "")
        inner = any(c.isupper() for c in word[1:])
        numbered = first_letter.isupper() and any(c.isdigit() for c in word)
        if len(word) > 1 and first_letter and (inner or numbered):
            singular = word[:-1] if word.endswith("s") and word[-2].isupper() else word
            found.add(singular.lower())
    return found


def proper_names_in(text: str) -> set[str]:
    """Words with a capital at the start that begin no sentence, in lower case: 'Snodgrass'."""
    return {match.group().lower() for match in _PROPER.finditer(text)}


def names_asked(question: str) -> set[str]:
    """Names in a question that a paper which answers it has to hold.

    Not those that hardly tell papers apart ("in the UK"), nor abbreviations that the question
    spells out, as papers may do without them: "inflammatory eye disease (IED)".
    """
    spelled_out = {
        name
        for words, short in _IN_PARENTHESES.findall(question)
        for name in names_in(short)
        if any(word[0] == name[0] for word in re.findall(r"[a-z0-9]+", words.lower()))
    }
    return names_in(question) - _COMMON - spelled_out


def holds_name(text: str, name: str) -> bool:
    """Whether a text holds a name, in any case, in the plural, or spelled out.

    Hyphens may be there or not, as before digits spaces may, and Greek letters be written out:
    'CIFAR100' is 'CIFAR-100', 'TNF-α' is 'TNF-alpha'. Of what is joined, the parts may stand
    apart: 'MyD88/CD40'. Spelled out: words whose initials are the name's letters, for three
    letters or more, as 'Long-Range Arena' for 'LRA', or before digits two, as 'T helper 2' for
    'Th2'.
    """
    text, name = _plain(text), _plain(name)
    text = _SERIES.sub(r"\1\2 \1\3", text)
    if series := _SERIES.fullmatch(name):
        return any(holds_name(text, series[1] + number) for number in series.groups()[1:])
    return _holds_as_written(text, name) or _is_spelled_out(text, name) or _holds_apart(text, name)


def holds_all(text: str, names: Iterable[str]) -> bool:
    """Whether a text holds each of some names."""
    return all(holds_name(text, name) for name in names)


def introduces_name(title: str, abstract: str, name: str) -> bool:
    """Whether a paper gives something that name: it is in the title, or "our model S4D", or, in a
    digest that another wrote, "the S4D authors"."""
    word = _as_a_word(_plain(name))
    if re.search(word, _plain(title)):
        return True
    ours = rf"\bour (?:[\w-]+ ){{0,4}}{word}|\b{_GIVES}\b[^.;]{{0,80}}?{word}"
    theirs = rf"{word} (?:authors|paper)\b"
    return re.search(f"{ours}|{theirs}", _plain(abstract)) is not None


def _plain(text: str) -> str:
    """In lower case, with one kind of hyphen, Greek letters written out."""
    return text.lower().translate(_PLAIN)


def _holds_as_written(text: str, name: str) -> bool:
    return re.search(_as_a_word(name), text) is not None


def _as_a_word(name: str) -> str:
    """A pattern for a name, its plural, and what is numbered of that name: "BRCA1"."""
    numbered = r"\d*" if name.isalpha() and len(name) > 3 else ""
    return rf"(?<![a-z0-9]){_loosely(name)}s?{numbered}(?![a-z0-9])"


def _holds_apart(text: str, name: str) -> bool:
    """Whether a text holds each of what a hyphen or a slash joins, if each could be a name."""
    parts = re.split("[-/]", name)
    if len(parts) == 1 or not all(len(part) > 1 and not part.isdigit() for part in parts):
        return False
    return all(_holds_as_written(text, part) for part in parts)


def _is_spelled_out(text: str, name: str) -> bool:
    """Whether a text, in lower case, has words with a name's letters as their initials."""
    match = re.fullmatch(r"([a-z]{2,6})-?(\d*)", name)
    if not match or len(match[1] + match[2]) < 3:
        return False
    initials, number = match.groups()
    between = rf"[a-z]*(?:[\s-]+(?:{_SMALL})){{0,3}}[\s-]+"
    words = rf"(?!(?:{_SMALL})\b)" + between.join(initials) + "[a-z]*"
    words += rf"[\s-]+(?:type[\s-]+)?{number}" if number else ""
    return re.search(rf"(?<![a-z0-9]){words}(?![a-z0-9])", text) is not None


def _loosely(name: str) -> str:
    """A pattern for a name with or without its hyphens, and the space before its digits."""
    whole = re.fullmatch(r"([a-z]{2,})-?(\d+)", name)
    if whole:
        return rf"{whole[1]}[-\s]?{whole[2]}"
    return "[-\\s]?".join(re.escape(part) for part in name.split("-"))
