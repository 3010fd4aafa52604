"""Memory goes back to the system, where there is a way."""

from __future__ import annotations

import sys

import pytest

from rag import memory


@pytest.mark.parametrize("platform", ["linux", "win32", "darwin"])
def test_giving_back_works_everywhere(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    memory._trim.cache_clear()
    memory.give_back_memory()
    assert (memory._trim() is not None) <= (platform == "linux")
    memory._trim.cache_clear()
