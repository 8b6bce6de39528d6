"""Finishes the deletion of assets in the background of a server."""

from __future__ import annotations

from eddyline.core.background_tasks import BackgroundTask
from eddyline.core.stop import Stop
from eddyline.graph.ledger.catalogue.asset import AssetState
from eddyline.library.deletion.deletion import AssetDeletion
from eddyline.web.services import Services

_CHECK_EVERY_S = 30.0


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


def deletion_tasks(services: Services) -> tuple[BackgroundTask, ...]:
    """Continue deletions, those of servers that were killed included, and check for late output."""
    deletion = deletion_of(services)

    def check(_: Stop) -> None:
        deletion.check_late_output()
        forget_deleted(services)

    return (
        BackgroundTask(name="deletion", step=deletion.step_all),
        BackgroundTask(name="late output of deleted assets", step=check, every_s=_CHECK_EVERY_S),
    )
