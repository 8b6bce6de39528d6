"""The media store in an object store: S3 and what speaks like it, Google Cloud Storage, Azure.

How objects are written is in `objectuploads`, how they are read by ranges in `objectranges`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import obstore
from obstore.store import GCSStore

from eddyline.core import files
from eddyline.core.errors import MissingError, TransientError, UsageError
from eddyline.core.identity import digest
from eddyline.core.stop import Stop
from eddyline.store.content_types import content_type
from eddyline.store.object_errors import UnusableKeyError, is_missing, translate_errors
from eddyline.store.object_metadata import ObjectMetadata, object_metadata
from eddyline.store.object_ranges import ObjectRanges
from eddyline.store.object_uploads import PART, Bucket, ConditionFailedError, ObjectUploads
from eddyline.store.retry import Retrier, with_retries
from eddyline.store.store import checked_key

if TYPE_CHECKING:  # types only: they do not exist when running
    from obstore import ObjectMeta, PutMode

_SERVER_COPY = 5 * 1024**3  # S3 copies no larger object by one request


class ObjectStore:
    """A bucket, or a prefix of one, as a `Store`. `address` is what messages call it.

    `stop`, when requested, ends uploads and downloads between two parts (`Interrupted`). For `outage_retry_s`
    everything that may be done twice is asked for again, if the store was there before.
    """

    def __init__(
        self,
        bucket: Bucket,
        *,
        address: str,
        stop: Stop | None = None,
        part: int = PART,
        server_copy: int = _SERVER_COPY,
        outage_retry_s: float = 0.0,
    ) -> None:
        self.address = address
        self._bucket = bucket
        self._stop = stop or Stop()
        self.retrier = Retrier(max_s=outage_retry_s, stop=self._stop)
        self._part = part
        self._server_copy = server_copy
        # Google's condition is an object's generation, the others' its entity tag.
        self._by_version = isinstance(bucket, GCSStore)
        self._process = os.getpid()
        self._uploads = ObjectUploads(bucket=bucket, part=part, stop=self._stop, telling=self._telling)

    def check(self) -> None:
        """Ask the store for one page of its list: `UsageError` for a wrong bucket or credentials."""
        # A key of others that cannot be held is none of our business, and shows that the list was given.
        with contextlib.suppress(UnusableKeyError), self._telling("listing"):
            next(iter(obstore.list(self._bucket, chunk_size=1)), None)

    def where(self, key: str) -> str:
        """The object's whole address."""
        return f"{self.address}/{self._key(key)}"

    @with_retries
    def put(self, key: str, path: Path) -> None:
        """Upload `path`, in parts where it is large; the local file stays."""
        self._uploads.send(self._key(key), path)

    @with_retries
    def put_bytes(self, key: str, data: bytes) -> None:
        """Write a small object whole, by one request."""
        self._uploads.write(self._key(key), data)

    def compare_and_set(self, key: str, data: bytes, expected: str | None) -> bool:
        """Write `data` if the object's tag is `expected`; the store itself lets one writer win.

        An answer that is lost on the way and asked for again is False although the write was done: look
        whether the object is yours before giving it up for lost.
        """
        try:
            self._uploads.write(self._key(key), data, mode=self._condition(expected))
        except (
            ConditionFailedError,
            MissingError,
        ):  # Google and some others call an object missing that was expected
            return False
        return True

    @with_retries
    def get(self, key: str) -> bytes:
        """A small object whole. Raises `MissingError`."""
        with self._telling(f"reading {key}"):
            return bytes(obstore.get(self._bucket, self._key(key)).bytes())

    def tag(self, key: str) -> str | None:
        """The store's own entity tag (on Google the generation); None if there is no such object."""
        meta = self._head(key)
        return None if meta is None else self._tag_of(meta)

    def size(self, key: str) -> int | None:
        """Bytes, or None if there is no such object."""
        meta = self._head(key)
        return None if meta is None else meta["size"]

    @with_retries
    def facts(self, key: str) -> ObjectMetadata | None:
        """What the store says of an object, its uploader's metadata included; None if there is none."""
        checked = self._key(key)
        with self._telling(f"looking at {key}"):
            try:
                return object_metadata(obstore.get(self._bucket, checked, options={"head": True}))
            except FileNotFoundError as error:
                if is_missing(error):
                    return None
                raise

    def ranges(self, key: str) -> ObjectRanges:
        """The object, to be read by ranges of the version it has now. Raises `MissingError`."""
        meta = self._head(key)
        if meta is None:
            raise MissingError(f"{key} is not in {self.address}")
        return ObjectRanges(
            self._bucket,
            self._key(key),
            size=meta["size"],
            tag=meta["e_tag"],
            address=self.address,
            stamp=self._tag_of(meta),
            retrier=self.retrier,
        )

    def fetch(self, key: str, scratch: Path) -> Path:
        """Download the object into a folder of its own in `scratch`, under its own name."""
        source = self.ranges(key)
        name = PurePosixPath(source.key).name
        target = scratch / digest(self.address, source.key)[:16] / name
        aside = target.with_name(f".{digest(name)[:16]}.{os.urandom(4).hex()}")
        with files.translate_errors(f"fetching {key}"):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with aside.open("wb") as file:
                    for data in source.parts(self._part):
                        self._stop.check()
                        file.write(data)
                if aside.stat().st_size != source.size:
                    raise TransientError(f"fetching {key} in {self.address}: it came incomplete")
                aside.replace(target)
            finally:
                aside.unlink(missing_ok=True)
        return target

    def copy(self, key: str, to: str) -> None:
        """Copy within the store, without moving bytes through this machine where the store can.

        The largest objects of S3, and those whose new name promises another kind of content, are read and
        written anew.
        """
        source, target = self._key(key), self._key(to)
        meta = self._head(key)
        if meta is None:
            raise MissingError(f"{key} is not in {self.address}")
        if meta["size"] <= self._server_copy and content_type(source) == content_type(target):
            self._copy_within(source, target)
        else:
            self._uploads.copy_from(target, self.ranges(key))

    @with_retries
    def _copy_within(self, source: str, target: str) -> None:
        with self._telling(f"copying {source}"):
            obstore.copy(self._bucket, source, target)

    def list(self, prefix: str) -> Iterator[str]:
        """The keys below the folder `prefix`, sorted; all of them are held in memory."""
        yield from self._list(prefix, self._key(prefix) + "/")

    def list_all(self) -> Iterator[str]:
        """All keys, sorted: what a whole bucket holds is asked for by name, never by an empty prefix."""
        yield from self._list("everything", "")

    @with_retries
    def _list(self, what: str, top: str) -> Sequence[str]:
        with self._telling(f"listing {what}"):
            pages = obstore.list(self._bucket, prefix=top or None)
            keys = [meta["path"] for page in pages for meta in page]
        return sorted(key for key in keys if key.startswith(top))

    def delete(self, prefix: str) -> None:
        """Remove an object and everything below it, many with one request."""
        self._delete(prefix, [self._key(prefix), *self.list(prefix)])

    @with_retries
    def _delete(self, what: str, doomed: Sequence[str]) -> None:
        with self._telling(f"removing {what}"):
            try:
                obstore.delete(self._bucket, doomed)
            except FileNotFoundError as error:  # Google and Azure mind if one is gone already
                if not is_missing(error):
                    raise
                for key in doomed:
                    self._delete_one(key)

    def _delete_one(self, key: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            obstore.delete(self._bucket, key)

    def _tag_of(self, meta: ObjectMeta) -> str | None:
        return meta["version" if self._by_version else "e_tag"]

    @with_retries
    def _head(self, key: str) -> ObjectMeta | None:
        checked = self._key(key)
        with self._telling(f"looking at {key}"):
            try:
                return obstore.head(self._bucket, checked)
            except FileNotFoundError as error:
                if is_missing(error):
                    return None
                raise

    def _condition(self, expected: str | None) -> PutMode:
        if expected is None:
            return "create"
        return {"version": expected} if self._by_version else {"e_tag": expected}

    def _key(self, key: str) -> str:
        return checked_key(key)

    def _telling(self, what: str) -> contextlib.AbstractContextManager[None]:
        if os.getpid() != self._process:
            # obstore's threads do not live on in a forked child: its first request would wait for ever.
            raise UsageError(
                f"{self.address} was opened by the process this one was forked from",
                remedy="start processes by spawn, and open the store in each",
            )
        return translate_errors(what, where=self.address)
