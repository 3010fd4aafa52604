"""Sentences with exact offsets, and passages the encoder can read at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from rag.papers import Passage, Sentence

SPLITTER_VERSION = 2
"""Of what a paper is split into, passages, sentences and words. Kept in a library's manifest:
vectors made with another version are made again."""

TITLE_TOKENS = 64
"""The most a title may take of a passage's tokens; longer ones are cut for the encoder only."""

Span = tuple[int, int]
TokenSpans = Callable[[str], Sequence[Span]]
"""Maps a text to the character span of each of its tokens, special tokens left out."""

# A full stop, question or exclamation mark, with what may close behind it, then white space. A row
# of them is looked at once, from its start: thousands would take seconds otherwise.
_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’)\]}]*+(?=\s)")
# What a sentence may start with: a capital or digit, after opening quotes, brackets, markup or
# mathematics; or a name written small-then-capital, such as "mLSTM".
_START = re.compile(r"""\s+["'“‘(\[<{$\\]*(?:[^\W_a-z]|[a-z]+[A-Z0-9]|<|\$|\\)""")
_WORD_BEFORE = re.compile(r"[^\s(\[{\"'“‘]+$")
_ABBREVIATIONS = frozenset(
    """
    e.g i.e cf vs viz al et resp approx ca fig figs eq eqs sec secs tab ref refs no nos vol pp
    ch thm lem def prop cor app dr mr mrs ms prof st jr sr dept univ inc ltd co corp ed eds
    a.k.a w.r.t s.t i.i.d ph.d m.sc b.sc jan feb mar apr jun jul aug sep sept oct nov dec
    """.split()
)
# Abbreviations that do end a sentence when what follows reads like a new one.
_MAY_END = frozenset(
    """
    etc al inc ltd co corp i.i.d ph.d m.sc b.sc jr sr
    """.split()
)
_NUMBERED = frozenset(
    """
    no nos fig figs eq eqs sec secs tab ref vol pp ch thm lem app
    """.split()
)
_OPENERS = re.compile(
    r"\s+(?:We|The|This|These|Those|That|Our|It|In|For|However|Moreover|Furthermore|To|As|A|An|"
    r"Here|Finally|While|Although|Using|By|With|On|At|When|Such|Each|Both|They|Their|There|But|"
    r"And|Thus|Hence|Also|Then|First|Second|Experiments|Results|Code)\b"
)


_SPEAKS_OF = ("this ", "these ", "such ", "here ")
_LEANS = (*_SPEAKS_OF, "it ", "its ", "they ", "their ", "both ")


def leans_on_previous(sentence: str) -> bool:
    """Whether a sentence starts with a word that stands for something in the one before."""
    return sentence.lower().startswith(_LEANS)


def speaks_of_previous(sentence: str) -> bool:
    """Whether it starts with one that only the sentence before can explain; what "it" is, a
    question may have named."""
    return sentence.lower().startswith(_SPEAKS_OF)


def split_sentences(text: str) -> list[Sentence]:
    """The sentences of a text, in order, each with its character offsets.

    Sentences hold no white space at either end, and everything outside of them is white space,
    so nothing of the text is lost.
    """
    sentences: list[Sentence] = []
    start = 0
    for match in re.finditer(r"\n\s*\n", text):
        _split_block(text, start, match.start(), sentences)
        start = match.end()
    _split_block(text, start, len(text), sentences)
    return sentences


def _split_block(text: str, start: int, end: int, into: list[Sentence]) -> None:
    for match in _END.finditer(text, start, end):
        if match.end() < end and _is_boundary(text, start, match):
            _append(text, start, match.end(), into)
            start = match.end()
    _append(text, start, end, into)


def _append(text: str, start: int, end: int, into: list[Sentence]) -> None:
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        first = start + len(piece) - len(piece.lstrip())
        into.append(Sentence(stripped, first, first + len(stripped)))


def _is_boundary(text: str, sentence_start: int, mark: re.Match[str]) -> bool:
    if not _START.match(text, mark.end()):
        return False
    if text[mark.start()] != "." or mark.group().startswith(".."):
        return True
    before = _WORD_BEFORE.search(text[max(sentence_start, mark.start() - 40) : mark.start()])
    if before is None:
        # White space or an opening bracket before the stop: "accuracy ." ends, "( ." does not.
        return text[sentence_start : mark.start()].strip() != ""
    return _ends_after(before.group(), text, sentence_start, mark)


def _ends_after(word: str, text: str, sentence_start: int, mark: re.Match[str]) -> bool:
    lower = word.lower().strip(".,;:)]}")
    opener = _OPENERS.match(text, mark.end()) is not None
    if lower in _NUMBERED:  # "no. 5", "Fig. 3"; but "the answer is no. We"
        return opener
    if lower in _ABBREVIATIONS or lower in _MAY_END:
        return opener and lower in _MAY_END
    if re.fullmatch(r"[A-Z](?:\.[A-Z])*", word):  # an initial: "J. Smith"; but "vitamin C. We"
        return opener
    # "1. First" counts; a number alone at the start of a sentence does not end it.
    return not (word.isdigit() and text[sentence_start : mark.start()].strip() == word)


def split_passages(
    title: str,
    abstract: str,
    sentences: Sequence[Sentence],
    token_spans: TokenSpans,
    limit: int,
) -> list[Passage]:
    """Passages of whole sentences, each with the title before it, within the encoder's limit.

    A sentence longer than a passage can hold is cut at a token's edge. A paper without an
    abstract becomes one passage of its title.

    Args:
        token_spans: the encoder's own tokenizer.
        limit: most tokens a passage may have, title included, special tokens left out.
    """
    head, head_tokens = _head(title, token_spans)
    room = limit - head_tokens
    pieces = [p for s in sentences for p in _pieces(abstract, s, token_spans, room)]
    if not pieces:
        return [Passage(head.rstrip(), 0, 0)]
    passages: list[Passage] = []
    start, end, used = pieces[0][0], pieces[0][0], 0
    for piece_start, piece_end, count in pieces:
        if used and used + count > room:
            passages.append(Passage(head + abstract[start:end], start, end))
            start, used = piece_start, 0
        end, used = piece_end, used + count
    passages.append(Passage(head + abstract[start:end], start, end))
    return passages


def _head(title: str, token_spans: TokenSpans) -> tuple[str, int]:
    spans = token_spans(title)
    if len(spans) > TITLE_TOKENS:
        title = title[: spans[TITLE_TOKENS - 1][1]]
    head = f"{title}\n"
    return head, len(token_spans(head))


def _pieces(
    abstract: str, sentence: Sentence, token_spans: TokenSpans, room: int
) -> list[tuple[int, int, int]]:
    """The sentence as (start, end, tokens), in several pieces where it is longer than room."""
    spans = token_spans(sentence.text)
    if len(spans) <= room:
        return [(sentence.start, sentence.end, len(spans))]
    pieces = []
    for first in range(0, len(spans), room):
        last = min(first + room, len(spans)) - 1
        pieces.append(
            (
                sentence.start + spans[first][0],
                sentence.start + spans[last][1],
                last - first + 1,
            )
        )
    return pieces
