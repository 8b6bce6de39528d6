"""Jobs from SQS, for a worker that knows no database.

A message is a job; hiding it from others is the lease. A thread of its own keeps what is in hand hidden,
however busy the handlers are; what is handed back shows again at once. Answers go to a queue from which
coordinators apply them. Everything may come twice, late or out of order: fences tell what counts. What people
want of the worker comes to a mailbox of its own (`mailbox`).
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence

from eddyline.aws.client_errors import QueueError
from eddyline.aws.sqs.client import SqsClient
from eddyline.aws.sqs.command_queue import CommandQueue
from eddyline.aws.sqs.held_message import HeldMessage, hand_back
from eddyline.aws.sqs.in_flight import LONGEST_S, InFlight
from eddyline.aws.sqs.receiver import Receiver
from eddyline.aws.sqs.report_sender import ReportSender
from eddyline.aws.sqs.reporter import Reporter
from eddyline.core.background_loop import keep_running
from eddyline.core.clock import Clock, SystemClock
from eddyline.core.errors import EddylineError
from eddyline.graph.command import Command, CommandKind
from eddyline.graph.job import Claim, Interrupted, Job, Settlement, Unstarted
from eddyline.graph.messages import JobResult

_PATIENCE_S = 120.0
_TICK_S = 0.25
_BACK_PATIENCE_S = 0.5


class SqsBroker:
    """A `graph.broker.Broker` for one worker. Close it when the worker has ended.

    `visibility_s` is how soon a job of a worker that vanished is given to another; `wait_s` how long a poll
    of an empty queue lasts (20 at most: fewer requests, same latency). See `InFlight` for `longest_s`.
    """

    def __init__(
        self,
        queues: SqsClient,
        *,
        visibility_s: float = 30.0,
        wait_s: float = 20.0,
        longest_s: float = LONGEST_S,
        clock: Clock | None = None,
    ) -> None:
        self._queues = queues
        self._every_s = visibility_s / 3
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._keeping = InFlight(queues, visibility_s=visibility_s, longest_s=longest_s)
        self._listeners: list[Callable[[], None]] = []
        self._answers = ReportSender(queues)
        self._inbox = Receiver(queues, visibility_s=visibility_s, wait_s=wait_s, arrived=self._tell)
        self._closed = threading.Event()
        self._mailbox: CommandQueue | None = None
        self._voice = Reporter(self._answers, self._clock)
        threading.Thread(target=self._keep_hidden, name="visibility", daemon=True).start()

    # What a worker needs

    def register(self, worker: str, host: str, pid: int, lease_s: float) -> None:
        """Make the worker known to whoever coordinates, and its mailbox; raises `AccessError`."""
        self._voice.introduce(worker, host, pid)
        # Where the queues cannot be reached now, it is made later.
        with contextlib.suppress(QueueError):
            self._mailbox_of(worker).make()
        self._voice.beat(lease_s, self._keeping.fences)

    def claim(
        self,
        worker: str,
        *,
        pools: Sequence[str],
        limit: int,
        lease_s: float,  # noqa: ARG002 - a message's lease is `visibility_s`
    ) -> list[Claim]:
        """Jobs that have come; the rest of `limit` is fetched from now on, and listeners are told."""
        self._voice.worker = worker
        holdings = self._keeping.take(self._inbox.take(worker, pools, limit), self._clock.now())
        self._voice.began(holdings)
        return [holding.claim for holding in holdings]

    def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """Send answers; False: the job may have been given to another worker, so nothing was sent.

        True says that the answer is safe in the queue; whether it counts, the fence will decide.
        """
        found = [self._keeping.find((each.job_id, each.fence)) for each in settlements]
        ours = [holding is not None and holding.is_ours for holding in found]
        back: list[tuple[HeldMessage, JobResult]] = []
        answers: list[tuple[HeldMessage, JobResult]] = []
        for each, holding, yes in zip(settlements, found, ours, strict=True):
            if holding is not None and yes:
                given = isinstance(each.outcome, Interrupted | Unstarted)
                (back if given else answers).append((holding, self._voice.answer(holding, each)))
        # First of all what others can go on with.
        self._return(back)
        if answers:
            self._answers.say([answer for _, answer in answers], patience_s=_PATIENCE_S)
            self._keeping.drop(holding.key for holding, _ in answers)
            self._keeping.delete([holding for holding, _ in answers])
        self._keeping.drop(holding.key for holding in found if holding is not None)
        return ours

    def heartbeat(self, worker: str, lease_s: float) -> dict[str, int]:
        """Say that the worker lives, once a lease; what it still holds."""
        if self._voice.is_due:
            self._voice.beat(lease_s, self._keeping.fences)
        return self.held_jobs(worker)

    def held_jobs(self, worker: str) -> dict[str, int]:  # noqa: ARG002 - the worker is always the same
        """The jobs that surely nobody else has been given, with their fences."""
        return self._keeping.fences()

    def expire_leases(self) -> list[str]:
        """The queue itself gives the jobs of lost workers to others."""
        return []

    def deregister(self, worker: str) -> None:  # noqa: ARG002 - the worker is always the same
        """Tell that the worker's lease ends now: the coordinators' next sweep forgets it."""
        self._voice.farewell()

    def seconds_until_due(self, pools: Sequence[str]) -> float | None:  # noqa: ARG002 - listeners are told
        """Not known: jobs announce themselves."""
        return None

    def job(self, job_id: str) -> Job | None:  # noqa: ARG002 - a worker sees no ledger
        """Not known."""
        return None

    def receive_commands(self, worker: str, wait_s: float) -> list[Command]:
        """What people want of this worker; jobs to give up are given up here.

        Waits up to `wait_s` (20 at most). Somebody has to ask again and again, or no cancellation is heard.
        """
        found = self._mailbox_of(worker).collect(wait_s)
        self._give_up([order for order in found if order.kind is CommandKind.GIVE_UP])
        return [order for order in found if order.kind is not CommandKind.GIVE_UP]

    def _mailbox_of(self, worker: str) -> CommandQueue:
        with self._lock:
            if self._mailbox is None:
                self._mailbox = CommandQueue(self._queues, worker)
            return self._mailbox

    def _give_up(self, orders: Sequence[Command]) -> None:
        """Hold these no more, so that the worker stops their handlers, and delete what nobody wants."""
        over = {(order.job_id, order.fence) for order in orders if order.over}
        given_up = self._keeping.drop((order.job_id, order.fence) for order in orders)
        for holding in given_up:
            holding.lost = True
        if given_up:
            self._tell()
        # The message of an outdated receipt is another worker's by now: deleted, it might be gone for both.
        self._keeping.delete([holding for holding in given_up if holding.key in over])

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` when jobs came or were lost; without any listener nothing is fetched."""
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners.remove(listener)
                idle = not self._listeners
            if idle:
                _attempt(self._inbox.pause)

        return unsubscribe

    def close(self) -> None:
        """Hand back what is left and end the threads; safe twice."""
        self._closed.set()
        _attempt(self._inbox.close)
        left = self._keeping.clear()
        _attempt(lambda: hand_back(self._queues, [each for each in left if each.is_ours]))
        if self._mailbox is not None:
            _attempt(self._mailbox.close)
        self._answers.close()

    # Answers

    def _return(self, back: Sequence[tuple[HeldMessage, JobResult]]) -> None:
        if not back:
            return
        self._keeping.drop(holding.key for holding, _ in back)
        # If the queue cannot be told, the job shows again by itself once it is hidden no more.
        _attempt(lambda: hand_back(self._queues, [holding for holding, _ in back]))
        said = [
            answer
            for _, answer in back
            if isinstance(answer.outcome, Interrupted)
            or not self._answers.forget_start(answer.job_id, answer.fence)
        ]
        if said:
            _attempt(lambda: self._answers.say(said, patience_s=_BACK_PATIENCE_S))

    def _tell(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    # The heartbeat of what is in hand

    def _keep_hidden(self) -> None:
        last = time.monotonic()
        while not self._closed.wait(min(_TICK_S, self._every_s)):
            _attempt(self._inbox.tidy)
            if time.monotonic() - last < self._every_s:
                continue
            if _attempt(self._extend):
                last = time.monotonic()

    def _extend(self) -> None:
        if self._keeping.extend(self._inbox.waiting()):
            self._tell()


def _attempt(work: Callable[[], object]) -> bool:
    """Try what may be left undone; whether it was done."""
    done = False

    def step() -> None:
        nonlocal done
        with contextlib.suppress(EddylineError):
            work()
            done = True

    keep_running("queue broker", step)
    return done
