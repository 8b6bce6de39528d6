"""The HTTP server: how it ends, and its limits."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.web.open_streams import open_streams, slowdown

from eddyline.core.errors import UsageError
from eddyline.web import http_server
from eddyline.web.http_server import HttpServer, configure, run

SCRIPT = Path(__file__).with_name("stream_server.py")


@contextlib.contextmanager
def stream_server() -> Iterator[tuple[subprocess.Popen[str], int]]:
    process = subprocess.Popen((sys.executable, str(SCRIPT)), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_sigterm_ends_the_process_within_a_second_while_500_streams_are_open() -> None:
    with stream_server() as (process, port), open_streams(port, "/events", 500):
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        elapsed = time.monotonic() - started
    assert elapsed < 1.0 * slowdown()


@pytest.mark.slow
def test_a_second_signal_ends_the_process_at_once() -> None:
    with stream_server() as (process, port), open_streams(port, "/events", 1):
        os.kill(process.pid, signal.SIGSTOP)  # both signals arrive before it reacts to the first one
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        os.kill(process.pid, signal.SIGCONT)
        assert process.wait(timeout=10) in {128 + signal.SIGINT, 128 + signal.SIGTERM}


@pytest.mark.slow
def test_endless_headers_are_refused_and_later_requests_served() -> None:
    with stream_server() as (_, port):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(b"GET /events HTTP/1.1\r\nhost: localhost\r\nx-endless: " + b"a" * 60_000)
            client.sendall(b"a" * 6_000)
            assert client.recv(4096).startswith(b"HTTP/1.1 431")
            assert client.recv(4096) == b""
        with open_streams(port, "/events", 1):
            pass


@pytest.mark.slow
def test_headers_just_below_the_limit_are_accepted() -> None:
    with stream_server() as (_, port), socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"GET /events HTTP/1.1\r\nhost: localhost\r\nx-long: " + b"a" * 60_000 + b"\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200 OK")


def test_a_port_in_use_is_an_error_with_a_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = HttpServer(configure(None, host="127.0.0.1", port=port, trusted_proxies=""))
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}") as caught:
            run(server)
    assert "--port" in caught.value.remedy


def test_a_proxy_is_trusted_only_where_it_is_named() -> None:
    assert not configure(None, host="127.0.0.1", port=0, trusted_proxies="").proxy_headers
    assert configure(None, host="127.0.0.1", port=0, trusted_proxies="10.0.0.1").proxy_headers


def test_the_time_for_requests_after_a_signal_leaves_time_to_end_within_a_second() -> None:
    assert http_server.GRACE_S <= 0.5
