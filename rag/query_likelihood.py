"""Query likelihood: how much likelier a question becomes once a paper was read.

log p(question | paper) less log p(question). Papers are ranked by query likelihood since Ponte and
Croft (1998, "A Language Modeling Approach to Information Retrieval"); by a language model that was
never trained to, in Sachan et al. (2022, "Improving Passage Retrieval with Zero-Shot Question
Generation", section 2.2). A model of 135 million parameters is enough.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rag.errors import ModelError
from rag.precision import has_bfloat16
from rag.threads import set_threads

_BATCH = 4
"""Papers read together; more of them is no faster on a laptop's cores."""

_LONGEST = 512
"""Tokens of a paper that are read."""


class QueryLikelihood:
    """Tells of texts how likely they make a question.

    Args:
        folder: a causal language model in the Hugging Face layout.
        threads: processor threads; 0 for the cores there are.
    """

    def __init__(self, folder: Path, threads: int = 0) -> None:
        self._folder = folder
        self._threads = threads
        self._model: Any = None
        self._tokenizer: Any = None
        self._busy = threading.Lock()

    def gains(self, question: str, texts: Sequence[str]) -> list[float]:
        """How much likelier each text makes the question than no text does, in nats a token.

        Raises:
            ModelError: the model cannot be loaded.
        """
        with self._busy:
            self._load()
            asked = self._tokenizer.encode(question, add_special_tokens=False)
            (before,) = self._read([self._prompt("...")], asked)  # padded to others it is slow
            prompts = [self._prompt(text) for text in texts]
            order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
            likelihoods = [0.0] * len(prompts)
            for start in range(0, len(order), _BATCH):
                batch = order[start : start + _BATCH]
                for i, value in zip(
                    batch, self._read([prompts[i] for i in batch], asked), strict=True
                ):
                    likelihoods[i] = value
        return [(value - before) / max(1, len(asked)) for value in likelihoods]

    def _prompt(self, text: str) -> list[int]:
        head = self._tokenizer.encode(f"Passage: {text}")[:_LONGEST]
        tail: list[int] = self._tokenizer.encode(
            "\nA question about this passage: ", add_special_tokens=False
        )
        return [*head, *tail]

    def _read(self, prompts: Sequence[Sequence[int]], asked: Sequence[int]) -> list[float]:
        """log p(question | prompt) of each prompt; padding is on the right, where it is unseen."""
        import torch

        rows = [[*prompt, *asked] for prompt in prompts]
        longest = max(map(len, rows))
        ids = torch.zeros((len(rows), longest), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        wanted = torch.tensor(list(asked))
        with torch.inference_mode():
            states = self._model.model(ids, attention_mask=mask, use_cache=False).last_hidden_state
            found = []
            for i, row in enumerate(rows):
                before = states[i, len(row) - len(asked) - 1 : len(row) - 1]
                logits = self._model.lm_head(before).float()
                chances = torch.log_softmax(logits, -1)[torch.arange(len(asked)), wanted]
                found.append(float(chances.sum()))
        return found

    def _load(self) -> None:
        if self._model is not None:
            return
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        set_threads(self._threads)
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(self._folder, local_files_only=True)
            # Not as `dtype`: that would change PyTorch's default for what other threads run.
            loaded = AutoModelForCausalLM.from_pretrained(
                self._folder, dtype=torch.float32, local_files_only=True
            )
            self._model = loaded.to(torch.bfloat16 if has_bfloat16() else torch.float32).eval()
        except Exception as error:  # whatever transformers raises for a folder it cannot read
            raise ModelError(
                f"The reranker in {self._folder} cannot be loaded: {error}",
                "Run `askpapers models verify`, or go without it: ASKPAPERS_RERANKER=''.",
            ) from error
