"""Opens an address for reading by byte ranges: an object in a bucket, or a file on a web server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eddyline.store.addresses import WEB_SCHEMES, parse, parse_object
from eddyline.store.ranges import FileRanges

if TYPE_CHECKING:
    from eddyline.store.object_ranges import ObjectRanges
    from eddyline.store.ranges import Ranges

_STORES = ("s3", "gs", "az")


def is_remote(address: str) -> bool:
    """Whether this is a remote address, not a local path."""
    scheme, found, _ = address.partition("://")
    return bool(found) and scheme.lower() in {*WEB_SCHEMES, *_STORES}


def open_remote(address: str) -> Ranges:
    """Open a remote object or file; the caller closes it.

    Raises:
        UsageError: the address is invalid, or access is denied.
        MissingError, TransientError, UnsupportedError: see `HttpRanges`, `ObjectStore.ranges`.
    """
    if address.partition("://")[0].lower() in WEB_SCHEMES:
        # Imported here: `http` and `ssl` take 10 ms to import, and most sources are local files.
        from eddyline.store.http_ranges import HttpRanges  # noqa: PLC0415 - as above

        return HttpRanges(address)
    from eddyline.store.open_store import open_store  # noqa: PLC0415 - the same

    root, key = parse_object(address)
    return open_store(root).ranges(key)


def open_source(address: str | Path) -> Ranges:
    """Open a local file or an object by its address; the caller closes it.

    Raises:
        MissingError: the file or object does not exist.
        UsageError: the address is invalid, or access is denied.
    """
    place = parse(str(address))
    return FileRanges(place.folder) if place.local else open_object(str(address))


def open_object(address: str) -> ObjectRanges:
    """Open an object by its address, with the cached client of its bucket; the caller closes it."""
    from eddyline.store.open_store import BUCKETS  # noqa: PLC0415 - only for objects

    bucket, key = BUCKETS.find(address)
    return bucket.ranges(key)
