"""Lookup of an S3 object that an event names."""

from __future__ import annotations

from eddyline.store.object_metadata import ObjectMetadata
from eddyline.store.open_store import BUCKETS, Buckets


def lookup_object(bucket: str, key: str, *, buckets: Buckets = BUCKETS) -> ObjectMetadata | None:
    """The current metadata of an object; None if it is gone.

    Raises `UsageError` (a key that cannot be addressed, no access, no such bucket) or `TransientError`.
    """
    store, name = buckets.find(f"s3://{bucket}/{key}")
    return store.facts(name)
