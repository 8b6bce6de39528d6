"""Counts the bytes of a source that a job reads, so that tests can check that no job reads it whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from eddyline.store.ranges import Ranges

BYTES_READ = "bytes_read"  # key in the result of every job that reads its source


@dataclass(kw_only=True)
class ReadCounter:
    """`bytes` read by ranges. What FFmpeg itself reads of a local file that is not MP4 is not counted."""

    bytes: int = 0

    @contextmanager
    def counting(self, src: Ranges) -> Iterator[None]:
        """Count what is read of `src` inside the context."""
        before = src.bytes_read
        try:
            yield
        finally:
            self.bytes += src.bytes_read - before
