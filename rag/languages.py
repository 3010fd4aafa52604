"""Whether a question is in English, as the papers are.

Told from scripts and from short common words, as in Grefenstette (1995, "Comparing Two Language
Identification Schemes"): what else is in a question about papers is mostly names and terms, which
are the same in all languages and mislead detectors that go by letters.
"""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"(?<![\w-])[^\W\d_]+(?![\w-])")
"""None of what is joined: "PKG-la"."""

# Without words that other languages have too: "an", "in", "me", "on", "was", "will".
_ENGLISH = frozenset(
    "and any are at be been by can could did do does for from give had has have how if is it its "
    "list more my of or papers should than that the their there these they this to we were what "
    "when where which who why with would".split()
)

# Without words that English has too, or that terms are made of: "die", "was", "sin", "per", "von".
_OTHER = frozenset(
    # Spanish and Portuguese
    "qué que cuál cuáles cómo cuándo cuánto cuántos cuántas dónde para una los las el del es está "
    "están se su sus hay entre sobre puede pueden más también "
    "cuando según mejor porque tiene tienen esto esta estos "
    "quais qual quanto quantos quando onde com os da das é são não pode podem existe uma pela pelo "
    "melhor mais "
    # French and Italian
    "quel quelle quels quelles quoi comment quand où pourquoi combien est sont les des une du dans "
    "avec pour sur par et le la ce cette peut peuvent ils elle aux sans mieux leur "
    "quale quali che cosa dove perché sono il gli della dei delle nel nella di può possono "
    "meglio senza questo questi degli alla "
    # German and Dutch
    "wie welche welcher welches wann wo warum wieso wer ist sind wird werden kann können haben der "
    "das ein eine einen einem einer dem und oder nicht für mit zu zum zur auf im gibt wurde wurden "
    "über bei aus ohne mehr als sich nach wenn es diese dieser dieses hilft gibt "
    "wat hoe welke waarom wanneer waar het een van zijn voor met niet worden kunnen".split()
)

_FEW = 3
"""Words under which a text is a name or a term, such as DES."""

_FOREIGN = 0.2
"""Share of letters of another script from which a text is of another language."""

_SCRIPTS = ("LATIN", "GREEK")
"""Greek letters stand in formulas and names."""


def is_english(text: str) -> bool:
    """Whether a text may be English: no other language's words or letters are plainly in it."""
    letters = [letter for letter in text if letter.isalpha()]
    foreign = sum(not unicodedata.name(letter, "").startswith(_SCRIPTS) for letter in letters)
    words = [word.lower() for word in _WORD.findall(text) if not word.isupper()]
    english = sum(word in _ENGLISH for word in words)
    if foreign > _FOREIGN * len(letters):
        return english > 1
    return len(words) < _FEW or sum(word in _OTHER for word in words) <= english
