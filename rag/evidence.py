"""From papers to evidence: the sentences that matter for a question, numbered by paper."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from rag.late_interaction import max_sim, read_topic
from rag.library import Library
from rag.names import holds_all, holds_name, introduces_name, names_asked, names_in
from rag.odds import less_likely, log_odds
from rag.papers import Evidence, RankedPaper, Sentence, Vectors
from rag.question_forms import asks_on, asks_openly, joins, sets_side_by_side
from rag.store.keywords import content_words, tokenize
from rag.text import leans_on_previous

_PAPERS = 5
"""Papers that may give evidence; more of them confuse a small model."""

_TWIN = 0.8
"""Share of words that two abstracts have in common, from which they are the same work."""

MOST_LISTED = 20
"""Papers that are listed at most, where the question asks which ones there are."""

_QUALIFIES = 0.76
"""Share of the best paper's score, and of the closest one's words, that a paper must have in the
mean to be listed."""

_QUALIFIES_NAMED = 0.45
"""Share of the best paper's score alone, for a paper that holds what the question names."""

_STANDS_OUT = 2 / 3
"""Share of the candidates for a list that closeness may let in, for what a model looked at to tell
more: it is told by what a sentence has more than the others."""

_BY_WORDS, _BY_LOOK, _BY_CHANCE = 17.6, 1.16, -16.0
"""What closeness word by word, and the log-odds of what a model looked at, count for whether a
paper is one of those asked for, and what is added: a logistic regression on the first 20 papers of
28 questions for lists (`docs/retrieval.md`)."""

_ONE_ABOVE = 3.0
"""Log-odds by which the best paper is above those that are not meant where one is asked for. Of 17
such questions two others would be listed beside it otherwise, 3.5 and 4.3 under it."""

_LISTED, _LISTED_NAMED = -0.6, -2.5
"""Log-odds from which a paper is listed: all that qualify are asked for; and the same for one that
holds what the question names, to be one in the first place."""

_NO_TOPIC = frozenset(
    """
    any anything article articles concern concerns cover find have list look looks name need paper
    papers please publication publications report reports research say says show some study studies
    use used uses using way ways work works approach approaches method methods technique
    techniques there one ones sort kind every involve deal deals dealing treat treats everything
    else here collecting recommend suggest summarise summarize overview titles enumerate published
    written read tell see like want looking searching got preprints manuscripts discuss mention
    mentions could
    """.split()
)
"""Words of a question for papers that say nothing of what they are to be about."""

_OF_ANY_PAPER = frozenset(
    """
    accuracy apply applied based benchmark benchmarks best data dataset datasets evaluate evaluated
    evaluation experiment experiments experimental figure figures highest largest lowest made make
    makes measure measured model models name named names number numbers performance run ran result
    results score scores smallest test tests tested train trains trained training worst
    """.split()
)
"""What of any paper may be said beside a name: "experiments on CIFAR-100"."""

_EITHER = re.compile(r"\bor\b", re.IGNORECASE)

_WHERE_CODE_IS = re.compile(
    r"^\W*(?:(?:all|our|the)\s+)*(?:source\s+)?(?:code|codes|implementation|project page)\b"
    r"[^.]*\b(?:accessible|available|released|found (?:at|here|in|on|under))\b",
    re.IGNORECASE,
)
"""A sentence that finds nothing: "The code is available at …"."""

_ASKS_FOR_CODE = re.compile(
    r"\b(?:code|github|implementation|available|accessible|released|repository|open.source\w*)\b",
    re.IGNORECASE,
)
"""A question that such a sentence may answer."""

_RELEVANT = 0.3
"""Share of the closest sentence's cosine that a sentence must have to be evidence."""

_WORDS = 0.4
"""What the question's rare words in a sentence count beside its cosine."""

_PAPER = 0.3
"""What its paper's share of the best paper's score counts."""

OF_A_SIDE = 3
"""Sentences of each of two papers that are compared."""

READ_OF_A_SIDE = 12
"""The same where a model reads them, to choose from."""

