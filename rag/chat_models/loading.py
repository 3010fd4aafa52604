"""From one setting to a chat model: a known name, a hub repository, a folder, a file, a server."""

from __future__ import annotations

import re
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from rag import weights
from rag.chat_models.local import LocalChatModel
from rag.errors import ModelError
from rag.progress import Progress, Report, silent
from rag.settings import Settings

_SERVER = re.compile(r"https?://", re.IGNORECASE)
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


def needed_models(settings: Settings) -> list[weights.Model]:
    """The catalogue's models that a question runs through."""
    second_look = (settings.reranker, weights.LARGER_ENCODER) if settings.reranker else ()
    names = (weights.ENCODER, *second_look, "" if settings.quote else settings.model)
    return [*filter(None, map(weights.find_model, names))]


def needed_downloads(settings: Settings) -> list[weights.Model]:
    """The catalogue's models that a question would have to fetch first."""
    wanted = needed_models(settings)
    return [model for model in wanted if not weights.is_present(model, settings.models_path)]


def load_chat_model(settings: Settings, *, report: Report = silent) -> BaseChatModel:
    """The language model that the settings name, its files fetched and unpacked where needed.

    The weights are loaded at the first question; `LocalChatModel.read_ahead` does it sooner.

    Raises:
        ModelError: the setting names nothing that can be used.
        WeightsError: its files cannot be had.
    """
    if _SERVER.match(settings.model):
        return _server(settings)
    folder = model_folder(settings.model, settings, _form(settings), report=report)
    return LocalChatModel(
        folder=folder,
        model_name=Path(settings.model).name,
        max_tokens=settings.answer_tokens,
        temperature=settings.temperature,
        threads=settings.threads,
    )


def model_folder(
    model: str, settings: Settings, form: weights.Form, *, report: Report = silent
) -> Path:
    """The folder of a model that is run here, its files fetched and unpacked where needed.

    Args:
        model: a name of the catalogue, a hub repository, a local folder or a GGUF file.
        form: what a GGUF file is unpacked to.

    Raises:
        ModelError: it is none of them.
        WeightsError: its files cannot be had.
    """
    models = settings.models_path
    if known := weights.find_model(model):
        if known.role != "chat":
            raise ModelError(
                f"{known.name} is an encoder, it cannot write.",
                "Choose a chat model; `askpapers models` lists them.",
            )
        folder = weights.fetch(known, models, local=settings.models_from, report=report)
        file = known.files[0]
        return weights.unpack_gguf(folder / file.name, folder, form, file.sha256, report=report)
    path = Path(model).expanduser()
    if path.is_file():
        return weights.unpack_gguf(path, models / "own", form, report=report)
    if (path / "config.json").is_file():
        return path
    if _REPOSITORY.fullmatch(model):
        return _from_hub(model, models / "hub", report)
    raise ModelError(
        f"{model!r} is no model that can be used.",
        "Name one of `askpapers models`, a hub repository (owner/name), a local folder with "
        "config.json, a GGUF file, or the http address of a server.",
    )


def _form(settings: Settings) -> weights.Form:
    """What this machine runs a GGUF file's weights as."""
    import torch

    from rag.chat_models.packed import processor, save_packed

    instructions = processor()
    if settings.precision == "bf16" or not instructions or torch.cuda.is_available():
        return weights.BF16
    version = torch.__version__.partition("+")[0]  # the kernel's layout is PyTorch's own
    return weights.Form("packed", f"2-{instructions}-{version}", 2.9, save_packed)


def _from_hub(repository: str, folder: Path, report: Report) -> Path:
    """A repository's configuration, tokenizer and safetensors: never code, never pickles."""
    from huggingface_hub import snapshot_download

    place = folder / repository.replace("/", "--")
    if (place / "complete").exists():
        return place
    report(Progress(f"fetching {repository} from the hub", 0, None, "bytes"))
    try:
        snapshot_download(
            repository,
            local_dir=place,
            allow_patterns=["*.json", "*.safetensors", "*.jinja", "tokenizer*", "merges.txt"],
            ignore_patterns=["*.py"],
            etag_timeout=5,
        )
    except Exception as error:  # the client raises one of many
        raise ModelError(
            f"{repository} cannot be fetched from the hub: {error}",
            "Check the name and the network; a model that is gated needs `hf auth login`.",
        ) from None
    (place / "complete").touch()
    return place


def _server(settings: Settings) -> BaseChatModel:
    from langchain_openai import ChatOpenAI

    address = settings.model.rstrip("/")
    if not address.endswith("/v1"):
        address += "/v1"
    return ChatOpenAI(
        base_url=address,
        api_key=settings.server_key,
        model=settings.server_model or _first_model(address, settings),
        temperature=settings.temperature,
        extra_body={"max_tokens": settings.answer_tokens},  # the name most servers know
        stream_usage=True,
        max_retries=1,
        timeout=300,
    )


def _first_model(address: str, settings: Settings) -> str:
    from openai import OpenAI, OpenAIError

    client = OpenAI(
        base_url=address, api_key=settings.server_key.get_secret_value(), timeout=10, max_retries=0
    )
    try:
        models = client.models.list().data
    except OpenAIError as error:
        raise ModelError(
            f"The server at {address} does not answer: {error}",
            "Start it, or set ASKPAPERS_MODEL to another model.",
        ) from None
    if not models:
        raise ModelError(
            f"The server at {address} offers no model.", "Set ASKPAPERS_SERVER_MODEL to its name."
        )
    return str(models[0].id)
