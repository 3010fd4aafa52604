"""A paper as JSON writes it: under the names in common use, or as CSL, Zotero or arXiv do."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rag.papers import Paper
from rag.sources import fields, latex
from rag.sources.entry import Unreadable, make_paper


def _names(value: Any) -> Any:
    """Authors as people write them: a list of names, of objects with a name, or one string."""
    if value is None:
        return []
    if isinstance(value, str):
        return [name.strip() for name in fields.part_names(value) if name.strip()]
    if isinstance(value, list):
        return [_name(name) if isinstance(name, dict) else name for name in value]
    return value


def _name(person: dict[str, Any]) -> Any:
    """One author of CSL (family, given), Zotero (firstName, lastName) or others (name)."""
    if person.get("creatorType", "author") != "author":
        return ""
    for whole in ("name", "literal"):
        if person.get(whole):
            return person[whole]
    first = person.get("given") or person.get("firstName") or ""
    particle = person.get("non-dropping-particle") or person.get("dropping-particle") or ""
    last = person.get("family") or person.get("lastName") or ""
    return " ".join(f"{first} {particle} {last} {person.get('suffix') or ''}".split())


def _parsed_names(value: Any) -> Any:
    """arXiv's authors: a list of family name, given name and suffix each."""
    if not isinstance(value, list):
        return []
    parts = [[str(part) for part in name[:3]] for name in value if isinstance(name, list) and name]
    return [fields.first_last(latex.decode(", ".join(name))) for name in parts]


def _year(value: Any) -> Any:
    if isinstance(value, dict):  # CSL: {"date-parts": [[2020, 5]]}, or {"raw": "May 2020"}
        parts = value.get("date-parts")
        while isinstance(parts, list) and parts:
            parts = parts[0]
        value = str(parts or value.get("raw") or value.get("literal") or "")
    if isinstance(value, str):
        return int(value[:4]) if value[:4].isdecimal() else fields.year_in(value)
    return value or None


def _created(value: Any) -> Any:
    """The year of the first of arXiv's versions."""
    first = value[0] if isinstance(value, list) and value else None
    return fields.year_in(str(first.get("created"))) if isinstance(first, dict) else None


def _text(value: Any) -> Any:
    return "" if value is None else str(value) if isinstance(value, int | float) else value


def _text_or_nothing(value: Any) -> Any:
    return value if isinstance(value, str) else ""


def _tags(value: Any) -> Any:
    """Tags as people write them: a list of words, of Zotero's objects, or one string."""
    if isinstance(value, str):
        return value.split(";" if ";" in value else ",")
    if not isinstance(value, list):
        return []
    named = [tag.get("tag") if isinstance(tag, dict) else tag for tag in value]
    return [tag for tag in named if isinstance(tag, str)]


