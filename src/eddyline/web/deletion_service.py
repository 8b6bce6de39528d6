"""Finishes the deletion of assets in the background of a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from eddyline.graph.ledger.catalogue.asset import AssetState
from eddyline.library.deletion.deletion import AssetDeletion
from eddyline.library.deletion.runner import DeletionRunner
from eddyline.web.services import Services


def deletion_of(services: Services) -> AssetDeletion:
    """Deletes assets of a server, with what its caches have of them."""
    return AssetDeletion(services.ledger, services.store, forget=services.telemetry.forget)


def forget_deleted(services: Services) -> None:
    """Remove deleted assets from the cache of telemetry.

    Another server or `eddyline catalogue delete` deleted them, or a request that began before read them.
    """
    for asset in services.telemetry.cached():
        found = services.ledger.catalogue.get(asset)
        if found is None or found.state is AssetState.DELETING:
            services.telemetry.forget(asset)


@contextmanager
def finish_deletions(services: Services) -> Iterator[None]:
    """Continue deletions inside the context, those of servers that were killed included."""
    runner = DeletionRunner(deletion_of(services), sweep=lambda: forget_deleted(services))
    runner.start()
    try:
        yield
    finally:
        runner.close()
