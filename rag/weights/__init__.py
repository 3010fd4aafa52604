"""Model files: which exist, where they come from, and that they are what they should be."""

from rag.weights.catalogue import (
    CATALOGUE,
    ENCODER,
    LARGER_ENCODER,
    Model,
    ModelFile,
    find_model,
    get_model,
)
from rag.weights.fetch import fetch, is_present, model_folder, verify
from rag.weights.unpack import BF16, Form, unpack_gguf, verify_unpacked

__all__ = [
    "BF16",
    "CATALOGUE",
    "ENCODER",
    "LARGER_ENCODER",
    "Form",
    "Model",
    "ModelFile",
    "fetch",
    "find_model",
    "get_model",
    "is_present",
    "model_folder",
    "unpack_gguf",
    "verify",
    "verify_unpacked",
]
