"""Binding: every sentence of an answer is tied to the evidence that bears it out, or is not shown.

The model's own marks are hints. What counts is whether the program finds, in what the model
was shown, sentences that hold the same words, numbers and names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rag.names import holds_name, names_in, numbers_in, numbers_said, proper_names_in
from rag.papers import NUMBERS, Citation, Evidence, Sentence, Support, Vectors, normalise
from rag.store.keywords import tokenize
from rag.text import leans_on_previous, split_sentences

SUPPORTED = 0.60
"""A sentence's score, 0 to 1, from which its evidence is taken to bear it out."""

WEAK = 0.42
"""From here its evidence is taken to be about the same, below it is not."""

QUOTED = 0.5
"""Cosine to the question from which a sentence is worth quoting for it."""

QUOTED_AGAIN = 0.25
"""The same for a sentence of the paper that a second look found: the question has other words."""

_MARK_BONUS = 0.08
_MOST_SENTENCES = 3
MOST_QUOTED = 2

# [1] [1, 2] [1][3] [1-3] [Source 1] 【1】, and (1) where it closes a sentence.
_MARK = re.compile(
    rf"\s*(?:[\[【]\s*(?:sources?\s*)?({NUMBERS})\s*[\]】]|\(({NUMBERS})\)(?=\s*(?:[.!?]|$)))",
    re.IGNORECASE,
)
# "In [2], …", "the authors of [2] show": a mark that stands for its paper.
_AS_A_NOUN = re.compile(rf"\b(in|of|by|from|to|with) \[{NUMBERS}\](?=,? [a-z])", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*(?:[,;&]|, and)?\s*")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+", re.MULTILINE)
# The paper states that "…"
_FRAMED = re.compile(
    r"(?:the|this) (?:paper|text|source|study|abstract|article|authors?) (?:clearly |explicitly )?"
    r"(?:state|say|mention|note|report|write|explain)s?(?: that)?[:,]? *\"([^\"]{20,})\"?\.?",
    re.IGNORECASE,
)
# Says nothing that could be checked without the sentence after it.
_BARE = re.compile(r"(?:yes|no)\b\W*", re.IGNORECASE)
# Begins the line of a paper.
_NEXT = "\n• "
# Begins a quotation.
SAYS = "The paper says: "
_WHETHER_THERE_IS = re.compile(
    r"\b(?:is|are) there (?:an?|any|some)\b|\b(?:has|have|did|does|do) (?:any|some)(?:body|one)\b",
    re.IGNORECASE,
)
# What is left of "The two are [1] and [2]." or "Sources [1] and [2] both say" once the marks are
# off: no sentence.
_DANGLING = re.compile(
    r"\b(?:and|or|is|are|was|were|of|by|the)\W*$|^\W*(?:the )?(?:sources|studies|papers)\W+and\b",
    re.IGNORECASE,
)
# "…, while the other reaches 87%": a sentence of its own, not "…, while keeping accuracy".
_JOINT = re.compile(
    r"(?:[,;]\s+(?:while|whereas|but)\s+|;\s+)"
    r"(?=(?:the|a|an|its?|their|they|this|these|those|that of|in|for|on|with)\b|[A-Z])"
)
_REFUSAL = re.compile(
    r"\b(?:(?:do|does|did) not|don't|doesn't|cannot|can't|isn't|is not|are not|no)\b[^.]{0,60}"
    r"\b(?:mention|specif|provide|state|say|contain|describe|include|discuss|address|answer|"
    r"information|determine|clear|given)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of a draft, without its marks.

    Attributes:
        text: the sentence.
        marks: the numbers the model put on it.
    """

    text: str
    marks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """A sentence of a draft with the evidence found for it.

    Attributes:
        score: how well the evidence bears it out, 0 to 1.
        evidence: (number, sentence) pairs, the closest first; empty when unsupported.
    """

    text: str
    support: Support
    score: float
    evidence: tuple[tuple[int, Sentence], ...]


@dataclass(frozen=True, slots=True)
class BoundAnswer:
    """An answer as the reader gets it: marks count from 1 in order of appearance.

    Attributes:
        left_out: sentences that no evidence bears out.
    """

    text: str
    citations: tuple[Citation, ...]
    left_out: tuple[str, ...]


def read_draft(draft: str) -> list[Statement]:
    """The sentences of what the model wrote, with the marks taken off, whatever their shape.

    A "Yes." or "No." alone is one with the sentence after it, and of one that only quotes the
    paper the quotation is left. Where a mark stands for its paper,
    as in "the authors of [2] show", the sentence says "this paper" without it.
    """
    marks: list[tuple[int, tuple[int, ...]]] = []
    clean = ""
    at = 0
    text = _AS_A_NOUN.sub(r"\1 this paper", _BULLET.sub("", draft.strip()))
    for match in _MARK.finditer(text):
        between = text[at : match.start()]
        clean += "" if marks and _BETWEEN.fullmatch(between) else between
        marks.append((len(clean), _numbers(match.group(1) or match.group(2))))
        at = match.end()
    clean += text[at:]
    sentences = split_sentences(clean)
    statements: list[Statement] = []
    for i, sentence in enumerate(sentences):
        following = sentences[i + 1].start if i + 1 < len(sentences) else len(clean) + 1
        first = sentence.start if i else -1
        mine = [n for place, numbers in marks if first < place <= following for n in numbers]
        text = re.sub(r"\s+([.,;:!?])", r"\1", " ".join(sentence.text.split()))
        if framed := _FRAMED.fullmatch(text):
            text = f"{framed.group(1).rstrip('. ')}."
        if statements and _BARE.fullmatch(statements[-1].text):
            bare = statements.pop()
            text, mine = f"{bare.text} {text}", [*bare.marks, *mine]
        if re.search(r"\w", text) and not (mine and _DANGLING.search(text)):
            statements.append(Statement(text, tuple(dict.fromkeys(mine))))
    return statements


def is_refusal(statement: Statement) -> bool:
    """Whether the sentence says that the sources do not say, rather than answer."""
    return _REFUSAL.search(statement.text) is not None and not numbers_in(statement.text)


def without_refusals(statements: Sequence[Statement]) -> list[Statement]:
    """Sentences that answer: none that refuses, or leans on one that does ("This is shown …")."""
    kept: list[Statement] = []
    gone = False
    for statement in statements:
        gone = is_refusal(statement) or (gone and leans_on_previous(statement.text))
        if not gone:
            kept.append(statement)
    return kept


def clauses(statement: Statement) -> list[Statement]:
    """The clauses of a sentence that sets two things side by side, each a sentence of its own."""
    parts = _JOINT.split(statement.text)
    ends = statement.text[-1] if statement.text[-1] in ".!?" else "."
    whole = [part[0].upper() + part[1:].rstrip(".!?") + ends for part in parts if part]
    return [replace(statement, text=part) for part in whole]


def bind(
    statements: Sequence[Statement],
    evidence: Sequence[Evidence],
    encode: Callable[[Sequence[str]], Vectors],
    rarity: Callable[[str], float],
) -> list[Bound]:
    """Find for each sentence the evidence that bears it out.

    The score is the mean of the cosine of sentence and evidence and of the share of the
    sentence's words, weighed by rarity, that the evidence holds. Whatever the score, a sentence
    whose numbers or names the evidence does not hold is unsupported.

    Args:
        encode: the encoder; rows of length one.
        rarity: of a stem, 0 to 1.
    """
    shown = [_Shown(e.number, e.title, s) for e in evidence for s in e.sentences]
    if not statements or not shown:
        return [Bound(s.text, "unsupported", 0.0, ()) for s in statements]
    vectors = encode([*(s.text for s in statements), *(s.sentence.text for s in shown)])
    cosines = vectors[: len(statements)] @ vectors[len(statements) :].T
    return [
        _bind_one(statement, shown, row, rarity)
        for statement, row in zip(statements, cosines, strict=True)
    ]


def quote(
    question: str,
    evidence: Sequence[Evidence],
    draft: Sequence[Statement],
    least: float = QUOTED,
    most: int = 1,
) -> BoundAnswer | None:
    """The sentences of the evidence that are closest to the question, quoted: one, or two.

    What is left to say when the model wrote only sentences that the evidence does not bear out.
    None where no sentence is close. A question with names gets the closest sentence to each; one
    with the question's numbers is preferred; where the draft has numbers, so have the quotations.

    Args:
        least: cosine to the question that a sentence worth quoting has.
        most: sentences that are quoted where no name tells which.
    """
    found = [
        (relevance, e, sentence)
        for e in evidence
        for relevance, sentence in zip(e.relevance, e.sentences, strict=True)
        if relevance >= least
    ]
    if any(numbers_in(statement.text) for statement in draft):
        found = [(r, e, s) for r, e, s in found if numbers_in(s.text)]
    asked = numbers_in(question)
    found = [(r, e, s) for r, e, s in found if asked <= numbers_said(s.text)] or found
    if not found:
        return None
    found.sort(key=lambda one: -one[0])
    named = [
        next((one for one in found if holds_name(one[2].text, name)), None)
        for name in sorted(names_in(question))
    ]
    chosen = list(dict.fromkeys(one for one in named if one))[:MOST_QUOTED] or found[:most]
    bound = [
        Bound(sentence.quoted, "weak", 0.0, ((source.number, sentence),))
        for _, source, sentence in sorted(chosen, key=lambda one: -one[0])
    ]
    quoted = compose(bound, evidence)
    opening = "The closest sentence says:" if len(chosen) == 1 else "The closest sentences say:"
    return BoundAnswer(f"{opening} {quoted.text}", quoted.citations, ())


def best_sentences(evidence: Sequence[Evidence], scores: Sequence[Sequence[float]]) -> list[Bound]:
    """The sentences of the evidence as quotations, the best one first.

    Args:
        scores: of each paper's sentences, as probabilities.
    """
    found = [
        Bound(sentence.quoted, "weak", score, ((e.number, sentence),))
        for e, mine in zip(evidence, scores, strict=True)
        for score, sentence in zip(mine, e.sentences, strict=True)
    ]
    return sorted(found, key=lambda quotation: -quotation.score)


def echoes(statement: Statement, question: str) -> bool:
    """Whether a sentence says the question again, and nothing beside: no word of its own.

    A yes or a no is something beside, but where the question is whether there is something: then
    what is asked is what.
    """
    bare = _BARE.match(statement.text)
    own = set(tokenize(statement.text[bare.end() if bare else 0 :])) - set(tokenize(question))
    return not own and (bare is None or _WHETHER_THERE_IS.search(question) is not None)


def copied_from(bound: Bound) -> tuple[int, Sentence] | None:
    """The evidence that says a sentence word for word, with the same stops or others, if some does.

    Returns:
        The number of its paper, and the sentence.
    """
    said = normalise(bound.text)
    return next((pair for pair in bound.evidence if said in normalise(pair[1].text)), None)


def quoted_instead(bound: Bound) -> list[Bound]:
    """The evidence of a sentence in its place, quoted, where the sentence is not to be trusted.

    The closest sentence, and of the same paper those that have a number of it which that lacks.
    """
    first, *others = bound.evidence
    lacking = numbers_in(bound.text) - numbers_said(first[1].text)
    more = [p for p in others if p[0] == first[0] and lacking & numbers_said(p[1].text)]
    return [
        Bound(sentence.quoted, "weak", bound.score, ((number, sentence),))
        for number, sentence in sorted([first, *more], key=lambda pair: pair[1].start)
    ]


def enumerate_papers(evidence: Sequence[Evidence]) -> BoundAnswer:
    """A list of papers, a line each with the sentence that speaks for it; no model writes it."""
    several = f"{len(evidence)} papers come close to this, the closest first:"
    opening = "One paper comes close to this:" if len(evidence) == 1 else several
    return _quoted_by_paper(opening, evidence)


def set_side_by_side(evidence: Sequence[Evidence]) -> BoundAnswer:
    """What each of the compared papers says, in its own words; no model writes it."""
    return _quoted_by_paper("What each paper says:", evidence)


def show_either(evidence: Sequence[Evidence]) -> BoundAnswer:
    """What each of two papers says either of which may be meant; no model writes it."""
    return _quoted_by_paper("Either of two papers may be the one you mean:", evidence)


def _quoted_by_paper(opening: str, evidence: Sequence[Evidence]) -> BoundAnswer:
    bound = [
        Bound(
            f"{'' if place else f'{_NEXT}{e.title}: '}{sentence.quoted}",
            "supported",
            1.0,
            ((e.number, sentence),),
        )
        for e in evidence
        for place, sentence in enumerate(e.sentences)
    ]
    listed = compose(bound, evidence)
    return replace(listed, text=f"{opening}{listed.text}".replace(f" {_NEXT}", _NEXT))


def compose(bound: Sequence[Bound], evidence: Sequence[Evidence]) -> BoundAnswer:
    """Put the sentences that hold together, numbered in order of appearance."""
    by_number = {e.number: e for e in evidence}
    order: dict[int, int] = {}
    found: dict[int, dict[int, Sentence]] = {}
    support: dict[int, Support] = {}
    parts, left_out = [], []
    for sentence in bound:
        if sentence.support == "unsupported":
            left_out.append(sentence.text)
            continue
        numbers = []
        for number, source in sentence.evidence:
            order.setdefault(number, len(order) + 1)
            found.setdefault(number, {})[source.start] = source
            numbers.append(order[number])
            if support.get(number) != "weak":
                support[number] = sentence.support
        parts.append(with_marks(sentence.text, sorted(set(numbers))))
    citations = tuple(
        Citation(
            number=order[number],
            title=by_number[number].title,
            paper_id=by_number[number].paper_id,
            support=support[number],
            sentences=tuple(found[number][start] for start in sorted(found[number])),
        )
        for number in order
    )
    return BoundAnswer(" ".join(parts), citations, tuple(left_out))


@dataclass(slots=True)
class _Shown:
    number: int
    title: str
    sentence: Sentence

    @property
    def words(self) -> str:
        """Title and sentence: what a statement may rest on."""
        return f"{self.title} {self.sentence.text}"


def _numbers(group: str) -> tuple[int, ...]:
    found: list[int] = []
    for piece in re.split(r"[,;&]", group):
        ends = [int(n) for n in re.findall(r"\d+", piece)]
        found.extend(range(ends[0], ends[-1] + 1) if len(ends) == 2 else ends)
    return tuple(found)


def _bind_one(
    statement: Statement,
    shown: Sequence[_Shown],
    cosines: Vectors,
    rarity: Callable[[str], float],
) -> Bound:
    weights = {term: rarity(term) + 0.05 for term in set(tokenize(statement.text))}
    total = sum(weights.values()) or 1.0
    held = [set(tokenize(s.words)) & weights.keys() for s in shown]

    def score(i: int) -> float:
        return 0.5 * float(cosines[i]) + 0.5 * sum(weights[t] for t in held[i]) / total

    fits = [_same_subject(statement.text, s, shown) for s in shown]
    ranked = sorted(
        (i for i in range(len(shown)) if fits[i]),
        key=lambda i: -(score(i) + _MARK_BONUS * (shown[i].number in statement.marks)),
    )
    if not ranked:
        return Bound(statement.text, "unsupported", 0.0, ())
    chosen = _cover(statement.text, ranked, shown, held, weights, total)
    cosine = float(np.max([cosines[i] for i in chosen]))
    chosen += _marked_too(statement, ranked, chosen, shown, score)
    covered = set().union(*(held[i] for i in chosen))
    value = 0.5 * cosine + 0.5 * sum(weights[t] for t in covered) / total
    if _missing(statement.text, [shown[i] for i in chosen], shown):
        return Bound(statement.text, "unsupported", value, ())
    verdict: Support = (
        "supported" if value >= SUPPORTED else "weak" if value >= WEAK else "unsupported"
    )
    pairs = tuple((shown[i].number, shown[i].sentence) for i in chosen)
    return Bound(statement.text, verdict, value, () if verdict == "unsupported" else pairs)


def _cover(
    text: str,
    ranked: Sequence[int],
    shown: Sequence[_Shown],
    held: Sequence[set[str]],
    weights: dict[str, float],
    total: float,
) -> list[int]:
    """The best sentence, and others that hold a number, name or good part it lacks."""
    chosen = [ranked[0]]
    needed = numbers_in(text) | names_in(text)
    for i in ranked[1:]:
        if len(chosen) == _MOST_SENTENCES:
            break
        have = set().union(*(_marks_of(shown[j]) for j in chosen))
        covered = set().union(*(held[j] for j in chosen))
        adds_fact = bool((needed - have) & _marks_of(shown[i]))
        adds_words = sum(weights[t] for t in held[i] - covered) / total
        if (adds_fact or adds_words > 0.25) and _may_join(text, shown[i], shown[ranked[0]]):
            chosen.append(i)
    return chosen


def _marked_too(
    statement: Statement,
    ranked: Sequence[int],
    chosen: Sequence[int],
    shown: Sequence[_Shown],
    score: Callable[[int], float],
) -> list[int]:
    """The best sentence of each other paper that the model marked, if it is about the same.

    So a sentence about several papers names them all; one with a figure does not.
    """
    if numbers_in(statement.text):
        return []
    have = {shown[i].number for i in chosen}
    more = []
    for i in ranked:
        number = shown[i].number
        if number in statement.marks and number not in have and score(i) >= WEAK:
            have.add(number)
            more.append(i)
    return more


def _may_join(text: str, other: _Shown, first: _Shown) -> bool:
    """Whether a sentence may rest on another paper's evidence beside that of the first one.

    Only if it names something that the other speaks of and the first does not: otherwise the
    figure of one paper would be given to the subject of another.
    """
    if other.number == first.number:
        return True
    there, here = (s.words for s in (other, first))
    return any(holds_name(there, n) and not holds_name(here, n) for n in names_in(text))


def _marks_of(s: _Shown) -> set[str]:
    return numbers_said(s.words) | names_in(s.words)


def _missing(text: str, chosen: Sequence[_Shown], shown: Sequence[_Shown]) -> set[str]:
    """Numbers the chosen evidence does not hold, and names that none of its papers holds."""
    numbers = numbers_in(text) - set().union(*(numbers_said(s.words) for s in chosen))
    papers = {s.number for s in chosen}
    around = " ".join(s.words for s in shown if s.number in papers).lower()
    names = {name for name in names_in(text) if not holds_name(around, name)}
    return numbers | names | {name for name in proper_names_in(text) if name not in around}


def _same_subject(text: str, candidate: _Shown, shown: Sequence[_Shown]) -> bool:
    """False where a figure would be given to another name than the evidence gives it to.

    A sentence with a number whose names stand elsewhere in the paper, but not in the sentence
    of the evidence that holds the number, while that sentence names something else, is one.
    """
    numbers = numbers_in(text)
    if not numbers & numbers_said(candidate.sentence.text):
        return True
    mine = names_in(text)
    there = candidate.words.lower()
    elsewhere = " ".join(s.sentence.text for s in shown).lower()
    strangers = {n for n in mine if not holds_name(there, n) and holds_name(elsewhere, n)}
    return not (strangers and names_in(candidate.sentence.text) - mine)


def with_marks(text: str, numbers: Sequence[int]) -> str:
    """The marks before the full stop, as in print; behind a quotation, which stays as it is."""
    marks = "".join(f"[{n}]" for n in numbers)
    if text.endswith("”"):
        return f"{text} {marks}"
    closing = re.search(r"[.!?…]+[\"'”’)]*$", text)
    at = closing.start() if closing else len(text)
    return f"{text[:at].rstrip()} {marks}{text[at:] or '.'}"
