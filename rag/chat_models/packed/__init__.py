"""Models whose linear layers are packed to four bits a weight, run by PyTorch's own kernels."""

from rag.chat_models.packed.files import is_packed, load_packed, read_layers, save_packed
from rag.chat_models.packed.layer import PackedLinear, Scratch, pack, processor
from rag.chat_models.packed.lean import make_lean

__all__ = [
    "PackedLinear",
    "Scratch",
    "is_packed",
    "load_packed",
    "make_lean",
    "pack",
    "processor",
    "read_layers",
    "save_packed",
]
