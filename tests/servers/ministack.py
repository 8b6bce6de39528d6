"""S3, SQS, SNS and EventBridge on loopback: MiniStack, which needs only Python."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import itertools
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.servers.parent_watch import end_with_parent

from eddyline.store.store_settings import StoreSettings

SERVICES = "s3,sqs,sns,events"
_UP_WITHIN_S = 20.0
_TRIES = 3  # another process may take the free port first


@dataclass(kw_only=True)
class Ministack:
    """A running server; every test gets a separate bucket. `persistent`: keeps its state after `end`."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]
    persistent: bool = False
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def url(self) -> str:
        """The endpoint URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> StoreSettings:
        """Settings of a store; without keys a client would request them from the metadata service."""
        return StoreSettings(
            endpoint=self.url, region="us-east-1", credentials=any_keys, retry_for_s=5, outage_retry_s=0
        )

    def bucket(self) -> str:
        """Create a bucket; returns its name."""
        name = f"test-{os.getpid()}-{next(self._numbers)}"
        status, _, output = self.request("PUT", f"/{name}")
        assert status == 200, output
        return name

    def request(self, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        """One plain request; returns the status, the headers (lower case) and the body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path)
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return response.status, headers, response.read()

    def uploads(self, bucket: str) -> list[str]:
        """The keys of multipart uploads that were neither completed nor aborted."""
        status, _, output = self.request("GET", f"/{bucket}?uploads")
        assert status == 200, output
        return re.findall(r"<Key>([^<]*)</Key>", output.decode())

    def stop(self) -> None:
        """Kill it and delete its state; safe twice."""
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder / "state", ignore_errors=True)

    def end(self) -> None:
        """Terminate it (SIGTERM)."""
        self.process.terminate()
        self.process.wait()

    def start(self) -> None:
        """Start it again on the same port. Raises `NoServerError`."""
        self.process = _start(self.folder, self.port, persistent=self.persistent)
        if not _is_up(self):
            raise NoServerError(f"MiniStack does not start again: {_log_tail(self.folder)}")


class NoServerError(Exception):
    """MiniStack cannot be started here."""


def any_keys() -> dict[str, object]:
    """Credentials; MiniStack accepts any."""
    return {"access_key_id": "test", "secret_access_key": "test", "token": None, "expires_at": None}


@pytest.fixture(scope="session")
def ministack() -> Iterator[Ministack]:
    """A server for the whole session; tests are skipped, with the reason, where it cannot be started."""
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(running())
        except NoServerError as error:
            pytest.skip(str(error))
        yield found


@contextmanager
def running(*, persistent: bool = False) -> Iterator[Ministack]:
    """A separate server. Raises `NoServerError`."""
    if importlib.util.find_spec("ministack") is None:
        raise NoServerError("no S3 server to test on: install ministack")
    with tempfile.TemporaryDirectory(prefix="eddyline-ministack-") as folder:
        server = start_server(Path(folder), persistent=persistent)
        try:
            yield server
        finally:
            server.stop()


def start_server(folder: Path, *, persistent: bool = False) -> Ministack:
    """Start a server with its files in `folder`. Raises `NoServerError`."""
    for _ in range(_TRIES):
        port = _free_port()
        process = _start(folder, port, persistent=persistent)
        server = Ministack(port=port, folder=folder, process=process, persistent=persistent)
        if _is_up(server):
            return server
        server.stop()
    raise NoServerError(f"MiniStack does not start: {_log_tail(folder)}")


def _log_tail(folder: Path) -> str:
    return (folder / "log").read_text(errors="replace")[-500:]


def _start(folder: Path, port: int, *, persistent: bool) -> subprocess.Popen[bytes]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "BIND_HOST": "127.0.0.1",  # by default it listens on all interfaces
        "GATEWAY_PORT": str(port),
        "SERVICES": SERVICES,
        "LOG_LEVEL": "WARNING",
        "PERSIST_STATE": str(int(persistent)),
        "STATE_DIR": str(folder / "state"),
    }
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            (sys.executable, "-m", "ministack.app"),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call
        )


def _is_up(server: Ministack) -> bool:
    until = time.monotonic() + _UP_WITHIN_S
    while time.monotonic() < until and server.process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if server.request("GET", "/_ministack/health")[0] == 200:
                return True
        time.sleep(0.05)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
