"""How many bytes of a source a job has read, so that the promise that none reads it whole can be checked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from eddyline.store.ranges import Ranges

BYTES_READ = "bytes_read"  # in the result of every job that reads its source


@dataclass(kw_only=True)
class ReadCounter:
    """`bytes` read by ranges; what FFmpeg itself reads of a local file that is no MP4 is not among them."""

    bytes: int = 0

    @contextmanager
    def counting(self, src: Ranges) -> Iterator[None]:
        """Count what is read of `src` meanwhile."""
        before = src.bytes_read
        try:
            yield
        finally:
            self.bytes += src.bytes_read - before
