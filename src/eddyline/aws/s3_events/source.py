"""The source of messages about new objects: an SQS queue to which S3, EventBridge or SNS send.

A thread extends the visibility timeouts of the messages in flight, however long their processing takes; the
messages of a process that died become visible when their timeouts end.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Sequence
from functools import partial

from eddyline.aws.client_errors import QueueError
from eddyline.aws.s3_events.event_queue import EventQueue
from eddyline.aws.sqs.client import Message as SqsMessage
from eddyline.aws.sqs.client import SqsClient
from eddyline.core.background_loop import keep_running, report_error
from eddyline.core.errors import EddylineError
from eddyline.ingest.messages import Message

_BATCH = 10
_MAX_DELAY_S = 900  # of a message that is sent
_MAX_VISIBILITY_S = 43_200
_SINCE = "since"


class S3EventSource:
    """An `ingest.messages.MessageSource`. Close it at the end.

    A message is allowed `attempts` receipts: one that is postponed through no fault of the message, and has
    used half of them, is sent again. While messages are wanted, a long poll of `wait_s` (at most 20) is
    always under way, however short the waits of `receive` are.
    """

    def __init__(
        self,
        queues: SqsClient,
        event_queue: EventQueue,
        *,
        attempts: int,
        visibility_s: float = 60.0,
        wait_s: float = 20.0,
    ) -> None:
        self._queues = queues
        self._event_queue = event_queue
        self.max_receive_count = min(attempts, event_queue.max_receive_count)
        """After one more receipt SQS itself would move the message away, without a reason."""
        self._visibility_s = visibility_s
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._in_flight: dict[str, SqsMessage] = {}
        self._closed = threading.Event()
        self._requests: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._responses: queue.SimpleQueue[list[SqsMessage] | EddylineError] = queue.SimpleQueue()
        self._is_polling = False
        for work in (self._poll, self._extend_visibility):
            threading.Thread(target=work, name=f"events-{work.__name__}", daemon=True).start()

    def receive(self, wait_s: float) -> Sequence[Message]:
        """Received messages; call it from one thread at a time. Raises `QueueError` and `AccessError`."""
        if not self._is_polling:
            self._is_polling = True
            self._requests.put(True)
        try:
            response = self._responses.get(timeout=wait_s)
        except queue.Empty:
            return ()
        self._is_polling = False
        if isinstance(response, EddylineError):
            raise response
        return [
            Message(id=each.id, body=each.body, receive_count=each.receive_count, since=_since(each))
            for each in response
        ]

    def acknowledge(self, message: Message) -> None:
        """Delete the message."""
        self._queues.delete(self._take(message))

    def postpone(self, message: Message, delay_s: float, *, counts_as_attempt: bool) -> None:
        """Hide the message for `delay_s`.

        SQS counts every receipt, so one that does not count is sent again.
        """
        for each in self._take(message):
            if counts_as_attempt:
                self._queues.change_visibility([each], min(delay_s, _MAX_VISIBILITY_S))
            else:
                self._hand_back(each, delay_s)

    def _hand_back(self, message: SqsMessage, delay_s: float) -> None:
        """Make the message visible after `delay_s`, no closer to its maximum receive count."""
        if message.receive_count * 2 < self.max_receive_count:
            self._queues.change_visibility([message], min(delay_s, _MAX_VISIBILITY_S))
            return
        sent = self._queues.send(
            self._event_queue.name,
            [message.body],
            delay_s=min(delay_s, _MAX_DELAY_S),
            attributes={_SINCE: f"{_since(message):.3f}"},
        )
        if not all(sent):
            raise QueueError(f"sending a message to {self._event_queue.name} again")
        self._queues.delete([message])

    def park(self, message: Message, reason: str) -> None:
        """Move the message to the dead-letter queue, with the reason as an attribute."""
        for each in self._take(message):
            self._queues.park(each, reason, to=self._event_queue.dead_letters)

    def close(self) -> None:
        """Hand back the messages in flight; the threads end with their next response. Idempotent."""
        self._closed.set()
        self._requests.put(False)
        with self._lock:
            left = list(self._in_flight.values())
            self._in_flight.clear()
        with contextlib.suppress(EddylineError):
            for each in left:
                self._hand_back(each, 0)

    def _take(self, message: Message) -> list[SqsMessage]:
        with self._lock:
            found = self._in_flight.pop(message.id, None)
        return [] if found is None else [found]

    # In the threads

    def _poll(self) -> None:
        name = self._event_queue.name
        while self._requests.get() and not self._closed.is_set():
            try:
                found = self._queues.receive(
                    name, limit=_BATCH, wait_s=self._wait_s, visibility_s=self._visibility_s
                )
            except EddylineError as error:
                self._responses.put(error)
                continue
            except Exception as error:  # noqa: BLE001 - without this thread no message would arrive again
                report_error("event queue", error)
                self._responses.put(QueueError(f"receiving from {name}: {error}"))
                continue
            with self._lock:
                self._in_flight.update((each.id, each) for each in found)
            if self._closed.is_set():
                self.close()
            self._responses.put(found)

    def _extend_visibility(self) -> None:
        while not self._closed.wait(self._visibility_s / 3):
            with self._lock:
                messages = list(self._in_flight.values())
            # If this fails, other processes receive the messages too: submitting is idempotent.
            keep_running("event visibility", partial(self._extend, messages))

    def _extend(self, messages: Sequence[SqsMessage]) -> None:
        with contextlib.suppress(EddylineError):
            self._queues.change_visibility(messages, self._visibility_s)


def _since(message: SqsMessage) -> float:
    """When the message was first sent: an attribute says so if it was sent again."""
    try:
        since = float(message.attributes.get(_SINCE, ""))
    except ValueError:
        return message.sent_at
    return min(since, message.sent_at) if since > 0 else message.sent_at
