"""XML, read a record at a time, with what could do harm refused."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from rag.errors import SourceError
from rag.sources.entry import Unreadable

_PIECE = 1 << 16
"""Characters handed to the parser at once."""

_DEEPEST = 100
"""Elements within one another; bibliographies have a dozen."""


def records(
    text: str, tags: frozenset[str], source: str
) -> Iterator[tuple[str, Element] | Unreadable]:
    """Each element of one of these names, with file and line; at a fault, a note, and the end.

    Nothing is fetched and no entity is expanded: a document that declares its own is refused.

    Raises:
        SourceError: the document declares entities or a grammar of its own, or nests too deeply.
    """
    body = text.lstrip()  # nothing may stand before an XML declaration
    collector = _Collector(tags, source, text[: len(text) - len(body)].count("\n"))
    try:
        for start in range(0, len(body), _PIECE):
            collector.parser.Parse(body[start : start + _PIECE], False)
            yield from collector.take()
        collector.parser.Parse("", True)
    except expat.ExpatError as error:
        yield from collector.take()
        yield Unreadable(
            f"{source}:{error.lineno + collector.lines_before}",
            f"the XML breaks off here ({expat.ErrorString(error.code)}); what follows is not read",
        )
    yield from collector.take()


def text_of(element: Element | None) -> str:
    """All the text in an element, without its tags, on one line; empty where there is none."""
    return "" if element is None else " ".join("".join(element.itertext()).split())


class _Collector:
    """Builds the elements wanted, and forgets the rest of the document."""

    def __init__(self, tags: frozenset[str], source: str, lines_before: int) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.EntityDeclHandler = self._entity
        self.lines_before = lines_before
        self._tags = tags
        self._source = source
        self._open: list[str] = []
        self._builder: TreeBuilder | None = None
        self._depth = 0
        self._where = ""
        self._done: list[tuple[str, Element]] = []

    def take(self) -> list[tuple[str, Element]]:
        done, self._done = self._done, []
        return done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._open.append(name)
        if len(self._open) > _DEEPEST:
            raise SourceError(
                f"{self._source} nests its XML more than {_DEEPEST} elements deep.",
                "It is no export of papers; leave it out.",
            )
        if self._builder is None and name in self._tags:
            self._builder, self._depth = TreeBuilder(), len(self._open)
            line = self.parser.CurrentLineNumber + self.lines_before
            self._where = f"{self._source}:{line}"
        if self._builder is not None:
            self._builder.start(name, attributes)

    def _end(self, name: str) -> None:
        if self._builder is not None:
            self._builder.end(name)
            if len(self._open) == self._depth:
                self._done.append((self._where, self._builder.close()))
                self._builder = None
        self._open.pop()

    def _data(self, data: str) -> None:
        if self._builder is not None:
            self._builder.data(data)

    def _doctype(self, name: str, system: str | None, public: str | None, internal: int) -> None:
        if internal:
            self._refuse()

    def _entity(self, *declaration: object) -> None:
        self._refuse()

    def _refuse(self) -> None:
        raise SourceError(
            f"{self._source} declares XML entities of its own, which can do harm.",
            "Take the part in square brackets out of its <!DOCTYPE …> line, or leave it out.",
        )
