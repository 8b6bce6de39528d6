"""The SQS client: calls on queues by name, and the attributes that the queues have.

Each call is one request (or one for each batch of ten messages), and raises `QueueError`,
`QueueNotFoundError` or `AccessError`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from eddyline.aws.client_errors import MessageRejectedError, QueueError, QueueNotFoundError, translate_errors
from eddyline.aws.sqs.batches import MAX_ENTRIES, receipt_batches, send_batches
from eddyline.aws.sqs.message import Message, VisibilityFailures, message_attributes, parse_message
from eddyline.aws.sqs.queue_attributes import are_equal, redrive_policy
from eddyline.aws.sqs.queue_names import QueueNames
from eddyline.core import counters
from eddyline.core.formatting import short_repr
from eddyline.fleet.names import drain_queue

__all__ = ["Message", "QueueNames", "SqsClient"]

_LOG = logging.getLogger("eddyline.queues")
_MAX_LONG_POLL_S = 20
RETENTION_S = 14 * 24 * 3600
"""The longest retention period of SQS."""
_VISIBILITY_S = 30  # the queues' default; every receive sets its own
_DEPTHS = {
    "visible": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}
_DRAIN_VISIBILITY_S = 180  # six times the time limit of the Lambda function, as AWS recommends
_FLEET_MAX_RECEIVE_COUNT = 10
_REPORTS_MAX_RECEIVE_COUNT = 1000  # a last resort: coordinators park unreadable reports explicitly


class SqsClient:
    """Calls on queues by name. Safe from any thread.

    `max_receive_count`: receipts after which SQS moves a job's message to the dead-letter queue.
    """

    def __init__(self, client: Any, naming: QueueNames, *, max_receive_count: int = 10) -> None:  # noqa: ANN401 - see above
        self.naming = naming
        self.max_receive_count = max_receive_count
        self._client = client
        self._urls: dict[str, str] = {}
        self._seen: set[str] = set()  # queues that exist, or once existed
        self._lock = threading.Lock()

    def ensure_queues(self) -> None:
        """Create the missing queues and correct the attributes of the others; idempotent and concurrent."""
        self.create_queue(self.naming.dead_letters)
        self._ensure((*self.naming.job_queues, self.naming.reports))

    def ensure_fleet_queues(self) -> None:
        """Create or correct the queues of fleet events; the dead-letter queue must exist."""
        self._ensure(self.naming.fleet_queues)

    def _ensure(self, names: Sequence[str]) -> None:
        arn = self.attributes(self.naming.dead_letters, "QueueArn")["QueueArn"]
        for name in names:
            attributes = {"RedrivePolicy": redrive_policy(arn, self._receive_limit(name))}
            if name == drain_queue(self.naming.prefix):
                attributes["VisibilityTimeout"] = str(_DRAIN_VISIBILITY_S)
            self.create_queue(name, attributes=attributes)

    def _receive_limit(self, name: str) -> int:
        if name in self.naming.fleet_queues:
            return _FLEET_MAX_RECEIVE_COUNT
        return _REPORTS_MAX_RECEIVE_COUNT if name == self.naming.reports else self.max_receive_count

    def create_queue(
        self,
        name: str,
        *,
        retention_s: float = RETENTION_S,
        attributes: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Create a queue, or correct the attributes of an existing one; idempotent."""
        wanted = {
            "MessageRetentionPeriod": str(round(retention_s)),
            "VisibilityTimeout": str(_VISIBILITY_S),
            **attributes,
        }
        with self._lock:
            self._urls.pop(name, None)
        try:
            found = self.attributes(name, "All")
        except QueueNotFoundError:
            with translate_errors(f"creating the queue {name}"):
                self._client.create_queue(QueueName=name, Attributes=wanted)
            if name in self._seen:
                counters.increment("queues_recreated", self._kind(name))
                _LOG.warning("queue created again after deletion", extra={"queue": name})
            self._seen.add(name)
            return
        self._seen.add(name)
        if any(not are_equal(key, found.get(key, ""), value) for key, value in wanted.items()):
            self.set_attributes(name, wanted)

    def delete_queue(self, name: str) -> None:
        """Delete a queue with its messages, if it exists. SQS allows the same name again after a minute."""
        try:
            with translate_errors(f"deleting the queue {name}"):
                self._client.delete_queue(QueueUrl=self._url(name))
        except QueueNotFoundError:
            return
        finally:
            with self._lock:
                self._urls.pop(name, None)

    def list_queues(self, prefix: str) -> list[str]:
        """The names of all queues that start with `prefix`."""
        with translate_errors(f"listing the queues {prefix}*"):
            pages = self._client.get_paginator("list_queues").paginate(
                QueueNamePrefix=prefix, PaginationConfig={"PageSize": 1000}
            )
            return [str(url).rsplit("/", 1)[-1] for page in pages for url in page.get("QueueUrls", ())]

    def attributes(self, name: str, *names: str) -> dict[str, str]:
        """The named attributes of a queue."""
        with translate_errors(f"reading the attributes of the queue {name}"):
            answer = self._client.get_queue_attributes(QueueUrl=self._url(name), AttributeNames=list(names))
        return dict(answer.get("Attributes", {}))

    def set_attributes(self, name: str, attributes: Mapping[str, str]) -> None:
        """Set attributes of a queue."""
        with translate_errors(f"setting the attributes of the queue {name}"):
            self._client.set_queue_attributes(QueueUrl=self._url(name), Attributes=dict(attributes))

    def depth(self, name: str) -> int:
        """The approximate number of messages in all states."""
        return sum(self.depths(name).values())

    def depths(self, name: str) -> dict[str, int]:
        """The approximate numbers of messages that are visible, in_flight and delayed."""
        found = self.attributes(name, *_DEPTHS.values())
        return {state: int(found.get(attribute, 0)) for state, attribute in _DEPTHS.items()}

    def send(
        self,
        name: str,
        bodies: Sequence[str],
        *,
        groups: Sequence[str] = (),
        delay_s: float = 0,
        attributes: Mapping[str, str] = MappingProxyType({}),
    ) -> list[bool]:
        """Send messages; returns for each whether SQS accepted it. Raises only if none was accepted.

        `groups` are message group IDs, one for each message, for SQS fair queues. The messages become visible
        after `delay_s` (at most 900), and all have the same `attributes`.
        """
        sent: list[bool] = []
        common: dict[str, Any] = {"DelaySeconds": round(delay_s)} if delay_s else {}
        if attributes:
            common["MessageAttributes"] = message_attributes(attributes)
        entries = [{"Id": str(number), "MessageBody": body, **common} for number, body in enumerate(bodies)]
        for entry, group in zip(entries, groups, strict=bool(groups)):
            if group:
                entry["MessageGroupId"] = group
        for batch in send_batches(entries):
            try:
                with translate_errors(f"sending to {name}"):
                    answer = self._client.send_message_batch(QueueUrl=self._url(name), Entries=batch)
            except QueueError:
                if not any(sent):
                    raise
                answer = {}
            accepted = {entry["Id"] for entry in answer.get("Successful", ())}
            sent += [entry["Id"] in accepted for entry in batch]
        return sent

    def receive(self, name: str, *, limit: int, wait_s: float, visibility_s: float) -> list[Message]:
        """Up to ten messages by a long poll of `wait_s` (at most 20); `visibility_s` is their timeout."""
        with translate_errors(f"receiving from {name}"):
            answer = self._client.receive_message(
                QueueUrl=self._url(name),
                MaxNumberOfMessages=min(max(limit, 1), MAX_ENTRIES),
                WaitTimeSeconds=round(min(wait_s, _MAX_LONG_POLL_S)),
                VisibilityTimeout=round(visibility_s),
                AttributeNames=[
                    "ApproximateReceiveCount",
                    "SentTimestamp",
                    "ApproximateFirstReceiveTimestamp",
                ],
                MessageAttributeNames=["All"],
            )
        return [parse_message(name, each) for each in answer.get("Messages", ())]

    def delete(self, messages: Iterable[Message]) -> None:
        """Delete messages. One that cannot be deleted is received again, or is already gone."""
        for name, batch in receipt_batches(messages):
            entries = [{"Id": str(n), "ReceiptHandle": each.receipt_handle} for n, each in enumerate(batch)]
            with translate_errors(f"deleting from {name}"):
                self._client.delete_message_batch(QueueUrl=self._url(name), Entries=entries)

    def change_visibility(self, messages: Iterable[Message], timeout_s: float) -> VisibilityFailures:
        """Set the visibility timeout of messages from now on (0: hand them back); returns the failures."""
        expired: list[Message] = []
        unchanged: list[Message] = []
        for name, batch in receipt_batches(messages):
            entries = [
                {"Id": str(n), "ReceiptHandle": each.receipt_handle, "VisibilityTimeout": round(timeout_s)}
                for n, each in enumerate(batch)
            ]
            with translate_errors(f"changing the visibility of messages of {name}"):
                answer = self._client.change_message_visibility_batch(
                    QueueUrl=self._url(name), Entries=entries
                )
            for entry in answer.get("Failed", ()):
                (expired if entry.get("SenderFault", True) else unchanged).append(batch[int(entry["Id"])])
        return VisibilityFailures(expired=tuple(expired), unchanged=tuple(unchanged))

    def park(self, message: Message, reason: str, *, to: str = "") -> None:
        """Move a message to the dead-letter queue (or the queue `to`), with the reason as an attribute.

        A message so long that the attributes exceed the size limit is moved without them.
        """
        entry = {"QueueUrl": self._url(to or self.naming.dead_letters), "MessageBody": message.body}
        attributes = message_attributes({"reason": reason, "queue": message.queue})
        action = f"parking a message of {message.queue}"
        try:
            with translate_errors(action):
                self._client.send_message(**entry, MessageAttributes=attributes)
        except MessageRejectedError:
            with translate_errors(action):
                self._client.send_message(**entry)
        self.delete([message])
        counters.increment("messages_parked", self._kind(message.queue))
        _LOG.warning(
            "message parked",
            extra={"queue": message.queue, "message_id": message.id, "reason": short_repr(reason)},
        )

    def _url(self, name: str) -> str:
        with self._lock:
            url = self._urls.get(name)
        if url is None:
            with translate_errors(f"finding the queue {name}"):
                url = str(self._client.get_queue_url(QueueName=name)["QueueUrl"])
            with self._lock:
                self._urls[name] = url
        return url

    def _kind(self, name: str) -> str:
        """The kind of a queue as a metric label: there are as many names as workers."""
        naming = self.naming
        kinds = {
            naming.reports: "reports",
            naming.dead_letters: "dead letters",
            naming.fleet: "fleet events",
        }
        return "jobs" if name in naming.job_queues else kinds.get(name, "other")
