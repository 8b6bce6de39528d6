"""EventBridge and Lambda for the fleet's functions: rules, queues as event sources, and repeated invocations.

The rules are those of `eddyline.aws.lambdas.rules`. An event that matches a rule goes to its function, or to
its queue, from which batches are passed to the function, as event source mappings do: messages that the
function does not report as failed are deleted.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]
Handler = Callable[[Any, object], Any]
_BATCH = 10
_ATTEMPTS = 3  # of an asynchronous invocation


def event_matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether an event matches an event pattern: lists of values, and {"prefix": ...}."""
    for key, wanted in pattern.items():
        found = event.get(key)
        if isinstance(wanted, Mapping):
            if not isinstance(found, Mapping) or not event_matches(wanted, found):
                return False
        elif not any(_value_matches(each, found) for each in wanted):
            return False
    return True


def _value_matches(wanted: object, found: object) -> bool:
    if isinstance(wanted, Mapping):
        if set(wanted) != {"prefix"}:
            raise ValueError(f"this fake knows no pattern {wanted}")
        return isinstance(found, str) and found.startswith(str(wanted["prefix"]))
    return wanted == found


@dataclass(frozen=True, kw_only=True)
class Route:
    """A rule's pattern, its function, and the queue of the events, or "" for a direct invocation."""

    pattern: Mapping[str, Any]
    function: str
    queue: str = ""


class Context:
    """The context object of an invocation."""

    function_name = "fake"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """The remaining time, for functions with a timeout of 30 s."""
        return 28_000


@dataclass(kw_only=True)
class LambdaRuntime:
    """Invokes `functions` by name; `sources` are the queues from which a function gets batches, by queue.

    `sqs` is a boto3 client, `others` those of queues on other servers. `invocations` lists each function
    and its event, `errors` what functions raised.
    """

    functions: Mapping[str, Handler]
    routes: Sequence[Route]
    sources: Mapping[str, str]
    sqs: Any
    others: Mapping[str, Any] = field(default_factory=dict)
    retry_s: float = 1.0
    invocations: list[tuple[str, Any]] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _urls: dict[str, str] = field(default_factory=dict)

    def on_event(self, event: Event) -> None:
        """Deliver an event to all rules that it matches."""
        for route in self.routes:
            if not event_matches(route.pattern, event):
                continue
            if route.queue:
                self.sqs.send_message(QueueUrl=self.url(route.queue), MessageBody=json.dumps(event))
            else:
                self._invoke_until_success(route.function, event)

    def url(self, queue: str) -> str:
        """The URL of a queue."""
        if queue not in self._urls:
            self._urls[queue] = self._client(queue).get_queue_url(QueueName=queue)["QueueUrl"]
        return self._urls[queue]

    def _client(self, queue: str) -> Any:
        return self.others.get(queue, self.sqs)

    def poll(self, queue: str, *, wait_s: int = 1) -> int:
        """Pass one batch of a queue to its function; returns the number of messages."""
        url = self.url(queue)
        sqs = self._client(queue)
        found = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=_BATCH, WaitTimeSeconds=wait_s, AttributeNames=["All"]
        ).get("Messages", [])
        if not found:
            return 0
        records = [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message.get("Attributes", {}),
                "eventSource": "aws:sqs",
            }
            for message in found
        ]
        try:
            answer = self._invoke(self.sources[queue], {"Records": records}) or {}
        except Exception as error:  # noqa: BLE001 - the messages are received again
            self.errors.append(error)
            return len(found)
        failed = {item["itemIdentifier"] for item in answer.get("batchItemFailures", ())}
        for message in found:
            if message["MessageId"] not in failed:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(found)

    def consume(self, queue: str) -> None:
        """Poll a queue until the end."""
        while not self._ended.is_set():
            try:
                self.poll(queue)
            except Exception as error:  # noqa: BLE001 - the queue server may be unavailable
                self.errors.append(error)
                self._ended.wait(0.5)

    def end(self) -> None:
        """End the polling."""
        self._ended.set()

    def _invoke_until_success(self, function: str, event: Event) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                self._invoke(function, event)
            except Exception as error:  # noqa: BLE001 - Lambda repeats the invocation
                self.errors.append(error)
                if attempt + 1 < _ATTEMPTS:
                    self._ended.wait(self.retry_s)
            else:
                return

    def _invoke(self, function: str, event: Event) -> Any:
        self.invocations.append((function, event))
        return self.functions[function](event, Context())


@contextmanager
def consuming(runtime: LambdaRuntime) -> Iterator[LambdaRuntime]:
    """Poll all queues of a runtime in threads."""
    threads = [threading.Thread(target=runtime.consume, args=(queue,)) for queue in runtime.sources]
    for thread in threads:
        thread.start()
    try:
        yield runtime
    finally:
        runtime.end()
        for thread in threads:
            thread.join()
