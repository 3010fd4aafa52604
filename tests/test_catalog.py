"""The catalog as several processes meet it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from rag.store import Catalog


def test_a_new_catalog_can_be_opened_twice_at_once(tmp_path: Path) -> None:
    rounds = 40
    together = Barrier(2, timeout=30)

    def open_all(_: int) -> list[int]:
        found = []
        for number in range(rounds):
            together.wait()
            catalog = Catalog(tmp_path / f"{number}.sqlite")
            found.append(catalog.generation())
            catalog.close()
        return found

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(open_all, range(2))) == [[0] * rounds] * 2
