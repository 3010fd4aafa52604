"""Packed models on disk: written once, read in seconds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rag.chat_models.packed.grid import GROUP
from rag.chat_models.packed.layer import PackedLinear, Scratch, pack, processor

_QUICK_READERS = ("gate_proj", "up_proj")
"""Layers read in eight-bit arithmetic where the processor has it. They take in normalised rows
without outliers; attention and ``down_proj`` cost more agreement than they save time."""

_PACKED, _PLAIN = "packed.safetensors", "plain.safetensors"


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
    path, scratch = folder / _PACKED, Scratch()

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

    from rag.chat_models.packed.lean import make_lean

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

    The safetensors library maps the file instead. Then a token took 85 ms where it takes 50 from
    here, and the mapped pages counted beside what is made of them: 5.2 GB against 3.2.

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


def _linears(model: Any) -> Iterator[tuple[nn.Module, str, nn.Linear, bool]]:
    """Parent, name, layer, and whether it reads prompts, of each layer that can be packed."""
    head = model.get_output_embeddings()
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if not isinstance(layer, nn.Linear):
                continue
            if layer.out_features % 64 == 0 and layer.in_features % (2 * GROUP) == 0:
                yield parent, name, layer, layer is not head
