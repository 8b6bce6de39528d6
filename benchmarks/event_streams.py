"""Measures the memory of a server for each open stream of events, and how soon an event reaches all clients.

A process serves the application; this one opens `STREAMS` connections. Memory is the growth of the server's
resident set divided by the number of streams.
"""

from __future__ import annotations

import re
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.waiting import wait_until

from eddyline.graph.ledger.catalogue import events
from eddyline.graph.ledger.ledger import Ledger

STREAMS = 500
_SERVER = """
import sys, uvicorn
from pathlib import Path
from tests.unit.web.web_app import open_services
from eddyline.web.application import create_app
services = open_services(Path(sys.argv[1]))
uvicorn.run(create_app(services), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
"""
_REQUEST = b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"


def measure() -> dict[str, float]:
    """Kilobytes for each stream, and milliseconds from the commit of an event to the last client."""
    with tempfile.TemporaryDirectory(prefix="eddyline-bench-") as folder:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        server = subprocess.Popen([sys.executable, "-c", _SERVER, folder, str(port)], cwd=Path.cwd())
        try:
            return _measure(server.pid, port, Path(folder))
        finally:
            server.terminate()
            server.wait(30)


def _measure(pid: int, port: int, folder: Path) -> dict[str, float]:
    wait_until(lambda: _answers(port), timeout_s=60)
    streams = [_open(port) for _ in range(20)]  # what the first streams need once
    before = _resident_kb(pid)
    streams += [_open(port) for _ in range(STREAMS)]
    after = _resident_kb(pid)
    with Ledger.open(folder / ".eddyline" / "ledger.sqlite") as ledger:
        ledger.write(lambda c: events.append(c, kind="asset.ready", owner="", asset="a", body={}, now=1.0))
    started = time.perf_counter()
    _wait_for_event(streams)
    reached = time.perf_counter() - started
    for stream in streams:
        stream.close()
    return {
        "event_streams.kb_per_stream": round((after - before) / STREAMS, 1),
        "event_streams.reach_all_ms": round(reached * 1000, 1),
    }


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _open(port: int) -> socket.socket:
    stream = socket.create_connection(("127.0.0.1", port), timeout=30)
    stream.sendall(_REQUEST)
    received = b""
    while b"retry:" not in received:
        received += stream.recv(4096)
    assert b" 200 " in received, received
    return stream


def _wait_for_event(streams: list[socket.socket]) -> None:
    """Read until every stream has the event."""
    waiting = selectors.DefaultSelector()
    for stream in streams:
        waiting.register(stream, selectors.EVENT_READ)
    while waiting.get_map():
        for key, _ in waiting.select(30):
            if b"asset.ready" in key.fileobj.recv(4096):  # type: ignore[union-attr]
                waiting.unregister(key.fileobj)


def _resident_kb(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("utf-8"))
    assert found is not None
    return int(found[1])


if __name__ == "__main__":
    for each, value in measure().items():
        sys.stdout.write(f"{each} {value}\n")
