"""Asking buckets about their objects."""

from __future__ import annotations

import threading
from collections import OrderedDict

from eddyline.core import addresses
from eddyline.core.errors import UsageError
from eddyline.core.objectfacts import ObjectFacts
from eddyline.core.objects import ObjectStore
from eddyline.core.opening import StoreSettings, open_store

_KEPT = 16  # messages name the buckets, so there may be any number of them


class Buckets:
    """Looks at objects in S3, whatever bucket they are in. Safe from any thread."""

    def __init__(self, settings: StoreSettings | None = None) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._open: OrderedDict[str, ObjectStore] = OrderedDict()

    def look(self, bucket: str, key: str) -> ObjectFacts | None:
        """What an object is now; None if it is gone.

        Raises `UsageError` (a key that cannot be addressed, no access, no such bucket) or `TransientError`.
        """
        place, same = addresses.parse_object(f"s3://{bucket}/{key}")
        if same != key:
            # Empty parts of a path and slashes at its ends are lost to most tools; never take another object.
            raise UsageError(
                f"the key {ascii(key)[:200]} cannot be addressed",
                remedy="upload it without // or / at its ends",
            )
        return self._bucket(str(place)).facts(key)

    def _bucket(self, address: str) -> ObjectStore:
        with self._lock:
            store = self._open.pop(address, None) or self._opened(address)
            self._open[address] = store
            if len(self._open) > _KEPT:
                self._open.popitem(last=False)
        return store

    def _opened(self, address: str) -> ObjectStore:
        store = open_store(address, self._settings)
        if not isinstance(store, ObjectStore):
            raise UsageError(f"{address} is no bucket")
        return store
