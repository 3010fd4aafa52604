"""What the processor multiplies quickly."""

from __future__ import annotations

from functools import cache


@cache
def has_bfloat16() -> bool:
    """Whether products of bfloat16 are quick: on processors that have instructions for them.
    Elsewhere (AVX2) they are emulated, ten times slower than those of float32."""
    import torch

    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
