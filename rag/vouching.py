"""From a draft to what is shown of it: sentences kept, replaced by a quotation, or left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from rag.attribution import gives_to_another
from rag.citations import (
    SAYS,
    Bound,
    BoundAnswer,
    Statement,
    best_sentences,
    bind,
    clauses,
    compose,
    copied_from,
    echoes,
    quoted_instead,
)
from rag.names import holds_all, names_asked, tells_number
from rag.odds import less_likely
from rag.pairing import gives_otherwise, mixes_figures_up
from rag.papers import Evidence, Vectors, Verdict, normalise
from rag.probing import SupportJudge
from rag.store.keywords import tokenize
from rag.text import leans_on_previous, speaks_of_previous

_LOOKED_AT = 0.5
"""Probability from which a sentence that no statement rests on is worth quoting."""

_TIMES = 7.5
"""How many times the odds of a sentence the best one's may be, for both to be worth quoting."""

_BESIDE = 0.3
"""Probability under which a sentence of the evidence is no answer. Of 125 statements of ours, read
by hand, 1 in 12 of those that rest on none above answers the question, of the others 4 in 5."""

_NEAR = 4
"""Words between a number and what it counts, at most."""

_AS_AUTHOR = re.compile(r"\b(?:we|our|ours|us)\b", re.IGNORECASE)
"""What a sentence says that is taken from a paper as it stands."""

_DENIES = re.compile(r"\b(?:no|not|never|neither|nor|cannot)\b|n['’]t\b", re.IGNORECASE)

_WHOLE, _INSTEAD = 2, 3
"""Sentences, of those looked at most, that an answer rests on or has quoted; and where some of
the draft, or all, is left out."""


def vouch(
    claims: Sequence[Statement],
    question: str,
    evidence: Sequence[Evidence],
    *,
    encode: Callable[[Sequence[str]], Vectors],
    rarity: Callable[[str], float],
    judge: SupportJudge | None = None,
    read: Sequence[Sequence[float]] | None = None,
    instead: bool = True,
    verdict: Verdict | None = None,
    sides: bool = False,
    counted: str = "",
    papers: Mapping[str, str] | None = None,
) -> BoundAnswer:
    """What of a draft the evidence bears out.

    A sentence that says the question again is left out, and so is one that no evidence comes
    near, and one that leans on such a one ("This is shown in …"), or on one of other papers:
    "These models …" are not those of the sentence before then. One that sets two things side by
    side is then looked at clause by clause. One that gives a figure to something else than its
    evidence does is doubted (`rag.pairing`), and one that gives what a paper says of others'
    work to something else. One that the evidence says word for word stands. Any other the judge
    is asked about: a sentence whose words are all there may still join them wrongly, as the
    figure of one method to the name of another. Where the judge doubts it, its evidence is
    quoted in its place.

    What the model looked at says what it should have said: a sentence that rests on what it did
    not look at is beside the question, and left out; the two sentences of the evidence that
    it looked at most are quoted where nothing that stands rests on them, and the three in the
    place of what is doubted. A sentence taken from a paper as its authors say it ("we", "our") is
    quoted, and one that puts their words otherwise is doubted.

    Args:
        judge: none where the model has none; then words, numbers and names decide alone.
        read: for each paper's sentences, the probability that an answer rests on it, by what
            the model looked at; None where that is not known.
        instead: whether something is quoted where nothing of the draft stands.
        verdict: what the answer begins with, if what it then says is about the question's rarest
            word; a sentence that begins with another is left out. None where it is not known.
        sides: whether the question sets two things side by side; what is said of one is then
            completed by what the model looked at of another.
        counted: words for what the question counts; where what stands tells it, no other figure is
            given beside.
        papers: title and abstract of the papers found, by id, to look for the question's names
            in where the evidence shows none.
    """
    if not sides:
        evidence, read = _of_the_named(question, evidence, read, papers or {})
    echoed = _echoing(claims, question)
    told = [s for s in claims if s not in echoed]
    if verdict and any(_denies_itself(s.text, question) for s in told):
        verdict = ""
    titles = {e.number: e.title for e in evidence}
    left_out = [s.text for s in echoed]
    best = best_sentences(evidence, read) if read is not None else []
    likely = {quotation.evidence[0]: quotation.score for quotation in best}

    def is_to_the_point(bound: Bound) -> bool:
        beside = read is not None and max(likely[pair] for pair in bound.evidence) < _BESIDE
        return not (
            beside or _denies_itself(bound.text, question) or _contradicts(bound.text, verdict)
        )

    def is_borne_out(bound: Bound) -> bool:
        if any(gives_otherwise(bound.text, s.text, question) for _, s in bound.evidence):
            return False
        if copied_from(bound):
            return True
        if all(gives_to_another(bound.text, s.text) for _, s in bound.evidence):
            return False
        if any(mixes_figures_up(bound.text, s.text) for _, s in bound.evidence):
            return False
        if _AS_AUTHOR.search(bound.text):
            return False
        if judge is None:
            return True
        return judge.accepts(bound.text, _sources(bound, titles))

    shown: list[Bound] = []
    quoted: set[str] = set()
    doubted = gone = False
    for bound in _bound_whole_or_in_parts(told, evidence, encode, rarity):
        astray = leans_on_previous(bound.text) and (gone or _rests_elsewhere(bound, shown))
        if bound.support == "unsupported" or astray:
            left_out.append(bound.text)
            gone = True
        elif is_to_the_point(bound) and is_borne_out(bound):
            gone = False
            if not any(normalise(bound.text) in said for said in quoted):
                shown.append(_in_whose_words(bound))
                if shown[-1] is not bound:
                    quoted.add(normalise(shown[-1].text))
        else:
            left_out.append(bound.text)
            doubted = True
            gone = read is not None
            if read is None:
                fresh = [q for q in quoted_instead(bound) if normalise(q.text) not in quoted]
                quoted |= {normalise(q.text) for q in fresh}
                shown += fresh
    is_counted = bool(counted and shown) and tells_count(counted, [bound.text for bound in shown])
    enough = is_counted and not doubted and not sides
    if read is not None and (shown or instead) and not enough:
        most = _INSTEAD if doubted or not shown else _WHOLE
        shown += _looked_at(best, shown, most)
        if sides:
            shown += _other_side(best, shown)
    shown = _introduced(shown)
    if shown and verdict and _is_about(question, _sources(shown[0], titles), rarity):
        shown[0] = _begun(shown[0], verdict)
    return replace(compose(shown, evidence), left_out=tuple(left_out))


