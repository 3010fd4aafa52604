"""Numbers and names in text: what an answer must not get wrong."""

from __future__ import annotations

import re

# With a unit of up to three letters behind it: "30s", "10.6X", "48M", "160km".
_NUMBER = re.compile(r"(?<![\w.])(\d+(?:[.,]\d+)*)(?:[A-Za-z]{1,3})?(?!\w)")
# After a word in small letters or a comma: a capital that begins no sentence.
_PROPER = re.compile(r"(?<=[a-z,;)] )[A-Z][a-z]{2,}\b")
_IN_WORDS = {
    word: str(number)
    for number, word in enumerate(
        "one two three four five six seven eight nine ten eleven twelve".split(), start=1
    )
}
_ONE = re.compile(r"\bon (?:the )?one hand\b|\bone of\b", re.IGNORECASE)
_AMOUNT = re.compile(
    r"\b(?:exponential(?:ly)?|infinite(?:ly)?|single|double|triple|twice|half|zero|dozens?|hundreds?|"
    r"thousands?|millions?|billions?)\b",
    re.IGNORECASE,
)
_MADE_OF = re.compile(r"^(?:anti|non|pre|post|pro|de|multi|co)-(?=.*[A-Z\d])|-(?:[a-z]{4,})$")
"""What a name is joined with to a word: "Sf1-expressing", "anti-CD3", "ImageNet-trained"."""

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
    text = _ONE.sub(" ", text)
    return bool(numbers_said(text)) or _AMOUNT.search(text) is not None


def names_in(text: str) -> set[str]:
    """Words written like names of models or data sets: 'S4D', 'HiPPO', 'GPT-4', 'Path-X'.

    In lower case, plurals, possessives and what is joined to them ("S4-like") taken off. A
    capital at the start of a word alone makes no name.
    """
    found = set()
    for match in _WRITTEN.finditer(text):
        word = _MADE_OF.sub("", match.group().removesuffix("'s"))
        first_letter = next((c for c in word if c.isalpha()), "")
        inner = any(c.isupper() for c in word[1:])
        numbered = first_letter.isupper() and any(c.isdigit() for c in word)
        if len(word) > 1 and first_letter and (inner or numbered):
            singular = word[:-1] if word.endswith("s") and word[:-1].isupper() else word
            found.add(singular.lower())
    return found


def proper_names_in(text: str) -> set[str]:
    """Words with a capital at the start that begin no sentence, in lower case: 'Snodgrass'."""
    return {match.group().lower() for match in _PROPER.finditer(text)}


def holds_name(text: str, name: str) -> bool:
    """Whether a text holds a name, in any case, in the plural, or spelled out.

    Hyphens between letters and digits may be there or not: 'CIFAR100' is 'CIFAR-100'. Spelled
    out: words whose initials are the name's letters, for three letters or more, as 'Long-Range
    Arena' for 'LRA'.
    """
    text = text.lower()
    if re.search(rf"(?<![a-z0-9]){_loosely(name)}s?(?![a-z0-9])", text):
        return True
    if not (name.isalpha() and 3 <= len(name) <= 6):
        return False
    words = r"[\s-]+".join(rf"{letter}[a-z]*" for letter in name)
    return re.search(rf"(?<![a-z]){words}(?![a-z])", text) is not None


def _loosely(name: str) -> str:
    """A pattern for a name with or without the hyphen before its digits."""
    whole = re.fullmatch(r"([a-z]{2,})-?(\d+)", name)
    return rf"{whole[1]}[-\s]?{whole[2]}" if whole else re.escape(name)