_SAID_OF_A_SIDE, _TIMES = 4, 4.5
"""The same of those that the model looked at, and how many times the odds of one the best one's of
its side may be. Of 37 comparisons of part `tune` these hold .96 of the key facts in 5.6
sentences, the best three of a side .93 in 6."""

OF_A_PART = 2
"""Sentences of each of the papers that give a part of an answer."""

_IS_PART = 0.3
"""Probability from which a sentence gives a part of an answer: read beside those of other papers
that answer too, each is looked at less."""

_PART_CLOSE = 0.65
"""Share of the best paper's score that a paper has which gives a part. Of 14 open questions of part
`tune` those that do had .66 and more; of 14 that one paper answers the others had .62 and less, but
for one of .78, where a sentence had that probability."""

_SECOND = 0.6
"""Share of the best paper's score that the other side of a comparison has at least."""

_NAMED_SECOND = 0.4
"""The same where one of the names is its own."""

_OWN_WORDS, _JOINED_WORDS = 0.05, 0.25
"""Share of the question's rare words that either side holds alone: where a word compares, and where
"and" is all that tells."""

_CLOSE_TOO = 0.7
"""What the other side's score, as a share of the best paper's, counts beside that share."""


@dataclass(frozen=True, slots=True)
class _Scored:
    paper: int
    position: int
    sentence: Sentence
    cosine: float
    score: float
    tokens: int


def pick_evidence(
    question: str,
    ranked: Sequence[RankedPaper],
    library: Library,
    budget: int,
) -> list[Evidence]:
    """The best sentences of the best papers, within a budget of tokens.

    A sentence's score is its cosine to the question, plus how much of the question's rare
    words it holds, plus its paper's share of the best one's score. A sentence that leans on
    the one before brings it along where there is room. Of two records of one work, as a preprint
    and its publication, the better is read. Titles count; papers come best first, sentences in
    their order.

    Args:
        budget: most tokens of titles and sentences together, counted by the encoder's
            tokenizer, which comes within a few percent of the language models'.
    """
    papers = without_twins(ranked)[:_PAPERS]
    candidates = _relevant(_scored(question, papers, library))
    return _pick(question, papers, candidates, library, budget)


def whole_papers(
    question: str, papers: Sequence[RankedPaper], library: Library, budget: int
) -> list[Evidence]:
    """Each paper for itself: all its sentences, or its best ones where the budget does not hold
    them all. Papers without a sentence are left out."""
    scored = _scored(question, papers, library)
    by_paper = ([c for c in scored if c.paper == index] for index in range(len(papers)))
    return [e for mine in by_paper for e in _pick(question, papers, mine, library, budget)]


def _pick(
    question: str,
    papers: Sequence[RankedPaper],
    candidates: Sequence[_Scored],
    library: Library,
    budget: int,
) -> list[Evidence]:
    """The best candidates within a budget of tokens, numbered by paper."""
    chosen: set[tuple[int, int]] = set()
    left = budget
    for candidate in _in_turn(question, papers, candidates):
        wanted = [candidate, *_leaned_on(candidate, candidates)]
        wanted = [c for c in wanted if (c.paper, c.position) not in chosen]
        cost = sum(c.tokens for c in wanted)
        if all(paper != candidate.paper for paper, _ in chosen):
            cost += len(library.encoder.token_spans(papers[candidate.paper].paper.title))
        if cost <= left:
            left -= cost
            chosen.update((c.paper, c.position) for c in wanted)
    return _number(papers, candidates, chosen)


def sides_compared(
    question: str, ranked: Sequence[RankedPaper], library: Library
) -> tuple[RankedPaper, RankedPaper] | None:
    """The two papers that a question sets side by side; None where it does not.

    It has a word that compares, joins two subjects or asks on, and either the best paper and one
    that is nearly as close each hold a part of its rare words that the other lacks; or two papers
    bear in their titles names of the question that the other lacks; or the best paper holds all its
    names, and one of them is another's own.
    """
    compares = sets_side_by_side(question)
    goes_on = compares or asks_on(question)
    distinct = without_twins(ranked)[:_PAPERS]
    if len(distinct) < 2 or not (goes_on or joins(question)):
        return None
    first, *others = distinct
    least = _OWN_WORDS if compares else _JOINED_WORDS
    if other := _other_side(question, first, others, library, least):
        return first, other
    if not goes_on:
        return None
    return _named_in_titles(question, distinct) or _named_and_introduced(question, first, others)


