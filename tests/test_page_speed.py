"""The page with the real model; with -s it prints how soon papers and clicks are answered."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.request import urlopen

import pytest
from browsing import (
    KESTREL,
    Served,
    ask,
    chromium,
    send,
    serving,
    starter_and,
    visiting,
    wait,
)
from needed import need_models
from playwright.sync_api import Browser, expect

from rag.settings import load_settings

pytestmark = [pytest.mark.browser, pytest.mark.models]

CLICK = """async () => {
    document.querySelectorAll('#sources .card.open').forEach(c => c.classList.remove('open'));
    const start = performance.now();
    document.querySelector('.answer button.cite').click();
    while (!document.querySelector('#sources .card.open mark'))
        await new Promise(requestAnimationFrame);
    return performance.now() - start;
}"""
PRESS = """async () => {
    const start = performance.now();
    document.querySelector('#sources .card button[aria-label^="Leave out"]').click();
    while (!document.querySelector('#chips .chip'))
        await new Promise(requestAnimationFrame);
    return performance.now() - start;
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    settings = load_settings()
    need_models(settings, settings.model)
    folder = tmp_path_factory.mktemp("page")
    with serving(folder, starter_and(KESTREL), real=True) as page:
        yield page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def test_the_real_model_answers_while_the_page_is_used(browser: Browser, served: Served) -> None:
    with visiting(browser, served) as page:
        expect(page.locator("#model .loading")).to_have_count(0, timeout=120_000)
        started = time.perf_counter()
        send(page, "What accuracy does Kestrel reach on RiverBench?")
        expect(page.locator("#sources .card blockquote").first).to_be_visible(timeout=5_000)
        shown = time.perf_counter() - started
        assert "71.5" in wait(page, turns=1, patience=120_000)
        send(
            page, "How does Kestrel work, on what is it measured, and what does its training take?"
        )
        expect(page.locator("#live .draft, #live .doing").first).to_be_visible()
        opened = page.evaluate(CLICK)
        expect(page.locator("#live .draft")).to_be_visible(timeout=60_000)
        clicks = [page.evaluate(CLICK) for _ in range(3)]
        pressed = page.evaluate(PRESS)
        wait(page, turns=2, patience=120_000)
        print(f"papers {shown:.2f} s; clicks {opened:.0f} {clicks} ms; server {pressed:.0f} ms")
        page.get_by_role("button", name="Take the filters off").click()
        said = ask(page, "What is the capital of France?", turns=3, patience=120_000)
        assert "These papers do not say" in said


def test_the_command_opens_the_page(served: Served) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "ASKPAPERS_LIBRARY"}
    environment |= {
        "ASKPAPERS_HOME": str(served.home),
        "ASKPAPERS_LIBRARY": str(served.library.path),
    }
    command = "from ui.cli import main; main()"
    run = [sys.executable, "-c", command, "chat", "--no-open", "--port", "0"]
    with subprocess.Popen(run, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = next((line for line in process.stdout if "http://" in line), "")
            assert line, "the page did not start"
            address = line.split("at ")[1].split(" ")[0]
            with urlopen(address, timeout=20) as page:
                assert "askpapers" in page.read().decode()
        finally:
            process.kill()
