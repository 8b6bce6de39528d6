"""The messages that an ingest parked for an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eddyline.app.optional_dependencies import require_extra
from eddyline.app.shared_services import SharedServices

if TYPE_CHECKING:
    from eddyline.aws.s3_events.parked_messages import ParkedMessages


def open_parked_messages(events: str) -> ParkedMessages:
    """Open the parked messages of the queue `events`. Raises `UsageError` if the queue does not exist."""
    with require_extra("aws", "S3 events on SQS"):
        from eddyline.aws.s3_events.event_queue import event_queue_client, find_event_queue
        from eddyline.aws.s3_events.parked_messages import ParkedMessages
    queues = event_queue_client(SharedServices.client("sqs"))
    return ParkedMessages(queues, find_event_queue(queues, events))
