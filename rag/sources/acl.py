"""The ACL Anthology's XML: ``<collection>``, its volumes, their papers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from rag.papers import Paper
from rag.sources import fields
from rag.sources.entry import Unreadable, make_paper
from rag.sources.xml_records import records, text_of

_COLLECTION, _VOLUME = re.compile(r"<collection[\s>]"), re.compile(r"<volume[\s>]")
_RECORDS = frozenset({"meta", "paper"})


def recognises(text: str) -> bool:
    """Whether it is XML with a collection of volumes."""
    collection = _COLLECTION.search(text) if text.lstrip()[:1] == "<" else None
    return collection is not None and _VOLUME.search(text, collection.end()) is not None


def read(text: str, source: str) -> Iterator[Paper | Unreadable]:
    """The papers of each volume; year and venue are the volume's.

    Raises:
        SourceError: the document declares entities of its own.
    """
    volume: Element | None = None
    for record in records(text, _RECORDS, source):
        if isinstance(record, Unreadable):
            yield record
        elif record[1].tag == "meta":
            volume = record[1]
        else:
            yield _paper(*record, volume, source)


def _paper(where: str, paper: Element, volume: Element | None, source: str) -> Paper | Unreadable:
    url = text_of(paper.find("url"))
    if url and "://" not in url:  # as the Anthology writes the address of its own papers
        url = f"https://aclanthology.org/{url}/"
    return make_paper(
        where=where,
        title=text_of(paper.find("title")),
        abstract=text_of(paper.find("abstract")),
        authors=tuple(
            f"{text_of(author.find('first'))} {text_of(author.find('last'))}"
            for author in paper.findall("author")
        ),
        year=fields.year_in(_of_volume(volume, "year")),
        venue=_of_volume(volume, "booktitle"),
        url=fields.link(text_of(paper.find("doi")), url),
        source_id=text_of(paper.find("bibkey")) or text_of(paper.find("url")),
        source=source,
        doi=text_of(paper.find("doi")),
    )


def _of_volume(volume: Element | None, name: str) -> str:
    return "" if volume is None else text_of(volume.find(name))
