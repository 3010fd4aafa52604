"""Questions to begin with, drawn from the titles of the library's own papers."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence

from rag.store.keywords import tokenize

_NAMED = re.compile(r"^([A-Z][\w-]*[A-Z0-9][\w-]*|[A-Z][a-z]{3,}[\w-]*): \w")
"""A title that names its method before a colon."""

_TOPIC = re.compile(r"\b([a-z]{4,}[ -][a-z]{3,}s)\b")
"""Two words of which the second is a plural: what a kind of thing is called."""

_LINKS = frozenset(
    "with from under using into over towards through between based their than learning".split()
)


def suggest(titles: Sequence[str], most: int = 4, seed: int = 0) -> list[str]:
    """Questions that papers with such titles answer: which ones share a topic, and what a named
    one does.

    Args:
        seed: which of the many; the same seed gives the same questions.
    """
    if not titles:
        return []
    draw = random.Random(seed)
    named = sorted({match[1] for title in titles if (match := _NAMED.match(title))})
    topics = Counter(
        topic.lower()
        for title in titles
        for topic in set(_TOPIC.findall(title.lower()))
        if not _LINKS & set(re.split("[ -]", topic)) and len(tokenize(topic)) == 2
    )
    shared = [topic for topic, count in topics.most_common(6) if count > 1]
    draw.shuffle(named)
    draw.shuffle(shared)
    questions = [f"Which papers are about {topic}?" for topic in shared[:1]]
    questions += [f"What does {name} do?" for name in named[: most - len(questions)]]
    if len(questions) < most:
        rest = draw.sample(list(titles), min(most - len(questions), len(titles)))
        questions += [f"What do the authors of “{title}” find?" for title in rest]
    return questions
