"""The encoder as LangChain ``Embeddings``: MiniLM run with transformers, vectors of length one.

Sentence embeddings by mean pooling over token vectors, as the model was trained (Reimers and
Gurevych, 2019, "Sentence-BERT", section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from langchain_core.embeddings import Embeddings

from rag.papers import Vectors
from rag.text import Span

if TYPE_CHECKING:
    import torch

PASSAGE_TOKENS = 254
"""Tokens of a text the encoder reads: 256 with the two special ones."""

_BATCH = 32


class Encoder(Embeddings):
    """Turns texts into vectors of 384 numbers and length one, so a dot product is a cosine.

    Args:
        folder: holds ``config.json``, ``tokenizer.json`` and ``model.safetensors``.
    """

    name = "all-minilm-l6-v2"
    dimension = 384

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def token_spans(self, text: str) -> Sequence[Span]:
        """The (start, end) characters of each token, special tokens left out."""
        spans: Sequence[Span] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return spans

    def encode(self, texts: Sequence[str], advance: Callable[[int], None] | None = None) -> Vectors:
        """Vectors of the texts, ``(len(texts), 384)``; each text is cut after 256 tokens.

        Texts of like length are run together, which saves the work of padding.

        Args:
            advance: told how many texts each step finished.
        """
        import torch

        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        encodings = self._truncating.encode_batch(list(texts))
        order = sorted(range(len(texts)), key=lambda i: len(encodings[i].ids))
        with torch.inference_mode():
            for first in range(0, len(order), _BATCH):
                rows = order[first : first + _BATCH]
                longest = len(encodings[rows[-1]].ids)
                ids = torch.zeros(len(rows), longest, dtype=torch.long)
                mask = torch.zeros(len(rows), longest, dtype=torch.long)
                for row, index in enumerate(rows):
                    tokens = encodings[index].ids
                    ids[row, : len(tokens)] = torch.tensor(tokens)
                    mask[row, : len(tokens)] = 1
                vectors[rows] = self._pool(ids, mask)
                if advance:
                    advance(len(rows))
        return vectors

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(x) for x in row] for row in self.encode(texts)]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    def _pool(self, ids: torch.Tensor, mask: torch.Tensor) -> Vectors:
        device = self._model.device
        hidden = self._model(input_ids=ids.to(device), attention_mask=mask.to(device))
        weights = mask.to(device).unsqueeze(-1).float()
        mean = (hidden.last_hidden_state.float() * weights).sum(1) / weights.sum(1)
        unit = mean / mean.norm(dim=1, keepdim=True).clamp_min(1e-9)
        pooled: Vectors = unit.cpu().numpy()
        return pooled

    @cached_property
    def _model(self):  # type: ignore[no-untyped-def]
        import torch
        from transformers import AutoModel
        from transformers.utils import logging

        logging.disable_progress_bar()
        # bfloat16 keeps a cosine of 1.000 to float32 at twice the speed where the processor
        # has it; elsewhere it would be slower.
        fast = torch.cuda.is_available() or torch.backends.cpu.get_cpu_capability() == "AVX512"
        model = AutoModel.from_pretrained(
            self._folder,
            dtype=torch.bfloat16 if fast else torch.float32,
            local_files_only=True,
        )
        return model.eval().to("cuda" if torch.cuda.is_available() else "cpu")

    @cached_property
    def _tokenizer(self):  # type: ignore[no-untyped-def]
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _truncating(self):  # type: ignore[no-untyped-def]
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        tokenizer.enable_truncation(PASSAGE_TOKENS + 2)
        tokenizer.no_padding()
        return tokenizer
