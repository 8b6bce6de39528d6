"""The queues: what they are set to, and plain calls on them.

Each call is one request (or a batch of ten), and raises `QueueError`, `NoQueueError` or `AccessError`.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any

from eddyline.aws.client_errors import NoQueueError, QueueError, RefusedError, translate_errors
from eddyline.aws.sqs.message import Hidden, Message, as_attributes, received
from eddyline.aws.sqs.message_body import MOST_BYTES
from eddyline.aws.sqs.queue_names import QueueNames
from eddyline.aws.sqs.truncated_responses import require_complete
from eddyline.core import counters
from eddyline.core.formatting import short_repr

__all__ = ["Message", "QueueNames", "SqsClient", "sqs_client"]

_LOG = logging.getLogger("eddyline.queues")
_BATCH = 10  # SQS takes no more entries in one request
_KEEP_S = 14 * 24 * 3600  # as long as SQS keeps messages at all
_DEPTHS = {
    "visible": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}
_ANSWERS_LIMIT = 1000  # answers that cannot be read are parked by name, so this is only a last resort


def sqs_client(*, endpoint: str | None = None, region: str | None = None, connections: int = 32) -> Any:  # noqa: ANN401 - boto3 makes its classes when running
    """A client with the standard chain of credentials; safe from any thread."""
    import boto3  # noqa: PLC0415 - slow to import
    from botocore.config import Config  # noqa: PLC0415 - likewise

    config = Config(
        connect_timeout=5,
        read_timeout=40,  # longer than any long poll
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    with translate_errors("opening SQS"):
        return require_complete(boto3.client("sqs", endpoint_url=endpoint, region_name=region, config=config))


class SqsClient:
    """Calls on queues by name. Safe from any thread."""

    def __init__(self, client: Any, naming: QueueNames, *, dead_after: int = 10) -> None:  # noqa: ANN401 - see above
        self.naming = naming
        self.dead_after = dead_after
        """So many receipts bring a job's message to the dead letters."""
        self._client = client
        self._urls: dict[str, str] = {}
        self._seen: set[str] = set()  # queues that exist, or did
        self._lock = threading.Lock()

    def ensure(self) -> None:
        """Make what is missing and set what differs; safe twice and by many at once."""
        naming = self.naming
        self._ensure(naming.dead, {})
        arn = self._attributes(naming.dead, "QueueArn")["QueueArn"]
        for name in (*naming.lanes, naming.answers):
            limit = _ANSWERS_LIMIT if name == naming.answers else self.dead_after
            policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": str(limit)})
            self._ensure(name, {"RedrivePolicy": policy})

    def make(self, name: str, *, keep_s: float) -> None:
        """Make a queue by itself, that nothing falls from into the dead letters; safe twice."""
        self._ensure(name, {"MessageRetentionPeriod": str(round(keep_s))})

    def remove(self, name: str) -> None:
        """Remove a queue with all that is in it, if it is there. SQS lets it be made anew a minute later."""
        try:
            with translate_errors(f"removing the queue {name}"):
                self._client.delete_queue(QueueUrl=self._url(name))
        except NoQueueError:
            return
        finally:
            with self._lock:
                self._urls.pop(name, None)

    def named(self, beginning: str) -> list[str]:
        """The names of all queues that begin so."""
        with translate_errors(f"listing the queues {beginning}*"):
            pages = self._client.get_paginator("list_queues").paginate(
                QueueNamePrefix=beginning, PaginationConfig={"PageSize": 1000}
            )
            return [str(url).rsplit("/", 1)[-1] for page in pages for url in page.get("QueueUrls", ())]

    def _ensure(self, name: str, attributes: dict[str, str]) -> None:
        wanted = {"MessageRetentionPeriod": str(_KEEP_S), "VisibilityTimeout": "30", **attributes}
        with self._lock:
            self._urls.pop(name, None)
        try:
            found = self._attributes(name, "All")
        except NoQueueError:
            with translate_errors(f"making the queue {name}"):
                self._client.create_queue(QueueName=name, Attributes=wanted)
            if name in self._seen:
                counters.increment("queues_recreated", self._kind(name))
                _LOG.warning("queue was deleted, created again: %s", name)
            self._seen.add(name)
            return
        self._seen.add(name)
        if any(found.get(key) != value for key, value in wanted.items()):
            with translate_errors(f"setting the queue {name}"):
                self._client.set_queue_attributes(QueueUrl=self._url(name), Attributes=wanted)

    def _url(self, name: str) -> str:
        with self._lock:
            url = self._urls.get(name)
        if url is None:
            with translate_errors(f"looking for the queue {name}"):
                url = str(self._client.get_queue_url(QueueName=name)["QueueUrl"])
            with self._lock:
                self._urls[name] = url
        return url

    def _attributes(self, name: str, *names: str) -> dict[str, str]:
        with translate_errors(f"reading the queue {name}"):
            answer = self._client.get_queue_attributes(QueueUrl=self._url(name), AttributeNames=list(names))
        return dict(answer.get("Attributes", {}))

    def depth(self, name: str) -> int:
        """About how many messages there are, in whatever state."""
        return sum(self.depths(name).values())

    def depths(self, name: str) -> dict[str, int]:
        """About how many messages are visible, in_flight and delayed."""
        found = self._attributes(name, *_DEPTHS.values())
        return {state: int(found.get(each, 0)) for state, each in _DEPTHS.items()}

    def send(
        self,
        name: str,
        bodies: Sequence[str],
        *,
        groups: Sequence[str] = (),
        delay_s: float = 0,
        attributes: Mapping[str, str] = MappingProxyType({}),
    ) -> list[bool]:
        """Send messages; whether each is there. `groups` name whose they are, for SQS's fair queues.

        They show after `delay_s` (900 at most), with the same `attributes`. Raises only if none was sent.
        """
        sent: list[bool] = []
        alike: dict[str, Any] = {"DelaySeconds": round(delay_s)} if delay_s else {}
        if attributes:
            alike["MessageAttributes"] = as_attributes(attributes)
        entries = [{"Id": str(number), "MessageBody": body, **alike} for number, body in enumerate(bodies)]
        for entry, group in zip(entries, groups, strict=bool(groups)):
            if group:
                entry["MessageGroupId"] = group
        for batch in self._batches(entries):
            try:
                with translate_errors(f"sending to {name}"):
                    answer = self._client.send_message_batch(QueueUrl=self._url(name), Entries=batch)
            except QueueError:
                if not any(sent):
                    raise
                answer = {}
            good = {entry["Id"] for entry in answer.get("Successful", ())}
            sent += [entry["Id"] in good for entry in batch]
        return sent

    @staticmethod
    def _batches(entries: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
        """Entries in lists that one request may hold, by number and by size."""
        batch: list[dict[str, Any]] = []
        size = 0
        for entry in entries:
            length = len(entry["MessageBody"].encode())
            if batch and (len(batch) == _BATCH or size + length > MOST_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(entry)
            size += length
        if batch:
            yield batch

    def receive(self, name: str, *, limit: int, wait_s: float, visibility_s: float) -> list[Message]:
        """Up to ten messages, hidden from others for `visibility_s`; waits up to `wait_s` (20 at most)."""
        with translate_errors(f"receiving from {name}"):
            answer = self._client.receive_message(
                QueueUrl=self._url(name),
                MaxNumberOfMessages=min(max(limit, 1), _BATCH),
                WaitTimeSeconds=round(min(wait_s, 20)),
                VisibilityTimeout=round(visibility_s),
                AttributeNames=[
                    "ApproximateReceiveCount",
                    "SentTimestamp",
                    "ApproximateFirstReceiveTimestamp",
                ],
                MessageAttributeNames=["All"],
            )
        return [received(name, each) for each in answer.get("Messages", ())]

    def delete(self, messages: Iterable[Message]) -> None:
        """These are done with; what cannot be deleted any more comes again, or is gone already."""
        for name, batch in _by_queue(messages):
            entries = [{"Id": str(n), "ReceiptHandle": each.handle} for n, each in enumerate(batch)]
            with translate_errors(f"deleting from {name}"):
                self._client.delete_message_batch(QueueUrl=self._url(name), Entries=entries)

    def hide(self, messages: Iterable[Message], seconds: float) -> Hidden:
        """Hide messages for so long from now on (0: hand them back); returns those that are not."""
        late: list[Message] = []
        untold: list[Message] = []
        for name, batch in _by_queue(messages):
            entries = [
                {"Id": str(n), "ReceiptHandle": each.handle, "VisibilityTimeout": round(seconds)}
                for n, each in enumerate(batch)
            ]
            with translate_errors(f"hiding messages of {name}"):
                answer = self._client.change_message_visibility_batch(
                    QueueUrl=self._url(name), Entries=entries
                )
            for entry in answer.get("Failed", ()):
                (late if entry.get("SenderFault", True) else untold).append(batch[int(entry["Id"])])
        return Hidden(late=tuple(late), untold=tuple(untold))

    def park(self, message: Message, reason: str, *, to: str = "") -> None:
        """Move a message that nobody can handle to the dead letters (or the queue `to`), with the reason.

        One so long that the reason does not fit goes without.
        """
        entry = {"QueueUrl": self._url(to or self.naming.dead), "MessageBody": message.body}
        told = as_attributes({"reason": reason, "queue": message.queue})
        doing = f"parking a message of {message.queue}"
        try:
            with translate_errors(doing):
                self._client.send_message(**entry, MessageAttributes=told)
        except RefusedError:
            with translate_errors(doing):
                self._client.send_message(**entry)
        self.delete([message])
        counters.increment("messages_parked", self._kind(message.queue))
        _LOG.warning("message parked: queue %s, id %s: %s", message.queue, message.id, short_repr(reason))

    def _kind(self, name: str) -> str:
        """What a queue is for, as a label of a metric: there are as many names as workers."""
        naming = self.naming
        kinds = {naming.answers: "reports", naming.dead: "dead letters"}
        return "jobs" if name in naming.lanes else kinds.get(name, "other")


def _by_queue(messages: Iterable[Message]) -> Iterator[tuple[str, list[Message]]]:
    queues: dict[str, list[Message]] = {}
    for message in messages:
        queues.setdefault(message.queue, []).append(message)
    for name, found in queues.items():
        rest = iter(found)
        while batch := list(islice(rest, _BATCH)):
            yield name, batch
