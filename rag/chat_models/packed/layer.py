"""A linear layer over packed weights, quick at reading a prompt and at writing an answer.

Writing one token reads every weight once, so it is as quick as the weights are small. Reading a
prompt multiplies hundreds of rows at once, so it is as quick as the processor multiplies. One
form of the weights cannot serve both (measured in ``docs/performance.md``), so each layer keeps
two: one in the layout of PyTorch's four-bit kernel, for few rows, and one to multiply many with.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rag.chat_models.packed.grid import GROUP, eight_bits, four_bits, is_on_grid
from rag.precision import has_bfloat16

_BLOCK = 64
"""Rows that the four-bit kernel lays out together."""

_SLICE = 1 << 22
"""Weights that are packed at once, so that packing an output layer does not take gigabytes."""

_ROWS_AT = {
    "kernel": 0,
    "scales_and_zeros": 1,
    "levels": 2,
    "scale": 2,
    "zero": 2,
    "integers": 0,
    "row_scale": 0,
}
"""The dimension of each tensor that the rows of the weights are."""

_FEW = 16
"""Rows up to which the four-bit kernel is quicker than multiplying with unpacked weights."""


def processor() -> str:
    """What the packed layout depends on: the vector instructions, and whether they multiply
    eight-bit integers. Empty where PyTorch has no quick four-bit kernel."""
    capability = torch.backends.cpu.get_cpu_capability()
    if capability not in ("AVX2", "AVX512"):
        return ""
    integers = capability == "AVX512" and torch.cpu._is_vnni_supported()
    return capability.lower() + ("vnni" if integers else "")


class Scratch:
    """Memory that the layers unpack their weights into, one after the other."""

    def __init__(self) -> None:
        self._buffers: dict[torch.dtype, Tensor] = {}

    def take(self, dtype: torch.dtype, *shape: int) -> Tensor:
        """An uninitialised tensor of that shape; the next call may give the same memory."""
        size = torch.Size(shape).numel()
        buffer = self._buffers.get(dtype)
        if buffer is None or buffer.numel() < size:
            buffer = self._buffers[dtype] = torch.empty(size, dtype=dtype)
        return buffer[:size].view(shape)


class PackedLinear(nn.Module):
    """``y = x W + b`` over weights that `pack` made.

    Args:
        tensors: what `pack` returned, with ``bias`` where the layer has one.
        scratch: shared by the layers of a model, which are run one at a time.
    """

    def __init__(self, tensors: dict[str, Tensor], scratch: Scratch) -> None:
        super().__init__()
        self.kernel = tensors["kernel"]
        self.scales_and_zeros = tensors["scales_and_zeros"]
        self.out_features = self.kernel.shape[0]
        self.bias = tensors.get("bias")
        halves = 2 if "eight_bits" in tensors else 1
        self.in_features = self.scales_and_zeros.shape[0] * GROUP // halves
        self._two_halves = halves == 2
        self._tensors = tensors
        self._scratch = scratch
        self._integers = (
            torch.ops.onednn.qlinear_prepack(tensors["integers"], None)
            if "integers" in tensors
            else None
        )
        if self._integers is not None:
            self._row_scale = tensors["row_scale"]
            self._no_offset = torch.zeros(self.out_features, dtype=torch.int64)
            del tensors["integers"]  # now held in the layout of the processor

    def forward(self, x: Tensor) -> Tensor:
        """``(…, in_features)`` → ``(…, out_features)``, both bfloat16."""
        rows = x.reshape(-1, self.in_features)
        if len(rows) <= _FEW:
            y = self._write(rows)
        elif self._integers is not None:
            y = self._read_integers(rows)
        elif "levels" in self._tensors:
            y = self._read(rows)
        else:  # the output layer, which is asked about the last rows alone
            y = torch.cat([self._write(part) for part in torch.split(rows, _FEW)])
        return y.view(*x.shape[:-1], self.out_features)

    def _write(self, rows: Tensor) -> Tensor:
        if self._two_halves:
            rows = torch.cat([rows, rows], 1)
        y: Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu(
            rows, self.kernel, GROUP, self.scales_and_zeros
        )
        return y if self.bias is None else y.add_(self.bias)

    def _read_integers(self, rows: Tensor) -> Tensor:
        """Each row and each output's weights as eight-bit integers under a scale of their own."""
        scale = rows.abs().amax(1, keepdim=True).clamp_min_(1e-9).div_(127)
        levels = (rows / scale).round_().add_(128).clamp_(1, 255).to(torch.uint8)
        y: Tensor = torch.ops.onednn.qlinear_pointwise(
            *(levels, 1.0, 128, self._integers, self._row_scale, self._no_offset),
            *(None, 1.0, 0, torch.bfloat16, "none", [], ""),
        )
        y *= scale
        return y if self.bias is None else y.add_(self.bias)

    def _read(self, rows: Tensor) -> Tensor:
        dtype = torch.bfloat16 if has_bfloat16() else torch.float32
        weights, rows = self._unpack(dtype), rows.to(dtype)
        y = torch.mm(rows, weights).to(torch.bfloat16)
        return y if self.bias is None else y.add_(self.bias)

    def _unpack(self, dtype: torch.dtype) -> Tensor:
        """The weights, transposed: ``(in_features, out_features)``."""
        levels, groups = self._tensors["levels"], self.in_features // GROUP
        weights = self._scratch.take(dtype, groups, GROUP, self.out_features)
        if self._two_halves:
            weights.copy_(levels).mul_(self._tensors["scale"])
        else:
            both = self._scratch.take(torch.uint8, groups, 2, GROUP // 2, self.out_features)
            torch.bitwise_and(levels, 15, out=both[:, 0])
            torch.bitwise_right_shift(levels, 4, out=both[:, 1])
            weights.copy_(both.view(weights.shape))
            weights.mul_(self._tensors["scale"]).add_(self._tensors["zero"])
        return weights.view(self.in_features, self.out_features)


def pack(weight: Tensor, *, reading: bool = True, integers: bool = False) -> dict[str, Tensor]:
    """The tensors of a `PackedLinear` for one layer's weights.

    Args:
        weight: ``(out_features, in_features)``.
        reading: whether the layer reads prompts too, or only the last rows of them.
        integers: read them in eight-bit arithmetic.
    """
    on_grid = is_on_grid(weight)
    rows = max(1, _SLICE // weight.shape[1] // _BLOCK) * _BLOCK
    parts = [_pack_rows(part, on_grid, reading, integers) for part in torch.split(weight, rows)]
    tensors = {name: torch.cat([part[name] for part in parts], _ROWS_AT[name]) for name in parts[0]}
    return tensors if on_grid else tensors | {"eight_bits": torch.ones(1)}


def _pack_rows(weight: Tensor, on_grid: bool, reading: bool, integers: bool) -> dict[str, Tensor]:
    if on_grid:
        levels, scale, lowest = four_bits(weight)
        tensors = _kernel(levels, scale, lowest + 8 * scale)
    else:
        levels, scale = eight_bits(weight)
        high, low = (levels + 128) >> 4, (levels + 128) & 15
        # (16·high + low − 128)·scale, where the kernel computes (level − 8)·scale + zero
        tensors = _kernel(
            torch.cat([high, low], 1),
            torch.cat([16 * scale, scale], 1),
            torch.cat([torch.zeros_like(scale), 8 * scale], 1),
        )
    if reading and integers:
        return tensors | _integers(weight)
    if reading:
        return tensors | _reading(levels, scale, lowest if on_grid else None)
    return tensors


def _kernel(levels: Tensor, scale: Tensor, zero: Tensor) -> dict[str, Tensor]:
    """In the layout of ``_weight_int4pack_mm_for_cpu``."""
    return {
        "kernel": torch.ops.aten._convert_weight_to_int4pack_for_cpu(levels.to(torch.int32), 1),
        "scales_and_zeros": torch.stack([scale.t(), zero.t()], -1).to(torch.bfloat16).contiguous(),
    }


def _reading(levels: Tensor, scale: Tensor, zero: Tensor | None) -> dict[str, Tensor]:
    """Transposed, so that a group's scale is multiplied along rows of memory."""
    outputs, inputs = levels.shape
    groups = inputs // GROUP
    turned = levels.t().reshape(groups, GROUP, outputs)
    by_group = {"scale": scale.t().to(torch.bfloat16).contiguous().view(groups, 1, outputs)}
    if zero is None:
        return by_group | {"levels": turned.to(torch.int8).contiguous()}
    low, high = turned.to(torch.uint8).chunk(2, 1)
    by_group["zero"] = zero.t().to(torch.bfloat16).contiguous().view(groups, 1, outputs)
    return by_group | {"levels": (low | (high << 4)).contiguous()}


def _integers(weight: Tensor) -> dict[str, Tensor]:
    scale = weight.float().abs().amax(1).clamp_min(1e-9) / 127
    return {"integers": (weight / scale[:, None]).round().to(torch.int8), "row_scale": scale}
