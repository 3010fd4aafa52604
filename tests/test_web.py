"""The page in a real browser: a question is asked, the checked answer and its papers are read."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from rag import weights
from rag.settings import load_settings

pytestmark = pytest.mark.browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), "")
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
TITLE = "The <SEG> token <img src=x onerror=alert(1)> and $x_i$"
ABSTRACT = (
    "The <SEG> token is zorbed by [a link](javascript:alert(1)) and **stars**. "
    "It costs 85\\% of $y$."
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page, over the starter library and one paper made to break it."""
    if not CHROMIUM:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    settings = load_settings()
    for name in (weights.ENCODER, settings.model):
        if not weights.is_present(weights.get_model(name), settings.models_path):
            pytest.skip(f"{name} is not here: run `askpapers models fetch`")
    folder = tmp_path_factory.mktemp("web")
    home = folder / "home"
    home.mkdir()
    (home / "models").symlink_to(settings.models_path)
    environment = {k: v for k, v in os.environ.items() if k != "ASKPAPERS_LIBRARY"}
    environment["ASKPAPERS_HOME"] = str(home)
    (folder / "nasty.jsonl").write_text(json.dumps({"title": TITLE, "abstract": ABSTRACT}))
    run = [sys.executable, "-c", "from ui.cli import main; main()"]
    subprocess.run([*run, "add", str(folder / "nasty.jsonl")], env=environment, check=True)
    command = [*run, "chat", "--no-open", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = next((line for line in process.stdout if "http://" in line), "")
        try:
            assert line, "the page did not start"
            yield line.split("at ")[1].split(" ")[0]
        finally:
            process.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A fresh page; a request that leaves the machine, or an alert, fails the test."""
    strangers: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: strangers.append(request.url))
    page.on("dialog", lambda dialog: strangers.append(f"dialog {dialog.message}"))
    page.goto(address)
    yield page
    page.close()
    inside = (address.rstrip("/"), "data:", "blob:")
    assert [url for url in strangers if not url.startswith(inside)] == []


def ask(page: Page, question: str) -> str:
    """Ask by keyboard, and wait for the checked answer."""
    replies = page.locator("#talk .bot.message")
    before = replies.count()
    box = page.get_by_label("Question")
    box.fill(question)
    box.press("Enter")
    expect(replies).to_have_count(before + 1, timeout=20_000)
    # What stands there while it works ends in an ellipsis or a cursor.
    expect(replies.last).not_to_have_text(re.compile(r"[…▌]\s*$"), timeout=180_000)
    expect(page.get_by_role("button", name="Stop")).to_be_hidden(timeout=20_000)
    return replies.last.inner_text()


def test_a_question_gets_an_answer_with_its_title_and_sentence(page: Page) -> None:
    said = ask(page, "What is the <SEG> token zorbed by?")
    assert "<SEG>" in said
    assert TITLE in said
    assert "[a link](javascript:alert(1)) and **stars**" in said
    cited = page.locator("#sources article h3").first.inner_text()
    assert cited == f"[1] {TITLE}"


def test_what_is_not_there_is_declined_and_a_second_question_works(page: Page) -> None:
    said = ask(page, "What is the capital of France?")
    assert "These papers do not say" in said
    assert "CLOSEST PAPERS" in page.locator("#sources").inner_text().upper()
    assert "These papers do not say" in ask(page, "Who won the world cup in 1998?")


def test_a_filter_is_said_and_can_be_taken_off(page: Page) -> None:
    said = ask(page, "What do papers since 1900 say the <SEG> token is zorbed by?")
    assert "The library has no papers since 1900." in said
    page.get_by_role("button", name="Ask all papers instead").click()
    replies = page.locator("#talk .bot.message")
    expect(replies.last).to_contain_text(TITLE, timeout=180_000)
    expect(replies).to_have_count(1)
    expect(page.get_by_role("button", name="Ask all papers instead")).to_be_hidden()


def test_stop_ends_the_writing(page: Page) -> None:
    box = page.get_by_label("Question")
    box.fill("Explain in detail how the <SEG> token is zorbed.")
    box.press("Enter")
    page.get_by_role("button", name="Stop").click(timeout=20_000)
    expect(page.get_by_role("button", name="Stop")).to_be_hidden(timeout=20_000)
    expect(page.get_by_role("button", name="Ask")).to_be_visible()
