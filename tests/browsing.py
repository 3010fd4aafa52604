"""What the browser tests share: the page in this process, Chromium, and how a reader asks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from needed import need_models
from playwright.sync_api import Browser, Page, expect, sync_playwright
from scripted import ScriptedModel

from rag import weights
from rag.chat_models import load_chat_model
from rag.library import Library
from rag.papers import Paper
from rag.sample import sample_papers
from rag.settings import Settings, load_settings
from ui.page.engine import Engine
from ui.web import open_page

# A page that shares two cores with a model answers late; how late is measured, not tested.
expect.set_options(timeout=20_000)

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), "")
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()

HOSTILE = Paper(
    title="The <SEG> token <img src=x onerror=alert(1)> and $5 or $6",
    abstract=(
        "The <SEG> token is zorbed by [a link](javascript:alert(1)) and **stars**. "
        "It costs 85\\% of <script>alert(1)</script> each year."
    ),
    url="javascript:alert(1)",
)
KESTREL = Paper(
    title="Kestrel: Sparse Attention for Long Rivers",
    abstract=(
        "Kestrel is a sparse attention layer for hydrology. It reaches 71.5% accuracy on "
        "RiverBench. Training takes 3 hours on one machine, with $x_i \\leq \\mu$ throughout."
    ),
    authors=("Ada Gu", "Bo Li"),
    year=2021,
    venue="Journal of Rivers",
    url="https://doi.org/10.1000/xyz",
    source_id="gu-kestrel",
    source="mine.bib",
)
REPLIES = {
    "accuracy does Kestrel": "Kestrel reaches 71.5% accuracy on RiverBench.",
    "training": "Training takes 3 hours on one machine.",
    "SEG": "The <SEG> token is zorbed by [a link](javascript:alert(1)) and **stars**.",
    "sparse attention": "Kestrel is a sparse attention layer for hydrology, " * 40,
}
PACE = 0.03


@dataclass(frozen=True, slots=True)
class Served:
    """A page being served.

    Attributes:
        home: the folder that it keeps everything in.
    """

    address: str
    home: Path
    library: Library


def own_settings(folder: Path) -> Settings:
    """Settings whose home is the test's, with the real model files in it, and no second look."""
    real = load_settings()
    need_models(real, weights.ENCODER)
    home = folder / "home"
    home.mkdir()
    (home / "models").symlink_to(real.models_path)
    return load_settings(home=home, library=folder / "library", port=0, reranker="")


@contextmanager
def serving(
    folder: Path,
    papers: list[Paper],
    *,
    real: bool = False,
    error: Exception | None = None,
    broken: str = "",
) -> Iterator[Served]:
    """The page over these papers, with a scripted model, the real one, or none.

    Args:
        error: why no model can be opened; with `broken`, why that one cannot.
    """
    if not CHROMIUM:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    settings = own_settings(folder)

    def open_model(chosen: Settings, report: Any) -> Any:
        if error is not None and broken in ("", chosen.model):
            raise error
        if real:
            return load_chat_model(chosen, report=report)
        return ScriptedModel(replies=REPLIES, pause=PACE)

    library = Library(settings.library_path, settings)
    library.add(papers)
    page, address = open_page(Engine(library, settings, open_model), settings)
    try:
        yield Served(address, settings.home, library)
    finally:
        page.close(verbose=False)


def starter_and(*papers: Paper) -> list[Paper]:
    """Some starter papers with a few more; all of them would take longer to embed."""
    return [*islice(sample_papers(), 30), *papers]


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser, served: Served, **context: Any) -> Iterator[Page]:
    """A fresh reader; a request that leaves the machine, an alert or an error fails the test."""
    strangers: list[str] = []
    place = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **context})
    page = place.new_page()
    page.on("request", lambda request: strangers.append(request.url))
    page.on("dialog", lambda dialog: strangers.append(f"dialog {dialog.message}"))
    page.on("pageerror", lambda error: strangers.append(f"error {error}"))
    try:
        page.goto(served.address)
        expect(page.locator("#transcript")).not_to_be_empty()
        yield page
    finally:
        place.close()
    inside = (served.address.rstrip("/"), "data:", "blob:")
    assert [url for url in strangers if not url.startswith(inside)] == []


def send(page: Page, question: str) -> None:
    """Ask by keyboard, without waiting."""
    box = page.get_by_label("Question", exact=True)
    box.fill(question)
    box.press("Enter")


def ask(page: Page, question: str, *, turns: int, patience: float = 30_000) -> str:
    """Ask by keyboard, and wait for the checked answer; what the last turn says.

    Args:
        turns: how many the conversation has then.
    """
    send(page, question)
    return wait(page, turns=turns, patience=patience)


def wait(page: Page, *, turns: int, patience: float = 30_000) -> str:
    """Wait until nothing is on its way; what the last turn says."""
    done = page.locator("#transcript article.turn")
    expect(done).to_have_count(turns, timeout=patience)
    expect(page.locator("#live article.turn")).to_have_count(0, timeout=patience)
    return done.last.inner_text()
