"""What an ingest put aside for people, and what they do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eddyline.app.optional_dependencies import extra
from eddyline.app.shared_services import Shared

if TYPE_CHECKING:
    from eddyline.aws.s3_events.parked_messages import ParkedMessages


def parked_messages(events: str) -> ParkedMessages:
    """What is parked beside the queue `events`. Raises `UsageError` if there is no such queue."""
    with extra("aws", "S3's events on SQS"):
        from eddyline.aws.s3_events.event_queue import events_queues, find
        from eddyline.aws.s3_events.parked_messages import ParkedMessages
    client = Shared.sqs()
    place = find(client, events)
    return ParkedMessages(events_queues(client), place)
