"""Linear layers with four-bit weights, quick at reading a prompt and at writing an answer.

Writing one token reads every weight once, so it is as quick as the weights are small. Reading a
prompt multiplies hundreds of rows at once, so it is as quick as the processor multiplies. One
form of the weights cannot serve both (measured in ``docs/performance.md``), so each layer keeps
two: one in the layout of PyTorch's four-bit kernel, for few rows, and one to multiply many with.

A model that was published in four bits loses nothing by it: its weights lie on a grid of sixteen
steps in every group of 32, and `pack` finds that grid again. Weights that do not are kept in
eight bits, as two four-bit halves side by side.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

GROUP = 32
"""Weights, along the input, that share a scale."""

_FEW = 16
"""Rows up to which the four-bit kernel is quicker than multiplying with unpacked weights."""

_ON_GRID = 0.008
"""Largest distance from a grid, as a share of the group's largest weight, that is rounding:
bfloat16 has eight bits, so it rounds by up to 1/256."""

_OFF_GRID_ALLOWED = 0.001
"""Share of groups that may lie off their grid in a layer that is kept in four bits."""

_QUICK_READERS = ("gate_proj", "up_proj")
"""Layers read in eight-bit arithmetic where the processor has it. They take in normalised rows
without outliers; attention and ``down_proj`` cost more agreement than they save time."""

_PACKED, _PLAIN = "packed.safetensors", "plain.safetensors"
_SLICE = 1 << 22
_SAMPLE = 1 << 12


def processor() -> str:
    """What the packed layout depends on: the vector instructions, and whether they multiply
    eight-bit integers. Empty where PyTorch has no quick four-bit kernel."""
    capability = torch.backends.cpu.get_cpu_capability()
    if capability not in ("AVX2", "AVX512"):
        return ""
    integers = capability == "AVX512" and torch.cpu._is_vnni_supported()
    return capability.lower() + ("vnni" if integers else "")


class _Scratch:
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

    def __init__(self, tensors: dict[str, Tensor], scratch: _Scratch) -> None:
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
        dtype = torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else torch.float32
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
    four_bits = _is_on_grid(weight)
    if four_bits:
        levels, scale, lowest = _four_bits(weight)
        tensors = _kernel(levels, scale, lowest + 8 * scale)
    else:
        levels, scale = _eight_bits(weight)
        high, low = (levels + 128) >> 4, (levels + 128) & 15
        # (16·high + low − 128)·scale, where the kernel computes (level − 8)·scale + zero
        tensors = _kernel(
            torch.cat([high, low], 1),
            torch.cat([16 * scale, scale], 1),
            torch.cat([torch.zeros_like(scale), 8 * scale], 1),
        )
        tensors["eight_bits"] = torch.ones(1)
    if reading and integers:
        return tensors | _integers(weight)
    if reading:
        return tensors | _reading(levels, scale, lowest if four_bits else None)
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


def _eight_bits(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Levels −127 … 127 ``(out, in)`` and a scale a group ``(out, groups)``."""
    grouped = weight.float().view(len(weight), -1, GROUP)
    scale = grouped.abs().amax(2, keepdim=True).clamp_min(1e-9) / 127
    levels = (grouped / scale).round_().view(weight.shape).to(torch.int16)
    return levels, scale[:, :, 0]


