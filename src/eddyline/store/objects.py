"""The media store in an object store: S3 and compatible stores, Google Cloud Storage, Azure.

`object_uploads` writes objects, `object_ranges` reads them by ranges.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
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

_PAGE = 1000  # keys that stores list, and delete, by one request
_MAX_SERVER_COPY = 5 * 1024**3  # the largest object that S3 copies by one request


class ObjectStore:
    """A bucket, or a prefix of one, as a `Store`. `address` is its name in messages.

    A requested `stop` ends uploads and downloads between two parts (`Interrupted`). Idempotent requests are
    retried for up to `outage_retry_s`, provided the store has answered before.
    """

    def __init__(
        self,
        bucket: Bucket,
        *,
        address: str,
        stop: Stop | None = None,
        part: int = PART,
        max_server_copy: int = _MAX_SERVER_COPY,
        outage_retry_s: float = 0.0,
    ) -> None:
        self.address = address
        self._bucket = bucket
        self._stop = stop or Stop()
        self.retrier = Retrier(max_s=outage_retry_s, stop=self._stop)
        self._part = part
        self._max_server_copy = max_server_copy
        # Conditional writes compare the generation on Google, the entity tag elsewhere.
        self._by_version = isinstance(bucket, GCSStore)
        self._process = os.getpid()
        self._uploads = ObjectUploads(bucket=bucket, part=part, stop=self._stop, translate=self._translate)

    def check(self) -> None:
        """List one page of objects; raises `UsageError` for an invalid bucket or credentials."""
        # An unusable key of a foreign object is not an error here: the list request succeeded.
        with contextlib.suppress(UnusableKeyError), self._translate("listing"):
            next(iter(obstore.list(self._bucket, chunk_size=1)), None)

    def where(self, key: str) -> str:
        """The full address of the object."""
        return f"{self.address}/{self._key(key)}"

    @with_retries
    def put(self, key: str, path: Path) -> None:
        """Upload the file `path`, in parts if it is large; keeps the local file."""
        self._uploads.send(self._key(key), path)

    def put_all(self, paths: Mapping[str, Path]) -> None:
        """Upload files one after another; each is durable when its upload is complete."""
        for key, path in paths.items():
            self.put(key, path)

    @with_retries
    def put_bytes(self, key: str, data: bytes) -> None:
        """Write a small object by one request."""
        self._uploads.write(self._key(key), data)

    def compare_and_set(self, key: str, data: bytes, expected: str | None) -> bool:
        """Write `data` if the tag of the object is `expected`; the store decides between concurrent writers.

        Returns False although the write succeeded if its response was lost and the request retried: on
        False, check whether the object is already the new one.
        """
        try:
            self._uploads.write(self._key(key), data, mode=self._condition(expected))
        except (
            ConditionFailedError,
            MissingError,
        ):  # Google and others report an expected object as missing
            return False
        return True

    @with_retries
    def get(self, key: str) -> bytes:
        """The contents of a small object. Raises `MissingError`."""
        with self._translate(f"reading {key}"):
            return bytes(obstore.get(self._bucket, self._key(key)).bytes())

    def tag(self, key: str) -> str | None:
        """The entity tag (on Google the generation); None if the object does not exist."""
        meta = self._head(key)
        return None if meta is None else self._tag_of(meta)

    def size(self, key: str) -> int | None:
        """The size in bytes; None if the object does not exist."""
        meta = self._head(key)
        return None if meta is None else meta["size"]

    @with_retries
    def facts(self, key: str) -> ObjectMetadata | None:
        """The metadata of an object, including that of its uploader; None if it does not exist."""
        checked = self._key(key)
        with self._translate(f"reading the metadata of {key}"):
            try:
                return object_metadata(obstore.get(self._bucket, checked, options={"head": True}))
            except FileNotFoundError as error:
                if is_missing(error):
                    return None
                raise

    def ranges(self, key: str) -> ObjectRanges:
        """Open the current version of the object for reading by ranges. Raises `MissingError`."""
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
        """Download the object to a separate directory in `scratch`, under its own name."""
        source = self.ranges(key)
        name = PurePosixPath(source.key).name
        target = scratch / digest(self.address, source.key)[:16] / name
        temporary = target.with_name(f".{digest(name)[:16]}.{os.urandom(4).hex()}")
        with files.translate_errors(f"fetching {key}"):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with temporary.open("wb") as file:
                    for data in source.parts(self._part):
                        self._stop.check()
                        file.write(data)
                if temporary.stat().st_size != source.size:
                    raise TransientError(f"fetching {key} in {self.address}: the download is incomplete")
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
        return target

    def copy(self, key: str, to: str) -> None:
        """Copy within the store, by the store itself where possible.

        Objects too large for a copy by S3, and those whose new name has another content type, are read and
        written by this machine.
        """
        source, target = self._key(key), self._key(to)
        meta = self._head(key)
        if meta is None:
            raise MissingError(f"{key} is not in {self.address}")
        if meta["size"] <= self._max_server_copy and content_type(source) == content_type(target):
            self._copy_within(source, target)
        else:
            self._uploads.copy_from(target, self.ranges(key))

    def copy_all(self, keys: Iterable[tuple[str, str]]) -> None:
        """Copy objects one after another."""
        for key, to in keys:
            self.copy(key, to)

    @with_retries
    def _copy_within(self, source: str, target: str) -> None:
        with self._translate(f"copying {source}"):
            obstore.copy(self._bucket, source, target)

    def list(self, prefix: str) -> Iterator[str]:
        """The keys below `prefix`/, sorted as stores list them, a page in memory at a time."""
        yield from self._list(prefix, self._key(prefix) + "/")

    def list_all(self) -> Iterator[str]:
        """All keys, sorted; a separate method, so that an empty prefix never lists a whole bucket."""
        yield from self._list("everything", "")

    def _list(self, what: str, top: str) -> Iterator[str]:
        pages: Iterator[Sequence[ObjectMeta]] | None = None
        last: str | None = None

        def next_page() -> Sequence[ObjectMeta] | None:
            """The next page; a repeated request continues after the last key."""
            nonlocal pages
            with self._translate(f"listing {what}"):
                if pages is None:
                    listing = obstore.list(self._bucket, prefix=top or None, offset=last, chunk_size=_PAGE)
                    pages = iter(listing)
                try:
                    return next(pages, None)
                except BaseException:
                    pages = None
                    raise

        while (page := self.retrier.call(next_page)) is not None:
            for meta in page:
                last = meta["path"]
                if last.startswith(top):
                    yield last

    def delete(self, prefix: str) -> None:
        """Delete an object and all objects below it, a thousand by one request."""
        keys = chain([self._key(prefix)], self.list(prefix))
        while batch := list(islice(keys, _PAGE)):
            self._delete(prefix, batch)

    @with_retries
    def _delete(self, what: str, keys: Sequence[str]) -> None:
        with self._translate(f"deleting {what}"):
            try:
                obstore.delete(self._bucket, keys)
            except FileNotFoundError as error:  # Google and Azure fail if one does not exist
                if not is_missing(error):
                    raise
                for key in keys:
                    self._delete_one(key)

    def _delete_one(self, key: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            obstore.delete(self._bucket, key)

    def _tag_of(self, meta: ObjectMeta) -> str | None:
        return meta["version" if self._by_version else "e_tag"]

    @with_retries
    def _head(self, key: str) -> ObjectMeta | None:
        checked = self._key(key)
        with self._translate(f"reading the metadata of {key}"):
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

    def _translate(self, what: str) -> contextlib.AbstractContextManager[None]:
        if os.getpid() != self._process:
            # A forked child does not have obstore's threads: its first request would never return.
            raise UsageError(
                f"{self.address} was opened by the process this one was forked from",
                remedy="start processes with the spawn method and open the store in each",
            )
        return translate_errors(what, where=self.address)
