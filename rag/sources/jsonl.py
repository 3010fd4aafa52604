"""JSON lines: an object a line with a title and an abstract, under the names in common use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rag.papers import Paper
from rag.sources.entry import Unreadable, make_paper


def _names(value: Any) -> Any:
    """Authors as people write them: a list of names, of objects with a name, or one string."""
    if value is None:
        return []
    if isinstance(value, str):
        separator = ";" if ";" in value else " and " if " and " in value else ","
        return [name.strip() for name in value.split(separator) if name.strip()]
    if isinstance(value, list):
        return [name.get("name", "") if isinstance(name, dict) else name for name in value]
    return value


def _year(value: Any) -> Any:
    return int(value[:4]) if isinstance(value, str) and value[:4].isdigit() else value or None


def _text(value: Any) -> Any:
    return "" if value is None else str(value) if isinstance(value, int | float) else value


_Text = Annotated[str, BeforeValidator(_text)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore")

    title: _Text = ""
    abstract: _Text = Field(
        default="", validation_alias=AliasChoices("abstract", "text", "summary")
    )
    authors: Annotated[list[str], BeforeValidator(_names)] = Field(
        default=[], validation_alias=AliasChoices("authors", "author")
    )
    year: Annotated[int | None, BeforeValidator(_year)] = Field(
        default=None, validation_alias=AliasChoices("year", "date", "published")
    )
    venue: _Text = Field(default="", validation_alias=AliasChoices("venue", "journal", "booktitle"))
    url: _Text = Field(default="", validation_alias=AliasChoices("url", "link"))
    source_id: _Text = Field(
        default="", validation_alias=AliasChoices("id", "_id", "paper_id", "doi")
    )


def recognises(text: str) -> bool:
    """Whether the first thing in the file is an object."""
    return text.lstrip()[:1] == "{"


def read(text: str, source: str) -> Iterator[Paper | Unreadable]:
    """The papers of a file; a line that is not one is noted, and the rest goes on."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _read_line(line, f"{source}:{number}", source)


def _read_line(line: str, where: str, source: str) -> Paper | Unreadable:
    try:
        record = _Record.model_validate(json.loads(line))
    except ValidationError as error:
        first = error.errors()[0]
        return Unreadable(where, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    except (ValueError, RecursionError) as error:
        return Unreadable(where, f"it is not JSON: {error}")
    return make_paper(
        where=where,
        title=record.title,
        abstract=record.abstract,
        authors=tuple(record.authors),
        year=record.year,
        venue=record.venue,
        url=record.url,
        source_id=record.source_id,
        source=source,
    )