def _other_side(
    question: str,
    first: RankedPaper,
    others: Sequence[RankedPaper],
    library: Library,
    least: float,
) -> RankedPaper | None:
    """The paper beside the best one: of those close enough, one that holds what the best lacks.

    Args:
        least: share of the question's rare words that each of the two holds alone.
    """
    weights = {term: library.keywords.rarity(term) for term in set(tokenize(question))}
    total = sum(weights.values()) or 1.0

    def held(found: RankedPaper) -> set[str]:
        return set(tokenize(found.paper.text)) & weights.keys()

    def share(words: set[str]) -> float:
        return sum(weights[word] for word in words) / total

    mine = held(first)
    sides = []
    for other in others:
        theirs, ratio = held(other), other.score / first.score
        own = share(theirs - mine)
        if ratio >= _SECOND and min(own, share(mine - theirs)) >= least:
            sides.append((own + _CLOSE_TOO * ratio, other))
    return max(sides, key=lambda side: side[0])[1] if sides else None


def _named_in_titles(
    question: str, papers: Sequence[RankedPaper]
) -> tuple[RankedPaper, RankedPaper] | None:
    """The best two papers in whose titles are names of the question that the other lacks.

    A paper's name may be a word like any other before a colon, as in "Perceiver: …".
    """
    asked = names_in(question)

    def names(found: RankedPaper) -> set[str]:
        head, colon, _ = found.paper.title.lower().partition(":")
        own = {head} if colon and holds_name(question, head) else set()
        return own | {name for name in asked if holds_name(found.paper.title, name)}

    named = [(found, names(found)) for found in papers]
    pairs = (
        (a, b) for (a, of_a), (b, of_b) in combinations(named, 2) if of_a - of_b and of_b - of_a
    )
    return next(pairs, None)


def _named_and_introduced(
    question: str, first: RankedPaper, others: Sequence[RankedPaper]
) -> tuple[RankedPaper, RankedPaper] | None:
    """The best paper, which sets its own method beside another by name, and that one's own."""
    names = names_asked(question)
    if len(names) < 2 or not holds_all(first.paper.text, names):
        return None
    for other in others:
        if other.score >= _NAMED_SECOND * first.score and any(
            introduces_name(other.paper.title, other.paper.abstract, name)
            and not introduces_name(first.paper.title, first.paper.abstract, name)
            for name in names
        ):
            return first, other
    return None


def compared_evidence(
    question: str,
    sides: Sequence[RankedPaper],
    library: Library,
    most: int = OF_A_SIDE,
) -> list[Evidence]:
    """The best sentences of each of the papers that are compared, numbered from 1.

    Args:
        most: sentences of each.
    """
    sentences = [library.sentences(found.paper) for found in sides]
    asked = library.encoder.encode([question])[0]
    scored = _score(question, asked, sides, sentences, library)
    candidates = sorted(scored, key=lambda c: -c.score)
    chosen = {
        (c.paper, c.position)
        for side in range(len(sides))
        for c in [c for c in candidates if c.paper == side][:most]
    }
    return _number(sides, candidates, chosen)


def said_of_each_side(
    sides: Sequence[Evidence], looked_at: Sequence[Sequence[float]]
) -> list[Evidence]:
    """Of each side of a comparison what a model looked at about as surely as at its best sentence.

    Args:
        looked_at: for each side's sentences, the probability that an answer rests on it.
    """
    return _narrow_each(sides, looked_at, _SAID_OF_A_SIDE, lambda best: less_likely(best, _TIMES))


