"""An application on a real port, in a thread, for tests that need slow or broken connections."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from tests.unit.web.tus_client import BYTES, TUS, UPLOADS
from tests.waiting import wait_until

from eddyline.web.application import create_app
from eddyline.web.services import Services


@dataclass(frozen=True)
class LiveServer:
    """A server on this port of 127.0.0.1."""

    port: int
    app: Any

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Response:
        """One request on its own connection."""
        with self.begin(method, path, headers, len(body)) as connection:
            connection.sendall(body)
            return read_response(connection)

    def begin(self, method: str, path: str, headers: Mapping[str, str], length: int) -> socket.socket:
        """Send the head of a request whose body has `length` bytes, and no byte of the body."""
        connection = self.connect()
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {length}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return connection

    def create(self, length: int, **headers: str) -> str:
        response = self.request("POST", UPLOADS, {**TUS, "Upload-Length": str(length), **headers})
        assert response.status == 201, response.body
        return response.headers["location"]

    def begin_patch(self, path: str, offset: int, length: int, **headers: str) -> socket.socket:
        named = {**TUS, **BYTES, "Upload-Offset": str(offset), **headers}
        return self.begin("PATCH", path, named, length)

    def patch(self, path: str, offset: int, body: bytes, **headers: str) -> Response:
        named = {**TUS, **BYTES, "Upload-Offset": str(offset), **headers}
        return self.request("PATCH", path, named, body)

    def offset(self, path: str) -> int:
        return int(self.request("HEAD", path, TUS).headers["upload-offset"])


@dataclass(frozen=True)
class Response:
    """A response; `seconds` passed from the call until it was read."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float = 0.0

    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


def read_response(connection: socket.socket) -> Response:
    """The response on a connection, which the server closes, or whose length is stated."""
    started = time.monotonic()
    data = b""
    while b"\r\n\r\n" not in data:
        block = connection.recv(65536)
        assert block, f"the server closed the connection after {data!r}"
        data += block
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    status = int(first.split()[1])
    left = int(headers.get("content-length", 0)) - len(body)
    while left > 0 and (block := connection.recv(65536)):
        body, left = body + block, left - len(block)
    return Response(status, headers, body, time.monotonic() - started)


@contextmanager
def serving(services: Services) -> Iterator[LiveServer]:
    """Serve an application in a thread inside the context."""
    app = create_app(services)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="critical", lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        port = server.servers[0].sockets[0].getsockname()[1]
        yield LiveServer(port, app)
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()
