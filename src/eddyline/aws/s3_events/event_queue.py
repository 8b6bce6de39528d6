"""The queue that S3 and EventBridge tell of new objects: found or made; its settings stay its owner's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eddyline.aws.client_errors import NoQueueError, translate_errors
from eddyline.aws.sqs.client import SqsClient
from eddyline.aws.sqs.queue_names import QueueNames
from eddyline.core.errors import UsageError

_KEEP_S = 14 * 24 * 3600  # as long as SQS keeps messages at all
_VISIBILITY_S = 60
_LAST_RESORT = 100  # receipts; long before, whoever receives a message parks it with a reason
_OURS = "Eddyline"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,75}")  # 80 letters are SQS's limit, and -dead may be added


@dataclass(frozen=True, kw_only=True)
class EventQueue:
    """`name` of the queue and of the one for what is parked; `limit`: receipts that SQS itself allows."""

    name: str
    dead: str
    limit: int


def prepare(client: Any, name: str, *, buckets: Sequence[str] = ()) -> EventQueue:  # noqa: ANN401 - boto3's
    """Find the queue, and make what is missing; `buckets` may send to it, if any are named.

    A queue that is there keeps its settings: only one without any dead letters is given some. Safe twice.
    Raises `UsageError` for a name that no such queue can have, `QueueError` or `AccessError`.
    """
    _check(name)
    try:
        found = _attributes(client, name)
    except NoQueueError:
        found = _made(client, name)
    if buckets:
        policy = allowing(found["QueueArn"], buckets, found.get("Policy", ""))
        if policy != found.get("Policy"):
            _set(client, name, {"Policy": policy})
    redrive = _plain(found.get("RedrivePolicy", ""))
    if "deadLetterTargetArn" not in redrive:
        redrive = _dead_letters(client, name)
        _set(client, name, {"RedrivePolicy": json.dumps(redrive)})
    return _place(name, redrive)


def events_queues(client: Any) -> SqsClient:  # noqa: ANN401 - boto3's
    """Calls on queues of events, each of which is named: those of jobs are none of its business."""
    return SqsClient(client, QueueNames(prefix="events", pools=("events",)))


def find(client: Any, name: str) -> EventQueue:  # noqa: ANN401 - boto3's
    """The queue as it is. Raises `UsageError` if there is none or it has no dead letters; `AccessError`."""
    _check(name)
    try:
        redrive = _plain(_attributes(client, name).get("RedrivePolicy", ""))
    except NoQueueError:
        redrive = {}
    if "deadLetterTargetArn" not in redrive:
        raise UsageError(
            f"there is no queue {name} with dead letters beside it",
            remedy="name the queue that `eddyline ingest --events` reads",
        )
    return _place(name, redrive)


def _check(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be a queue of events",
            remedy="name a standard queue (S3 sends to no FIFO queue): letters, digits, - and _, 75 at most",
        )


def _place(name: str, redrive: Mapping[str, Any]) -> EventQueue:
    return EventQueue(
        name=name,
        dead=str(redrive["deadLetterTargetArn"]).rpartition(":")[2],
        limit=int(redrive.get("maxReceiveCount", _LAST_RESORT)),
    )


def allowing(queue_arn: str, buckets: Sequence[str], policy: str = "") -> str:
    """A queue's policy with which S3 and EventBridge may send what these buckets tell, and nobody else more.

    What others wrote into `policy` is kept; what this wrote earlier is replaced.
    """
    _, partition, _, region, account, _ = queue_arn.split(":", 5)
    there = _plain(policy)
    others = [each for each in there.get("Statement", []) if not _is_ours(each)]
    sending = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue_arn}
    by_s3 = {
        **sending,
        "Sid": f"{_OURS}S3",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Condition": {
            "StringEquals": {"aws:SourceAccount": account},
            "ArnEquals": {"aws:SourceArn": [f"arn:{partition}:s3:::{each}" for each in sorted(set(buckets))]},
        },
    }
    by_rules = {
        **sending,
        "Sid": f"{_OURS}EventBridge",
        "Principal": {"Service": "events.amazonaws.com"},
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:{partition}:events:{region}:{account}:rule/*"},
        },
    }
    return json.dumps({"Version": "2012-10-17", **there, "Statement": [*others, by_s3, by_rules]})


def _is_ours(statement: object) -> bool:
    return isinstance(statement, dict) and str(statement.get("Sid", "")).startswith(_OURS)


def _plain(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _made(client: Any, name: str) -> dict[str, str]:  # noqa: ANN401 - boto3's
    wanted = {
        "MessageRetentionPeriod": str(_KEEP_S),
        "VisibilityTimeout": str(_VISIBILITY_S),
        "RedrivePolicy": json.dumps(_dead_letters(client, name)),
    }
    with translate_errors(f"making the queue {name}"):
        client.create_queue(QueueName=name, Attributes=wanted)
    return _attributes(client, name)


def _dead_letters(client: Any, name: str) -> dict[str, str]:  # noqa: ANN401 - boto3's
    dead = f"{name}-dead"
    try:
        found = _attributes(client, dead)
    except NoQueueError:
        with translate_errors(f"making the queue {dead}"):
            client.create_queue(QueueName=dead, Attributes={"MessageRetentionPeriod": str(_KEEP_S)})
        found = _attributes(client, dead)
    return {"deadLetterTargetArn": found["QueueArn"], "maxReceiveCount": str(_LAST_RESORT)}


def _attributes(client: Any, name: str) -> dict[str, str]:  # noqa: ANN401 - boto3's
    with translate_errors(f"looking at the queue {name}"):
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
        answer = client.get_queue_attributes(
            QueueUrl=url, AttributeNames=["QueueArn", "Policy", "RedrivePolicy"]
        )
    return dict(answer["Attributes"])


def _set(client: Any, name: str, attributes: Mapping[str, str]) -> None:  # noqa: ANN401 - boto3's
    with translate_errors(f"setting the queue {name}"):
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
        client.set_queue_attributes(QueueUrl=url, Attributes=dict(attributes))
