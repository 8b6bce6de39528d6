"""Batch requests of SQS: entries and messages split by its limits on number and size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from eddyline.aws.sqs.message import Message
from eddyline.aws.sqs.message_body import MAX_BYTES

MAX_ENTRIES = 10
"""Entries of a batch request, and messages of a receive request."""


def send_batches(entries: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Split entries into batches within SQS's limits on number and total size."""
    batch: list[dict[str, Any]] = []
    size = 0
    for entry in entries:
        length = len(entry["MessageBody"].encode())
        if batch and (len(batch) == MAX_ENTRIES or size + length > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch


def receipt_batches(messages: Iterable[Message]) -> Iterator[tuple[str, list[Message]]]:
    """Group messages by queue into batches of ten."""
    queues: dict[str, list[Message]] = {}
    for message in messages:
        queues.setdefault(message.queue, []).append(message)
    for name, found in queues.items():
        rest = iter(found)
        while batch := list(islice(rest, MAX_ENTRIES)):
            yield name, batch
