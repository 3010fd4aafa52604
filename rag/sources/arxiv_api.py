"""Papers from arXiv itself, by number or by a search in its own language.

The only reader that opens a connection, and only for a source that is named ``arxiv:…``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from rag.errors import SourceError
from rag.identity import find_identifiers, unversioned
from rag.papers import Paper
from rag.sources import fields, latex
from rag.sources.entry import Unreadable, make_paper

PREFIX = "arxiv:"

_MOST = 100
"""Papers that a search brings at most."""

_PAGE = 100
_DELAY = 3.0
"""Seconds between requests, as arXiv's terms ask."""

_RETRIES = 2
_PATIENCE = 30
"""Seconds that one request may take."""


def read(given: str) -> Iterator[Paper | Unreadable]:
    """The papers of ``arxiv:2401.00001``, of several numbers parted by commas, or of a search.

    Raises:
        SourceError: arXiv cannot be reached, or answers with an error.
    """
    wanted = given[len(PREFIX) :].strip()
    if not wanted:
        raise SourceError(
            "arxiv: stands there without a number or a search.",
            "Write arxiv:2401.00001, or arxiv:'ti:diffusion AND cat:cs.LG'.",
        )
    parts = [part for part in re.split(r"[,\s]+", wanted) if part]
    numbers = [find_identifiers(arxiv=part).arxiv for part in parts]
    by_number = all(numbers) and all(map(_is_number, parts, numbers))
    found: set[str] = set()
    for result in _results("" if by_number else wanted, numbers if by_number else []):
        number = find_identifiers(url=result.entry_id).arxiv
        if not number:  # how arXiv says that it does not understand
            raise SourceError(
                f"arXiv does not take {given!r}: {fields.fold(result.summary)[:200]}",
                "Look at arXiv's manual of searches, or give numbers.",
            )
        found.add(unversioned(number))
        yield _paper(result, number)
    for number in numbers if by_number else ():
        if unversioned(number) not in found:
            yield Unreadable(f"{PREFIX}{number}", "arXiv has no paper of this number")


def _is_number(part: str, number: str) -> bool:
    return part.lower().removesuffix(".pdf") == number


def _results(query: str, numbers: list[str]) -> Iterator[Any]:
    # Both are loaded only here: every other source does without them.
    import arxiv
    import requests

    client = arxiv.Client(page_size=_PAGE, delay_seconds=_DELAY, num_retries=_RETRIES)
    # The client's own session would wait for ever.
    client._session.request = partial(client._session.request, timeout=_PATIENCE)
    most = len(numbers) or _MOST
    try:
        yield from client.results(arxiv.Search(query=query, id_list=numbers, max_results=most))
    except (arxiv.ArxivError, requests.RequestException) as error:
        status = getattr(error, "status", None)
        said = f"it answered with status {status}" if status else type(error).__name__
        raise SourceError(
            f"arXiv cannot be asked: {said}.",
            "Look at the connection and try again in a minute; what was read is kept.",
        ) from None


def _paper(result: Any, number: str) -> Paper | Unreadable:
    return make_paper(
        where=f"{PREFIX}{number}",
        title=result.title,
        abstract=fields.fold(result.summary),
        authors=tuple(latex.decode(author.name) for author in result.authors),
        year=result.published.year,
        venue=result.journal_ref or "arXiv",
        url=f"https://arxiv.org/abs/{unversioned(number)}",
        source_id=unversioned(number),
        source="arXiv",
        doi=result.doi or "",
        arxiv=number,
        tags=result.categories,
    )
