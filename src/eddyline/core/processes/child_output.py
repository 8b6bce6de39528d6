"""Reads the output of a child process in threads, so that its pipes never fill up."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from io import BufferedReader

_STDERR_KEPT = 16 * 1024
_MAX_LINE = 64 * 1024  # bytes; a longer line is passed on in pieces


class Collector:
    """Standard output: kept up to `max_bytes`, or passed line by line, without the line end, to `on_line`.

    `last_output` is the time of the last output (monotonic seconds), `overflow` is set when more than
    `max_bytes` were printed, `failure` is an error raised by `on_line`: stop the child for either.
    """

    def __init__(
        self,
        max_bytes: int,
        on_line: Callable[[str], None] | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_bytes, self._on_line, self._clock = max_bytes, on_line, clock
        self._parts: list[bytes] = []
        self._size = 0
        self.last_output = 0.0
        self.overflow = ""
        self.failure: Exception | None = None

    def drain(self, stream: BufferedReader) -> None:
        """Read to the end even after an error, so that the child can exit."""
        for chunk in _chunks(stream, by_line=self._on_line is not None):
            self.last_output = self._clock()
            if self._on_line is not None:
                self._pass_line(chunk, self._on_line)
                continue
            self._size += len(chunk)
            if self._size > self._max_bytes:
                self.overflow = f"printed more than {self._max_bytes} bytes"
                continue
            self._parts.append(chunk)

    def _pass_line(self, line: bytes, on_line: Callable[[str], None]) -> None:
        if self.failure is not None:
            return
        try:
            on_line(line.decode("utf-8", "replace").rstrip("\r\n"))
        except Exception as error:  # noqa: BLE001 - raised again by the thread that runs the child
            self.failure = error

    def data(self) -> bytes:
        """The bytes kept."""
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
        """The end of the output, as text."""
        return b"".join(self._parts)[-_STDERR_KEPT:].decode("utf-8", "replace")


def _chunks(stream: BufferedReader, *, by_line: bool) -> Iterator[bytes]:
    with contextlib.closing(stream):
        while chunk := stream.readline(_MAX_LINE) if by_line else stream.read1(_MAX_LINE):
            yield chunk
