"""Sends messages to SQS queues in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from eddyline.aws.lambdas.calls import CallError, Calls, Vendor

_MAX_ENTRIES = 10
_MAX_BATCH_BYTES = 256 * 1024
_MAX_DELAY_S = 900


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A message that becomes visible after `delay_s` seconds (at most 900)."""

    body: str
    delay_s: float = 0.0


def send_all(client: Vendor, calls: Calls, url: str, messages: Sequence[Outgoing]) -> list[bool]:
    """Send messages to the queue `url`; returns for each whether SQS accepted it."""
    accepted = [False] * len(messages)
    for batch in _batches(messages):
        _send(client, calls, url, messages, batch, accepted)
    return accepted


def _batches(messages: Sequence[Outgoing]) -> Iterator[list[int]]:
    """The positions of the messages of each batch, within SQS' limits of number and size."""
    batch: list[int] = []
    size = 0
    for position, message in enumerate(messages):
        length = len(message.body.encode(errors="replace"))
        if batch and (len(batch) == _MAX_ENTRIES or size + length > _MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(position)
        size += length
    if batch:
        yield batch


def _send(
    client: Vendor,
    calls: Calls,
    url: str,
    messages: Sequence[Outgoing],
    batch: list[int],
    accepted: list[bool],
) -> None:
    backoff = calls.backoff()
    left = batch
    while left:
        entries = [_entry(position, messages[position]) for position in left]
        try:
            answer = calls.call(client.send_message_batch, QueueUrl=url, Entries=entries)
        except CallError:
            return
        for each in answer.get("Successful", ()):
            accepted[int(each["Id"])] = True
        left = [int(each["Id"]) for each in answer.get("Failed", ()) if not each.get("SenderFault")]
        if left and not backoff.pause():
            return


def _entry(position: int, message: Outgoing) -> dict[str, Any]:
    entry: dict[str, Any] = {"Id": str(position), "MessageBody": message.body}
    if message.delay_s > 0:
        entry["DelaySeconds"] = min(max(round(message.delay_s), 1), _MAX_DELAY_S)
    return entry
