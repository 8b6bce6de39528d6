"""One message of SQS as it is received, and texts as attributes that go along with one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_LONGEST_TEXT = 1000


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message as received, `receipts` times by now; `sent` is when it was, in seconds since 1970.

    `waited_s`: from then until it was first received, by the queue's own clock.
    """

    id: str
    queue: str
    body: str
    handle: str
    receipts: int
    sent: float = 0.0
    waited_s: float = 0.0
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """Messages that could not be hidden: `late`, others may have them; `untold`, the queue did not do it."""

    late: tuple[Message, ...] = ()
    untold: tuple[Message, ...] = ()


def received(queue: str, each: Mapping[str, Any]) -> Message:
    """A message in what SQS answers."""
    system, attributes = each.get("Attributes", {}), each.get("MessageAttributes", {})
    sent = int(system.get("SentTimestamp", 0)) / 1000
    return Message(
        id=str(each["MessageId"]),
        queue=queue,
        body=str(each["Body"]),
        handle=str(each["ReceiptHandle"]),
        receipts=int(system.get("ApproximateReceiveCount", 1)),
        sent=sent,
        waited_s=max(int(system.get("ApproximateFirstReceiveTimestamp", 0)) / 1000 - sent, 0.0),
        attributes={name: str(value.get("StringValue", "")) for name, value in attributes.items()},
    )


def as_attributes(texts: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Texts by name, as SQS takes them: printable, not empty, not long."""
    return {name: {"DataType": "String", "StringValue": _plain(text)} for name, text in texts.items()}


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:_LONGEST_TEXT] or "unknown"
