"""The input of a function: one EventBridge event, or a batch of messages of an SQS queue.

For a batch the response lists the messages that failed, so that the others are not received again
(ReportBatchItemFailures of the event source mapping).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from eddyline.core.formatting import short_repr


@dataclass(frozen=True, kw_only=True)
class Record:
    """One event as text. `message_id` is that of its SQS message, or "" for a direct invocation."""

    body: str
    message_id: str = ""


def records_of(event: object) -> tuple[Record, ...]:
    """The records of an invocation. Values that are not events become records too, and are ignored later."""
    if isinstance(event, Mapping) and isinstance(event.get("Records"), list):
        return tuple(_message(each) for each in event["Records"])
    return (Record(body=_text(event)),)


def _message(found: object) -> Record:
    fields: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    body, message_id = fields.get("body"), fields.get("messageId")
    return Record(
        body=body if isinstance(body, str) else _text(body),
        message_id=message_id if isinstance(message_id, str) else "",
    )


def _text(event: object) -> str:
    try:
        return json.dumps(event)
    except (TypeError, ValueError, RecursionError):
        return json.dumps(short_repr(event))


def batch_response(failed: Iterable[Record]) -> dict[str, Any]:
    """The response if these records failed; Lambda ignores it for a direct invocation."""
    ids = dict.fromkeys(record.message_id for record in failed)
    return {"batchItemFailures": [{"itemIdentifier": each} for each in ids if each]}
