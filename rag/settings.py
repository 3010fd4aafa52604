"""Every default in one place; ``ASKPAPERS_*`` variables set each of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from rag.errors import SettingsError


class Settings(BaseSettings):
    """What a person can set. The variable of ``home`` is ``ASKPAPERS_HOME``, and so on."""

    model_config = SettingsConfigDict(env_prefix="ASKPAPERS_", frozen=True)

    home: Path = Field(
        default_factory=lambda: user_data_path("askpapers"),
        description="Folder that holds everything the program keeps.",
    )
    library: Path | None = Field(
        default=None,
        description="Folder of the library, or @ and its name; else `library` under the home.",
    )
    model: str = Field(
        default="qwen2.5-coder-1.5b-instruct",
        description=(
            "Language model: a name from `askpapers models`, a hub repository, a local folder, "
            "a GGUF file, or the http address of an OpenAI-compatible server."
        ),
    )
    server_model: str = Field(
        default="", description="Name of the model on that server; by default its first one."
    )
    server_key: SecretStr = Field(
        default=SecretStr("none"), description="Key that the server asks for, if it does."
    )
    models_from: Path | None = Field(
        default=None, description="Folder with model files, looked in before any network."
    )
    threads: int = Field(
        default=0, ge=0, description="Processor threads for the models; 0 for the cores there are."
    )
    precision: Literal["auto", "bf16"] = Field(
        default="auto",
        description=(
            "How a GGUF model's weights are run: auto takes the four-bit layers where the "
            "processor has the instructions for them; bf16 never does, and takes more memory."
        ),
    )
    reranker: str = Field(
        default="smollm2-135m-instruct",
        description=(
            "Small language model that, after a larger encoder, looks again at what was found "
            "where the first look is not sure: a chat model's name from `askpapers models`; empty "
            "for no second look."
        ),
    )
    papers: int = Field(
        default=8,
        ge=1,
        le=100,
        description="Papers shown as found; those that were read are always there.",
    )
    evidence_tokens: int = Field(
        default=640,
        ge=64,
        le=16_384,
        description=(
            "Tokens of evidence that are read, lists and comparisons aside; where no model reads, "
            "half as many again after a second look."
        ),
    )
    answer_tokens: int = Field(
        default=160, ge=16, le=4096, description="Longest answer the model may write, in tokens."
    )
    quote: bool = Field(
        default=False,
        description="Answer with the papers' own sentences, at once, without the language model.",
    )
    temperature: float = Field(
        default=0.0, ge=0, le=2, description="0 always takes the likeliest word."
    )
    caution: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description=(
            "How readily to say that the papers do not say: 0 only where nothing bears an answer "
            "out, 1 very readily."
        ),
    )
    host: str = Field(default="127.0.0.1", description="Address the page listens on.")
    port: int = Field(default=7860, ge=0, le=65535, description="Port of the page; 0 picks one.")

    password: SecretStr = Field(
        default=SecretStr(""), description="Password of the page, for the name `reader`."
    )

    @field_validator("library")
    @classmethod
    def _has_a_plain_name(cls, library: Path | None) -> Path | None:
        if str(library).startswith("@") and not re.fullmatch(r"@\w[\w.-]*", str(library)):
            raise ValueError("a library's name is @ and letters, digits, '-', '.' or '_'")
        return library

    @property
    def library_path(self) -> Path:
        if self.library is None:
            return self.home / "library"
        name = str(self.library)
        return self.libraries_path / name[1:] if name.startswith("@") else self.library

    @property
    def libraries_path(self) -> Path:
        """Folder of the libraries that have names."""
        return self.home / "libraries"

    @property
    def models_path(self) -> Path:
        return self.home / "models"


_OPTIONS = {"library", "model", "quote", "host", "port"}
"""Settings that commands have options for."""


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment, with the given ones put over them.

    Overrides that are None are left out, so that a command's unset options fall through.

    Raises:
        SettingsError: a value cannot be used; the message names the variable.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        option = f"the option --{name} or " if name in _OPTIONS else ""
        raise SettingsError(
            f"{name} = {first['input']!r} cannot be used: {first['msg']}.",
            f"Change {option}the variable ASKPAPERS_{name.upper()}.",
        ) from None
