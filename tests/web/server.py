"""A real `eddyline serve` on a free port, as a process."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.waiting import wait_until


@dataclass(frozen=True, kw_only=True)
class Site:
    """A running server: its address, its library, and its process."""

    url: str
    out: Path
    process: subprocess.Popen[bytes]


@contextmanager
def serving(out: Path, *options: str) -> Iterator[Site]:
    """Serve the library `out` until the block ends. Its output is in `serve.log` beside the library."""
    port = _free_port()
    command = [sys.executable, "-m", "eddyline", "serve", "--out", str(out), "--port", str(port), *options]
    log = out.parent / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(url, process, log), message=lambda: f"no answer: {log.read_text()}")
        yield Site(url=url, out=out, process=process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, f"the server exited: {log.read_text()}"
    try:
        with urllib.request.urlopen(f"{url}/", timeout=10):  # noqa: S310 - this machine
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
