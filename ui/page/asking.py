"""A question on its way: what the page shows from the first second to the checked answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial

from rag.answering import Done, Event, Found, Writing
from rag.conversation import stand_alone
from rag.conversations import Conversation, Shown, Turn
from rag.errors import AskpapersError
from rag.filters import Filters, read_filters
from rag.finding import find_evidence
from rag.library import Library
from rag.papers import Evidence, Retrieved, Sentence
from rag.small_talk import reply_to
from ui.page.answer_view import on_the_way, transcript
from ui.page.desk import Desk, Run
from ui.page.engine import Engine
from ui.page.preferences import Preferences
from ui.page.rail import chips, conversations
from ui.page.sources_panel import found_sources, sources
from ui.page.view import View

LONGEST_QUESTION = 2_000


class Asking:
    """Questions to one engine, from any number of desks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._line = engine.line

    def ask(
        self, desk: Desk, asked: str, at: int | None = None, filters: Filters | None = None
    ) -> Iterator[View]:
        """Ask, and keep what comes of it.

        Args:
            at: the turn that it takes the place of, with all after it; None to go on.
            filters: which papers to ask; None for what the desk and the question say.
        """
        asked = " ".join(asked.split())[:LONGEST_QUESTION]
        if not asked:
            yield View()
            return
        run = desk.begin()
        before = desk.conversation.turns[:at]
        before_conversation = replace(desk.conversation, turns=before)
        desk.editing = None
        try:
            yield View(
                transcript=transcript(before_conversation, ()) if before else "",
                live=on_the_way(asked, len(before), "Looking through the papers …"),
                chips=chips(desk.filters, None),
                question="",
                said="Looking through the papers",
            )
            yield from self._run(desk, run, asked, before_conversation, filters)
        finally:
            run.ended.set()

    def _run(
        self,
        desk: Desk,
        run: Run,
        asked: str,
        before: Conversation,
        filters: Filters | None,
    ) -> Iterator[View]:
        place = len(before.turns)
        turn = Turn(asked, trouble="Stopped before it was answered.")
        # Kept at once, so that a page that is closed or reloaded still has the question.
        conversation = _keep(desk, before, turn)
        try:
            for step in self._steps(desk.preferences, desk.filters, run, turn, before, filters):
                if isinstance(step, Turn):
                    turn = step
                    if not run.replaced.is_set():
                        yield self._progress(turn, before, desk)
                elif not run.replaced.is_set():
                    doing = _wait_words(step, opening=bool(self._engine.state.said))
                    yield View(live=on_the_way(asked, place, doing, turn.draft), said=doing)
        except AskpapersError as error:
            turn = replace(turn, trouble=f"{error.what} {error.remedy}")
        finally:
            conversation = _keep(desk, before, turn, conversation)
        if not run.replaced.is_set():
            yield finished(desk)

    def _progress(self, turn: Turn, before: Conversation, desk: Desk) -> View:
        """The page while an answer is being made: papers once, then the draft."""
        place = len(before.turns)
        if not turn.draft:
            doing = "Reading the closest papers …"
            return View(
                live=on_the_way(turn.question, place, doing),
                sources=found_sources(turn.shown, before.turns, desk.papers),
                said="Reading the closest papers",
            )
        return View(live=on_the_way(turn.question, place, "", turn.draft))

    def _steps(
        self,
        preferences: Preferences,
        chosen: Filters,
        run: Run,
        turn: Turn,
        before: Conversation,
        filters: Filters | None,
    ) -> Iterator[Turn | int]:
        """The turn as it grows, and the place in the line while it waits."""
        history = before.history()
        library = self._engine.library
        early = self._early(turn.question, history, preferences, chosen)
        turn = replace(turn, shown=early)
        yield turn
        if filters is None and chosen:
            filters = read_filters(turn.question)[1] | chosen
        try:
            if not preferences.quote:  # a quotation takes no model, so it waits for nobody
                self._engine.wait()
                self._line.join(run)
                for place in self._line.places(run):
                    if _is_over(run):
                        return
                    yield place
                self._engine.limit(preferences.answer_tokens)
            stream = self._engine.answerer(preferences).stream(turn.question, history, filters)
            with closing(stream):  # type: ignore[type-var]
                for event in stream:
                    turn = _grown(turn, event, library)
                    yield turn
                    if _is_over(run):
                        return
        finally:
            self._line.leave(run)

    def _early(
        self,
        asked: str,
        history: Sequence[tuple[str, str]],
        preferences: Preferences,
        chosen: Filters,
    ) -> tuple[Shown, ...]:
        """The closest papers before the model says anything: a search takes no model.

        What the model makes of a follow-up may find others, which then take their place.
        """
        if reply_to(asked, in_conversation=bool(history)):
            return ()
        retriever = self._engine.retriever(preferences)
        closest = partial(retriever.closest, filters=chosen)
        alone = stand_alone(asked, history, None, closest)
        alone, stated = alone.without_filters()
        found = find_evidence(
            alone.question,
            retriever,
            preferences.over(self._engine.settings),
            alone.context,
            stated | chosen,
        )
        return _shown(
            [Retrieved(r.paper.title, r.paper.id, r.score) for r in found.ranked],
            found.evidence,
            self._engine.library,
        )


