"""A decoder layer of the Llama family in few operations.

With four-bit weights a token takes 35 ms of arithmetic, and 15 ms of calling some 2,500 small
operations one by one. This layer computes what the layers of transformers compute in a third as
many calls, and attends with two plain products where there are few queries: PyTorch's fused
attention takes 0.9 ms a layer for one query over 750 keys, those take a tenth of it. For a prompt
it is the other way round (``docs/performance.md``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rag.precision import has_bfloat16

_FAMILY = {"LlamaDecoderLayer", "Qwen2DecoderLayer", "MistralDecoderLayer"}
_FEW = 8
"""Queries up to which plain products are quicker."""


def make_lean(model: Any) -> None:
    """Replace a model's decoder layers, if they are of a kind that can be."""
    layers = getattr(model.base_model, "layers", [])
    for index, layer in enumerate(layers):
        if type(layer).__name__ in _FAMILY and model.config.hidden_act == "silu":
            layers[index] = _LeanLayer(layer)


class _LeanLayer(nn.Module):
    """Holds the parts of the layer it stands for, and is called as that is.

    Attributes:
        watch: is called with the queries ``(heads, rows, width)`` and the keys ``(groups,
            positions, width)`` that meet in it, and by what their products are multiplied.
    """

    watch: Callable[[Tensor, Tensor, float], None] | None = None

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.self_attn, self.mlp = layer.self_attn, layer.mlp
        self.input_layernorm = layer.input_layernorm
        self.post_attention_layernorm = layer.post_attention_layernorm

    def forward(
        self,
        hidden_states: Tensor,
        *,
        attention_mask: Tensor | None,
        position_embeddings: tuple[Tensor, Tensor],
        past_key_values: Any,
        **_: Any,
    ) -> Tensor:
        """Hidden states ``(1, rows, width)`` to hidden states; the cache takes in the rows."""
        own, mlp = self.self_attn, self.mlp
        shape = (*hidden_states.shape[:-1], -1, own.head_dim)
        normed = _norm(hidden_states, self.input_layernorm)
        query = own.q_proj(normed).view(shape).transpose(1, 2)
        key = own.k_proj(normed).view(shape).transpose(1, 2)
        value = own.v_proj(normed).view(shape).transpose(1, 2)
        query, key = _rotate(query, key, *position_embeddings)
        key, value = past_key_values.update(key, value, own.layer_idx)
        if self.watch:
            self.watch(query[0], key[0], own.scaling)
        mixed = _attend(query, key, value, attention_mask, own.scaling)
        mixed = mixed.transpose(1, 2).reshape(*hidden_states.shape[:-1], -1)
        hidden_states = own.o_proj(mixed).add_(hidden_states)
        normed = _norm(hidden_states, self.post_attention_layernorm)
        gated = functional.silu(mlp.gate_proj(normed), inplace=True).mul_(mlp.up_proj(normed))
        down: Tensor = mlp.down_proj(gated)
        return down.add_(hidden_states)


def _norm(x: Tensor, norm: Any) -> Tensor:
    return functional.rms_norm(x, x.shape[-1:], norm.weight, norm.variance_epsilon)


def _rotate(query: Tensor, key: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """Rotary positions for both at once (Su et al., 2021, "RoFormer", section 3.4)."""
    heads, half = query.shape[1], query.shape[3] // 2
    both = torch.cat([query, key], 1)
    turned = both.roll(half, 3)
    turned[..., :half].neg_()
    both = both.mul_(cos).add_(turned.mul_(sin))
    return both[:, :heads], both[:, heads:]


def _attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float
) -> Tensor:
    """Query ``(1, heads, rows, width)``; key and value ``(1, groups, positions, width)``; mask
    ``(1, 1, rows, positions)``, true where a row may look; none where a single row sees all, or
    where several are the first there are, each of which sees those before it."""
    _, heads, rows, width = query.shape
    if rows > _FEW or (mask is None and rows > 1):
        return functional.scaled_dot_product_attention(
            query, key, value, mask, is_causal=mask is None, scale=scaling, enable_gqa=True
        )
    dtype, groups = query.dtype, key.shape[1]
    if not has_bfloat16():  # nineteen times as quick then
        query, key, value = query.float(), key.float(), value.float()
    grouped = query.reshape(groups, heads // groups * rows, width)
    scores = torch.bmm(key[0], grouped.transpose(1, 2)).transpose(1, 2).float().mul_(scaling)
    if mask is not None:
        scores.view(groups, -1, rows, scores.shape[2]).masked_fill_(~mask[0], float("-inf"))
    weights = torch.softmax(scores, -1).to(value.dtype)
    return torch.bmm(weights, value[0]).view(1, heads, rows, width).to(dtype)
