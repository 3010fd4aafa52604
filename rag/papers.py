"""The vocabulary: what a paper is, what an answer is, and everything in between."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Vectors of the encoder, one a row, or a single one."""

Signs = NDArray[np.uint8]
"""The signs of vectors, eight to a byte, one vector a row."""

Support = Literal["supported", "weak", "unsupported"]
"""How well the evidence bears a sentence out."""

Verdict = Literal["Yes", "No", ""]
"""What evidence says to a question for yes or no; empty where neither is plain."""


NUMBERS = r"\d{1,2}(?:\s*[,;&–-]\s*\d{1,2})*"
"""What stands in the brackets of a citation mark: 1; 2, 7; 1-3."""

_MARK = re.compile(rf"\s*\[{NUMBERS}\]")
_TIE = re.compile(
    r"^(?:however|nevertheless|nonetheless|furthermore|moreover|additionally|in addition|besides|"
    r"also|therefore|thus|hence|consequently|as a result|secondly?|thirdly?),\s+(?=\w)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper, as a library keeps it.

    Attributes:
        title: the title, on one line.
        abstract: the abstract exactly as read; every offset in the program points into it.
        authors: names in order, as the source writes them.
        year: year of publication, where the source gives one.
        venue: journal, conference or archive, empty where unknown.
        url: a link to the paper, empty where unknown.
        source_id: the id that the source uses, empty where it has none.
        source: name of the file or service it was read from.
        sample: whether it belongs to the starter library, so that a real record replaces it.
        doi, arxiv, pmid: its numbers elsewhere, empty where it has none; arXiv's with its version.
        tags: words that it is filed under: the source's keywords, and the reader's own.
        note: what the reader wrote about it.
        entry: the entry of a bibliography it was read from, as JSON, for exports.
        origins: for each field the entry it was taken from, where several records were put
            together.
        key: the id under which a library keeps it, empty where that follows from the record.
    """

    title: str
    abstract: str
    authors: tuple[str, ...] = ()
    year: int | None = None
    venue: str = ""
    url: str = ""
    source_id: str = ""
    source: str = ""
    sample: bool = False
    doi: str = ""
    arxiv: str = ""
    pmid: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    entry: str = field(default="", repr=False)
    origins: tuple[tuple[str, str], ...] = field(default=(), compare=False, repr=False)
    key: str = field(default="", compare=False)

    @property
    def origin(self) -> str:
        """The entry that this record is, as far as its source tells entries apart."""
        return f"{self.source}#{self.source_id}" if self.source_id else self.source

    @property
    def id(self) -> str:
        """What makes it the same paper: its normalised title, year and first author.

        A source that gives no year or author identifies a paper by its title alone. Sixteen
        hexadecimal digits. A library that knows it for another record of a paper keeps that
        paper's id.
        """
        if self.key:
            return self.key
        first_author = self.authors[0].split()[-1] if self.authors and self.authors[0] else ""
        key = f"{normalise(self.title)}|{self.year or ''}|{normalise(first_author)}"
        return hashlib.sha256(key.encode()).hexdigest()[:16]

    @property
    def text_hash(self) -> str:
        """Changes exactly when the title or the abstract does. Twelve hexadecimal digits."""
        return hashlib.sha256(f"{self.title}\n{self.abstract}".encode()).hexdigest()[:12]

    @property
    def text(self) -> str:
        """Title and abstract, to look for words and names in."""
        return f"{self.title} {self.abstract}"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an abstract: ``abstract[start:end] == text``."""

    text: str
    start: int
    end: int

    @property
    def quotable(self) -> str:
        """The text without marks of its own, as ``[2]`` there is not a paper cited here, and
        without a word in front that ties it to a sentence not shown: "However, …"."""
        return _TIE.sub("", _MARK.sub("", self.text))

    @property
    def quoted(self) -> str:
        return f"“{self.quotable}”"


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of sentences that the encoder can read at once, with the title before it.

    ``abstract[start:end]`` is what it covers; ``text`` is what the encoder reads.
    """

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class RankedPaper:
    """A paper found for a question.

    Attributes:
        score: mean of similarity, keyword coverage and interaction of words, up to 1, comparable
            across questions; raised or lowered by the second look where there was one.
        similarity: mean of the question's cosines to the paper's closest passage and its
            closest sentence, -1 to 1.
        first_score: the score before the second look; None where there was none.
        second_similarity: the same as similarity, to the second look's larger encoder.
        answers: log-odds that the paper answers, by a model that has read it alone; None where
            none has.
    """

    paper: Paper
    score: float
    similarity: float
    first_score: float | None = None
    second_similarity: float | None = None
    answers: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The sentences of one paper that the model is shown, under the number it is shown.

    Attributes:
        relevance: one figure a sentence, in the same order: cosine to the question.
    """

    number: int
    paper_id: str
    title: str
    sentences: tuple[Sentence, ...]
    relevance: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Citation:
    """A paper that an answer cites, with the sentences that bear it out.

    Attributes:
        number: counts from 1 in order of appearance in the answer.
        support: the weakest verdict among the answer's sentences that cite this paper.
        sentences: the sentences of the abstract that bear the answer out.
    """

    number: int
    title: str
    paper_id: str
    support: Support
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A paper that retrieval found, cited or not."""

    title: str
    paper_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time of an answer went: seconds and tokens.

    ``first_token_s`` counts from the question to the first written token.
    """

    retrieve_s: float
    first_token_s: float
    total_s: float
    prompt_tokens: int
    answer_tokens: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reader gets.

    Attributes:
        question: as it was asked.
        standalone_question: as it was searched; differs for a follow-up, and for a message that
            says more than it asks.
        answer: the text with ``[1]`` marks, or what is said instead when ``abstained``.
        abstained: whether the papers were found not to say.
        reason: why it abstained, empty otherwise.
        filters: which papers were asked, in words; empty where all were.
        left_out: sentences the model wrote that no evidence bears out, or that do not answer.
        warning: what to mind about the answer, in a sentence; empty where there is nothing.
        confidence: that the papers answer, before anything is written, 0 to 1.
    """

    question: str
    standalone_question: str
    answer: str
    abstained: bool
    reason: str
    citations: tuple[Citation, ...]
    filters: str
    retrieved: tuple[Retrieved, ...]
    left_out: tuple[str, ...]
    timings: Timings
    model: str
    warning: str = ""
    confidence: float = 0.0

    def unquoted(self) -> list[tuple[Citation, list[Sentence]]]:
        """Citations with the sentences that the text itself does not quote.

        A paper that the text names and quotes in full, as a list does, is not among them.
        """
        found = []
        for citation in self.citations:
            sentences = [s for s in citation.sentences if s.quotable not in self.answer]
            if sentences or citation.title not in self.answer:
                found.append((citation, sentences))
        return found

    def to_json(self) -> dict[str, Any]:
        """The answer as plain values, ready for ``json.dumps``."""
        return asdict(self)


def normalise(text: str) -> str:
    """Case, accents, punctuation and spacing removed: equal for titles people call the same."""
    if text.isascii():  # most is, and has no accents to take off
        letters = text.casefold()
    else:
        decomposed = unicodedata.normalize("NFKD", text).casefold()
        letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(re.findall(r"\w+", letters))