def _echoing(claims: Sequence[Statement], question: str) -> list[Statement]:
    """Those that say the question again, or speak of having said it: "This is shown in …". What
    begins with "it" or "they" may speak of what the question names."""
    echoed: list[Statement] = []
    for before, claim in zip([None, *claims], claims, strict=False):
        of_echo = before in echoed and speaks_of_previous(claim.text)
        if of_echo or echoes(claim, question):
            echoed.append(claim)
    return echoed


def tells_count(counted: str, sentences: Sequence[str]) -> bool:
    """Whether sentences say how many of something there are.

    Where they have its word, a number stands near it, or anywhere beside "the number of" it; where
    they call it something else, any number may be the one.

    Args:
        counted: words for it, as the question has them.
    """
    stems = set(tokenize(counted))
    near = []
    for sentence in sentences:
        words = sentence.split()
        places = [at for at, word in enumerate(words) if stems & set(tokenize(word))]
        for at in places:
            numbered = words[max(0, at - 2) : at] == ["number", "of"]
            around = words if numbered else words[max(0, at - _NEAR) : at + _NEAR + 1]
            near.append(" ".join(around))
    return any(map(tells_number, near or sentences))


def _of_the_named(
    question: str,
    evidence: Sequence[Evidence],
    read: Sequence[Sequence[float]] | None,
    papers: Mapping[str, str],
) -> tuple[Sequence[Evidence], Sequence[Sequence[float]] | None]:
    """Evidence of the papers that hold all names of the question, where one does, with its
    reading: the figure of a sibling on the same data set is none of the method asked about.

    What is shown of a paper is looked at first: a paper that names another's method in passing
    is none of its own.
    """
    names = names_asked(question)
    shown = [f"{e.title} {' '.join(s.text for s in e.sentences)}" for e in evidence]
    whole = [papers.get(e.paper_id, "") for e in evidence]

    def holding(texts: Sequence[str]) -> list[int]:
        return [i for i, text in enumerate(texts) if holds_all(text, names)]

    mine = (holding(shown) or holding(whole)) if names else []
    if not mine:
        return evidence, read
    return [evidence[i] for i in mine], [read[i] for i in mine] if read is not None else None


def _bound_whole_or_in_parts(
    statements: Sequence[Statement],
    evidence: Sequence[Evidence],
    encode: Callable[[Sequence[str]], Vectors],
    rarity: Callable[[str], float],
) -> Iterator[Bound]:
    """Statements with their evidence; those that have none clause by clause, if they have some."""
    for statement, bound in zip(
        statements, bind(statements, evidence, encode, rarity), strict=True
    ):
        parts = clauses(statement) if bound.support == "unsupported" else []
        yield from bind(parts, evidence, encode, rarity) if len(parts) > 1 else [bound]


