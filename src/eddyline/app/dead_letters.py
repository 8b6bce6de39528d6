"""Redrives dead letters through the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eddyline.app.optional_dependencies import require_extra
from eddyline.app.shared_services import SharedServices

if TYPE_CHECKING:
    from eddyline.aws.sqs.dead_letters import RedriveReport


def redrive(shared: SharedServices, *, limit: int, drop: bool = False) -> RedriveReport:
    """Publish the jobs of up to `limit` dead letters again; `drop` deletes those that are not jobs.

    Raises `QueueError`, `LedgerError`.
    """
    queues = shared.open_queues(tuple(shared.pools().pools))
    with require_extra("aws", "SQS"):
        from eddyline.aws.sqs.dead_letters import redrive_dead_letters
    with shared.open_coordinator_ledger() as ledger:
        return redrive_dead_letters(queues, ledger, limit=limit, drop=drop)
