"""The chain from a question to an answer, as a stream of events or in one go."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from langchain_core.language_models import BaseChatModel

from rag.abstention import (
    unknown_names,
)
from rag.chat_models import LocalChatModel, load_chat_model
from rag.citations import (
    MOST_QUOTED,
    QUOTED_AGAIN,
    BoundAnswer,
    Statement,
    enumerate_papers,
    quote,
    read_draft,
    set_side_by_side,
    show_either,
    with_marks,
    without_refusals,
)
from rag.conversation import StandAlone, in_english, stand_alone, what_is_asked
from rag.errors import AskpapersError, ModelError
from rag.evidence import (
    OF_A_SIDE,
    best_of_each,
    narrow,
    of_the_named,
    parts_of_an_answer,
    qualifying,
    said_of_each_side,
    whole_papers,
    without_twins,
)
from rag.filters import Filters
from rag.finding import Finding, LookAgain, find_evidence
from rag.judging import Judgement, judge_finding, ranked_by_reading, told_hardly_apart
from rag.library import Library
from rag.memory import give_back_memory
from rag.names import holds_all, names_asked, tells_figure
from rag.papers import Answer, Citation, Evidence, Paper, RankedPaper, Retrieved, Timings
from rag.probing import load_support_judge
from rag.progress import Report, silent
from rag.prompts import EXAMPLE, answer_messages
from rag.question_forms import (
    asks_figure,
    asks_for_one_paper,
    asks_yes_or_no,
    sets_side_by_side,
    what_is_counted,
)
from rag.reading import Reading, load_evidence_reader
from rag.records import asks_of_record, say_record
from rag.reranking import is_sure, load_reranker
from rag.retrieval import PaperRetriever
from rag.settings import Settings, load_settings
from rag.small_talk import REASON, reply_to
from rag.vouching import tells_count, vouch

_MOST_STATEMENTS = 4
"""Sentences of an answer; what the model writes after them is not waited for."""

_DOUBTED = 0.6
"""Confidence, once the model has read, under which a draft that falls through is not replaced by a
quotation: what is quoted then is a sibling's or beside the question, but for questions in other
words than the papers', which a second look is for."""

_READ_ALONE = 5
"""The best papers that are read one by one after a second look."""

_WORDS_ALONE = "The papers are being embedded anew; until then they are found by their words."

History = Sequence[tuple[str, str]]
"""Earlier turns of a conversation: (question, answer), oldest first."""


