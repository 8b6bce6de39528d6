"""Counts the requests to S3 and SQS for one asset, by a proxy between the processes and the servers.

`python -m benchmarks requests` (about two minutes; not part of the default run) starts MiniStack, a
coordinator and two workers (`light` and `cpu`), submits a generated clip, and counts the requests until the
asset is published and its temporary files are removed. The requests of the idle processes are counted first;
their rate, multiplied by the duration of the asset, is subtracted.
"""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.acceptance.machines import Machines
from tests.servers.__main__ import BUCKET
from tests.servers.ministack import start_server
from tests.waiting import wait_until

from eddyline.graph.ledger.ledger import Ledger

SECONDS = 20  # of the clip
IDLE_S = 40.0
_COMMAND = (sys.executable, "-m", "eddyline")
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "expect"})
_TIMEOUT_S = 600.0
_SETTLE_S = 5.0  # after this, the command queues exist


def measure(work: Path) -> dict[str, float]:
    """Return the requests by kind: for one asset, and per hour of two idle workers and a coordinator."""
    server = start_server(work)
    try:
        with _proxy(server.port) as proxy:
            assert server.request("PUT", f"/{BUCKET}")[0] == 200
            return _count(proxy, work)
    finally:
        server.stop()


def _is_ready(machines: Machines, pool: str) -> bool:
    return "worker ready" in str(machines.lines(pool))


def _count(proxy: _Proxy, work: Path) -> dict[str, float]:
    ledger = work / "ledger.db"
    shared = {
        "EDDYLINE_STORE": f"s3://{BUCKET}/eddyline",
        "EDDYLINE_LEDGER": str(ledger),
        "EDDYLINE_QUEUES": "eddyline",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.server_port}",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
    }
    clip = work / "clip.mp4"
    subprocess.run(
        [*_COMMAND, "demo-clip", str(clip), "--seconds", str(SECONDS)], check=True, capture_output=True
    )
    with Machines(command=_COMMAND, folder=work, shared=shared) as machines:
        machines.start("coordinator", "coordinator")
        for pool in ("light", "cpu"):
            # The workers have access to the store and the queues only, not to the ledger.
            machines.start(pool, "worker", "--pool", pool, EDDYLINE_LEDGER="")
        for pool in ("light", "cpu"):
            wait_until(partial(_is_ready, machines, pool), timeout_s=_TIMEOUT_S, message=machines.logs)
        time.sleep(_SETTLE_S)
        idle = _requests_during(proxy, lambda: time.sleep(IDLE_S))
        started = time.monotonic()
        busy = _requests_during(proxy, lambda: _process(machines, clip, ledger))
        seconds = time.monotonic() - started
        kinds = _job_kinds(ledger)
    found = {f"requests.idle_hour.{kind}": round(n * 3600 / IDLE_S, 1) for kind, n in idle.items()}
    for kind, number in busy.items():
        found[f"requests.asset.{kind}"] = round(max(number - idle[kind] * seconds / IDLE_S, 0), 1)
    found |= {f"requests.asset.jobs.{kind}": float(number) for kind, number in kinds.items()}
    return dict(sorted({**found, "requests.asset.seconds": round(seconds, 1)}.items()))


def _process(machines: Machines, clip: Path, ledger: Path) -> None:
    machines.run("submit", str(clip))
    with Ledger.open(ledger) as opened:
        deadline = time.monotonic() + _TIMEOUT_S
        while opened.has_open():
            assert time.monotonic() < deadline, machines.logs()
            time.sleep(0.2)


def _job_kinds(ledger: Path) -> Counter[str]:
    with Ledger.open(ledger) as opened:
        return Counter(job.kind for job in opened.jobs())


def _requests_during(proxy: _Proxy, work: object) -> Counter[str]:
    before = proxy.snapshot()
    assert callable(work)
    work()
    return proxy.snapshot() - before


class _Proxy(ThreadingHTTPServer):
    """A proxy that forwards requests to a local port and counts them."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Ignore closed connections."""

    request_queue_size = 128

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _ForwardingHandler)
        self.port = port
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def count(self, kind: str) -> None:
        with self._lock:
            self._counts[kind] += 1

    def snapshot(self) -> Counter[str]:
        with self._lock:
            return Counter(self._counts)


class _ForwardingHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Proxy

    def _forward(self) -> None:
        body = self._body()
        self.server.count(kind_of(self.command, self.path, self.headers.get("X-Amz-Target", "")))
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        headers["Content-Length"] = str(len(body))
        connection.request(self.command, self.path, body, headers)
        response = connection.getresponse()
        content = response.read()
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in _HOP_BY_HOP and (
                name.lower() != "content-length" or self.command == "HEAD"
            ):
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        connection.close()

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _forward  # noqa: N815 - the names of the standard library

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while length := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(length))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def log_message(self, *_: object) -> None:
        """Write no log."""


def kind_of(method: str, path: str, target: str) -> str:
    """Return the kind of a request as in the price lists: `sqs.ReceiveMessage`, `s3.PUT`, `s3.GET` ..."""
    if target.startswith("AmazonSQS."):
        return f"sqs.{target.removeprefix('AmazonSQS.')}"
    url = urlsplit(path)
    parameters = parse_qs(url.query, keep_blank_values=True)
    if method == "GET" and (re.fullmatch(r"/[^/]+/?", url.path) or "list-type" in parameters):
        return "s3.LIST"
    return f"s3.{method}"


@contextmanager
def _proxy(port: int) -> Iterator[_Proxy]:
    with _Proxy(port) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        yield proxy
        proxy.shutdown()
        thread.join()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="eddyline-bench-") as folder:
        for key, value in measure(Path(folder)).items():
            print(f"{key} {value}")