def _first_word(text: str) -> Verdict:
    """The yes or no that a sentence begins with; empty where it begins with neither."""
    for word in ("Yes", "No"):
        if re.match(rf"{word}\b", text, re.IGNORECASE):
            return word
    return ""


def _contradicts(text: str, verdict: Verdict | None) -> bool:
    """Whether a sentence begins with yes or no where the verdict is another, or too close."""
    return verdict is not None and _first_word(text) not in ("", verdict)


def _denies_itself(text: str, question: str) -> bool:
    """Whether a sentence says yes and goes on to deny: "Yes, there is no such drug."."""
    return (
        _first_word(text) == "Yes"
        and _DENIES.search(text) is not None
        and _DENIES.search(question) is None
    )


def _begun(bound: Bound, verdict: Verdict) -> Bound:
    """A sentence that begins with the verdict."""
    if _first_word(bound.text) == verdict:
        return bound
    said = bound.text.removeprefix(SAYS)
    return replace(bound, text=f"{verdict}: {said}", support="weak")


def _is_about(
    question: str, sources: Sequence[tuple[str, Sequence[str]]], rarity: Callable[[str], float]
) -> bool:
    """Whether what a sentence rests on holds the rarest word of the question: the finding about
    another drug is no yes or no."""
    held = set(tokenize(" ".join(" ".join([title, *said]) for title, said in sources)))
    asked = {stem: rarity(stem) for stem in tokenize(question)}
    rarest = max(asked.values(), default=0.0)
    return any(stem in held for stem, rare in asked.items() if rare == rarest)


def _rests_elsewhere(bound: Bound, shown: Sequence[Bound]) -> bool:
    """Whether a sentence rests on none of the papers that the sentence before it rests on."""
    if not shown:
        return False
    papers = {number for number, _ in bound.evidence}
    return papers.isdisjoint(number for number, _ in shown[-1].evidence)


def _looked_at(best: Sequence[Bound], shown: Sequence[Bound], most: int) -> list[Bound]:
    """Quotations of what the model looked at most, without what is shown already: one at least,
    where nothing is shown. They are the paper's words, so nothing of them is left to be checked
    but whether they answer.

    Of the papers only that what is shown rests on, or of the one looked at most: a figure of a
    sibling is looked at too, and would be given beside the right one.

    Args:
        best: all sentences of the evidence, those looked at most first.
        most: how many of them are looked through.
    """
    cited = {pair for bound in shown for pair in bound.evidence}
    papers = {number for number, _ in cited} or {q.evidence[0][0] for q in best[:1]}
    worth = [
        replace(q, support="supported")
        for q in best[:most]
        if _is_worth_quoting(q, best) and q.evidence[0][0] in papers
    ]
    return [q for q in worth or ([] if shown else best[:1]) if q.evidence[0] not in cited]


def _other_side(best: Sequence[Bound], shown: Sequence[Bound]) -> list[Bound]:
    """Quotations of another paper that the model looked at as surely, if there are any, where all
    that is shown rests on one paper."""
    papers = {number for bound in shown for number, _ in bound.evidence}
    worth = [
        replace(q, support="supported")
        for q in best
        if _is_worth_quoting(q, best) and q.evidence[0][0] not in papers
    ]
    same = [q for q in worth if q.evidence[0][0] == worth[0].evidence[0][0]]
    return same[:_WHOLE] if len(papers) == 1 else []


def _is_worth_quoting(quotation: Bound, best: Sequence[Bound]) -> bool:
    """Whether the model looked at it, and not far less than at the best of them."""
    return quotation.score >= max(_LOOKED_AT, less_likely(best[0].score, _TIMES))


def _in_whose_words(bound: Bound) -> Bound:
    """A sentence taken from a paper in which its authors speak, quoted; any other as it is."""
    taken = copied_from(bound)
    if taken is None or not _AS_AUTHOR.search(bound.text):
        return bound
    return replace(bound, text=taken[1].quoted, evidence=(taken,))


def _introduced(shown: Sequence[Bound]) -> list[Bound]:
    """Sentences with words before each quotation, or row of them, that say whose they are."""
    said: list[Bound] = []
    before: Bound | None = None
    for bound in shown:
        is_next = before is not None and before.evidence[0][0] == bound.evidence[0][0]
        quotes = bound.text.startswith("“")
        said.append(replace(bound, text=f"{SAYS}{bound.text}") if quotes and not is_next else bound)
        before = bound if quotes else None
    return said


def _sources(bound: Bound, titles: dict[int, str]) -> list[tuple[str, list[str]]]:
    """Titles and sentences that a sentence rests on, by paper."""
    by_paper: dict[int, list[str]] = {}
    for number, sentence in bound.evidence:
        by_paper.setdefault(number, []).append(sentence.text)
    return [(titles[number], said) for number, said in by_paper.items()]