@dataclass(frozen=True, slots=True)
class Found:
    """Search is done: what was searched for, the papers, and the evidence picked from them.

    It comes again where the model has read papers one by one and ranked them anew.

    Attributes:
        filters: which papers were asked, in words; empty where all were.
    """

    question: str
    filters: str
    retrieved: tuple[Retrieved, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Writing:
    """The model wrote some more of its draft, which is not checked yet."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The checked answer; always the last event."""

    answer: Answer


Event = Found | Writing | Done


class Answerer:
    """Answers questions from a library.

    Args:
        library: where the papers are.
        model: any LangChain chat model; by default the one the settings name, and none where
            they say to answer in quotations.
        settings: by default those of the environment.
    """

    def __init__(
        self,
        library: Library,
        model: BaseChatModel | None = None,
        *,
        settings: Settings | None = None,
        report: Report = silent,
    ) -> None:
        self.library = library
        self.settings = settings or load_settings()
        if model is None and not self.settings.quote:
            model = load_chat_model(self.settings, report=report)
        self.model = model
        self.judge = load_support_judge(model)
        self.reader = load_evidence_reader(model)
        self.retriever = PaperRetriever(library=library, k=self.settings.papers)
        self.reranker = load_reranker(self.settings, report=report)

    @property
    def model_name(self) -> str:
        """What to call the model."""
        if self.settings.quote or self.model is None:
            return "none, quotations only"
        return str(getattr(self.model, "model_name", type(self.model).__name__))

    def under(self, settings: Settings) -> Answerer:
        """The same library and models, asked under other settings."""
        other = copy(self)
        other.settings = settings
        other.retriever = PaperRetriever(library=self.library, k=settings.papers)
        return other

    def load(self) -> None:
        """Load encoder and model now rather than at the first question."""
        self._load_meanwhile().result()

    def _load_meanwhile(self) -> Future[None]:
        """Load the encoder, and in a thread the model, which then reads the rules ahead."""
        done: Future[None] = Future()
        model = self.model
        if not isinstance(model, LocalChatModel) or model.is_loaded:
            done.set_result(None)
            return done
        model.begin_loading()
        # Next the encoder: two threads that import transformers at once find it half imported.
        self.library.encoder.encode(["warm up"])
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="load")
        done = pool.submit(model.read_ahead, answer_messages("", []))
        pool.shutdown(wait=False)
        return done

    def answer(
        self, question: str, history: History = (), filters: Filters | None = None
    ) -> Answer:
        """The checked answer to a question.

        Args:
            filters: which papers to ask; by default those the question itself states.

        Raises:
            AskpapersError: the question is empty, or the model failed.
        """
        *_, last = self.stream(question, history, filters)
        assert isinstance(last, Done)
        return last.answer

    def stream(
        self, question: str, history: History = (), filters: Filters | None = None
    ) -> Iterator[Event]:
        """What happens on the way to the answer; closing the iterator stops the model.

        Args:
            filters: which papers to ask; by default those the question itself states, as in
                "papers since 2021 on pruning". `Filters()` asks them all.
        """
        try:
            yield from self._stream(question, history, filters)
        finally:
            give_back_memory()

    def _stream(self, question: str, history: History, filters: Filters | None) -> Iterator[Event]:
        question = " ".join(question.split())
        if not question:
            raise AskpapersError("The question is empty.", "Ask something.")
        clock = _Clock()
        history = [turn for turn in history if not reply_to(turn[0], in_conversation=True)]
        if reply := reply_to(question, in_conversation=bool(history)):
            yield Found(question, "", (), ())
            yield Done(replace(self._blank(question, question, clock), answer=reply, reason=REASON))
            return
        loading = self._load_meanwhile()
        model = None if self.settings.quote else self.model
        closest = partial(self.retriever.closest, filters=filters or Filters())
        with self._model_at_work("translated"):
            asked = in_english(question, model)
        alone = stand_alone(asked, history, model, closest)
        alone, stated = alone.without_filters()
        filters = stated if filters is None else filters
        alone = replace(alone, asked=self._what_is_asked(alone, filters))
        searched = alone.question
        found = self._find(searched, alone.context, filters, loading)
        clock.retrieved()
        shown = self._shown(found, searched, filters)
        yield shown

        blank = replace(self._blank(question, searched, clock, filters), retrieved=shown.retrieved)
        if filters and not found.ranked:
            yield Done(_declined(blank, f"the library has no papers {filters}", clock))
            return
        if asks_of_record(alone.form) and (meant := _plainly_meant(searched, found.ranked)):
            yield Done(_recorded(meant, alone.form, blank, clock))
            return
        yield from self._read_and_write(alone, found, filters, blank, clock)

    def _read_and_write(
        self, alone: StandAlone, found: Finding, filters: Filters, blank: Answer, clock: _Clock
    ) -> Iterator[Event]:
        """What comes after the search."""
        searched = alone.question
        judged = self.decide(found, alone)
        decision, reading = judged.decision, judged.reading
        shown = self._shown(judged.found, searched, filters)
        if judged.found is not found:
            found = judged.found
            yield shown
        evidence = found.evidence
        words_alone = _WORDS_ALONE if self.library.renewal else ""
        warning = " ".join(filter(None, [decision.warning, words_alone]))
        blank = replace(
            blank, retrieved=shown.retrieved, warning=warning, confidence=decision.confidence
        )
        if not decision.answer:
            yield Done(_declined(blank, decision.reason, clock))
            return

        if found.kind == "list":
            yield Done(_listed(found, reading, alone.form, blank, clock))
            return
        if found.kind == "comparison":
            sides = (
                said_of_each_side(evidence, reading.sentences)
                if reading
                else narrow(evidence, [e.relevance for e in evidence], OF_A_SIDE)
            )
            yield Done(_of_each(sides, alone.form, blank, clock))
            return
        if reading and judged.either:
            either = best_of_each(evidence, reading.sentences)
            yield Done(_of_each(either, alone.form, blank, clock, show_either))
            return
        if parts := _parts(found, alone.form, reading):
            yield Done(_of_each(parts, alone.form, blank, clock))
            return

        if self.settings.quote:
            best = quote(searched, evidence, (), QUOTED_AGAIN, most=MOST_QUOTED)
            yield Done(
                _answered(blank, best, clock)
                if best
                else _declined(blank, "no sentence found is close to the question", clock)
            )
            return

        draft = ""
        for text in self._write(alone, evidence, clock):
            draft += text
            yield Writing(text)
        yield Done(self._vouch(draft, alone, found, reading, blank, clock))

    def _blank(
        self, question: str, searched: str, clock: _Clock, filters: Filters | None = None
    ) -> Answer:
        """An answer in which nothing is said yet."""
        return Answer(
            question=question,
            standalone_question=searched,
            answer="",
            abstained=True,
            reason="",
            citations=(),
            filters=str(filters or ""),
            retrieved=(),
            left_out=(),
            timings=clock.timings(),
            model=self.model_name,
        )

    def _shown(self, found: Finding, question: str, filters: Filters) -> Found:
        read = {e.paper_id for e in found.evidence}
        most = len(found.ranked) if found.kind == "list" else self.retriever.k
        shown = [r for i, r in enumerate(found.ranked) if i < most or r.paper.id in read]
        retrieved = tuple(Retrieved(r.paper.title, r.paper.id, round(r.score, 4)) for r in shown)
        return Found(question, str(filters), retrieved, found.evidence)

    def _what_is_asked(self, alone: StandAlone, filters: Filters) -> str:
        """A message without what is beside its question."""

        def score(text: str) -> float:
            return self.retriever.closest(text, filters)[1]

        def unknown(text: str) -> tuple[str, ...]:
            return unknown_names(text, self.retriever.rank(text, alone.context, filters))

        return what_is_asked(alone.asked, unknown, score, alone.front)

    def _find(
        self, question: str, context: str, filters: Filters, loading: Future[None]
    ) -> Finding:
        return find_evidence(
            question,
            self.retriever,
            self.settings,
            context,
            filters,
            self._second_look(loading),
            is_read=self._reads,
        )

    def _second_look(self, loading: Future[None]) -> LookAgain | None:
        """The reranker, once the language model is loaded: loading changes PyTorch's defaults."""
        reranker = self.reranker
        if reranker is None:
            return None

        def look_again(question: str, ranked: Sequence[RankedPaper]) -> list[RankedPaper]:
            loading.result()
            return reranker.rerank(question, ranked)

        return look_again

    @property
    def _reads(self) -> bool:
        """Whether a model reads evidence; quotations are to be had at once, without one."""
        return self.reader is not None and not self.settings.quote

    def read(self, asked: StandAlone, evidence: Sequence[Evidence]) -> Reading | None:
        """What the model makes of evidence before it writes; None where none can be read off.

        Raises:
            ModelError: the model failed.
        """
        if self.reader is None or not self._reads:
            return None
        with self._model_at_work("read"):
            return self.reader.read(asked, evidence)

    def read_alone(self, question: str, found: Finding) -> Finding:
        """The same papers, the best of which the model has read one by one; those that answer
        come first, and the evidence is the first of them, whole, and the second if it comes as
        close. Unchanged where none is read.

        Raises:
            ModelError: the model failed.
        """
        if self.reader is None or not self._reads:
            return found
        best = of_the_named(question, without_twins(found.ranked)[:_READ_ALONE])
        wholes = whole_papers(question, best, self.library, self.settings.evidence_tokens)
        if not wholes:
            return found
        with self._model_at_work("read"):
            odds = {whole.paper_id: self.reader.read_alone(question, whole) for whole in wholes}
        ranked = ranked_by_reading(found.ranked, odds)
        meant = [r.paper.id for r in ranked[: 2 if told_hardly_apart(ranked) else 1]]
        evidence = [whole for paper in meant for whole in wholes if whole.paper_id == paper]
        numbered = (replace(e, number=n) for n, e in enumerate(evidence, start=1))
        return replace(found, ranked=ranked, evidence=tuple(numbered))

    def decide(self, found: Finding, asked: StandAlone) -> Judgement:
        """Whether what was found answers, as the model reads it.

        Raises:
            ModelError: the model failed.
        """
        read, read_alone = partial(self.read, asked), partial(self.read_alone, asked.question)
        return judge_finding(found, asked.question, self.settings.caution, read, read_alone)

    @contextmanager
    def _model_at_work(self, did: str) -> Iterator[None]:
        """Whatever goes wrong in a model comes out as an error that says so."""
        try:
            yield
        except AskpapersError:
            raise
        except Exception as error:  # torch and HTTP clients raise what they like
            raise ModelError(
                f"{self.model_name} failed while it {did}: {error}",
                "Try again; `askpapers doctor` checks the model's files.",
            ) from error

    def _vouch(
        self,
        draft: str,
        asked: StandAlone,
        found: Finding,
        reading: Reading | None,
        blank: Answer,
        clock: _Clock,
    ) -> Answer:
        """The answer that is left of a draft when what no evidence bears out is taken away."""
        written = [s for s in read_draft(draft) if s.text != EXAMPLE]
        statements = written[:_MOST_STATEMENTS]
        claims = without_refusals(statements)
        instead = found.needed_second_look or reading is None or blank.confidence >= _DOUBTED
        yes_or_no = asks_yes_or_no(asked.last)
        verdict = reading.verdict if reading and yes_or_no else None
        bound = vouch(
            claims,
            blank.standalone_question,
            found.evidence,
            encode=self.library.encoder.encode,
            rarity=self.library.keywords.rarity,
            judge=self.judge,
            read=reading.sentences if reading else None,
            instead=instead,
            verdict=verdict,
            sides=sets_side_by_side(asked.form) and not found.needed_second_look,
            counted=what_is_counted(asked.form),
            papers={r.paper.id: r.paper.text for r in found.ranked},
        )
        left_out = bound.left_out
        refused = bool(statements) and not claims
        if not bound.citations and instead and not refused:
            bound = _quoted(blank.standalone_question, found, claims) or bound
        cited = [s.text for citation in bound.citations for s in citation.sentences]
        lacking = _figure_lacking(asked.form, cited)
        if bound.citations and not lacking:
            return _answered(blank, replace(bound, left_out=left_out), clock)
        reason = (
            "the model found no answer in the papers"
            if refused
            else lacking
            if bound.citations
            else "no sentence the model wrote could be found in the papers"
        )
        return _declined(replace(blank, left_out=left_out), reason, clock)

    def _write(
        self, asked: StandAlone, evidence: Sequence[Evidence], clock: _Clock
    ) -> Iterator[str]:
        """The model's draft, piece by piece, until it has said enough."""
        draft = ""
        assert self.model is not None
        chunks: Any = self.model.stream(answer_messages(asked.last, evidence, asked.before))
        with self._model_at_work("wrote"), closing(chunks):
            for chunk in chunks:
                if usage := chunk.usage_metadata:
                    clock.count(usage["input_tokens"], usage["output_tokens"])
                if text := str(chunk.text):
                    clock.wrote()
                    draft += text
                    yield text
                if _is_enough(draft):
                    return


