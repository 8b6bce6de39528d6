"""Asking S3 about an object that a message named."""

from __future__ import annotations

from eddyline.core import addresses
from eddyline.core.errors import UsageError
from eddyline.core.objectfacts import ObjectFacts
from eddyline.core.opening import BUCKETS, Buckets


def look(bucket: str, key: str, *, buckets: Buckets = BUCKETS) -> ObjectFacts | None:
    """What an object is now; None if it is gone.

    Raises `UsageError` (a key that cannot be addressed, no access, no such bucket) or `TransientError`.
    """
    address = f"s3://{bucket}/{key}"
    if addresses.parse_object(address)[1] != key:
        # Empty parts of a path and slashes at its ends are lost on the way; never take another object.
        raise UsageError(
            f"the key {ascii(key)[:200]} cannot be addressed", remedy="upload it without // or / at its ends"
        )
    store, name = buckets.find(address)
    return store.facts(name)
