"""What answers: the library at once, the language model as soon as it is there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel

from rag.answering import Answerer
from rag.chat_models import LocalChatModel
from rag.errors import AskpapersError, ModelError
from rag.library import Library
from rag.progress import Progress, Report
from rag.reranking import load_reranker
from rag.retrieval import PaperRetriever
from rag.settings import Settings
from rag.weights import CATALOGUE, is_present
from ui.page.preferences import Preferences
from ui.page.waiting_line import WaitingLine

OpenModel = Callable[[Settings, Report], BaseChatModel]
"""Makes the model that the settings name, telling how far it is; may take minutes."""


@dataclass(frozen=True, slots=True)
class State:
    """How far the model is.

    Attributes:
        said: what is being done, for a reader; empty when it is ready.
        share: how much of that is done, None where it cannot be known.
        error: why there is no model.
        still: the model that answers as before where another could not be opened.
    """

    said: str = ""
    share: float | None = None
    error: AskpapersError | None = None
    still: str = ""

    @property
    def is_ready(self) -> bool:
        return not self.said and self.error is None


class Engine:
    """The library and its model; the model is opened in the background.

    Attributes:
        settings: the program's, with the model that answers.
        line: who may use the model next. Opening another one takes a turn too.
    """

    def __init__(self, library: Library, settings: Settings, open_model: OpenModel) -> None:
        self.library = library
        self.settings = settings
        self._first = settings.model
        self.line = WaitingLine()
        self.state = State("Opening the language model")
        self._open_model = open_model
        self._answerer: Answerer | None = None
        self._quoting = self._answering_with(None, settings)
        self._opened = threading.Event()
        self._wanted = threading.Event()
        self._changing = threading.Lock()

    def start(self) -> None:
        """Begin to open the model; where quotations are all that is wanted, not before a question
        needs it."""
        _in_background(self._open_when_wanted if self.settings.quote else self._open, self.settings)

    def answerer(self, preferences: Preferences) -> Answerer:
        """The chain as a reader set it; one that only quotes needs no model.

        Raises:
            AskpapersError: there is no model: it is not there yet, or cannot be opened.
        """
        wanted = preferences.over(self.settings)
        if wanted.quote:
            return self._quoter().under(wanted)
        if self._answerer is None:
            raise self.state.error or ModelError("The model is being opened.", "Ask again.")
        return self._answerer.under(wanted)

    def wait(self) -> None:
        """Until a model is there, or known not to come."""
        self._wanted.set()
        self._opened.wait()

    def retriever(self, preferences: Preferences) -> PaperRetriever:
        """The search as a reader set it; needs no language model."""
        return PaperRetriever(library=self.library, k=preferences.papers)

    @property
    def models(self) -> list[str]:
        """The models to choose among: the one at first, and those whose files are here."""
        here = [
            model.name
            for model in CATALOGUE
            if model.role == "chat"
            and model.name != _RERANKER
            and is_present(model, self.settings.models_path)
        ]
        return list(dict.fromkeys([self._first, *here]))

    def choose(self, model: str) -> None:
        """Open another model in the background. Questions wait for it; where it cannot be opened,
        the earlier one goes on.

        Raises:
            AskpapersError: it is none of `models`, or one is being opened already.
        """
        if model not in self.models:
            raise ModelError(f"{model} is not here.", "`askpapers models` lists what there is.")
        with self._changing:
            if self.state.said:
                raise ModelError(
                    "A model is being opened already.", "Choose again when it is there."
                )
            if model == self.settings.model and self._answerer is not None:
                self.state = State()
                return
            if self._answerer is None:
                self._opened.clear()
            self.state = State(f"Opening {model}")
        _in_background(self._change, self.settings.model_copy(update={"model": model}))

    @property
    def can_shorten(self) -> bool:
        """Whether the length of answers is ours to set: a server's model has it from the start."""
        return not self.settings.model.lower().startswith(("http://", "https://"))

    def limit(self, tokens: int) -> None:
        """Set the longest answer; only for whoever is first in line."""
        model = self._answerer.model if self._answerer else None
        if isinstance(model, LocalChatModel):
            model.max_tokens = tokens

    def _open_when_wanted(self, settings: Settings) -> None:
        try:
            self._quoting.reranker = load_reranker(settings, report=self._report)
        except AskpapersError as error:
            self._fail(error)
            return
        self.state = State()
        self._wanted.wait()
        with self._changing:
            if self._answerer is not None or self.state.said:
                return  # another was chosen meanwhile
            self.state = State("Opening the language model")
        self._open(settings)

    def _change(self, settings: Settings) -> None:
        """Open another model when nobody's question is being answered any more."""
        try:
            self.line.join(self)
            for _ in self.line.places(self):
                pass
            self._open(settings)
        except AskpapersError as error:
            self._fail(error, self._answerer)
        finally:
            self.line.leave(self)

    def _open(self, settings: Settings) -> None:
        earlier = self._answerer
        try:
            if self._quoting.reranker is None:
                self._quoting.reranker = load_reranker(settings, report=self._report)
            opened = self._answering_with(self._open_model(settings, self._report), settings)
            if earlier is None:
                self._answerer = opened
                self._opened.set()  # a question may be asked now: its papers are found meanwhile
            self.state = State("Loading the language model into memory")
            opened.load()
            self._answerer, self.settings = opened, settings
            self.state = State()
        except AskpapersError as error:
            self._fail(error, earlier)
        except Exception as error:  # torch and clients raise what they like; the page must say it
            self._fail(
                ModelError(
                    f"The language model cannot be opened: {error}",
                    "`askpapers doctor` checks its files; ASKPAPERS_MODEL names another.",
                ),
                earlier,
            )
        finally:
            self._opened.set()

    def _answering_with(self, model: BaseChatModel | None, settings: Settings) -> Answerer:
        """A chain with this model; without one it quotes. All of them share a reranker."""
        quoting = {"quote": True} if model is None else {}
        bare = settings.model_copy(update={"reranker": "", **quoting})
        answerer = Answerer(self.library, model, settings=bare)
        answerer.reranker = self._quoting.reranker if model is not None else None
        return answerer

    def _quoter(self) -> Answerer:
        """A chain for quotations, without its second look while a model is being opened: that
        changes PyTorch's defaults, and a quotation waits for nothing."""
        if not self.state.said:
            return self._quoting
        hasty = copy(self._quoting)
        hasty.reranker = None
        return hasty

    def _fail(self, error: AskpapersError, earlier: Answerer | None = None) -> None:
        self._answerer = earlier
        self.state = State(error=error, still=self.settings.model if earlier else "")
        self._opened.set()

    def _report(self, step: Progress) -> None:
        share = step.done / step.total if step.total else None
        self.state = State(step.label[:1].upper() + step.label[1:], share)


_RERANKER: str = Settings.model_fields["reranker"].default
"""It is listed as a chat model, and too small to write answers."""


def _in_background(work: Callable[[Settings], None], settings: Settings) -> None:
    threading.Thread(target=work, args=(settings,), daemon=True, name="open-model").start()
