"""Opens many event streams to a server of a test."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from collections.abc import Iterator


@contextlib.contextmanager
def open_streams(port: int, path: str, count: int) -> Iterator[list[socket.socket]]:
    """`count` connections, each of which has received the start of a stream."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count + 200, hard), hard))
    request = f"GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(count):
            each = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            each.sendall(request)
            found.append(each)
        for each in found:
            data = each.recv(4096)
            assert data.startswith(b"HTTP/1.1 200 OK"), data[:200]
        yield found


def slowdown(cpu_s: float = 0.2) -> float:
    """How many times longer than its CPU time a computation takes, because other processes use the cores."""
    started, used = time.monotonic(), time.process_time()
    while time.process_time() - used < cpu_s:
        pass
    return max(1.0, (time.monotonic() - started) / cpu_s)