def parts_of_an_answer(
    question: str,
    ranked: Sequence[RankedPaper],
    evidence: Sequence[Evidence],
    looked_at: Sequence[Sequence[float]],
) -> list[Evidence]:
    """What each paper has to say to an open question, where two papers or more have something.

    Args:
        ranked: the papers found, best first.
        looked_at: for each paper's sentences, the probability that an answer rests on it.
    """
    if not asks_openly(question):
        return []
    names = names_asked(question)
    texts = {e.paper_id: f"{e.title} {' '.join(s.text for s in e.sentences)}" for e in evidence}
    close = {r.paper.id for r in ranked if r.score >= _PART_CLOSE * ranked[0].score}
    parts = [
        part
        for part in narrow(evidence, looked_at, OF_A_PART, least=_IS_PART)
        if part.sentences and part.paper_id in close and holds_all(texts[part.paper_id], names)
    ]
    return parts if len(parts) > 1 else []


def best_of_each(
    evidence: Sequence[Evidence], looked_at: Sequence[Sequence[float]]
) -> list[Evidence]:
    """The same papers with what they say to a question: the sentence looked at most of each, and
    another if it is as likely to be a part of an answer as one has to be."""
    return _narrow_each(evidence, looked_at, OF_A_PART, lambda best: min(_IS_PART, best))


def _narrow_each(
    evidence: Sequence[Evidence],
    scores: Sequence[Sequence[float]],
    most: int,
    least: Callable[[float], float],
) -> list[Evidence]:
    """Narrowed, with a least score for each paper that hangs on its best one."""
    return [
        narrowed
        for found, mine in zip(evidence, scores, strict=True)
        for narrowed in narrow([found], [mine], most, least(max(mine)))
    ]


def narrow(
    evidence: Sequence[Evidence],
    scores: Sequence[Sequence[float]],
    most: int,
    least: float = -math.inf,
) -> list[Evidence]:
    """The same papers with their best sentences only, in their order.

    Args:
        scores: of each paper's sentences.
        most: sentences of each paper that stay.
        least: score that a sentence which stays has.
    """
    narrowed = []
    for found, mine in zip(evidence, scores, strict=True):
        fit = [i for i in range(len(mine)) if mine[i] >= least]
        best = sorted(fit, key=lambda i: -mine[i])[:most]
        narrowed.append(
            replace(
                found,
                sentences=tuple(found.sentences[i] for i in sorted(best)),
                relevance=tuple(found.relevance[i] for i in sorted(best)),
            )
        )
    return narrowed


@dataclass(frozen=True, slots=True)
class Candidate:
    """A paper that may be one of those a question asks for, with the sentence that speaks for it.

    Attributes:
        share: its score, as a share of the best paper's.
        words: how close it is word by word, as a share of the closest one.
        named: whether it holds what the question names.
        plain: whether nothing else is asked for: papers on quantization that report results on
            ImageNet are not all that do.
    """

    evidence: Evidence
    share: float
    words: float
    named: bool = False
    plain: bool = False


def list_candidates(
    question: str, ranked: Sequence[RankedPaper], library: Library
) -> list[Candidate]:
    """The papers that a list may be made of, each with its best sentence, best paper first.

    They hold every name in the question, where it does not join them by "or"; what else it says
    tells them apart then.
    """
    names = names_asked(question)
    either = _EITHER.search(question) is not None
    words_of_names, beside_names = _words_said(question)
    are_held = bool(beside_names and names and not either)
    says_nothing = _NO_TOPIC | _OF_ANY_PAPER | words_of_names if are_held else _NO_TOPIC
    topic = read_topic(question, says_nothing, library.encoder)
    vectors = library.vectors([found.paper.id for found in ranked])
    close = max_sim(topic, [of_paper.words for of_paper in vectors.values()])
    words = dict(zip(vectors, close, strict=True))
    closest = max(words.values(), default=0.0) or 1.0

    def is_named(found: RankedPaper) -> bool:
        text = found.paper.text
        held = [holds_name(text, name) for name in names]
        return bool(held) and (any(held) if either else all(held))

    named = {found.paper.id: is_named(found) for found in ranked}
    papers = [f for f in ranked if either or not names or named[f.paper.id]][:MOST_LISTED]
    sentences = [library.sentences(found.paper) for found in papers]
    best = _best_of_each(_score(question, topic.vector, papers, sentences, library))
    return [
        Candidate(
            evidence=Evidence(
                number=number,
                paper_id=papers[place].paper.id,
                title=papers[place].paper.title,
                sentences=(best[place].sentence,),
                relevance=(best[place].cosine,),
            ),
            share=papers[place].score / ranked[0].score,
            words=words[papers[place].paper.id] / closest,
            named=named[papers[place].paper.id],
            plain=named[papers[place].paper.id] and not beside_names,
        )
        for number, place in enumerate(sorted(best), start=1)
    ]


