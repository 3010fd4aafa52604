"""Papers from arXiv itself, which a local server plays."""

from __future__ import annotations

import arxiv
import pytest
from arxiv_server import Server, arxiv_server

from rag.errors import SourceError
from rag.papers import Paper
from rag.sources import Unreadable, arxiv_api, read_source

__all__ = ["arxiv_server"]


def test_a_number_gives_all_that_the_paper_has(server: Server) -> None:
    assert list(read_source("arxiv:2401.00001")) == [
        Paper(
            title="Waves in canals 2401.00001",
            abstract="Waves travel in canals of width $w_i$. They stop < 5.",
            authors=("Anna Ferry", "Bob Pólya"),
            year=2023,
            venue="J. of Rivers 3 (2024) 1-20",
            url="https://arxiv.org/abs/2401.00001",
            source_id="2401.00001",
            source="arXiv",
            doi="10.1234/w.2401.00001",
            arxiv="2401.00001v2",
            tags=("cs.CL", "stat.ML"),
        )
    ]


def test_a_list_of_numbers_and_what_is_not_there(server: Server) -> None:
    *papers, note = read_source("arxiv:2401.00002, 2401.00003v2,2401.99999")
    assert [paper.source_id for paper in papers] == ["2401.00002", "2401.00003"]
    assert note == Unreadable("arxiv:2401.99999", "arXiv has no paper of this number")
    assert server.asked[0]["id_list"] == "2401.00002,2401.00003v2,2401.99999"


def test_a_search_goes_page_by_page_and_no_faster_than_allowed(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arxiv_api, "_PAGE", 3)
    monkeypatch.setattr(arxiv_api, "_DELAY", 0.3)
    assert len(list(read_source("arxiv:ti:waves AND cat:cs.CL"))) == 7
    assert {asked["search_query"] for asked in server.asked} == {"ti:waves AND cat:cs.CL"}
    assert [asked["start"] for asked in server.asked] == ["0", "3", "6"]
    gaps = [after - before for before, after in zip(server.times, server.times[1:], strict=False)]
    assert min(gaps) >= 0.29


def test_the_pause_is_what_arxiv_asks_for() -> None:
    assert arxiv_api._DELAY >= 3


def test_a_server_that_fails_is_asked_again_and_then_told(server: Server) -> None:
    server.statuses = [503, 500]
    assert len(list(read_source("arxiv:2401.00001"))) == 1
    server.statuses = [503] * 9
    with pytest.raises(SourceError, match="status 503"):
        list(read_source("arxiv:2401.00001"))


def test_what_arxiv_does_not_understand_is_told(server: Server) -> None:
    server.refuses = True
    with pytest.raises(SourceError, match="incorrect id format"):
        list(read_source("arxiv:x AND"))


def test_no_connection_is_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arxiv.Client, "query_url_format", "http://127.0.0.1:9/?{}")
    with pytest.raises(SourceError, match="cannot be asked"):
        list(read_source("arxiv:2401.00001"))
    with pytest.raises(SourceError, match="without a number"):
        list(read_source("arxiv:"))
