"""A received SQS message, and message attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_MAX_VALUE = 1000  # characters of an attribute


@dataclass(frozen=True, kw_only=True)
class Message:
    """A received message. `receive_count` includes this receipt; `sent_at` is in seconds since 1970.

    `waited_s`: seconds from sending to the first receipt, by the clock of SQS.
    """

    id: str
    queue: str
    body: str
    receipt_handle: str
    receive_count: int
    sent_at: float = 0.0
    waited_s: float = 0.0
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class VisibilityFailures:
    """Messages whose visibility timeout was not changed.

    `expired`: the receipt handle is invalid by now, another receiver may have the message. `unchanged`: SQS
    failed, the previous timeout still applies.
    """

    expired: tuple[Message, ...] = ()
    unchanged: tuple[Message, ...] = ()


def parse_message(queue: str, entry: Mapping[str, Any]) -> Message:
    """The message in an entry of a `ReceiveMessage` response."""
    system, attributes = entry.get("Attributes", {}), entry.get("MessageAttributes", {})
    sent_at = int(system.get("SentTimestamp", 0)) / 1000
    return Message(
        id=str(entry["MessageId"]),
        queue=queue,
        body=str(entry["Body"]),
        receipt_handle=str(entry["ReceiptHandle"]),
        receive_count=int(system.get("ApproximateReceiveCount", 1)),
        sent_at=sent_at,
        waited_s=max(int(system.get("ApproximateFirstReceiveTimestamp", 0)) / 1000 - sent_at, 0.0),
        attributes={name: str(value.get("StringValue", "")) for name, value in attributes.items()},
    )


def message_attributes(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Strings as `MessageAttributes`: printable, not empty, at most 1000 characters."""
    return {name: {"DataType": "String", "StringValue": _printable(text)} for name, text in values.items()}


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:_MAX_VALUE] or "unknown"