def _words_said(question: str) -> tuple[set[str], set[str]]:
    """The words of a question's names, and what else it says of the papers it asks for: nothing in
    "Which use ImageNet?"."""
    words = question.split()
    named = _contents(word for word in words if names_in(word))
    beside = _contents(word for word in words if not names_in(word))
    return named, beside - _NO_TOPIC - _OF_ANY_PAPER


def _contents(words: Iterable[str]) -> set[str]:
    """Content words, in lower case."""
    text = " ".join(words)
    return {text[start:end].lower() for start, end in content_words(text)}


def qualifying(
    candidates: Sequence[Candidate],
    looked_at: Sequence[float] | None = None,
    *,
    one: bool = False,
) -> list[Evidence]:
    """Those of the candidates that a list is made of, numbered from 1.

    They are nearly as close to the question as the best one, as a whole and word by word; those
    that hold what it names need not be as close. One word of a topic, as in "knowledge
    distillation", makes a paper close as a whole. What a model looked at tells more than closeness
    as a whole does, where there is something that it can stand out from: not in a large library,
    all of whose first papers are about what is asked.

    Args:
        looked_at: for each candidate, the probability that an answer rests on its sentence.
        one: whether one paper is asked for: those that come as close are listed beside it.
    """
    by_closeness = [
        (c.plain and c.share >= _QUALIFIES_NAMED) or (c.share + c.words) / 2 >= _QUALIFIES
        for c in candidates
    ]
    fits = by_closeness
    if looked_at is not None and sum(by_closeness) <= _STANDS_OUT * len(candidates):
        odds = [_list_odds(c, looked) for c, looked in zip(candidates, looked_at, strict=True)]
        least = max(odds, default=0.0) - _ONE_ABOVE if one else -math.inf
        fits = [
            (c.plain and c.share >= _QUALIFIES_NAMED)
            or mine >= max(least, _LISTED_NAMED if c.named else _LISTED)
            for c, mine in zip(candidates, odds, strict=True)
        ]
    chosen = [c.evidence for c, fit in zip(candidates, fits, strict=True) if fit]
    return [replace(e, number=number) for number, e in enumerate(chosen, start=1)]


def _list_odds(candidate: Candidate, looked_at: float) -> float:
    """Log-odds that a candidate is one of those asked for."""
    return _BY_WORDS * candidate.words + _BY_LOOK * log_odds(looked_at) + _BY_CHANCE


def of_the_named(question: str, ranked: Sequence[RankedPaper]) -> list[RankedPaper]:
    """Those of the papers that gave something a name of the question, or else that hold all its
    names; all of them where none does."""
    names = names_asked(question)
    holding = [r for r in ranked if names and holds_all(r.paper.text, names)]
    own = [
        r
        for r in holding
        if any(introduces_name(r.paper.title, r.paper.abstract, name) for name in names)
    ]
    return own or holding or list(ranked)


def without_twins(ranked: Sequence[RankedPaper]) -> list[RankedPaper]:
    """The papers without those whose abstract says in the same words what a better one says."""
    kept: list[tuple[RankedPaper, set[str]]] = []
    for found in ranked:
        words = set(tokenize(found.paper.abstract))
        twins = (len(words & other) >= _TWIN * len(words | other) for _, other in kept if other)
        if not any(twins):
            kept.append((found, words))
    return [found for found, _ in kept]


