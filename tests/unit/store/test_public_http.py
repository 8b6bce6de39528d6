"""Requests reach public addresses only: by name, by number, by redirect, and after a second resolution."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from eddyline.core.errors import EddylineError, InputError, TransientError, UsageError
from eddyline.store import public_http
from eddyline.store.http_ranges import HttpRanges
from eddyline.store.public_http import ForbiddenAddressError, PublicConnections, PublicHttp, is_public


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[str] = []
        self.responses: dict[str, Callable[[Handler], None]] = {}

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Ignores the errors of closed connections."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.received.append(self.path)
        self.server.responses.get(self.path, Handler.answer)(self)

    do_POST = do_GET  # noqa: N815 - called by http.server

    def answer(self, status: int = 200, body: bytes = b"found", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def http_to(server: Server, **options: float) -> PublicHttp:
    """Requests that may reach the test server, by its number and port only."""
    return PublicHttp(connections=PublicConnections(exempt=frozenset({server.host})), **options)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        "0.0.0.0",  # noqa: S104 - refused
        *("224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.2.1"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:7f00:1"),
        *("64:ff9b::7f00:1", "2002:7f00:1::", "2002:a00:1::1", "fd00:ec2::254", "not an address"),
    ],
)
def test_these_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_these_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.1",
            "[::1]",
            "[::ffff:7f00:1]",
            "[::ffff:127.0.0.1]",
            "0x7f.1",
            "0177.0.0.1",
            "2130706433",
        ),
        *("127.1", "localhost", "169.254.169.254", "[fd00:ec2::254]", "0"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_request_to_a_local_host_is_refused_before_a_connection(
    scheme: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "create_connection", lambda *_: pytest.fail("connected"))
    with pytest.raises(EddylineError) as caught:
        PublicHttp().request("GET", f"{scheme}://{host}/latest/meta-data/")
    # A resolver that does not read such a number as an address refuses it too.
    assert isinstance(caught.value, ForbiddenAddressError | TransientError)
    assert "127.0.0.1" not in caught.value.message or "127.0.0.1" in host


@pytest.mark.parametrize(
    "url",
    [
        *("http://user@example.com/", "http://user:secret@example.com/", "http://127.0.0.1@example.com/"),
        *("file:///etc/passwd", "ftp://example.com/", "gopher://example.com/", "http://", "//example.com/"),
        "http://[::1/",
    ],
)
def test_an_invalid_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        PublicHttp().request("GET", url)


def test_a_host_with_one_private_address_among_public_ones_is_refused() -> None:
    connections = PublicConnections(resolve=lambda *_: ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(ForbiddenAddressError):
        PublicHttp(connections=connections).request("GET", "http://example.com/")


@pytest.mark.parametrize("port", [22, 25, 6, 0x1F])
def test_a_port_of_another_service_is_refused(port: int) -> None:
    connections = PublicConnections(resolve=lambda *_: ["93.184.216.34"])
    with pytest.raises(ForbiddenAddressError, match=f"port {port}"):
        PublicHttp(connections=connections).request("GET", f"http://example.com:{port}/")


def test_a_name_that_changes_its_address_is_connected_at_the_checked_one(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([["93.184.216.34"], ["127.0.0.1"], ["127.0.0.1"]])
    connected: list[str] = []

    def create(address: tuple[str, int], timeout: float) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError(f"{address} {timeout}")

    monkeypatch.setattr(socket, "create_connection", create)
    connections = PublicConnections(resolve=lambda *_: next(answers))
    with pytest.raises(TransientError):
        PublicHttp(connections=connections).request("GET", f"http://rebound.example:{server.server_port}/")
    assert connected == ["93.184.216.34"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:1/", "http://[::ffff:7f00:1]:8080/", "//169.254.169.254/"]
)
def test_a_redirect_to_a_local_address_is_refused(server: Server, status: int, target: str) -> None:
    server.responses["/first"] = lambda handler: handler.answer(status, Location=target)
    with pytest.raises(ForbiddenAddressError):
        http_to(server).request("GET", f"http://{server.host}/first", redirects=3)
    assert server.received == ["/first"]


def test_a_redirect_within_the_rules_is_followed(server: Server) -> None:
    server.responses["/first"] = lambda handler: handler.answer(302, Location="/second")
    assert http_to(server).fetch(f"http://{server.host}/first", 100) == b"found"
    assert server.received == ["/first", "/second"]


def test_too_many_redirects_are_an_error(server: Server) -> None:
    server.responses["/loop"] = lambda handler: handler.answer(302, Location="/loop")
    with pytest.raises(InputError, match="more than 3 redirects"):
        http_to(server).request("GET", f"http://{server.host}/loop", redirects=3)


def test_a_redirect_is_returned_where_none_may_be_followed(server: Server) -> None:
    server.responses["/first"] = lambda handler: handler.answer(302, Location="http://127.0.0.1:1/")
    assert http_to(server).request("POST", f"http://{server.host}/first", body=b"{}").status == 302


def test_a_response_is_bounded(server: Server) -> None:
    server.responses["/large"] = lambda handler: handler.answer(body=bytes(1_000_000))
    assert len(http_to(server).request("GET", f"http://{server.host}/large", max_bytes=1000).body) == 1000
    with pytest.raises(InputError, match="more than 1000 bytes"):
        http_to(server).fetch(f"http://{server.host}/large", 1000)


@pytest.mark.parametrize("after_headers", [False, True])
def test_a_server_that_sends_a_byte_now_and_then_is_cut_off(server: Server, *, after_headers: bool) -> None:
    stopped = threading.Event()

    def drip(handler: Handler) -> None:
        if after_headers:
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
        else:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not stopped.wait(0.02):
            handler.wfile.write(b"x")

    server.responses["/slow"] = drip
    started = time.monotonic()
    with pytest.raises(TransientError, match="too slow"):
        http_to(server, timeout_s=0.3).request("GET", f"http://{server.host}/slow")
    stopped.set()
    assert time.monotonic() - started < 10


def test_a_file_is_read_by_ranges_from_checked_addresses_only(server: Server) -> None:
    with pytest.raises(ForbiddenAddressError):
        HttpRanges(f"http://{server.host}/file", connect=PublicConnections().open)
    server.responses["/file"] = lambda handler: handler.answer(302, Location="http://127.0.0.1:1/")
    exempt = PublicConnections(exempt=frozenset({server.host}))
    with pytest.raises(ForbiddenAddressError):
        HttpRanges(f"http://{server.host}/file", connect=exempt.open)
    assert server.received == ["/file"]


def test_a_host_that_cannot_be_resolved_is_a_transient_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> Sequence[object]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(TransientError, match="cannot be resolved"):
        public_http.resolve("absent.invalid", 80)
