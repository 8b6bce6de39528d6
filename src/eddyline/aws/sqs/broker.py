"""The broker of a worker that receives its jobs from SQS and has no access to the ledger.

A message is a job, its visibility timeout is the lease. A thread extends the timeouts of the messages in
flight, however busy the handlers are; a job that is handed back is visible to other workers at once. Reports
go to a queue from which coordinators apply them to the ledger. Messages may arrive twice, late or out of
order: fences decide which count. Commands arrive over the worker's command queue (`command_queue`).
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from eddyline.aws.client_errors import QueueError
from eddyline.aws.sqs.client import SqsClient
from eddyline.aws.sqs.command_queue import CommandQueue
from eddyline.aws.sqs.in_flight import MAX_IN_FLIGHT_S, HeldMessage, InFlight, hand_back
from eddyline.aws.sqs.receiver import Receiver
from eddyline.aws.sqs.reporter import Reporter
from eddyline.core.background_loop import keep_running
from eddyline.core.clock import Clock, SystemClock
from eddyline.core.errors import EddylineError
from eddyline.graph.command import Command, CommandKind
from eddyline.graph.job import Claim, Interrupted, Job, Settlement
from eddyline.graph.machine import UNKNOWN_MACHINE, Machine
from eddyline.graph.messages import JobResult

_RESULTS_TIMEOUT_S = 120.0
_INTERRUPTIONS_TIMEOUT_S = 0.5
_TICK_S = 0.25


class SqsBroker:
    """A `graph.worker.broker.Broker` for one worker. Close it when the worker has ended.

    `visibility_s` is the visibility timeout: after so long, the jobs of a vanished worker go to others.
    `wait_s` is the length of a long poll (at most 20: fewer requests, same latency). See `InFlight` for
    `max_in_flight_s`. Heartbeats report the `machine`.
    """

    def __init__(
        self,
        queues: SqsClient,
        *,
        visibility_s: float = 30.0,
        wait_s: float = 20.0,
        machine: Machine = UNKNOWN_MACHINE,
        max_in_flight_s: float = MAX_IN_FLIGHT_S,
        clock: Clock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queues = queues
        self._extend_every_s = visibility_s / 3
        self._clock = clock or SystemClock()
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._in_flight = InFlight(
            queues, visibility_s=visibility_s, max_in_flight_s=max_in_flight_s, monotonic=monotonic
        )
        self._listeners: list[Callable[[], None]] = []
        self._receiver = Receiver(
            queues,
            self._clock,
            visibility_s=visibility_s,
            wait_s=wait_s,
            on_arrival=self._notify,
            monotonic=monotonic,
        )
        self._reporter = Reporter(queues, self._clock, machine=machine, monotonic=monotonic)
        self._closed = threading.Event()
        self._commands: CommandQueue | None = None
        threading.Thread(target=self._extend_visibility, name="visibility", daemon=True).start()

    # The interface of a broker

    def register(self, worker: str, host: str, pid: int, lease_s: float) -> None:
        """Report the worker to the coordinators and create its command queue; raises `AccessError`."""
        self._reporter.register(worker, host, pid)
        # If SQS is unavailable now, `receive_commands` creates the queue later.
        with contextlib.suppress(QueueError):
            self._command_queue(worker).create()
        self._reporter.heartbeat(lease_s, self._in_flight.fences)

    def claim(
        self,
        worker: str,
        *,
        pools: Sequence[str],
        limit: int,
        lease_s: float,  # noqa: ARG002 - the lease of a message is `visibility_s`
        most_weight: Mapping[str, float] | None = None,
    ) -> list[Claim]:
        """Received jobs; the rest of `limit` is fetched from now on, and listeners are notified.

        A message shows what its job is only once it is received. Those that are not accepted by `most_weight`
        are handed back at once; after a few of them nothing is fetched until all jobs are accepted again.
        """
        self._reporter.worker = worker
        taken = self._receiver.take(worker, pools, limit, most_weight=most_weight)
        held = self._in_flight.add(taken, self._clock.now())
        self._reporter.report_starts(held)
        return [each.claim for each in held]

    def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """Send results; False: another worker may have received the job, and nothing was sent.

        True: the result is in the queue. Whether it counts is decided by the fence.
        """
        found = [self._in_flight.find((each.job_id, each.fence)) for each in settlements]
        now = self._monotonic()
        ours = [held is not None and held.is_held(now) for held in found]
        back: list[tuple[HeldMessage, JobResult]] = []
        results: list[tuple[HeldMessage, JobResult]] = []
        for settlement, held, is_ours in zip(settlements, found, ours, strict=True):
            if held is not None and is_ours:
                is_back = isinstance(settlement.outcome, Interrupted)
                (back if is_back else results).append((held, self._reporter.result(held, settlement)))
        # First of all the jobs that other workers can continue.
        self._hand_back(back)
        if results:
            self._reporter.send_results([result for _, result in results], timeout_s=_RESULTS_TIMEOUT_S)
            self._in_flight.remove(held.key for held, _ in results)
            self._in_flight.delete([held for held, _ in results])
        self._in_flight.remove(held.key for held in found if held is not None)
        return ours

    def heartbeat(self, worker: str, lease_s: float) -> dict[str, int]:
        """Report once a lease that the worker is alive; returns the jobs that it still holds."""
        if self._reporter.is_heartbeat_due:
            self._reporter.heartbeat(lease_s, self._in_flight.fences)
        return self.held_jobs(worker)

    def held_jobs(self, worker: str) -> dict[str, int]:  # noqa: ARG002 - always the same worker
        """The jobs that no other worker can have received, with their fences."""
        return self._in_flight.fences()

    def report_progress(self, worker: str, progress: Mapping[str, tuple[int, float]]) -> None:  # noqa: ARG002 - always the same worker
        """Report progress with the next heartbeat, which is sent at most 6 s after the one before."""
        self._reporter.add_progress(progress)
        if self._reporter.is_progress_due:
            self._reporter.repeat_heartbeat(self._in_flight.fences)

    def report_cpu(self, worker: str, spent: Mapping[str, tuple[int, float]]) -> None:
        """Messages do not carry it: the CPU time of a lost worker's last jobs is not known."""

    def expire_leases(self) -> list[str]:
        """SQS itself makes the jobs of lost workers visible again."""
        return []

    def deregister(self, worker: str) -> None:  # noqa: ARG002 - always the same worker
        """Report that the worker's lease ends now; the coordinators' next sweep removes it."""
        self._reporter.end_lease()

    def seconds_until_due(self, pools: Sequence[str]) -> float | None:  # noqa: ARG002 - listeners are notified
        """Unknown: listeners are notified of jobs."""
        return None

    def job(self, job_id: str) -> Job | None:  # noqa: ARG002 - the worker has no ledger
        """None: a worker without a ledger cannot look up jobs."""
        return None

    def receive_commands(self, worker: str, wait_s: float) -> list[Command]:
        """Commands for this worker; cancellations are applied here and not returned.

        Waits up to `wait_s` (at most 20). Must be called repeatedly, or no cancellation arrives.
        """
        found = self._command_queue(worker).receive(wait_s)
        self._cancel([command for command in found if command.kind is CommandKind.CANCEL])
        return [command for command in found if command.kind is not CommandKind.CANCEL]

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` when jobs arrive or are lost; without a listener nothing is fetched."""
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners.remove(listener)
                idle = not self._listeners
            if idle:
                _attempt(self._receiver.pause)

        return unsubscribe

    def close(self) -> None:
        """Hand back the remaining jobs and end the threads; idempotent."""
        self._closed.set()
        _attempt(self._receiver.close)
        left, now = self._in_flight.clear(), self._monotonic()
        _attempt(lambda: hand_back(self._queues, [each for each in left if each.is_held(now)]))
        if self._commands is not None:
            _attempt(self._commands.close)
        self._reporter.close()

    def _command_queue(self, worker: str) -> CommandQueue:
        with self._lock:
            if self._commands is None:
                self._commands = CommandQueue(self._queues, worker, self._clock)
            return self._commands

    def _cancel(self, commands: Sequence[Command]) -> None:
        """Release cancelled jobs, so that the worker stops their handlers; delete the superfluous ones."""
        over = {(command.job_id, command.fence) for command in commands if command.over}
        cancelled = self._in_flight.remove((command.job_id, command.fence) for command in commands)
        for held in cancelled:
            held.lost = True
        if cancelled:
            self._notify()
        # A superseded receipt may belong to another worker by now: deleting it might remove the job for both.
        self._in_flight.delete([held for held in cancelled if held.key in over])

    def _hand_back(self, back: Sequence[tuple[HeldMessage, JobResult]]) -> None:
        if not back:
            return
        self._in_flight.remove(held.key for held, _ in back)
        # If SQS is unavailable, the job becomes visible when its timeout ends.
        _attempt(lambda: hand_back(self._queues, [held for held, _ in back]))
        results = [result for _, result in back]
        _attempt(lambda: self._reporter.send_results(results, timeout_s=_INTERRUPTIONS_TIMEOUT_S))

    def _notify(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    # In the thread

    def _extend_visibility(self) -> None:
        last = self._monotonic()
        while not self._closed.wait(min(_TICK_S, self._extend_every_s)):
            _attempt(self._receiver.hand_back_stale)
            if self._monotonic() - last < self._extend_every_s:
                continue
            if _attempt(self._extend):
                last = self._monotonic()

    def _extend(self) -> None:
        if self._in_flight.extend(self._receiver.unclaimed()):
            self._notify()


def _attempt(action: Callable[[], object]) -> bool:
    """Try a best-effort action; returns whether it succeeded."""
    done = False

    def step() -> None:
        nonlocal done
        with contextlib.suppress(EddylineError):
            action()
            done = True

    keep_running("queue broker", step)
    return done
