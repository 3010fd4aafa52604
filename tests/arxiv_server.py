"""arXiv as a local server plays it, with feeds of the shape that arXiv's own have."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import arxiv
import pytest

from rag.sources import arxiv_api

ENTRY = """<entry>
<id>http://arxiv.org/abs/{number}v2</id>
<updated>2024-02-03T10:00:00Z</updated><published>2023-12-31T18:59:01Z</published>
<title>Waves in
  canals {number}</title>
<summary>  Waves travel in canals
of width $w_i$. They stop &lt; 5.
</summary>
<author><name>Anna Ferry</name><arxiv:affiliation>Nordheim</arxiv:affiliation></author>
<author><name>Bob P\\'olya</name></author>
<arxiv:doi>10.1234/w.{number}</arxiv:doi>
<arxiv:journal_ref>J. of Rivers 3 (2024) 1-20</arxiv:journal_ref>
<link href="http://arxiv.org/abs/{number}v2" rel="alternate" type="text/html"/>
<link title="pdf" href="http://arxiv.org/pdf/{number}v2" rel="related" type="application/pdf"/>
<arxiv:primary_category term="cs.CL" scheme="http://arxiv.org/schemas/atom"/>
<category term="cs.CL" scheme="http://arxiv.org/schemas/atom"/>
<category term="stat.ML" scheme="http://arxiv.org/schemas/atom"/>
</entry>"""
ERROR = """<entry><id>http://arxiv.org/api/errors#incorrect_id_format_for_x</id>
<title>Error</title><summary>incorrect id format for x</summary>
<updated>2024-02-03T10:00:00Z</updated><published>2024-02-03T10:00:00Z</published>
<link href="http://arxiv.org/api/errors#x" rel="alternate" type="text/html"/>
<author><name>arXiv api core</name></author></entry>"""
FEED = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom"
 xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">
<title type="html">ArXiv Query</title><id>http://arxiv.org/api/x</id>
<updated>2024-02-03T00:00:00-05:00</updated>
<opensearch:totalResults>{total}</opensearch:totalResults>
<opensearch:startIndex>{start}</opensearch:startIndex>
<opensearch:itemsPerPage>{size}</opensearch:itemsPerPage>
{entries}</feed>"""


class Server(ThreadingHTTPServer):
    """Knows papers 2401.00001 to 2401.00007, and keeps what it was asked, and when."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, str]] = []
        self.times: list[float] = []
        self.statuses: list[int] = []
        self.refuses = False

    def feed(self, asked: dict[str, str]) -> str:
        known = [f"2401.{number:05}" for number in range(1, 8)]
        if asked.get("id_list"):
            known = [i for i in known if i in asked["id_list"].replace("v2", "").split(",")]
        start, size = int(asked["start"]), int(asked["max_results"])
        entries = "".join(ENTRY.format(number=n) for n in known[start : start + size])
        if self.refuses:
            entries, known = ERROR, ["x"]
        return FEED.format(total=len(known), start=start, size=size, entries=entries)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
        self.server.asked.append(asked)
        self.server.times.append(time.monotonic())
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.send_response(status)
        self.end_headers()
        if status == 200:
            self.wfile.write(self.server.feed(asked).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(name="server")
def arxiv_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{running.server_port}/api/query?{{}}"
        monkeypatch.setattr(arxiv.Client, "query_url_format", address)
        monkeypatch.setattr(arxiv_api, "_DELAY", 0.05)
        yield running
        running.shutdown()
