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
from rag.progress import Progress
from rag.reranking import load_reranker
from rag.retrieval import PaperRetriever
from rag.settings import Settings
from ui.page.preferences import Preferences


@dataclass(frozen=True, slots=True)
class State:
    """How far the model is.

    Attributes:
        said: what is being done, for a reader; empty when it is ready.
        share: how much of that is done, None where it cannot be known.
        error: why there is no model.
    """

    said: str = ""
    share: float | None = None
    error: AskpapersError | None = None

    @property
    def is_ready(self) -> bool:
        return not self.said and self.error is None


class Engine:
    """The library and its model; the model is opened in the background.

    Args:
        open_model: makes the model, telling how far it is; may take minutes the first time.
    """

    def __init__(
        self,
        library: Library,
        settings: Settings,
        open_model: Callable[[Callable[[Progress], None]], BaseChatModel],
    ) -> None:
        self.library = library
        self.settings = settings
        self.state = State("Opening the language model")
        self._open_model = open_model
        self._answerer: Answerer | None = None
        self._quoting = self._answering_with(None)
        self._wanted = threading.Event()
        if not settings.quote:
            self._wanted.set()
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._open, daemon=True, name="open-model")

    def start(self) -> None:
        """Begin to open the model; where quotations are all that is wanted, not before a question
        needs it."""
        self._thread.start()

    def answerer(self, preferences: Preferences) -> Answerer:
        """The chain as a reader set it; waits until the model is there, unless it only quotes.

        Raises:
            AskpapersError: the model cannot be opened.
        """
        wanted = preferences.over(self.settings)
        if wanted.quote:
            return self._quoter().under(wanted)
        self._wanted.set()
        self._opened.wait()
        if self._answerer is None:
            assert self.state.error is not None
            raise self.state.error
        return self._answerer.under(wanted)

    def retriever(self, preferences: Preferences) -> PaperRetriever:
        """The search as a reader set it; needs no language model."""
        return PaperRetriever(library=self.library, k=preferences.papers)

    @property
    def can_shorten(self) -> bool:
        """Whether the length of answers is ours to set: a server's model has it from the start."""
        return not self.settings.model.lower().startswith(("http://", "https://"))

    def limit(self, tokens: int) -> None:
        """Set the longest answer; only for whoever is first in line."""
        model = self._answerer.model if self._answerer else None
        if isinstance(model, LocalChatModel):
            model.max_tokens = tokens

    def _open(self) -> None:
        try:
            self._quoting.reranker = load_reranker(self.settings, report=self._report)
            if not self._wanted.is_set():
                self.state = State()
                self._wanted.wait()
                self.state = State("Opening the language model")
            self._answerer = self._answering_with(self._open_model(self._report))
            self._opened.set()  # a question may be asked now: its papers are found meanwhile
            self.state = State("Loading the language model into memory")
            self._answerer.load()
            self.state = State()
        except AskpapersError as error:
            self._fail(error)
        except Exception as error:  # torch and clients raise what they like; the page must say it
            self._fail(
                ModelError(
                    f"The language model cannot be opened: {error}",
                    "`askpapers doctor` checks its files; ASKPAPERS_MODEL names another.",
                )
            )

    def _answering_with(self, model: BaseChatModel | None) -> Answerer:
        """A chain with this model; without one it quotes. All of them share a reranker."""
        quoting = {"quote": True} if model is None else {}
        bare = self.settings.model_copy(update={"reranker": "", **quoting})
        answerer = Answerer(self.library, model, settings=bare)
        answerer.reranker = self._quoting.reranker if model is not None else None
        return answerer

    def _quoter(self) -> Answerer:
        """A chain for quotations, without its second look while the model is being opened: that
        changes PyTorch's defaults, and a quotation waits for nothing."""
        if not self.state.said:
            return self._quoting
        hasty = copy(self._quoting)
        hasty.reranker = None
        return hasty

    def _fail(self, error: AskpapersError) -> None:
        self._answerer = None
        self.state = State(error=error)
        self._opened.set()

    def _report(self, step: Progress) -> None:
        share = step.done / step.total if step.total else None
        self.state = State(step.label[:1].upper() + step.label[1:], share)
