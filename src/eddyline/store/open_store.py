"""Opens the media store of an address with the credentials of this machine."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from eddyline.core.errors import UsageError
from eddyline.core.stop import Stop
from eddyline.store import addresses
from eddyline.store.local import LocalStore
from eddyline.store.store import Store
from eddyline.store.store_settings import StoreSettings

if TYPE_CHECKING:
    from eddyline.store.objects import ObjectStore


def open_store(
    address: str | addresses.Address,
    settings: StoreSettings | None = None,
    *,
    stop: Stop | None = None,
) -> Store:
    """The media store at `address`, without a request to it (see `ObjectStore.check`).

    Credentials come from the standard chain: the environment, the AWS profile, the role of the machine.

    Raises `UsageError` for an invalid address, endpoint or profile.
    """
    place = addresses.parse(address) if isinstance(address, str) else address
    if place.local:
        return LocalStore(place.folder)
    return _object_store(place, settings or StoreSettings(), stop)


def _object_store(place: addresses.Address, settings: StoreSettings, stop: Stop | None) -> ObjectStore:
    # The client of object stores takes 10 ms to import, and most runs read and write local files.
    from eddyline.store.object_clients import open_object_store  # noqa: PLC0415 - as above

    return open_object_store(place, settings, stop=stop)


class Buckets:
    """The buckets that this process reads sources from; each is opened once and kept."""

    def __init__(self) -> None:
        self._settings = StoreSettings()
        self._stop: Stop | None = None
        self._opened: dict[tuple[int, str], ObjectStore] = {}
        self._lock = threading.Lock()

    def configure(self, settings: StoreSettings, *, stop: Stop | None = None) -> None:
        """Set how to reach buckets, and the `stop` that ends retries; `app` calls this once."""
        with self._lock:
            self._settings, self._stop = settings, stop
            self._opened.clear()

    def find(self, address: str) -> tuple[ObjectStore, str]:
        """The bucket of a remote object, and its key. Raises `UsageError` for a local path."""
        return self._open(*addresses.parse_object(address), address)

    def folder(self, address: str) -> tuple[ObjectStore, str]:
        """The bucket of a remote prefix, and the prefix: "" for the whole bucket."""
        place = addresses.parse(address)
        root = addresses.Address(scheme=place.scheme, bucket=place.bucket)
        return self._open(place if place.local else root, place.path, address)

    def _open(self, place: addresses.Address, key: str, address: str) -> tuple[ObjectStore, str]:
        if place.local:
            raise UsageError(f"{address} is not an object in a store")
        name = os.getpid(), str(place)  # a forked process must not use its parent's connections
        with self._lock:
            if name not in self._opened:
                self._opened[name] = _object_store(place, self._settings, self._stop)
            return self._opened[name], key


BUCKETS = Buckets()
