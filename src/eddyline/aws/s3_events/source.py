"""New objects as an SQS queue tells of them: what S3 or EventBridge sent, by SNS or straight.

Everything in hand is kept hidden by a thread of its own, however long the work on it takes; what a process
that died had in hand shows again once it is hidden no more.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Sequence
from functools import partial

from eddyline.aws.client_errors import QueueError
from eddyline.aws.s3_events.event_queue import EventQueue
from eddyline.aws.sqs.client import Message as Received
from eddyline.aws.sqs.client import SqsClient
from eddyline.core.background_loop import keep_running, report
from eddyline.core.errors import EddylineError
from eddyline.ingest.messages import Message

_BATCH = 10
_LONGEST_DELAY_S = 900  # of a message sent anew
_LONGEST_HIDDEN_S = 43_200
_SINCE = "since"


class S3EventSource:
    """An `Arrivals`. Close it in the end.

    `attempts` receipts are what a message is allowed: one that is to come again and has spent half of them
    through no fault of its own is sent anew. A long poll of `wait_s` (20 at most) is always under way while
    messages are wanted, however short the waits of those who ask.
    """

    def __init__(
        self,
        queues: SqsClient,
        place: EventQueue,
        *,
        attempts: int,
        visibility_s: float = 60.0,
        wait_s: float = 20.0,
    ) -> None:
        self._queues = queues
        self._place = place
        self.limit = min(attempts, place.limit)
        """So many receipts a message has: one more, and SQS itself would put it aside, without a reason."""
        self._visibility_s = visibility_s
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._held: dict[str, Received] = {}
        self._closed = threading.Event()
        self._wanted: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[list[Received] | EddylineError] = queue.SimpleQueue()
        self._polling = False
        for work in (self._keep_polling, self._keep_hidden):
            threading.Thread(target=work, name=f"events-{work.__name__}", daemon=True).start()

    def receive(self, wait_s: float) -> Sequence[Message]:
        """What has come; asks one thread at a time. Raises `QueueError` and `AccessError`."""
        if not self._polling:
            self._polling = True
            self._wanted.put(True)
        try:
            answer = self._answers.get(timeout=wait_s)
        except queue.Empty:
            return ()
        self._polling = False
        if isinstance(answer, EddylineError):
            raise answer
        return [
            Message(id=each.id, body=each.body, receipts=each.receipts, since=_since(each)) for each in answer
        ]

    def done(self, message: Message) -> None:
        """Delete it."""
        self._queues.delete(self._take(message))

    def again(self, message: Message, delay_s: float, *, spent: bool) -> None:
        """Hide it for so long; SQS counts receipts whatever became of them, so in time it is sent anew."""
        for held in self._take(message):
            if spent:
                self._queues.hide([held], min(delay_s, _LONGEST_HIDDEN_S))
            else:
                self._put_back(held, delay_s)

    def _put_back(self, held: Received, delay_s: float) -> None:
        """Let it come again, through no fault of its own."""
        if held.receipts * 2 < self.limit:
            self._queues.hide([held], min(delay_s, _LONGEST_HIDDEN_S))
            return
        sent = self._queues.send(
            self._place.name,
            [held.body],
            delay_s=min(delay_s, _LONGEST_DELAY_S),
            attributes={_SINCE: f"{_since(held):.3f}"},
        )
        if not all(sent):
            raise QueueError(f"sending a message to {self._place.name} anew")
        self._queues.delete([held])

    def park(self, message: Message, reason: str) -> None:
        """Move it to the dead letters, with the reason as an attribute."""
        for held in self._take(message):
            self._queues.park(held, reason, to=self._place.dead)

    def close(self) -> None:
        """Hand back what is in hand and end the threads with their next answer; safe twice."""
        self._closed.set()
        self._wanted.put(False)
        with self._lock:
            left = list(self._held.values())
            self._held.clear()
        with contextlib.suppress(EddylineError):
            for each in left:
                self._put_back(each, 0)

    def _take(self, message: Message) -> list[Received]:
        with self._lock:
            held = self._held.pop(message.id, None)
        return [] if held is None else [held]

    # In the threads

    def _keep_polling(self) -> None:
        while self._wanted.get() and not self._closed.is_set():
            try:
                found = self._queues.receive(
                    self._place.name, limit=_BATCH, wait_s=self._wait_s, visibility_s=self._visibility_s
                )
            except EddylineError as error:
                self._answers.put(error)
                continue
            except Exception as error:  # noqa: BLE001 - without this thread nothing would ever arrive again
                report("event queue", error)
                self._answers.put(QueueError(f"reading {self._place.name}: {error}"))
                continue
            with self._lock:
                self._held.update((each.id, each) for each in found)
            if self._closed.is_set():
                self.close()
            self._answers.put(found)

    def _keep_hidden(self) -> None:
        while not self._closed.wait(self._visibility_s / 3):
            with self._lock:
                held = list(self._held.values())
            # If that fails, others get them too: submitting is safe to repeat.
            keep_running("event visibility", partial(self._hide, held))

    def _hide(self, held: Sequence[Received]) -> None:
        with contextlib.suppress(EddylineError):
            self._queues.hide(held, self._visibility_s)


def _since(each: Received) -> float:
    """When a message was sent first: as an attribute says that came along when it was sent anew."""
    try:
        told = float(each.attributes.get(_SINCE, ""))
    except ValueError:
        return each.sent
    return min(told, each.sent) if told > 0 else each.sent
