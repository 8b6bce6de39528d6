"""Finishes the deletion of assets in the background of a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from eddyline.library.deletion.deletion import AssetDeletion
from eddyline.library.deletion.runner import DeletionRunner
from eddyline.web.services import Services


@contextmanager
def finish_deletions(services: Services) -> Iterator[None]:
    """Continue deletions inside the context, those of servers that were killed included."""
    runner = DeletionRunner(AssetDeletion(services.ledger, services.store))
    runner.start()
    try:
        yield
    finally:
        runner.close()
