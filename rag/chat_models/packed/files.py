"""Packed models on disk: written once, read in seconds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rag.chat_models.packed.grid import GROUP
from rag.chat_models.packed.layer import PackedLinear, Scratch, pack, processor

_QUICK_READERS = ("gate_proj", "up_proj")
"""Layers read in eight-bit arithmetic where the processor has it. They take in normalised rows
without outliers; attention and ``down_proj`` cost more agreement than they save time."""

_PACKED, _ENDING = "packed.", ".safetensors"
"""A file a layer is called so, with the layer's name between; then only one is ever in memory
twice while a model is packed."""

_PLAIN = "plain.safetensors"


def save_packed(model: Any, folder: Path) -> None:
    """Pack a model's linear layers, freeing each, and write what `load_packed` reads."""
    from safetensors.torch import save_file

    integers = processor().endswith("vnni")
    names = {id(module): name for name, module in model.named_modules()}
    places = [(parent, name, reading) for parent, name, _, reading in _linears(model)]
    for parent, name, reading in places:
        layer = getattr(parent, name)
        quick = integers and name in _QUICK_READERS
        tensors = pack(layer.weight.data, reading=reading, integers=quick)
        if layer.bias is not None:
            tensors["bias"] = layer.bias.data
        save_file(tensors, folder / f"{_PACKED}{names[id(layer)]}{_ENDING}")
        setattr(parent, name, nn.Identity())
    plain = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(plain, folder / _PLAIN)
    model.config.save_pretrained(folder)
    if model.generation_config is not None:
        model.generation_config.save_pretrained(folder)


def is_packed(folder: Path) -> bool:
    """Whether the folder holds what `save_packed` wrote."""
    return any(_packed_files(folder))


Layers = Future[dict[str, PackedLinear]]
"""The packed layers of a model under their names, being read."""


def read_layers(folder: Path) -> Layers:
    """Begin to read the layers that `save_packed` wrote, in threads.

    It needs nothing of transformers, whose import alone takes seconds, so both can be done at
    the same time.
    """
    scratch = Scratch()

    def read_one(path: Path) -> PackedLinear:
        return PackedLinear(_read_tensors(path), scratch)

    def read_all() -> dict[str, PackedLinear]:
        files = list(_packed_files(folder))
        names = [path.name.removeprefix(_PACKED).removesuffix(_ENDING) for path in files]
        with ThreadPoolExecutor(max_workers=2) as readers:  # while one waits, one rearranges
            return dict(zip(names, readers.map(read_one, files), strict=True))

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


def _packed_files(folder: Path) -> Iterator[Path]:
    return folder.glob(f"{_PACKED}*{_ENDING}")


def _read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, in memory of our own.

    The safetensors library maps the file instead. Then a token took 85 ms where it takes 50 from
    here, and the mapped pages counted beside what is made of them: 5.2 GB against 3.2.

    Raises:
        OSError: the file ends too soon.
    """
    dtypes = {"U8": torch.uint8, "I8": torch.int8, "BF16": torch.bfloat16, "F32": torch.float32}
    tensors = {}
    with path.open("rb", buffering=0) as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        for name, entry in header.items():
            tensor = torch.empty(entry["shape"], dtype=dtypes[entry["dtype"]])
            memory = memoryview(tensor.view(-1).view(torch.uint8).numpy().data)
            file.seek(8 + length + entry["data_offsets"][0])
            while len(memory):
                read = file.readinto(memory)
                if not read:
                    raise OSError(f"{path} ends too soon")
                memory = memory[read:]
            tensors[name] = tensor
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
