"""A server that is killed during uploads loses no confirmed byte, and makes one asset of each file."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
from tests.unit.web.tus_client import BYTES, TUS, UPLOADS, VIDEO

KILLS = 3
CHUNK = 1024 * 1024
pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Server:
    """The process; `restart` waits until it answers."""

    def __init__(self, root: Path) -> None:
        self.root, self.port = root, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def restart(self) -> None:
        argv = [sys.executable, "-m", "tests.integration.web.upload_server", str(self.root), str(self.port)]
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                if self.call("OPTIONS", UPLOADS)[0] == 204:
                    return
            except OSError:
                assert time.monotonic() < deadline
                assert self.process.poll() is None
                time.sleep(0.05)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def call(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: Any = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        except HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def ledger(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.root / ".eddyline" / "ledger.sqlite") as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "out")
    server.restart()
    yield server
    server.kill()


def test_kills_during_an_upload_lose_no_confirmed_byte(server: Server) -> None:
    rng = random.Random(11)
    data = VIDEO + rng.randbytes(48 * 1024 * 1024)
    sent = {**TUS, "Upload-Length": str(len(data))}
    path = server.call("POST", UPLOADS, sent)[1]["location"]
    file = server.root / ".eddyline" / "uploads" / path.rpartition("/")[2]
    offset = kills = 0
    confirmed = [0]
    while offset < len(data):
        kill_at = offset + rng.randrange(16 * CHUNK) if kills < KILLS else len(data) * 2

        def body(start: int = offset, kill_at: int = kill_at) -> Any:
            for at in range(start, len(data), CHUNK):
                if at + CHUNK > kill_at:
                    yield data[at:kill_at]
                    time.sleep(rng.uniform(0, 0.4))  # before, in or after the write of these bytes
                    server.kill()
                yield data[at : at + CHUNK]

        headers = {**TUS, **BYTES, "Upload-Offset": str(offset), "Content-Length": str(len(data) - offset)}
        try:
            status, found, _ = server.call("PATCH", path, headers, body())
            assert status == 204
            offset = int(found["upload-offset"])
        except OSError:
            kills += 1
            recorded = server.ledger("SELECT offset FROM uploads")[0][0]
            assert confirmed[-1] <= recorded <= file.stat().st_size
            assert file.read_bytes()[:recorded] == data[:recorded]
            server.restart()
            offset = int(server.call("HEAD", path, TUS)[1]["upload-offset"])
            assert offset == recorded
            confirmed.append(offset)
    assert kills == KILLS
    assert confirmed[-1] > 0, "no byte was durable at any kill"
    kill_until_submitted(server, path, rng)
    status = json.loads(server.call("GET", path)[2])
    assert status["sha256"] == hashlib.sha256(data).hexdigest()
    stored = [each for each in (server.root / "sources").rglob("*") if each.is_file()]
    assert [each.read_bytes() for each in stored] == [data]
    assert not file.exists()
    assert server.ledger("SELECT DISTINCT asset FROM jobs") == [(status["asset"],)]


def kill_until_submitted(server: Server, path: str, rng: random.Random) -> None:
    """Kill the server a few times while it verifies, stores and submits the file."""
    for kills in range(60):
        if json.loads(server.call("GET", path)[2])["state"] == "submitted":
            return
        if kills < 2:
            time.sleep(rng.uniform(0, 0.05))
            server.kill()
            server.restart()
        else:
            time.sleep(0.5)
    pytest.fail(f"not submitted: {server.call('GET', path)[2]!r}")


def test_kills_of_the_client_lose_nothing_and_send_no_confirmed_byte_again(
    server: Server, tmp_path: Path
) -> None:
    rng = random.Random(12)
    card = tmp_path / "card"
    card.mkdir()
    files = {f"ride-{each}.mp4": VIDEO + rng.randbytes(40 * CHUNK) for each in range(3)}
    for name, data in files.items():
        (card / name).write_bytes(data)
    size = sum(map(len, files.values()))
    url = f"http://127.0.0.1:{server.port}"
    argv = [sys.executable, "-m", "eddyline", "upload", str(card), "--server", url, "--json"]

    def offset() -> int:
        return int(server.ledger("SELECT coalesce(sum(offset), 0) FROM uploads")[0][0])

    confirmed = 0
    for _ in range(KILLS):
        kill_at = confirmed + rng.randrange(1, 8 * CHUNK)
        client = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        while offset() < kill_at:
            assert client.poll() is None, "the client ended before it was killed"
            time.sleep(0.005)
        client.kill()
        client.wait()
        assert offset() >= confirmed, "confirmed bytes were lost"
        confirmed = offset()
    assert 0 < confirmed < size
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=True)
    done = [line for line in map(json.loads, ended.stdout.splitlines()) if line["event"] == "done"]
    assert sum(each["size"] if each["reused"] else each["resumed"] for each in done) >= confirmed
    stored = [each.read_bytes() for each in (server.root / "sources").rglob("*") if each.is_file()]
    assert {hashlib.sha256(each).hexdigest() for each in stored} == {
        hashlib.sha256(each).hexdigest() for each in files.values()
    }
    assert len(stored) == len(files)
    assert server.ledger("SELECT count(DISTINCT asset) FROM jobs") == [(len(files),)]


def test_the_memory_of_a_server_does_not_grow_with_a_body(server: Server) -> None:
    size = 192 * 1024 * 1024
    assert server.process is not None
    path = server.call("POST", UPLOADS, {**TUS, "Upload-Length": str(size)})[1]["location"]
    server.call("HEAD", path, TUS)
    before = peak_bytes(server.process.pid)
    block = bytes(CHUNK)

    def body() -> Any:
        yield VIDEO.ljust(CHUNK, b"x")
        for _ in range(size // CHUNK - 1):
            yield block

    headers = {**TUS, **BYTES, "Upload-Offset": "0", "Content-Length": str(size)}
    started = time.monotonic()
    assert server.call("PATCH", path, headers, body())[0] == 204
    seconds = time.monotonic() - started
    grown = peak_bytes(server.process.pid) - before
    print(f"{size / seconds / 1e6:.0f} MB/s, {grown / 1e6:.1f} MB more")  # noqa: T201 - shown by pytest -s
    assert grown < 24 * 1024 * 1024


def peak_bytes(pid: int) -> int:
    """The largest resident size of a process so far."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
