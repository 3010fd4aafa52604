"""The encoder as LangChain ``Embeddings``: MiniLM run with transformers, vectors of length one.

Sentence embeddings by mean pooling over token vectors, as the model was trained (Reimers and
Gurevych, 2019, "Sentence-BERT", section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from langchain_core.embeddings import Embeddings

from rag import weights
from rag.papers import Vectors
from rag.precision import has_bfloat16
from rag.progress import Report, silent
from rag.settings import Settings
from rag.text import Span
from rag.threads import set_threads

if TYPE_CHECKING:
    from tokenizers import Encoding

PASSAGE_TOKENS = 254
"""Tokens of a text the encoder reads: 256 with the two special ones."""

_BATCH_TOKENS = 1536
"""Tokens run together, padding counted: more leave the processor's caches. On two cores without
bfloat16 the larger encoder takes 20 abstracts in 10.6 s so, 20.9 in one batch."""

_BATCH = 32
"""Texts run together at most."""

_Kind = TypeVar("_Kind", bound="Encoder")


class Encoder(Embeddings):
    """Turns texts into vectors of 384 numbers and length one, so a dot product is a cosine.

    Args:
        folder: holds ``config.json``, ``tokenizer.json`` and ``model.safetensors``.
        threads: processor threads; 0 for the cores there are.
    """

    name = weights.ENCODER
    dimension = 384
    longest = PASSAGE_TOKENS + 2
    """Tokens of a text that are read, the two special ones among them."""

    def __init__(self, folder: Path, threads: int = 0) -> None:
        self._folder = folder
        self._threads = threads

    def token_spans(self, text: str) -> Sequence[Span]:
        """The (start, end) characters of each token, special tokens left out."""
        spans: Sequence[Span] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return spans

    def encode(self, texts: Sequence[str], advance: Callable[[int], None] | None = None) -> Vectors:
        """Vectors of the texts, ``(len(texts), dimension)``; each is cut after ``longest`` tokens.

        Texts of like length are run together, which saves the work of padding.

        Args:
            advance: told how many texts each step finished.
        """
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for rows, encodings, hidden in self._batches(texts):
            for row, encoding, tokens in zip(rows, encodings, hidden, strict=True):
                vectors[row] = tokens[: len(encoding)].mean(0)
            if advance:
                advance(len(rows))
        return unit(vectors)

    def encode_parts(
        self, texts: Sequence[str], parts: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        """Vectors of texts and of parts of them, from one pass ("late chunking").

        A part's vector is the mean over its own tokens, which have read the whole text: a
        sentence that says "the model" is near the name that the title gives it (Günther et al.,
        2024, "Late Chunking", arXiv 2409.04701, section 3).

        Args:
            parts: for each text the spans of characters to pool over.

        Returns:
            Vectors of the texts ``(len(texts), dimension)``, and for each text those of its parts
            ``(len(parts[i]), dimension)``; a part of which no token was read has the text's own.
        """
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        of_parts: list[Vectors] = [np.empty((0, self.dimension), dtype=np.float32)] * len(texts)
        for rows, encodings, hidden in self._batches(texts):
            for row, encoding, padded in zip(rows, encodings, hidden, strict=True):
                tokens = padded[: len(encoding)]
                vectors[row] = tokens.mean(0)
                spans = np.array(encoding.offsets)
                of_parts[row] = _pool_parts(tokens, spans, parts[row], vectors[row])
        return unit(vectors), of_parts

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(x) for x in row] for row in self.encode(texts)]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], list[Encoding], Vectors]]:
        """Rows, their encodings, and token vectors ``(rows, longest, dimension)`` of each batch."""
        import torch

        encodings = self._truncating.encode_batch(list(texts))
        for rows in _by_length([len(encoding) for encoding in encodings]):
            longest = len(encodings[rows[-1]])
            ids = torch.zeros(len(rows), longest, dtype=torch.long)
            mask = torch.zeros(len(rows), longest, dtype=torch.long)
            for row, index in enumerate(rows):
                tokens = encodings[index].ids
                ids[row, : len(tokens)] = torch.tensor(tokens)
                mask[row, : len(tokens)] = 1
            device = self._model.device
            with torch.inference_mode():
                output = self._model(input_ids=ids.to(device), attention_mask=mask.to(device))
            hidden = output.last_hidden_state.float().cpu().numpy()
            yield rows, [encodings[i] for i in rows], hidden

    @cached_property
    def _model(self):  # type: ignore[no-untyped-def]
        import torch
        from transformers import AutoModel
        from transformers.utils import logging

        logging.disable_progress_bar()
        set_threads(self._threads)
        # bfloat16 keeps a cosine of 1.000 to float32 at twice the speed where there is some.
        # Not as `dtype`: that would change PyTorch's default for what other threads run.
        loaded = AutoModel.from_pretrained(self._folder, dtype=torch.float32, local_files_only=True)
        on_card = torch.cuda.is_available()
        model = loaded.to(torch.bfloat16 if on_card or has_bfloat16() else torch.float32).eval()
        return model.to("cuda" if on_card else "cpu")

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
        tokenizer.enable_truncation(self.longest)
        tokenizer.no_padding()
        return tokenizer


class LargerEncoder(Encoder):
    """The same by a model five times as large, for the few texts that deserve a second look."""

    name = weights.LARGER_ENCODER
    dimension = 768
    longest = 384


def load_encoder(settings: Settings, *, report: Report = silent) -> Encoder:
    """The encoder, its files fetched where they are not there.

    Raises:
        WeightsError: they cannot be had.
    """
    return _load(Encoder, settings, report)


def load_larger_encoder(settings: Settings, *, report: Report = silent) -> LargerEncoder:
    """The second look's encoder, its files fetched where they are not there.

    Raises:
        WeightsError: they cannot be had.
    """
    return _load(LargerEncoder, settings, report)


def unit(vectors: Vectors) -> Vectors:
    """The vectors at length one."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-9), dtype=np.float32)


def _load(kind: type[_Kind], settings: Settings, report: Report) -> _Kind:
    model = weights.get_model(kind.name)
    folder = weights.fetch(model, settings.models_path, local=settings.models_from, report=report)
    return kind(folder, settings.threads)


def _by_length(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of texts, the shortest first, in batches that can be run together."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if batch and (len(batch) == _BATCH or (len(batch) + 1) * lengths[place] > _BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _pool_parts(tokens: Vectors, spans: Vectors, parts: Sequence[Span], whole: Vectors) -> Vectors:
    """The mean over the tokens of each part; spans are in order, as the tokens are."""
    if not parts:
        return np.empty((0, tokens.shape[1]), dtype=np.float32)
    written = spans[:, 1] > spans[:, 0]  # special tokens cover nothing
    sums = np.cumsum(tokens[written], axis=0, dtype=np.float64)
    sums = np.concatenate([np.zeros_like(sums[:1]), sums])
    starts, ends = np.array(parts).T
    first = np.searchsorted(spans[written, 0], starts, side="left")
    last = np.searchsorted(spans[written, 1], ends, side="right")
    counts = last - first
    pooled = (sums[np.maximum(last, first)] - sums[first]) / np.maximum(counts, 1)[:, None]
    pooled[counts < 1] = whole
    return unit(pooled)
