"""PubMed's XML export: ``<PubmedArticleSet>``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from rag.papers import Paper
from rag.sources import fields
from rag.sources.entry import Unreadable, make_paper
from rag.sources.xml_records import records, text_of

_START = re.compile(r"<(?:PubmedArticleSet|PubmedArticle|PubmedBookArticle)[\s>]")
_RECORDS = frozenset({"PubmedArticle", "PubmedBookArticle"})


def recognises(text: str) -> bool:
    """Whether it is XML with PubMed's articles."""
    return text.lstrip()[:1] == "<" and _START.search(text) is not None


def read(text: str, source: str) -> Iterator[Paper | Unreadable]:
    """The articles; at broken XML those before it.

    Raises:
        SourceError: the document declares entities of its own.
    """
    for record in records(text, _RECORDS, source):
        yield record if isinstance(record, Unreadable) else _paper(*record, source)


def _paper(where: str, record: Element, source: str) -> Paper | Unreadable:
    citation = record.find("MedlineCitation")
    if citation is None:
        citation = record.find("BookDocument")
    if citation is None:
        return Unreadable(where, "it holds neither a citation nor a book")
    article = citation.find("Article")
    if article is None:
        article = citation
    number = text_of(citation.find("PMID"))
    title = text_of(article.find("ArticleTitle")) or text_of(article.find("VernacularTitle"))
    return make_paper(
        where=where,
        title=title,
        abstract=_abstract(article),
        authors=tuple(map(_name, article.findall("AuthorList/Author"))),
        year=_year(article),
        venue=text_of(article.find("Journal/Title")) or text_of(article.find("Book/BookTitle")),
        url=fields.link(
            _doi(record, article), f"https://pubmed.ncbi.nlm.nih.gov/{number}/" if number else ""
        ),
        source_id=number,
        source=source,
        pmid=number,
        tags=[
            text_of(tag)
            for place in ("MeshHeadingList/MeshHeading/DescriptorName", "KeywordList/Keyword")
            for tag in citation.findall(place)
        ],
    )


def _abstract(article: Element) -> str:
    """The parts of an abstract, a paragraph each, with their labels."""
    paragraphs = []
    for part in article.findall("Abstract/AbstractText"):
        label = part.get("Label", "").strip()
        if text := text_of(part):
            paragraphs.append(f"{label}: {text}" if label else text)
    return "\n\n".join(paragraphs)


def _name(author: Element) -> str:
    parts = [text_of(author.find(name)) for name in ("ForeName", "LastName", "Suffix")]
    return " ".join(filter(None, parts)) or text_of(author.find("CollectiveName"))


def _year(article: Element) -> int | None:
    for place in ("Journal/JournalIssue/PubDate", "ArticleDate", "Book/PubDate"):
        for name in ("Year", "MedlineDate"):
            if year := fields.year_in(text_of(article.find(f"{place}/{name}"))):
                return year
    return None


def _doi(record: Element, article: Element) -> str:
    # The references have ids too, so only the article's own place is looked at.
    for place, kind in (
        (article.findall("ELocationID"), "EIdType"),
        (record.findall("PubmedData/ArticleIdList/ArticleId"), "IdType"),
    ):
        for element in place:
            if element.get(kind) == "doi":
                return text_of(element)
    return ""
