"""The queue to which S3 and EventBridge send events: found or created; existing settings are kept."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eddyline.aws.client_errors import QueueNotFoundError
from eddyline.aws.sqs.client import SqsClient
from eddyline.aws.sqs.queue_names import QueueNames
from eddyline.core.errors import UsageError

_VISIBILITY_S = 60
_MAX_RECEIVE_COUNT = 100  # a last resort: `ingest` parks a message with a reason long before
_SID_PREFIX = "Eddyline"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,75}")  # SQS allows 80 characters, and -dead may be appended


@dataclass(frozen=True, kw_only=True)
class EventQueue:
    """The names of the queue and of its dead-letter queue, and its redrive policy's `maxReceiveCount`."""

    name: str
    dead_letters: str
    max_receive_count: int


def event_queue_client(client: Any) -> SqsClient:  # noqa: ANN401 - boto3's
    """Calls on queues of events by name; the queues of jobs are not involved."""
    return SqsClient(client, QueueNames(prefix="events", pools=("events",)))


def ensure_event_queue(queues: SqsClient, name: str, *, buckets: Sequence[str] = ()) -> EventQueue:
    """Find the queue, or create it; `buckets`, if any, are allowed to send to it. Idempotent.

    An existing queue keeps its settings, except that one without a dead-letter queue gets one.
    Raises `UsageError` for an invalid name, `QueueError` or `AccessError`.
    """
    _check_name(name)
    try:
        found = _attributes(queues, name)
    except QueueNotFoundError:
        redrive = json.dumps(_ensure_dead_letter_queue(queues, name))
        queues.create_queue(
            name, attributes={"VisibilityTimeout": str(_VISIBILITY_S), "RedrivePolicy": redrive}
        )
        found = _attributes(queues, name)
    if buckets:
        policy = queue_policy(found["QueueArn"], buckets, found.get("Policy", ""))
        if policy != found.get("Policy"):
            queues.set_attributes(name, {"Policy": policy})
    redrive_policy = _parse_object(found.get("RedrivePolicy", ""))
    if "deadLetterTargetArn" not in redrive_policy:
        redrive_policy = _ensure_dead_letter_queue(queues, name)
        queues.set_attributes(name, {"RedrivePolicy": json.dumps(redrive_policy)})
    return _event_queue(name, redrive_policy)


def find_event_queue(queues: SqsClient, name: str) -> EventQueue:
    """The existing queue. Raises `UsageError` if it is missing or has no dead-letter queue; `AccessError`."""
    _check_name(name)
    try:
        redrive_policy = _parse_object(_attributes(queues, name).get("RedrivePolicy", ""))
    except QueueNotFoundError:
        redrive_policy = {}
    if "deadLetterTargetArn" not in redrive_policy:
        raise UsageError(
            f"the queue {name} is missing or has no dead-letter queue",
            remedy="pass the queue that `eddyline ingest --events` reads",
        )
    return _event_queue(name, redrive_policy)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a valid name of an event queue",
            remedy="name a standard queue (S3 sends to no FIFO queue): letters, digits, - and _, 75 at most",
        )


def _event_queue(name: str, redrive_policy: Mapping[str, Any]) -> EventQueue:
    return EventQueue(
        name=name,
        dead_letters=str(redrive_policy["deadLetterTargetArn"]).rpartition(":")[2],
        max_receive_count=int(redrive_policy.get("maxReceiveCount", _MAX_RECEIVE_COUNT)),
    )


def queue_policy(queue_arn: str, buckets: Sequence[str], policy: str = "") -> str:
    """A queue policy that allows S3 and EventBridge to send events of these buckets.

    Statements of others in the previous `policy` are kept; those that this function added are replaced.
    """
    _, partition, _, region, account, _ = queue_arn.split(":", 5)
    previous = _parse_object(policy)
    others = [each for each in previous.get("Statement", []) if not _is_ours(each)]
    sending = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue_arn}
    by_s3 = {
        **sending,
        "Sid": f"{_SID_PREFIX}S3",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Condition": {
            "StringEquals": {"aws:SourceAccount": account},
            "ArnEquals": {"aws:SourceArn": [f"arn:{partition}:s3:::{each}" for each in sorted(set(buckets))]},
        },
    }
    by_rules = {
        **sending,
        "Sid": f"{_SID_PREFIX}EventBridge",
        "Principal": {"Service": "events.amazonaws.com"},
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:{partition}:events:{region}:{account}:rule/*"},
        },
    }
    return json.dumps({"Version": "2012-10-17", **previous, "Statement": [*others, by_s3, by_rules]})


def _is_ours(statement: object) -> bool:
    return isinstance(statement, dict) and str(statement.get("Sid", "")).startswith(_SID_PREFIX)


def _parse_object(text: str) -> Mapping[str, Any]:
    """The JSON object in `text`; an empty one for anything else."""
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _ensure_dead_letter_queue(queues: SqsClient, name: str) -> dict[str, str]:
    """The redrive policy of a queue, whose dead-letter queue is created if it is missing."""
    dead_letters = f"{name}-dead"
    try:
        found = _attributes(queues, dead_letters)
    except QueueNotFoundError:
        queues.create_queue(dead_letters)
        found = _attributes(queues, dead_letters)
    return {"deadLetterTargetArn": found["QueueArn"], "maxReceiveCount": str(_MAX_RECEIVE_COUNT)}


def _attributes(queues: SqsClient, name: str) -> dict[str, str]:
    return queues.attributes(name, "QueueArn", "Policy", "RedrivePolicy")
