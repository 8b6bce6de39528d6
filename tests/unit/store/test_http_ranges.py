"""Byte ranges are read from a correct web server; each fault of a server raises its error."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from eddyline.core.backoff import BackoffPolicy
from eddyline.core.errors import (
    EddylineError,
    InputError,
    MissingError,
    TransientError,
    TruncatedError,
    UnsupportedError,
    UsageError,
)
from eddyline.store import http_ranges
from eddyline.store.http_ranges import HEAD, HttpRanges
from eddyline.store.open_source import is_remote, open_remote

FILE = bytes(number % 251 for number in range(3 * HEAD))


class Server(ThreadingHTTPServer):
    """Serves FILE at each path that is not in `responses`; records the path and range of each request."""

    daemon_threads = True
    data = FILE
    tag = '"one"'

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[tuple[str, str]] = []
        self.clients: set[object] = set()
        self.responses: dict[str, Callable[[Handler], None]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Ignores the errors of closed connections."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.received.append((self.path, self.headers["Range"]))
        self.server.clients.add(self.client_address)
        self.server.responses.get(self.path.split("?")[0], Handler.ranges)(self)

    def ranges(self) -> None:
        data = self.server.data
        requested = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"])
        assert requested
        start, stop = int(requested[1]), min(int(requested[2]) + 1, len(data))
        if start >= len(data):
            self.answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        elif self.headers["If-Range"] not in {None, self.server.tag}:
            self.answer(200, data, {"ETag": self.server.tag})
        else:
            headers = {"Content-Range": f"bytes {start}-{stop - 1}/{len(data)}", "ETag": self.server.tag}
            self.answer(206, data[start:stop], headers)

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(http_ranges, "_BACKOFF", BackoffPolicy(base_s=0.001, cap_s=0.002))
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def always(status: int, **headers: str) -> Callable[[Handler], None]:
    headers_sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.answer(status, b"", headers_sent)


def test_ranges_are_read_over_one_connection(server: Server) -> None:
    with HttpRanges(f"{server.url}/a b.mp4") as ranges:
        assert ranges.size == len(FILE)
        for offset, length in ((0, 16), (HEAD - 5, 10), (2 * HEAD, HEAD), (len(FILE) - 1, 1), (7, 0)):
            assert ranges.read(offset, length) == FILE[offset : offset + length]
        assert len(server.received) == ranges.requests == 4, (
            "the request for the size returned the first 16 bytes"
        )
        assert len(server.clients) == 1
        assert ranges.bytes_read == HEAD + 10 + HEAD + 1
    assert server.received[0][0] == "/a%20b.mp4"


def test_a_large_read_is_split_into_several_requests(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_ranges, "PART", 10_000)
    with HttpRanges(f"{server.url}/x") as ranges:
        assert ranges.read(1, len(FILE) - 1) == FILE[1:]
        assert ranges.requests == 1 + 5


def test_reading_beyond_the_end_is_an_error_without_a_request(server: Server) -> None:
    with HttpRanges(f"{server.url}/x") as ranges, pytest.raises(TruncatedError, match="it ends at"):
        ranges.read(len(FILE) - 1, 2)
    assert len(server.received) == 1


def test_an_empty_file_has_size_zero(server: Server) -> None:
    server.data = b""
    with HttpRanges(f"{server.url}/x") as ranges:
        assert ranges.size == 0


def test_a_server_without_ranges_is_an_error_and_no_file_is_downloaded(server: Server) -> None:
    server.responses["/x"] = lambda handler: handler.answer(200, FILE, {})
    with pytest.raises(UnsupportedError, match="byte ranges"):
        HttpRanges(f"{server.url}/x")


@pytest.mark.parametrize(
    ("status", "kind", "requests"),
    [
        (404, MissingError, 1),
        (410, MissingError, 1),
        (403, UsageError, 1),
        (400, InputError, 1),
        (503, TransientError, 3),
    ],
)
def test_each_status_raises_its_error(
    server: Server, status: int, kind: type[EddylineError], requests: int
) -> None:
    server.responses["/x"] = always(status)
    with pytest.raises(kind, match=str(status)):
        HttpRanges(f"{server.url}/x")
    assert len(server.received) == requests


def test_a_busy_server_is_retried(server: Server) -> None:
    def busy_once(handler: Handler) -> None:
        del server.responses["/x"]
        handler.answer(503, b"", {})

    server.responses["/x"] = busy_once
    with HttpRanges(f"{server.url}/x") as ranges:
        assert ranges.size == len(FILE)


def test_versions_of_a_changing_file_are_not_mixed(server: Server) -> None:
    with HttpRanges(f"{server.url}/x") as ranges:
        server.data, server.tag = FILE[::-1], '"two"'
        with pytest.raises(MissingError, match="changed"):
            ranges.read(HEAD, 100)


def test_a_limited_number_of_redirects_is_followed(server: Server) -> None:
    server.responses["/a"] = always(302, Location="/b?key=1")
    with HttpRanges(f"{server.url}/a") as ranges:
        assert ranges.read(HEAD, 9) == FILE[HEAD : HEAD + 9]
        assert ranges.name == f"{server.url}/b", "a query may contain a secret"
    assert [path for path, _ in server.received] == ["/a", "/b?key=1", "/b?key=1"], (
        "the target of the redirect is remembered"
    )
    server.responses["/round"] = always(301, Location="/round")
    with pytest.raises(InputError, match="redirects"):
        HttpRanges(f"{server.url}/round")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://host/x", "//user:pass@host/x", "http://:x/"])
def test_a_redirect_to_another_scheme_is_rejected(server: Server, target: str) -> None:
    server.responses["/a"] = always(302, Location=target)
    with pytest.raises(UsageError):
        HttpRanges(f"{server.url}/a")


@pytest.mark.parametrize(
    "content_range", ["bytes 1-16384/49152", "bytes 0-99/49152", "bytes 0-16383/*", "nonsense"]
)
def test_a_range_that_was_not_requested_is_rejected(server: Server, content_range: str) -> None:
    server.responses["/x"] = lambda handler: handler.answer(
        206, FILE[:HEAD], {"Content-Range": content_range}
    )
    with pytest.raises((UnsupportedError, MissingError)):
        HttpRanges(f"{server.url}/x")


def test_a_truncated_body_is_an_error(server: Server) -> None:
    def answer_partially(handler: Handler) -> None:
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes 0-{HEAD - 1}/{len(FILE)}")
        handler.send_header("Content-Length", str(HEAD))
        handler.end_headers()
        handler.wfile.write(FILE[:100])
        handler.close_connection = True

    server.responses["/x"] = answer_partially
    with pytest.raises(TransientError, match="broke"):
        HttpRanges(f"{server.url}/x")


def test_a_server_that_does_not_respond_is_an_error(server: Server) -> None:
    release = threading.Event()
    server.responses["/x"] = lambda handler: handler.log_message(release.wait(5))
    try:
        with pytest.raises(TransientError, match="does not respond"):
            HttpRanges(f"{server.url}/x", timeout_s=0.05)
    finally:
        release.set()


@pytest.mark.parametrize(
    "url", ["ftp://host/x", "https://", "https://me:secret@host/x", "http://host:notaport/", "x", "http://[/"]
)
def test_an_invalid_url_is_rejected_without_its_secrets(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        HttpRanges(url)
    assert "secret" not in str(caught.value)


def test_remote_addresses_are_distinguished_from_paths(server: Server) -> None:
    remote, local = ("https://h/x", "S3://b/k", "az://c/k"), ("/a/b", "c://x", "file:///x")
    assert all(map(is_remote, remote))
    assert not any(map(is_remote, local))
    ranges = open_remote(f"{server.url}/x")
    assert ranges.read(0, 4) == FILE[:4]
    ranges.close()
    with pytest.raises(UsageError):
        open_remote("s3://bucket")
