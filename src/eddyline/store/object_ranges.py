"""An object of an object store, read by byte ranges of one version."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock

import obstore
from obstore.store import AzureStore, GCSStore, MemoryStore, S3Store

from eddyline.core.closeable import Closeable
from eddyline.store.object_errors import translate_errors
from eddyline.store.ranges import checked_range
from eddyline.store.retry import NO_RETRIES, Retrier, StoreUnavailableError


class ObjectRanges(Closeable):
    """An object of `size` bytes with the entity tag `tag`; counts the requests and the bytes read.

    `stamp` is the version tag of the store: the entity tag, on Google the generation.
    Several threads may read ranges concurrently (`eddyline.mp4.byte_ranges` does): up to `at_once` requests.
    Two ranges are read by one request if the gap between them is at most `gap` bytes.
    """

    # Measured with 20 ms of latency: 768 requests took 24 s sequentially, 7 s with 4 in parallel, 2.5 s with
    # 16, and no less with more. A connection transfers about 64 KiB in the remaining 3 ms per request.
    # The gaps read are limited elsewhere too, so that sparse tracks do not read the whole file.
    gap = 64 * 1024
    at_once = 16

    def __init__(
        self,
        bucket: S3Store | GCSStore | AzureStore | MemoryStore,
        key: str,
        *,
        size: int,
        tag: str | None,
        address: str,
        stamp: str | None = None,
        retrier: Retrier = NO_RETRIES,
    ) -> None:
        self.key = key
        self.stamp = stamp or tag
        self.bytes_read = 0
        self.requests = 0
        self._bucket = bucket
        self._size = size
        self._tag = tag
        self._address = address
        self._retrier = retrier
        self._lock = Lock()

    @property
    def size(self) -> int:
        """The size of the object in bytes when it was opened."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`, by one request, retried while the store is unavailable.

        Raises `TruncatedError` beyond the end of the object, `MissingError`, and `TransientError` if the
        object has changed since it was opened.
        """
        checked_range(self.key, self._size, offset, length)
        if not length:
            return b""
        data = self._retrier.call(lambda: self._request(offset, length))
        with self._lock:
            self.bytes_read += length
            self.requests += 1
        return data

    def _request(self, offset: int, length: int) -> bytes:
        with translate_errors(f"reading {self.key}", where=self._address):
            answer = obstore.get(
                self._bucket,
                self.key,
                options={"range": (offset, offset + length), "if_match": self._tag},
            )
            data = bytes(answer.bytes())
        if len(data) != length:
            raise StoreUnavailableError(
                f"reading {self.key} in {self._address}: received {len(data)} of {length} bytes"
            )
        return data

    def parts(self, size: int) -> Iterator[bytes]:
        """The whole object in parts of `size` bytes; each part is requested and retried separately."""
        for offset in range(0, self._size, size):
            yield self.read(offset, min(size, self._size - offset))

    def close(self) -> None:
        """Does nothing: each read uses a connection of its client."""
