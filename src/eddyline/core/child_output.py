"""What a child prints: read as it comes, by threads, so that no pipe ever fills up."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from io import BufferedReader

_STDERR_KEPT = 16 * 1024
_LINE = 64 * 1024  # bytes of a line at most: a longer one is handed on in pieces


class Collector:
    """Standard output: kept up to `bound` bytes, or handed on by line, without its end, to `on_line`.

    `last` is when something came (monotonic s), `overflow` says that the bound was passed, `failure` is an
    error of the one who listens: the child is to be stopped for either.
    """

    def __init__(self, bound: int, on_line: Callable[[str], None] | None) -> None:
        self._bound, self._on_line = bound, on_line
        self._parts: list[bytes] = []
        self._size = 0
        self.last = 0.0
        self.overflow = ""
        self.failure: Exception | None = None

    def drain(self, stream: BufferedReader) -> None:
        """Read to the end, whatever becomes of it: the child must be able to die."""
        for chunk in _chunks(stream, by_line=self._on_line is not None):
            self.last = time.monotonic()
            if self._on_line is not None:
                self._hand_on(chunk, self._on_line)
                continue
            self._size += len(chunk)
            if self._size > self._bound:
                self.overflow = f"printed more than {self._bound} bytes"
                continue
            self._parts.append(chunk)

    def _hand_on(self, line: bytes, listen: Callable[[str], None]) -> None:
        if self.failure is not None:
            return
        try:
            listen(line.decode("utf-8", "replace").rstrip("\r\n"))
        except Exception as error:  # noqa: BLE001 - raised again by the thread that runs the child
            self.failure = error

    def data(self) -> bytes:
        """What was kept."""
        return b"".join(self._parts)


class Tail:
    """The last 16 KiB of standard error."""

    def __init__(self) -> None:
        self._parts: deque[bytes] = deque()
        self._size = 0

    def drain(self, stream: BufferedReader) -> None:
        """Read to the end."""
        for chunk in _chunks(stream, by_line=False):
            self._parts.append(chunk)
            self._size += len(chunk)
            while self._size - len(self._parts[0]) > _STDERR_KEPT:
                self._size -= len(self._parts.popleft())

    def text(self) -> str:
        """What was kept, as text."""
        return b"".join(self._parts)[-_STDERR_KEPT:].decode("utf-8", "replace")


def _chunks(stream: BufferedReader, *, by_line: bool) -> Iterator[bytes]:
    with contextlib.closing(stream):
        while chunk := stream.readline(_LINE) if by_line else stream.read1(_LINE):
            yield chunk