def _is_on_grid(weight: Tensor) -> bool:
    """Whether the weights were published in four bits, from groups all over the layer."""
    groups = weight.reshape(-1, GROUP)
    _, _, _, distance = _fit(groups[:: max(1, len(groups) // _SAMPLE)].float())
    return float((distance > _ON_GRID).float().mean()) <= _OFF_GRID_ALLOWED


def _four_bits(weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Levels 0 … 15 ``(out, in)``, scale and lowest weight a group ``(out, groups)``."""
    step = max(1, _SLICE // weight.shape[1])
    parts = [_fit(part.float().reshape(-1, GROUP)) for part in torch.split(weight, step)]
    levels, scale, lowest = (torch.cat([part[i] for part in parts]) for i in range(3))
    groups = (len(weight), -1)
    return levels.view(weight.shape), scale.view(groups), lowest.view(groups)


def _fit(groups: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Levels, scale and lowest weight of the grid that each group ``(n, 32)`` lies on, and how
    far off it lies.

    Not every group reaches both ends of the sixteen, so fewer steps between its least and its
    largest are tried where fifteen do not fit.
    """
    lowest, largest = groups.amin(1, keepdim=True), groups.amax(1, keepdim=True)
    span = (largest - lowest).clamp_min_(1e-12)
    rounding = groups.abs().amax(1).clamp_min_(1e-12)
    scale = span / 15
    best = _distance(groups, lowest, scale, rounding)
    for steps in range(14, 2, -1):
        left = (best > _ON_GRID).nonzero()[:, 0]
        if not len(left):
            break
        tried = span[left] / steps
        distance = _distance(groups[left], lowest[left], tried, rounding[left])
        closer = distance < best[left] / 2
        best[left[closer]], scale[left[closer]] = distance[closer], tried[closer]
    levels = ((groups - lowest) / scale).round_().clamp_(0, 15).to(torch.uint8)
    return levels, scale, lowest, best


def _distance(groups: Tensor, lowest: Tensor, scale: Tensor, largest: Tensor) -> Tensor:
    levels = (groups - lowest) / scale
    off = (levels - levels.round()).abs_().amax(1)
    return off * scale[:, 0] / largest


def _linears(model: Any) -> Iterator[tuple[nn.Module, str, nn.Linear, bool]]:
    """Parent, name, layer, and whether it reads prompts, of each layer that can be packed."""
    head = model.get_output_embeddings()
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if not isinstance(layer, nn.Linear):
                continue
            if layer.out_features % 64 == 0 and layer.in_features % (2 * GROUP) == 0:
                yield parent, name, layer, layer is not head


def save_packed(model: Any, folder: Path) -> None:
    """Pack a model's linear layers, freeing each, and write what `load_packed` reads."""
    from safetensors.torch import save_file

    integers = processor().endswith("vnni")
    tensors: dict[str, Tensor] = {}
    names = {module: name for name, module in model.named_modules()}
    for parent, name, layer, reading in list(_linears(model)):
        quick = integers and name in _QUICK_READERS
        packed = pack(layer.weight.data, reading=reading, integers=quick)
        if layer.bias is not None:
            packed["bias"] = layer.bias.data
        tensors |= {f"{names[layer]}.{part}": tensor for part, tensor in packed.items()}
        setattr(parent, name, nn.Identity())
    save_file(tensors, folder / _PACKED)
    plain = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(plain, folder / _PLAIN)
    model.config.save_pretrained(folder)
    if model.generation_config is not None:
        model.generation_config.save_pretrained(folder)


def is_packed(folder: Path) -> bool:
    """Whether the folder holds what `save_packed` wrote."""
    return (folder / _PACKED).is_file()


Layers = Future[dict[str, PackedLinear]]
"""The packed layers of a model under their names, being read."""


def read_layers(folder: Path) -> Layers:
    """Begin to read the layers that `save_packed` wrote, in threads.

    It needs nothing of transformers, whose import alone takes seconds, so both can be done at
    the same time.
    """
    path, scratch = folder / _PACKED, _Scratch()

    def read_one(entries: Sequence[_Entry]) -> PackedLinear:
        return PackedLinear(_read_tensors(path, entries), scratch)

    def read_all() -> dict[str, PackedLinear]:
        layers = _entries(path)
        with ThreadPoolExecutor(max_workers=2) as readers:  # while one waits, one rearranges
            return dict(zip(layers, readers.map(read_one, layers.values()), strict=True))

    background = ThreadPoolExecutor(max_workers=1, thread_name_prefix="weights")
    layers = background.submit(read_all)
    background.shutdown(wait=False)
    return layers


def load_packed(folder: Path, layers: Layers) -> Any:
    """The model that `save_packed` wrote, around its packed layers."""
    from accelerate import init_empty_weights
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

    from rag.chat_models.lean import make_lean

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    with init_empty_weights(include_buffers=False):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    names = {module: name for name, module in model.named_modules()}
    places = {names[layer]: (parent, name) for parent, name, layer, _ in _linears(model)}
    for layer, packed in layers.result().items():
        parent, name = places[layer]
        setattr(parent, name, packed)
    model.load_state_dict(load_file(folder / _PLAIN), assign=True)
    model.generation_config = GenerationConfig.from_pretrained(folder, local_files_only=True)
    make_lean(model)
    return model


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a tensor lies in the file, in bytes."""

    part: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    begin: int


def _entries(path: Path) -> dict[str, list[_Entry]]:
    """The tensors of each layer that a safetensors file holds."""
    dtypes = {"U8": torch.uint8, "I8": torch.int8, "BF16": torch.bfloat16, "F32": torch.float32}
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    by_layer: dict[str, list[_Entry]] = {}
    for key, entry in header.items():
        layer, _, part = key.rpartition(".")
        if key != "__metadata__":
            begin = 8 + length + entry["data_offsets"][0]
            found = _Entry(part, dtypes[entry["dtype"]], tuple(entry["shape"]), begin)
            by_layer.setdefault(layer, []).append(found)
    return by_layer


def _read_tensors(path: Path, entries: Sequence[_Entry]) -> dict[str, Tensor]:
    """The tensors, in memory of our own.

    The safetensors library maps the file instead. Its tensors begin where the file has them,
    across the processor's cache lines, and its pages count beside what is made of them:
    measured, 85 ms a token against 50, and 5.2 GB against 3.2.

    Raises:
        OSError: the file ends too soon.
    """
    tensors = {}
    with path.open("rb", buffering=0) as file:
        for entry in entries:
            tensor = torch.empty(entry.shape, dtype=entry.dtype)
            memory = memoryview(tensor.view(-1).view(torch.uint8).numpy().data)
            file.seek(entry.begin)
            while len(memory):
                read = file.readinto(memory)
                if not read:
                    raise OSError(f"{path} ends too soon")
                memory = memory[read:]
            tensors[entry.part] = tensor
    return tensors