def _plainly_meant(question: str, ranked: Sequence[RankedPaper]) -> Paper | None:
    """The paper that a question plainly means: the first look is sure of it, or it has the
    question's names in its title; None where there is none."""
    if is_sure(ranked):
        return ranked[0].paper
    names = names_asked(question)
    named = (r.paper for r in ranked if names and holds_all(r.paper.title, names))
    return next(named, None)


def _recorded(paper: Paper, question: str, blank: Answer, clock: _Clock) -> Answer:
    """What the library's record of a paper says."""
    blank = replace(blank, confidence=1.0)
    if not (said := say_record(question, paper)):
        return _declined(blank, "the library's record of this paper does not hold that", clock)
    cited = Citation(1, paper.title, paper.id, "supported", ())
    return _answered(blank, BoundAnswer(with_marks(said, [1]), (cited,), ()), clock)


def _listed(
    found: Finding, reading: Reading | None, question: str, blank: Answer, clock: _Clock
) -> Answer:
    """The list that is made of the papers found."""
    looked_at = [best for (best,) in reading.sentences] if reading else None
    one = asks_for_one_paper(question)
    listed = qualifying(found.candidates, looked_at, one=one)
    if listed:
        return _answered(blank, enumerate_papers(listed), clock)
    reason = (
        "no paper found is plainly one of those asked for"
        if found.candidates
        else "no paper found holds every name in the question"
    )
    return _declined(blank, reason, clock)


