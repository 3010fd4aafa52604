"""Tokens from a causal language model, in fewer and shorter steps.

- What a prompt shares with the one before, as all answers share the rules, is not read again.
- Answers borrow words from their evidence: where the last words stand in the text already, the
  words that follow them there are a draft, and one step checks the whole draft (prompt lookup
  decoding; the check is that of Leviathan et al., 2023, "Fast Inference from Transformers via
  Speculative Decoding", section 2, for a draft that is certain of itself).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rag.chat_models.cache import empty_cache

_DRAFT = 3
"""Tokens drafted. With the one before them they make four rows, which take 1.5 times as long as
one with four-bit weights; a fifth would double that."""

_LOOKUPS = (3, 2)
"""Lengths of the last words that are looked up, the longer one first."""


@dataclass(frozen=True, slots=True)
class Look:
    """What went on in a model at the end of a prompt, before it writes.

    Attributes:
        state: hidden state ``(width,)`` behind the last token, after some layer.
        attention: ``(layers, heads, rows, positions)`` of the last rows, each adding up to one.
        logits: ``(vocabulary,)`` of the token that comes next.
    """

    state: Tensor
    attention: Tensor
    logits: Tensor


class _Reader:
    """Reads prompts with one model, one at a time, and keeps what the next one may share.

    Attributes:
        _held: tokens whose keys and values the cache holds.
        _first: those of them that were read first, in one step; none where some were taken off.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._held: list[int] = []
        self._first: list[int] = []
        self._forget()

    def _unread(self, prompt: Sequence[int]) -> list[int]:
        """What of a prompt the cache does not hold, one token at least; the rest stays."""
        if not self._can_return:
            self._forget()
        limit = min(len(self._held), len(prompt) - 1)
        same = 0
        while same < limit and self._held[same] == prompt[same]:
            same += 1
        self._return(len(self._held) - same)
        return list(prompt[same:])

    def _after(self, prompt: Sequence[int], shared: int) -> list[int]:
        """What of a prompt follows its first tokens, which the cache then holds and nothing else.

        They were read by themselves. How many rows are computed at once shows in the last digits
        of each, and what is read off a model must not hang on what was asked before.
        """
        first = list(prompt[:shared]) if self._can_return else []
        if self._first != first:
            self._forget()
            if first:
                self._call(self._model.base_model, first)
        self._return(len(self._held) - len(first))
        return list(prompt[len(first) :])

    def _call(self, model: Any, rows: Sequence[int], **more: Any) -> Any:
        """What the model makes of rows, which the cache then holds."""
        ids = torch.tensor([list(rows)], device=self._model.device)
        try:
            with torch.inference_mode():
                output = model(input_ids=ids, past_key_values=self._cache, use_cache=True, **more)
        except BaseException:  # some layers have read the rows and some have not
            self._forget()
            raise
        if not self._held:
            self._first = list(rows)
        self._held += rows
        return output

    def _return(self, positions: int) -> None:
        """Take the last positions off the cache."""
        if positions:
            self._cache.crop(-positions)
            del self._held[len(self._held) - positions :]
            if len(self._held) < len(self._first):
                self._first = []

    def _forget(self) -> None:
        self._cache, self._can_return = empty_cache(self._model.config)
        self._held, self._first = [], []


class StateReader(_Reader):
    """Reads off the state in which a model is behind a prompt, without the layers after it.

    Args:
        layer: how many layers are run.
    """

    def __init__(self, model: Any, layer: int) -> None:
        super().__init__(model)
        self._layer = layer

    def state(self, prompt: Sequence[int], shared: int = 0) -> Tensor:
        """The hidden state ``(width,)`` of the prompt's last token.

        Args:
            shared: first tokens, which other prompts begin with too.
        """
        trunk = self._model.base_model
        with _last_row(trunk.layers[self._layer - 1]) as seen, _first_layers(trunk, self._layer):
            self._call(trunk, self._after(prompt, shared))
        return seen[-1]


