"""Opening any address for reading by byte ranges: a bucket's object, or a file on a web server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eddyline.core.httpranges import SCHEMES, HttpRanges

if TYPE_CHECKING:
    from eddyline.core.ranges import Ranges

_STORES = ("s3", "gs", "az")


def is_remote(address: str) -> bool:
    """Whether this is the address of something on another machine, rather than a local path."""
    scheme, found, _ = address.partition("://")
    return bool(found) and scheme.lower() in {*SCHEMES, *_STORES}


def open_remote(address: str) -> Ranges:
    """The object or file there; the caller closes it.

    Raises:
        UsageError: the address is wrong, or access is denied.
        MissingError, TransientError, UnsupportedError: see `HttpRanges`, `ObjectStore.ranges`.
    """
    if address.partition("://")[0].lower() in SCHEMES:
        return HttpRanges(address)
    # Only here: the client of object stores takes a tenth of a second to start.
    from eddyline.core.addresses import parse_object  # noqa: PLC0415 - as said
    from eddyline.core.opening import open_store  # noqa: PLC0415 - as said

    root, key = parse_object(address)
    return open_store(root).ranges(key)
