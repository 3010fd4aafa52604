"""The chat page, served: where it listens, who may come, and what it looks like."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from pathlib import Path

import gradio as gr

from rag.errors import SettingsError
from rag.settings import Settings
from ui.page.engine import Engine
from ui.page.layout import build_page

_MOST_EVENTS = 64
_LARGEST_UPLOAD = "64mb"


def serve(
    engine: Engine,
    settings: Settings,
    *,
    open_browser: bool,
    started: Callable[[str], None],
) -> None:
    """Open the page and stay until interrupted.

    Args:
        started: told the page's address once it answers.

    Raises:
        SettingsError: as `open_page`.
    """
    page, address = open_page(engine, settings, open_browser=open_browser)
    started(address)
    page.block_thread()


def open_page(
    engine: Engine, settings: Settings, *, open_browser: bool = False
) -> tuple[gr.Blocks, str]:
    """Start the model and the page, and return the page with its address.

    Raises:
        SettingsError: the address is not of this machine and no password is set, or the port
            is taken.
    """
    password = settings.password.get_secret_value()
    is_local = _is_loopback(settings.host)
    if not is_local and not password:
        raise SettingsError(
            f"{settings.host} can be reached by other machines, and no password is set.",
            "Set ASKPAPERS_PASSWORD, or listen on 127.0.0.1.",
        )
    engine.start()
    page = build_page(engine, shared=not is_local)
    page.queue(max_size=_MOST_EVENTS, api_open=False)
    files = Path(__file__).with_name("page")
    try:
        _, address, _ = page.launch(
            server_name=settings.host,
            server_port=settings.port or None,
            inbrowser=open_browser,
            auth=("reader", password) if password else None,
            theme=_theme(),
            css=(files / "page.css").read_text(encoding="utf-8"),
            head=f"<script>{(files / 'page.js').read_text(encoding='utf-8')}</script>",
            footer_links=[],
            enable_monitoring=False,
            run_history=False,
            max_file_size=_LARGEST_UPLOAD,
            show_error=True,
            quiet=True,
            prevent_thread_lock=True,
        )
    except OSError as error:
        raise SettingsError(
            f"The page cannot listen on {settings.host}:{settings.port}: {error}",
            "Choose another port with --port.",
        ) from None
    return page, address


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _theme() -> gr.themes.Base:
    """System fonts: a font from elsewhere would be a request that leaves the machine."""
    sans = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
    mono = ["ui-monospace", "Menlo", "Consolas", "monospace"]
    return gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.stone,
        font=sans,
        font_mono=mono,
        radius_size=gr.themes.sizes.radius_sm,
        text_size=gr.themes.sizes.text_md,
    )
