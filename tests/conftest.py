"""What every test may use. Nothing here touches the reader's own library."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from needed import need_models

from rag import weights
from rag.library import Library
from rag.memory import give_back_memory
from rag.papers import Paper
from rag.settings import Settings, load_settings
from rag.threads import usable_cores

if "PYTEST_XDIST_WORKER_COUNT" in os.environ:  # tests that run beside each other share the cores
    _threads = max(1, usable_cores() // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    os.environ |= {"ASKPAPERS_THREADS": str(_threads), "OMP_NUM_THREADS": str(_threads)}

# How long a case takes says more of the machine than of the program.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

DATA = Path(os.environ.get("ASKPAPERS_DATA", Path(__file__).parents[2] / "shared" / "data"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow tests run only where `-m slow` asks for them."""
    if "slow" in config.option.markexpr:
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]


@pytest.fixture(autouse=True)
def _own_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default library of a test is its own; only tests of the reranker fetch one."""
    monkeypatch.setenv("ASKPAPERS_LIBRARY", str(tmp_path / "default-library"))
    monkeypatch.setenv("ASKPAPERS_RERANKER", "")


@pytest.fixture(autouse=True, scope="module")
def _memory_goes_back() -> Iterator[None]:
    """Models that a module's tests loaded lie in circles; left there, they add up to 10 GB."""
    yield
    gc.collect()
    give_back_memory()


@pytest.fixture
def settings() -> Settings:
    """Settings with the real weights' folder; the library is the test's own."""
    return load_settings()


@pytest.fixture
def library(tmp_path: Path, settings: Settings) -> Library:
    """An empty library with the real encoder and real Chroma."""
    need_models(settings, weights.ENCODER)
    return Library(tmp_path / "library", settings)


@pytest.fixture(scope="session")
def seeds() -> list[Path]:
    """The two saved listings that lie beside the project."""
    files = sorted((DATA / "seeds").glob("*.txt"))
    if not files:
        pytest.skip(f"no listings in {DATA / 'seeds'}; set ASKPAPERS_DATA to where they are")
    return files


@pytest.fixture
def three_papers() -> list[Paper]:
    """Papers made up for tests."""
    return [
        Paper(
            title="Kestrel: Sparse Attention for Long Rivers",
            abstract=(
                "Kestrel is a sparse attention layer for hydrology. It reaches 71.5% accuracy on "
                "RiverBench. Training takes 3 hours on one machine."
            ),
            year=2021,
        ),
        Paper(
            title="Wren: Small Models that Sing",
            abstract="Wren generates bird song with 4 million parameters. It runs on a phone.",
        ),
        Paper(
            title="Heron, a Data Set of Lakes",
            abstract="Heron holds 12,000 photographs of lakes. Each one was labelled by hand.",
        ),
    ]