def _figure_lacking(question: str, cited: Sequence[str]) -> str:
    """Why sentences do not answer a question for a count or a figure; empty where they may."""
    counted = what_is_counted(question)
    if counted and not tells_count(counted, cited):
        return "the sentences found do not say how many"
    if asks_figure(question) and not any(map(tells_figure, cited)):
        return "the sentences found do not give the figure"
    return ""


def _of_each(
    papers: Sequence[Evidence],
    question: str,
    blank: Answer,
    clock: _Clock,
    put: Callable[[Sequence[Evidence]], BoundAnswer] = set_side_by_side,
) -> Answer:
    """What each of several papers says, unless none gives the count or figure that is asked for."""
    lacking = _figure_lacking(question, [s.text for e in papers for s in e.sentences])
    if lacking:
        return _declined(blank, lacking, clock)
    return _answered(blank, put(papers), clock)


def _parts(found: Finding, question: str, reading: Reading | None) -> list[Evidence]:
    """What each of several papers says to an open question: from them all at once a small model
    writes of one, or gives one's method to another."""
    if reading is None or found.needed_second_look:
        return []
    return parts_of_an_answer(question, found.ranked, found.evidence, reading.sentences)


def _quoted(question: str, found: Finding, claims: Sequence[Statement]) -> BoundAnswer | None:
    """What to quote in the place of a draft; of a second look, the paper that it put first."""
    mine = [e for e in found.evidence if e.paper_id == found.ranked[0].paper.id]
    if not found.needed_second_look or not mine:
        return quote(question, found.evidence, claims)
    return quote(question, mine, (), QUOTED_AGAIN, most=MOST_QUOTED)


