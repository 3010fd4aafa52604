"""The starter library: digests of 115 papers, written for this project.

Titles, names and figures are the papers' own; the sentences are not. A real abstract takes a
digest's place as soon as it is added.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files

from rag.papers import Paper


def sample_papers() -> Iterator[Paper]:
    """The starter papers, their digest in place of the abstract."""
    text = files(__name__).joinpath("papers.jsonl").read_text(encoding="utf-8")
    for line in text.splitlines():
        entry = json.loads(line)
        yield Paper(
            title=entry["title"],
            abstract=entry["digest"],
            source="askpapers sample",
            sample=True,
        )