def finished(desk: Desk, suggestions: Sequence[str] = ()) -> View:
    """The desk as it stands when no question is on its way."""
    conversation = desk.conversation
    return View(
        transcript=transcript(conversation, suggestions),
        live="",
        sources=sources(conversation, desk.papers),
        rail=conversations(desk.shelf.all(), conversation.id),
        chips=chips(desk.filters, desk.editing),
        said=_ended_words(conversation),
    )


def _keep(
    desk: Desk, before: Conversation, turn: Turn, started: Conversation | None = None
) -> Conversation:
    """Write the conversation down with this turn; the desk has it too, if it still is there."""
    is_here = desk.conversation.id == before.id
    # Its name and its verdicts may have changed while the answer was made.
    base = desk.conversation if is_here else before
    grown = base.with_turns([*base.turns[: len(before.turns)], turn])
    if is_here:
        desk.conversation = grown
    if started is None or desk.shelf.get(grown.id) is not None:  # not if deleted meanwhile
        desk.shelf.keep(grown)
    return grown


def _grown(turn: Turn, event: Event, library: Library) -> Turn:
    if isinstance(event, Found):
        return replace(turn, shown=_shown(event.retrieved, event.evidence, library))
    if isinstance(event, Writing):
        return replace(turn, draft=turn.draft + event.text)
    assert isinstance(event, Done)
    return replace(turn, answer=event.answer, trouble="", draft="")


def _shown(
    retrieved: Sequence[Retrieved], evidence: Sequence[Evidence], library: Library
) -> tuple[Shown, ...]:
    """The papers found as they read now, with the sentences picked from each."""
    papers = library.get([found.paper_id for found in retrieved])
    best = {e.paper_id: _closest_first(e) for e in evidence}
    return tuple(
        Shown(f.paper_id, papers[f.paper_id], f.score, best.get(f.paper_id, ()))
        for f in retrieved
        if f.paper_id in papers
    )


def _closest_first(evidence: Evidence) -> tuple[Sentence, ...]:
    pairs = zip(evidence.relevance, evidence.sentences, strict=True)
    return tuple(sentence for _, sentence in sorted(pairs, key=lambda pair: -pair[0]))


def _is_over(run: Run) -> bool:
    return run.stopped.is_set() or run.replaced.is_set()


def _wait_words(place: int, *, opening: bool) -> str:
    if opening:
        return "Waiting for the language model …"
    others = "One question is" if place == 1 else f"{place} questions are"
    return f"{others} being answered before this one …"


def _ended_words(conversation: Conversation) -> str:
    if not conversation.turns:
        return ""
    answer = conversation.turns[-1].answer
    if answer is None:
        return "Stopped"
    if answer.abstained:
        return answer.answer.partition(".")[0]
    count = len(answer.citations)
    return f"Answered from {count} paper{'s' * (count != 1)}"
