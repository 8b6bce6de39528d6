"""The example of an HTTP client uploads, continues after a lost connection, waits and prints the result."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "examples" / "http_client.py"
ASSET = "0123456789abcdef"
VALID = "edl_test"


class FakeServer(ThreadingHTTPServer):
    """The routes that the client uses. The first PATCH loses its connection after half of its bytes."""

    daemon_threads = True

    def __init__(self, state: str = "ready") -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received = b""
        self.requests: list[str] = []
        self.final = state
        self.state = "processing"
        self.metadata = ""


class Handler(BaseHTTPRequestHandler):
    server: FakeServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        del format, args

    def answer(self, status: int, body: Any = None, **headers: str) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        self.server.requests.append("POST")
        self.server.metadata = self.headers["Upload-Metadata"]
        self.answer(201, Location="/api/v1/uploads/u1")

    def do_PATCH(self) -> None:
        self.server.requests.append("PATCH")
        length = int(self.headers["Content-Length"])
        assert int(self.headers["Upload-Offset"]) == len(self.server.received)
        if self.server.requests.count("PATCH") == 1:
            self.server.received += self.rfile.read(length // 2)
            self.close_connection = True
            self.connection.close()
            return
        self.server.received += self.rfile.read(length)
        self.answer(204, Upload_Offset=str(len(self.server.received)))

    def do_HEAD(self) -> None:
        self.server.requests.append("HEAD")
        self.answer(200, Upload_Offset=str(len(self.server.received)))

    def do_GET(self) -> None:
        if self.path == "/api/v1/events":
            self.server.requests.append("events")
            self.send_response(200)
            self.end_headers()
            self.server.state = (
                self.server.final if self.server.requests.count("events") > 1 else "processing"
            )
            event = {"kind": f"asset.{self.server.final}", "asset": ASSET, "body": {"reason": "published"}}
            self.wfile.write(f": ping\n\nid: 1\nevent: x\ndata: {json.dumps(event)}\n\n".encode())
        elif self.path.startswith("/api/v1/uploads/"):
            self.answer(200, {"state": "submitted", "asset": ASSET, "failure": None})
        elif self.headers["Authorization"] != f"Bearer {VALID}":
            self.answer(401, {"detail": "a token is required", "remedy": "create one"})
        else:
            self.answer(
                200,
                {
                    "state": self.server.state,
                    "name": "ride.MP4",
                    "duration_s": 4.0,
                    "failure": {"message": "no video"},
                    "links": {"page": f"/assets/{ASSET}", "media": f"/media/{ASSET}/"},
                    "manifest": {"stream": {"hls": "stream/main.m3u8"}},
                },
            )


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[FakeServer]:
    server = FakeServer(getattr(request, "param", "ready"))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def run(server: FakeServer, file: Path, token: str = VALID) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), str(file), "--server", f"http://127.0.0.1:{server.server_port}"]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env={"EDDYLINE_TOKEN": token}
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ride.MP4"
    path.write_bytes(bytes(range(256)) * 1000)
    return path


def test_the_client_uploads_and_continues_and_waits(server: FakeServer, file: Path) -> None:
    done = run(server, file)
    assert done.returncode == 0, done.stderr
    assert server.received == file.read_bytes()
    assert server.requests[:4] == ["POST", "PATCH", "HEAD", "PATCH"]
    assert server.metadata == "filename cmlkZS5NUDQ=,profile ZGVmYXVsdA=="
    address = f"http://127.0.0.1:{server.server_port}"
    assert done.stdout.splitlines() == [
        f"ride.MP4: 4.0 s, {address}/assets/{ASSET}",
        f"hls: {address}/media/{ASSET}/stream/main.m3u8",
    ]
    assert "asset.ready published" in done.stderr


@pytest.mark.parametrize("server", ["failed"], indirect=True)
def test_a_failure_is_shown_with_its_reason(server: FakeServer, file: Path) -> None:
    done = run(server, file)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "failed: no video")


def test_a_refusal_is_shown_with_its_remedy(server: FakeServer, file: Path) -> None:
    done = run(server, file, token="wrong")  # noqa: S106 - not a secret
    assert (done.returncode, done.stderr.strip()) == (1, "a token is required: create one")