class _Clock:
    """Times one answer."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._retrieved = 0.0
        self._first = 0.0
        self._prompt_tokens = 0
        self._answer_tokens = 0

    def retrieved(self) -> None:
        self._retrieved = time.perf_counter() - self._start

    def wrote(self) -> None:
        self._first = self._first or time.perf_counter() - self._start
        self._answer_tokens += 1

    def count(self, prompt: int, answer: int) -> None:
        self._prompt_tokens += prompt
        self._answer_tokens = answer or self._answer_tokens

    def timings(self) -> Timings:
        return Timings(
            retrieve_s=round(self._retrieved, 4),
            first_token_s=round(self._first, 4),
            total_s=round(time.perf_counter() - self._start, 4),
            prompt_tokens=self._prompt_tokens,
            answer_tokens=self._answer_tokens,
        )


def _is_enough(draft: str) -> bool:
    """Whether the draft has all the sentences an answer may have, or begins to repeat itself."""
    if draft.rstrip()[-1:] not in ".]":
        return False
    texts = [s.text for s in read_draft(draft)]
    return len(texts) > _MOST_STATEMENTS or len(texts) != len(set(texts))


def _answered(blank: Answer, bound: BoundAnswer, clock: _Clock) -> Answer:
    return replace(
        blank,
        answer=bound.text,
        abstained=False,
        citations=bound.citations,
        left_out=bound.left_out,
        timings=clock.timings(),
    )


def _declined(blank: Answer, reason: str, clock: _Clock) -> Answer:
    closest = blank.retrieved[0].title if blank.retrieved else None
    text = "These papers do not say."
    if closest:
        text += f" The closest one is “{closest}”."
    return replace(blank, answer=text, reason=reason, timings=clock.timings())
