"""What users do with the jobs of an asset: cancel them, and retry those that failed."""

from __future__ import annotations

import contextlib

from eddyline.core.errors import EddylineError, UsageError
from eddyline.graph.ledger.catalogue.asset import AssetState
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State
from eddyline.pipeline.publication.preview_files import remove_preview
from eddyline.store.store import Store

_PUBLISH = "publish"


class NothingToDoError(UsageError):
    """The state of the asset does not allow the action."""


def cancel_jobs_of_asset(ledger: Ledger, store: Store | None, asset: str, reason: str) -> list[str]:
    """Cancel all open jobs of an asset, and remove its preview from the store; returns their ids.

    Without a store, or if it is unavailable, the preview stays until the asset is published or deleted.
    """
    cancelled = ledger.cancel(asset=asset, reason=reason)
    if cancelled and store is not None and _was_not_published(ledger, asset):
        with contextlib.suppress(EddylineError):
            remove_preview(store, asset)
    return cancelled


def _was_not_published(ledger: Ledger, asset: str) -> bool:
    """Whether no worker can have begun to publish the asset, whose stream has the keys of the preview."""
    jobs = [job for job in ledger.jobs(asset) if job.kind == _PUBLISH]
    return all(job.unmet and not job.starts for job in jobs)


def cancel_asset(ledger: Ledger, store: Store, asset: str) -> list[str]:
    """As `cancel_jobs_of_asset`, for a user. Raises `NothingToDoError` without open jobs."""
    cancelled = cancel_jobs_of_asset(ledger, store, asset, "cancelled by a user")
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
