"""A receiver of webhooks on loopback, and events to deliver, for tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sqlalchemy import insert

from eddyline.graph.db.library_schema import events
from eddyline.graph.ledger.ledger import Ledger


class Receiver(ThreadingHTTPServer):
    """Answers each request with the next of `statuses` (200 once they are used up), and keeps what it got."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.lock = threading.Lock()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/hook"

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.received]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.received.append(({k.lower(): v for k, v in self.headers.items()}, body))
            status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.send_response(status)
        if status in {301, 302, 307, 308}:
            self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def add_event(
    ledger: Ledger, kind: str = "asset.ready", owner: str = "", asset: str = "00ff00ff00ff00ff"
) -> None:
    row = {
        "at": ledger.now(),
        "kind": kind,
        "owner": owner,
        "asset": asset,
        "body": json.dumps({"name": "a.mp4"}),
    }
    ledger.write(lambda c: c.execute(insert(events), row))
