"""JSON lines: everything a library keeps of a paper."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from rag.papers import Paper

_FIELDS = "title abstract authors year venue url doi arxiv pmid tags note".split()


def write(papers: Iterable[Paper]) -> Iterator[str]:
    """A line a paper, with the names that `add` reads."""
    for paper in papers:
        values = {"id": paper.source_id} | {name: getattr(paper, name) for name in _FIELDS}
        kept = {name: value for name, value in values.items() if value}
        yield json.dumps(kept, ensure_ascii=False) + "\n"
