"""Deletes an asset of an output directory or of a fleet, and waits until nothing of it is stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from eddyline.app.library import open_library
from eddyline.app.shared_services import SharedServices
from eddyline.core.stop import Stop
from eddyline.library.deletion.deletion import AssetDeletion
from eddyline.library.telemetry.asset_telemetry import CACHE, AssetTelemetry

_PAUSE_S = 0.5


def delete_asset(
    asset: str,
    out: Path | None,
    shared: SharedServices,
    *,
    stop: Stop,
    on_wait: Callable[[str], None] = lambda _worker: None,
) -> bool:
    """Delete an asset; returns False if `stop` was requested first: a server, or a repeated call, continues.

    `on_wait` gets the name of each worker that must stop a job first. An asset that is being deleted already
    is continued. Raises `MissingError`.
    """
    with open_library(out, shared, stop=stop) as library:
        ledger, store = library.ledger, library.store
        # Servers of a fleet sweep their own caches.
        cache = library.directory and AssetTelemetry(store, library.directory.state / CACHE)
        deletion = AssetDeletion(ledger, store, forget=cache.forget if cache else None)
        deletion.request(asset)
        found = ledger.catalogue.get(asset)
        source = "" if found is None else found.source
        waited: set[str] = set()
        while not stop.requested:
            step = deletion.step(asset, source)
            if step.deleted:
                return True
            for worker in sorted(set(step.waits_for) - waited):
                waited.add(worker)
                on_wait(worker)
            stop.wait(_PAUSE_S)
        return False