def _in_turn(
    question: str, papers: Sequence[RankedPaper], candidates: Sequence[_Scored]
) -> list[_Scored]:
    """Candidates as they are to be taken: those no answer can do without, then the best ones.

    A comparison needs a sentence of each paper whose title has one of the names compared.
    """
    names = names_in(question)
    sides = [
        side
        for side, found in enumerate(papers)
        if any(holds_name(found.paper.title, name) for name in names)
    ]
    best = _best_of_each(candidates) if len(sides) > 1 else {}
    first = [best[side] for side in sides if side in best]
    return list(dict.fromkeys([*first, *sorted(candidates, key=lambda c: -c.score)]))


def _best_of_each(candidates: Sequence[_Scored]) -> dict[int, _Scored]:
    """Each paper's best candidate, by the paper's place."""
    best: dict[int, _Scored] = {}
    for candidate in sorted(candidates, key=lambda c: -c.score):
        best.setdefault(candidate.paper, candidate)
    return best


def _scored(question: str, papers: Sequence[RankedPaper], library: Library) -> list[_Scored]:
    """Every sentence of the papers, with what makes it evidence for the question."""
    sentences = [library.sentences(found.paper) for found in papers]
    asked = library.encoder.encode([question])[0]
    return _score(question, asked, papers, sentences, library)


def _score(
    question: str,
    asked: Vectors,
    papers: Sequence[RankedPaper],
    sentences: Sequence[Sequence[Sentence]],
    library: Library,
) -> list[_Scored]:
    flat = [(p, i, s) for p, some in enumerate(sentences) for i, s in enumerate(some)]
    if not flat:
        return []
    stored = library.vectors([found.paper.id for found in papers])
    cosines = np.concatenate([stored[found.paper.id].sentences @ asked for found in papers])
    keywords = library.keywords
    weights = {term: keywords.rarity(term) for term in set(tokenize(question))}
    total = sum(weights.values()) or 1.0
    top = papers[0].score
    asks_for_code = _ASKS_FOR_CODE.search(question)
    return [
        _Scored(
            paper=p,
            position=i,
            sentence=s,
            cosine=float(cosine),
            score=float(cosine)
            + _WORDS * sum(weights[t] for t in set(tokenize(s.text)) & weights.keys()) / total
            + _PAPER * papers[p].score / top,
            tokens=len(library.encoder.token_spans(s.text)),
        )
        for (p, i, s), cosine in zip(flat, cosines, strict=True)
        if asks_for_code or not _WHERE_CODE_IS.search(s.text)
    ]


def _relevant(candidates: Sequence[_Scored]) -> list[_Scored]:
    """Without the sentences that are far less close than the closest one."""
    closest = max((c.cosine for c in candidates), default=0.0)
    return [c for c in candidates if c.cosine >= _RELEVANT * closest]


def _leaned_on(candidate: _Scored, candidates: Sequence[_Scored]) -> list[_Scored]:
    if not leans_on_previous(candidate.sentence.text):
        return []
    return [
        c for c in candidates if c.paper == candidate.paper and c.position == candidate.position - 1
    ]


def _number(
    papers: Sequence[RankedPaper],
    candidates: Sequence[_Scored],
    chosen: set[tuple[int, int]],
) -> list[Evidence]:
    """Evidence numbered from 1, the paper with the best sentence first."""
    picked = [c for c in candidates if (c.paper, c.position) in chosen]
    best: dict[int, float] = {}
    for c in picked:
        best[c.paper] = max(best.get(c.paper, c.score), c.score)
    order = sorted(best, key=lambda paper: -best[paper])
    evidence = []
    for number, index in enumerate(order, start=1):
        mine = sorted((c for c in picked if c.paper == index), key=lambda c: c.position)
        evidence.append(
            Evidence(
                number=number,
                paper_id=papers[index].paper.id,
                title=papers[index].paper.title,
                sentences=tuple(c.sentence for c in mine),
                relevance=tuple(c.cosine for c in mine),
            )
        )
    return evidence