class Decoder(_Reader):
    """Decodes with one model, one prompt at a time.

    Args:
        ends: tokens that end a turn.
        temperature: 0 takes the likeliest token always.
        draft: whether to look for drafts in the text.
    """

    def __init__(
        self, model: Any, ends: Collection[int], temperature: float = 0.0, *, draft: bool = True
    ) -> None:
        super().__init__(model)
        self._ends = frozenset(ends)
        self._temperature = temperature
        self._draft = draft and self._can_return

    def read(self, prompt: Sequence[int]) -> None:
        """Read tokens ahead, for the prompts that begin with them."""
        self._after(prompt, len(prompt))

    def look(
        self, prompt: Sequence[int], rows: int, layers: range, after: int, shared: int | None = 0
    ) -> Look | None:
        """Read a prompt's tokens ahead, and see what its last rows look at.

        Args:
            shared: first tokens, which other prompts begin with too; None for those that the cache
                holds.
            layers: whose attention is seen, from 0.
            after: how many layers the state has passed.

        Returns:
            None where the model's layers cannot be watched.
        """
        every = self._model.base_model.layers
        if not all(hasattr(every[index], "watch") for index in layers):
            return None
        with ExitStack() as watching:
            seen = [watching.enter_context(_attention(every[index], rows)) for index in layers]
            states = watching.enter_context(_last_row(every[after - 1]))
            unread = self._unread(prompt) if shared is None else self._after(prompt, shared)
            (logits,) = self._run(unread)
        return Look(states[-1], torch.stack([weights[-1] for weights in seen]), logits.float())

    def likeliest(self, prompt: Sequence[int]) -> list[int]:
        """The likeliest next token after each token of a prompt."""
        self._forget()
        choices: list[int] = self._run(prompt, keep=len(prompt)).argmax(-1).tolist()
        return choices

    def tokens(self, prompt: Sequence[int], most: int) -> Iterator[int]:
        """Token ids, one at a time, until the model ends its turn or wrote ``most``."""
        text = _Text(prompt)
        rows = self._unread(prompt)
        wrote = 0
        while wrote < most:
            draft = text.draft(most - wrote - 1) if self._draft and wrote else []
            logits = self._run([*rows, *draft], keep=len(draft) + 1)
            chosen = self._check(logits, draft)
            self._return(len(draft) + 1 - len(chosen))
            for token in chosen:
                if token in self._ends:
                    return
                text.append(token)
                wrote += 1
                yield token
            rows = chosen[-1:]

    def _run(self, rows: Sequence[int], keep: int = 1) -> Tensor:
        """Logits ``(keep, vocabulary)`` after the last rows."""
        logits: Tensor = self._call(self._model, rows, logits_to_keep=keep).logits[0]
        return logits

    def _check(self, logits: Tensor, draft: Sequence[int]) -> list[int]:
        """The tokens of a draft that the model agrees with, and the one it writes after them."""
        chosen: list[int] = []
        for row, drafted in zip(logits, [*draft, None], strict=True):
            chosen.append(self._choose(row))
            if chosen[-1] != drafted:
                break
        return chosen

    def _choose(self, logits: Tensor) -> int:
        if self._temperature == 0:
            return int(logits.argmax())
        probabilities = torch.softmax(logits.float() / self._temperature, dim=-1)
        return int(torch.multinomial(probabilities, 1))


@contextmanager
def _last_row(layer: Any) -> Iterator[list[Tensor]]:
    """Collects the last row ``(width,)`` of what a layer puts out at each call."""
    seen: list[Tensor] = []

    def keep(_layer: Any, _inputs: Any, output: Any) -> None:
        states = output[0] if isinstance(output, tuple) else output
        seen.append(states.flatten(0, -2)[-1].float())

    hook = layer.register_forward_hook(keep)
    try:
        yield seen
    finally:
        hook.remove()


@contextmanager
def _attention(layer: Any, rows: int) -> Iterator[list[Tensor]]:
    """Collects the attention ``(heads, rows, positions)`` of the last rows at each call."""
    seen: list[Tensor] = []

    def keep(query: Tensor, key: Tensor, scaling: float) -> None:
        asked, keys = query[:, -rows:].float(), key.float()
        grouped = asked.reshape(keys.shape[0], -1, keys.shape[2])
        products = torch.bmm(grouped, keys.transpose(1, 2)).mul_(scaling)
        scores = products.view(*asked.shape[:2], -1)
        count, positions = scores.shape[1:]
        later = torch.ones(count, positions, dtype=torch.bool, device=key.device)
        scores.masked_fill_(later.triu(positions - count + 1), float("-inf"))
        seen.append(torch.softmax(scores, -1))

    layer.watch = keep
    try:
        yield seen
    finally:
        layer.watch = None


@contextmanager
def _first_layers(trunk: Any, count: int) -> Iterator[None]:
    """Only the first layers are run meanwhile."""
    config = trunk.config
    before = config.num_hidden_layers
    config.num_hidden_layers = count
    try:
        yield
    finally:
        config.num_hidden_layers = before


class _Text:
    """Prompt and answer so far, and where each run of tokens last stood in it."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}
        for token in tokens:
            self.append(token)

    def append(self, token: int) -> None:
        """Add a token; what ended before it can be looked up from now on."""
        end = len(self._tokens)
        for length in _LOOKUPS:
            if end >= length:
                self._after[tuple(self._tokens[end - length : end])] = end
        self._tokens.append(token)

    def draft(self, most: int) -> list[int]:
        """What followed the last words where they stood before; empty where they did not."""
        for length in _LOOKUPS:
            start = self._after.get(tuple(self._tokens[-length:]))
            if start is not None:
                return self._tokens[start : start + min(_DRAFT, most)]
        return []
