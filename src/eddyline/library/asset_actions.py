"""What users do with the jobs of an asset: cancel them, and retry those that failed."""

from __future__ import annotations

from eddyline.core.errors import UsageError
from eddyline.graph.ledger.catalogue.asset import AssetState
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State


class NothingToDoError(UsageError):
    """The state of the asset does not allow the action."""


def cancel_asset(ledger: Ledger, asset: str) -> list[str]:
    """Cancel all open jobs of an asset; returns their ids. Raises `NothingToDoError` if there are none."""
    cancelled = ledger.cancel(asset=asset, reason="cancelled by a user")
    if not cancelled:
        raise NothingToDoError(
            "the asset has no jobs that could be cancelled", remedy="only assets in process can be cancelled"
        )
    return cancelled


def retry_asset(ledger: Ledger, asset: str) -> list[str]:
    """Give the failed jobs of an asset new attempts, and restore those that a user cancelled.

    Returns the ids of the restored jobs. Raises `NothingToDoError` if there are none.
    """
    found = ledger.catalogue.get(asset)
    if found is not None and found.state is AssetState.DELETING:
        raise NothingToDoError("the asset is being deleted", remedy="submit its source again afterwards")
    failed = [*ledger.jobs(asset, State.DEAD), *ledger.jobs(asset, State.CANCELLED)]
    restored = ledger.redrive(*(job.id for job in failed)) if failed else []
    if not restored:
        raise NothingToDoError(
            "the asset has no jobs that failed or were cancelled", remedy="submit its source again"
        )
    return restored
