"""Writes objects: small ones by one request, large ones by multipart upload.

An object appears complete or not at all. A failed or stopped upload is aborted; the upload of a killed
process stays open, invisible, until it is aborted (`pipeline.runtime.upload_cleanup`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import AzureStore, GCSStore, MemoryStore, S3Store

from eddyline.core import files
from eddyline.core.errors import TransientError
from eddyline.core.stop import Stop
from eddyline.store.content_types import content_type
from eddyline.store.object_ranges import ObjectRanges

if TYPE_CHECKING:  # types only: they do not exist when running
    from obstore import PutMode

Bucket = S3Store | GCSStore | AzureStore | MemoryStore

PART = 8 * 1024 * 1024  # bytes of a part of a multipart upload
_MAX_PARTS = 9_000  # S3 allows 10,000
_MAX_IN_FLIGHT = 32 * 1024 * 1024  # bytes of parts sent concurrently


class ConditionFailedError(TransientError):
    """The condition of a write does not hold: the object is another one than expected."""


@dataclass(frozen=True, kw_only=True)
class ObjectUploads:
    """Uploads to `bucket` in parts of `part` bytes; a requested `stop` ends an upload between two parts.

    `translate` returns a context that translates errors, given a description of the operation.
    """

    bucket: Bucket
    part: int
    stop: Stop
    translate: Callable[[str], AbstractContextManager[None]]

    def write(self, key: str, data: bytes, *, mode: PutMode = "overwrite") -> None:
        """Write a small object. Raises `ConditionFailedError` if the condition `mode` does not hold."""
        with self.translate(f"writing {key}"):
            try:
                obstore.put(
                    self.bucket,
                    key,
                    data,
                    attributes={"Content-Type": content_type(key)},
                    mode=mode,
                    use_multipart=False,
                )
            except (AlreadyExistsError, PreconditionError) as error:
                raise ConditionFailedError(f"writing {key}: another writer was first") from error

    def send(self, key: str, path: Path) -> None:
        """Upload a local file. Raises `TransientError` if the file changes during the upload."""
        with files.translate_errors(f"reading {path}"), path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= self.part:
                self.write(key, file.read())
            else:
                part = self._part_size(size)
                self._upload(key, _checked_size(size, iter(lambda: file.read(part), b""), path), part)

    def copy_from(self, key: str, source: ObjectRanges) -> None:
        """Write the contents of another object, which pass through this machine."""
        part = self._part_size(source.size)
        with ThreadPoolExecutor(1) as pool:
            self._upload(key, _in_pool(pool, source.parts(part)), part)

    def _part_size(self, size: int) -> int:
        return max(self.part, -(-size // _MAX_PARTS))

    def _upload(self, key: str, parts: Iterable[bytes], size: int) -> None:
        with self.translate(f"writing {key}"):
            obstore.put(
                self.bucket,
                key,
                self._stoppable(parts),
                attributes={"Content-Type": content_type(key)},
                chunk_size=size,
                max_concurrency=max(1, _MAX_IN_FLIGHT // size),
            )

    def _stoppable(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        # An error of this iterator makes obstore abort the upload.
        for part in parts:
            self.stop.check()
            yield part


def _in_pool(pool: ThreadPoolExecutor, parts: Iterator[bytes]) -> Iterator[bytes]:
    """`parts`, each produced by a thread of `pool`: the iterator of an upload must not make requests."""
    while part := pool.submit(next, parts, b"").result():
        yield part


def _checked_size(size: int, parts: Iterable[bytes], path: Path) -> Iterator[bytes]:
    """`parts`; raises unless they are `size` bytes in total, so that no incomplete file is uploaded."""
    left = size
    for part in parts:
        left -= len(part)
        yield part
    if left:
        raise TransientError(f"{path} changed during the upload", remedy="run the same command again")
