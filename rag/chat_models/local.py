"""A language model in this process, run with transformers.

The loop that decodes is a generator, so a reader that stops reading stops the model, an
exception arrives where it belongs, and no second thread is needed.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    BaseMessageChunk,
    HumanMessage,
)
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from rag.errors import ModelError
from rag.papers import Vectors
from rag.threads import set_threads

_ROLES = {"human": "user", "ai": "assistant", "system": "system"}
_UNFINISHED = "\N{REPLACEMENT CHARACTER}"
"""What a tokenizer shows for a character whose bytes are not all there yet."""


class LocalChatModel(BaseChatModel):
    """A causal language model from a folder in the Hugging Face layout.

    Text of messages is data: control tokens that appear in it are read as plain text.

    Attributes:
        folder: holds ``config.json``, the weights as safetensors, and the tokenizer.
        model_name: what to call it.
        max_tokens: the most it writes.
        temperature: 0 takes the likeliest token always.
        threads: processor threads; 0 for the cores there are.
        draft: whether to look ahead for words that the prompt holds already.
    """

    folder: Path
    model_name: str
    max_tokens: int = 160
    temperature: float = 0.0
    threads: int = 0
    draft: bool = True

    _model: Any = PrivateAttr(default=None)
    _tokenizer: Any = PrivateAttr(default=None)
    _decoder: Any = PrivateAttr(default=None)
    _readers: dict[int, Any] = PrivateAttr(default_factory=dict)
    _layers: Any = PrivateAttr(default=None)
    _busy: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    @property
    def _llm_type(self) -> str:
        return "askpapers-local"

    @property
    def is_loaded(self) -> bool:
        """Whether the weights are in memory."""
        return self._model is not None

    def begin_loading(self) -> None:
        """Begin to read the weights in the background, if they are of the kind that can be."""
        from rag.chat_models.packed import is_packed, read_layers

        with self._busy:
            if self._model is None and self._layers is None and is_packed(self.folder):
                self._layers = read_layers(self.folder)

    def read_ahead(self, messages: Sequence[BaseMessage]) -> None:
        """Load the model, and read the beginning that prompts will share, so that the first one
        need not wait.

        Raises:
            ModelError: the folder holds no model that can be loaded.
        """
        with self._busy:
            self._load()
            prompt = self._prompt_ids(messages)
            self._decoder.read(prompt[: self._shared(prompt, messages)])

    def likeliest(self, messages: Sequence[BaseMessage]) -> list[int]:
        """The likeliest next token after each token of a prompt, to compare models by."""
        with self._busy:
            self._load()
            choices: list[int] = self._decoder.likeliest(self._prompt_ids(messages))
            return choices

    def state(self, messages: Sequence[BaseMessage], layer: int) -> Vectors:
        """The hidden state ``(width,)`` behind a prompt's last token, after so many layers.

        Only those layers are run, and what is held of the last prompt stays.
        """
        from rag.chat_models.decoding import StateReader

        with self._busy:
            self._load()
            if layer not in self._readers:
                self._readers[layer] = StateReader(self._model, layer)
            prompt = self._prompt_ids(messages)
            state = self._readers[layer].state(prompt, self._shared(prompt, messages))
            vector: Vectors = state.cpu().numpy()
            return vector

    def look(
        self,
        messages: Sequence[BaseMessage],
        texts: Sequence[str],
        layers: range,
        after: int,
        *,
        goes_on: bool = False,
    ) -> tuple[Vectors, Vectors, float] | None:
        """Read a prompt ahead, and see what its last text makes the model look at.

        Args:
            texts: parts of the first message that is not a rule in their order, and last what is
                asked, a part of the last message.
            layers: whose heads are seen, from 0.
            after: how many layers the state has passed.
            goes_on: what the last prompt began with too is not read again. What is seen then
                hangs on that one, in the last digits.

        Returns:
            The state ``(width,)`` behind the last token; attention ``(2, layers, heads,
            texts - 1)``, the share that each text but the last has: first as its tokens see it
            in the mean, then as the prompt's last token sees it; and the log-odds of a reply
            that begins with yes, against one that begins with no. None where the model's layers
            cannot be watched, or the texts cannot be told apart in its tokens.
        """
        with self._busy:
            self._load()
            prompt = self._prompt_ids(messages)
            spans = self._spans(prompt, messages, texts)
            if spans is None:
                return None
            *shown, asked = spans
            shared = None if goes_on else self._shared(prompt, messages)
            seen = self._decoder.look(prompt, len(prompt) - asked.start, layers, after, shared)
            if seen is None:
                return None
            import torch

            by_text = [seen.attention[..., span.start : span.stop].sum(-1) for span in shown]
            shares = torch.stack(by_text, -1)
            views = (shares[:, :, : len(asked)].mean(2), shares[:, :, -1])
            attention = np.stack([view.cpu().numpy() for view in views])
            return seen.state.cpu().numpy(), attention, self._leans_to_yes(seen.logits)

    def _leans_to_yes(self, logits: Any) -> float:
        """Log-odds of yes against no as the next word, in any case, with a space or without."""
        yes, no = (
            logits[[self._tokenizer.encode(form, add_special_tokens=False)[0] for form in forms]]
            for forms in (("Yes", "yes", " Yes"), ("No", "no", " No"))
        )
        return float(yes.logsumexp(0) - no.logsumexp(0))

    def _spans(
        self, prompt: Sequence[int], messages: Sequence[BaseMessage], texts: Sequence[str]
    ) -> list[range] | None:
        """Where the tokens of each text are; None where control tokens stand among them."""
        rendered = self._tokenizer.apply_chat_template(
            _conversation(messages), add_generation_prompt=True, tokenize=False
        )
        read = self._tokenizer(rendered, add_special_tokens=False, return_offsets_mapping=True)
        if list(read["input_ids"]) != list(prompt):
            return None
        starts, ends = zip(*read["offset_mapping"], strict=True)
        spans = []
        at = rendered.index(str(next(m for m in messages if m.type != "system").text))
        for place, text in enumerate(texts, start=1):
            if place == len(texts):
                at = max(at, rendered.rindex(str(messages[-1].text)))
            start = rendered.index(text, at)
            at = start + len(text)
            spans.append(range(bisect_right(ends, start), bisect_left(starts, at)))
        return spans

    def _load(self) -> None:
        if self._model is not None:
            return
        layers, self._layers = self._layers, None
        from transformers import AutoTokenizer
        from transformers.utils import logging

        from rag.chat_models.decoding import Decoder

        logging.disable_progress_bar()
        set_threads(self.threads)
        try:
            tokenizer = AutoTokenizer.from_pretrained(self.folder, local_files_only=True)
            model = _load_model(self.folder, layers)
        except Exception as error:  # whatever transformers raises for a folder it cannot read
            raise ModelError(
                f"The model in {self.folder} cannot be loaded: {error}",
                "If it is one of `askpapers models`, run `askpapers models verify`; else look at "
                "its files, or choose another with ASKPAPERS_MODEL.",
            ) from error
        if not tokenizer.chat_template:
            raise ModelError(
                f"The model in {self.folder} has no chat template.",
                "Choose a model that was trained to chat ('instruct').",
            )
        self._tokenizer = tokenizer
        self._decoder = Decoder(
            model, _end_ids(model, tokenizer), self.temperature, draft=self.draft
        )
        self._model = model

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with self._busy:
            self._load()
            prompt = self._prompt_ids(messages)
            yield _usage(len(prompt), 0)
            written: list[int] = []
            shown = ""
            for token in self._decoder.tokens(prompt, kwargs.get("max_tokens") or self.max_tokens):
                written.append(token)
                text = self._tokenizer.decode(written, skip_special_tokens=True)
                if text.endswith(_UNFINISHED):
                    continue
                if stop and any(word in text for word in stop):
                    break
                if new := text[len(shown) :]:
                    shown = text
                    if run_manager:
                        run_manager.on_llm_new_token(new)
                    yield ChatGenerationChunk(message=AIMessageChunk(content=new))
            yield _usage(0, len(written))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        whole: BaseMessageChunk = AIMessageChunk(content="")
        for chunk in self._stream(messages, stop, run_manager, **kwargs):
            whole += chunk.message
        message = AIMessage(
            content=whole.content, usage_metadata=getattr(whole, "usage_metadata", None)
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _prompt_ids(self, messages: Sequence[BaseMessage]) -> list[int]:
        ids: list[int] = self._tokenizer.apply_chat_template(
            _conversation(messages),
            add_generation_prompt=True,
            sanitize_control_tokens=True,
            return_dict=False,
        )
        limit = getattr(self._model.config, "max_position_embeddings", None)
        if limit and len(ids) + self.max_tokens > limit:
            raise ModelError(
                f"The question and its evidence have {len(ids):,} tokens; {self.model_name} "
                f"reads {limit:,}.",
                "Ask a shorter question, or set ASKPAPERS_EVIDENCE_TOKENS lower.",
            )
        return ids

    def _shared(self, prompt: Sequence[int], messages: Sequence[BaseMessage]) -> int:
        """How many of a prompt's first tokens are there whatever is said after the rules."""
        rules = list(takewhile(lambda message: message.type == "system", messages))
        without = self._prompt_ids([*rules, HumanMessage("")])
        same = takewhile(lambda pair: pair[0] == pair[1], zip(prompt, without, strict=False))
        return sum(1 for _ in same)


def _conversation(messages: Sequence[BaseMessage]) -> list[dict[str, str]]:
    return [
        {"role": _ROLES.get(message.type, "user"), "content": str(message.text)}
        for message in messages
    ]


def _load_model(folder: Path, layers: Any) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    from rag.chat_models.packed import is_packed, load_packed, make_lean, read_layers

    if is_packed(folder):
        return load_packed(folder, layers or read_layers(folder)).eval()
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.bfloat16, local_files_only=True
    )
    make_lean(model)  # not for speed alone: evidence is read by what such layers look at
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu")


def _end_ids(model: Any, tokenizer: Any) -> set[int]:
    """The tokens that end a turn."""
    config = model.generation_config
    ends = config.eos_token_id if config is not None else None
    listed = ends if isinstance(ends, list) else [ends]
    return {i for i in [*listed, *tokenizer.all_special_ids] if i is not None}


def _usage(read: int, wrote: int) -> ChatGenerationChunk:
    """A chunk without text that adds to the count of tokens."""
    usage = UsageMetadata(input_tokens=read, output_tokens=wrote, total_tokens=read + wrote)
    return ChatGenerationChunk(message=AIMessageChunk(content="", usage_metadata=usage))
