"""Writing objects: small ones by one request, large ones in parts of a multipart upload.

Either way an object appears whole or not at all. An upload that fails or is stopped is aborted; that of a
process which was killed stays open, unseen, until somebody aborts it (`pipeline.unfinished`).
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

PART = 8 * 1024 * 1024  # bytes of one part of a multipart upload
_PARTS = 9_000  # at most, in one upload; S3 allows 10,000
_IN_FLIGHT = 32 * 1024 * 1024  # bytes of parts on their way at once


class ConditionFailedError(TransientError):
    """A conditional write that found another object than it expected."""


@dataclass(frozen=True, kw_only=True)
class ObjectUploads:
    """Uploads into `bucket`, in parts of `part` bytes; `stop`, when requested, ends one between two parts.

    `telling` turns the errors of what it is told of into ours.
    """

    bucket: Bucket
    part: int
    stop: Stop
    telling: Callable[[str], AbstractContextManager[None]]

    def write(self, key: str, data: bytes, *, mode: PutMode = "overwrite") -> None:
        """Write a small object. Raises `ConditionFailedError` if it is not what `mode` expects."""
        with self.telling(f"writing {key}"):
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
                raise ConditionFailedError(f"writing {key}: another was first") from error

    def send(self, key: str, path: Path) -> None:
        """Upload a local file. Raises `TransientError` if it changes meanwhile."""
        with files.translate_errors(f"reading {path}"), path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= self.part:
                self.write(key, file.read())
            else:
                part = self._part_of(size)
                self._upload(key, _exactly(size, iter(lambda: file.read(part), b""), path), part)

    def copy_from(self, key: str, source: ObjectRanges) -> None:
        """Write another object's bytes, which go through this machine."""
        part = self._part_of(source.size)
        with ThreadPoolExecutor(1) as pool:
            self._upload(key, _by(pool, source.parts(part)), part)

    def _part_of(self, size: int) -> int:
        return max(self.part, -(-size // _PARTS))

    def _upload(self, key: str, parts: Iterable[bytes], size: int) -> None:
        with self.telling(f"writing {key}"):
            obstore.put(
                self.bucket,
                key,
                self._stoppable(parts),
                attributes={"Content-Type": content_type(key)},
                chunk_size=size,
                max_concurrency=max(1, _IN_FLIGHT // size),
            )

    def _stoppable(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        # An error out of this iterator makes obstore abort the upload.
        for part in parts:
            self.stop.check()
            yield part


def _by(pool: ThreadPoolExecutor, parts: Iterator[bytes]) -> Iterator[bytes]:
    """`parts`, each made by a thread of `pool`: what feeds an upload must make no request by itself."""
    while part := pool.submit(next, parts, b"").result():
        yield part


def _exactly(size: int, parts: Iterable[bytes], path: Path) -> Iterator[bytes]:
    """`parts`, if they are `size` bytes together; an upload of a file still being written must not count."""
    left = size
    for part in parts:
        left -= len(part)
        yield part
    if left:
        raise TransientError(f"{path} changed while it was uploaded", remedy="run the same command again")