_Text = Annotated[str, BeforeValidator(_text)]
_Year = Annotated[int | None, BeforeValidator(_year)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore")

    title: _Text = ""
    abstract: _Text = Field(
        default="", validation_alias=AliasChoices("abstract", "abstractNote", "text", "summary")
    )
    authors: Annotated[list[str], BeforeValidator(_names)] = Field(
        default=[], validation_alias=AliasChoices("authors", "author", "creators")
    )
    parsed_authors: Annotated[list[str], BeforeValidator(_parsed_names)] = Field(
        default=[], validation_alias="authors_parsed"
    )
    year: _Year = Field(
        default=None,
        validation_alias=AliasChoices("year", "date", "published", "issued", "update_date"),
    )
    first_version: Annotated[int | None, BeforeValidator(_created)] = Field(
        default=None, validation_alias="versions"
    )
    venue: _Text = Field(
        default="",
        validation_alias=AliasChoices(
            *("venue", "journal", "booktitle", "journal-ref", "container-title"),
            *("publicationTitle", "proceedingsTitle", "bookTitle", "conferenceName", "repository"),
        ),
    )
    url: _Text = Field(default="", validation_alias=AliasChoices("url", "URL", "link"))
    doi: _Text = Field(default="", validation_alias=AliasChoices("doi", "DOI"))
    arxiv: _Text = ""
    pmid: _Text = Field(default="", validation_alias=AliasChoices("pmid", "PMID"))
    tags: Annotated[list[str], BeforeValidator(_tags)] = Field(
        default=[], validation_alias=AliasChoices("tags", "keywords", "keyword")
    )
    note: Annotated[str, BeforeValidator(_text_or_nothing)] = ""
    source_id: _Text = Field(
        default="",
        validation_alias=AliasChoices(
            *("id", "_id", "paper_id", "citationKey", "citation-key", "key", "doi", "DOI")
        ),
    )


_EXPORTED = frozenset(
    {"abstractNote", "creators", "itemType", "issued", "container-title", "citation-key"}
)
"""Names that only bibliographic exports use; in their text, tags are markup by convention."""

_CSL = frozenset({"issued", "container-title", "type"})

_CSL_TYPES = frozenset(
    "article article-journal article-magazine article-newspaper bill book broadcast chapter "
    "classic collection dataset document entry entry-dictionary entry-encyclopedia event figure "
    "graphic hearing interview legal_case legislation manuscript map motion_picture musical_score "
    "pamphlet paper-conference patent performance periodical personal_communication post "
    "post-weblog regulation report review review-book software song speech standard thesis treaty "
    "webpage".split()
)
"""Types of CSL 1.0.2; an item without date and place is known by its type alone."""

_BEIR = frozenset({"_id", "text"})
"""Of a document of a judged collection (Thakur et al., 2021), whose title may be empty."""

_BEGINNING = 100
"""Characters of a document that name it, at most, where it has no title."""

_ARXIV = frozenset({"authors_parsed", "update_date"})

_NO_PAPERS = ("attachment", "note", "annotation")


def is_paper(value: Any) -> bool:
    """Whether it may be one: Zotero's exports hold attachments and notes too."""
    return not (isinstance(value, dict) and value.get("itemType") in _NO_PAPERS)


def read_record(value: Any, where: str, source: str) -> Paper | Unreadable:
    """The paper of one JSON object, or why there is none."""
    exported = isinstance(value, dict) and _is_exported(value)
    if exported:
        value = {name: _single(name, content) for name, content in value.items()}
    try:
        record = _Record.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        return Unreadable(where, f"{name}: {first['msg']}" if name else first["msg"])
    if _ARXIV & value.keys():
        return _of_arxiv(record, where, source)
    if value.keys() >= _BEIR and not record.title.strip():
        record = record.model_copy(update={"title": _named_by_its_beginning(record)})
    clean = fields.plain if exported else str
    return make_paper(
        where=where,
        title=clean(record.title),
        abstract=clean(record.abstract),
        authors=tuple(map(clean, record.authors)),
        year=record.year,
        venue=clean(record.venue),
        url=record.url or fields.link(record.doi, ""),
        source_id=record.source_id,
        source=source,
        doi=record.doi,
        arxiv=record.arxiv,
        pmid=record.pmid,
        tags=record.tags,
        note=record.note,
        entry={"csl": _kept(value)} if exported and _CSL & value.keys() else None,
    )


def _named_by_its_beginning(record: _Record) -> str:
    """What to call a document that has no title; with its id, as some begin alike."""
    text = " ".join(record.abstract.split())
    beginning = text[:_BEGINNING].rpartition(" ")[0] or text[:_BEGINNING]
    return f"{beginning} … ({record.source_id})" if text else ""


def _is_exported(value: dict[str, Any]) -> bool:
    """Whether it is an item of CSL or Zotero, and no plain object."""
    kind = value.get("type")
    typed = isinstance(kind, str) and kind in _CSL_TYPES and "authors" not in value
    return bool(_EXPORTED & value.keys()) or typed


def _kept(item: dict[str, Any]) -> dict[str, Any]:
    """An item as it is written; the abstract and the keywords a library holds itself."""
    return {k: v for k, v in item.items() if k not in ("abstract", "keyword", "note")}


def _single(name: str, content: Any) -> Any:
    """A title out of the list that Crossref puts it in."""
    listed = name in ("title", "container-title") and isinstance(content, list) and content
    return content[0] if listed else content


def _of_arxiv(record: _Record, where: str, source: str) -> Paper | Unreadable:
    number = record.source_id
    return make_paper(
        where=where,
        title=record.title,
        abstract=fields.fold(record.abstract),
        authors=tuple(record.parsed_authors or record.authors),
        year=record.first_version or record.year,
        venue=record.venue or "arXiv",
        url=f"https://arxiv.org/abs/{number}" if number else record.url,
        source_id=number,
        source=source,
        doi=record.doi,
        arxiv=number,
    )
