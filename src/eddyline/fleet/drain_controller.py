"""Joins notices to a running worker, from the outside: its broker gets a gate, its handlers a watch.

The worker itself needs no hook. It takes nothing new because the gate gives it nothing. A job is handed back
by the gate, at once, and its handler is told to stop, as for a cancellation: the answer that comes later is
the same, or no longer counts. And the worker exits because its stop is raised; what still runs then is handed
back by its own end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from eddyline.core.clock import Clock, SystemClock
from eddyline.core.stop import Stop
from eddyline.fleet.drain_policy import (
    ClaimKey,
    DrainActions,
    DrainRules,
    DrainState,
    JobEstimate,
    apply_notice,
    decide,
)
from eddyline.fleet.draining_broker import DrainingBroker
from eddyline.fleet.job_estimate import JobProgress, JobRates
from eddyline.fleet.notices import Notice, sigterm_notice
from eddyline.fleet.task_thread import TaskThread
from eddyline.graph.job import Done, Job
from eddyline.graph.worker.broker import Broker
from eddyline.graph.worker.handler import Handler, JobContext

_TICK_S = 0.25
_RELUCTANT_TICK_S = 2.0  # each asks the broker


@dataclass(kw_only=True)
class _Running:
    """A job between its handler's begin and end; `started` in monotonic seconds."""

    job: Job
    context: JobContext
    started: float
    fraction: float = 0.0

    @property
    def key(self) -> ClaimKey:
        return self.job.id, self.job.fence

    def course(self) -> JobProgress:
        return JobProgress(
            kind=self.job.kind,
            weight=self.job.weight,
            elapsed_s=time.monotonic() - self.started,
            fraction=self.fraction,
        )


class DrainController:
    """Drains one worker when its machine or task is about to end.

    Create the worker with `broker`, `wrap_handlers(handlers)` and this `stop`. `instance` is this machine's
    id: notices about other machines are ignored. `busy` is called when the first job starts and when the
    last one has ended; `on_actions` is called with the decision whenever it changes. Both must return fast.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        stop: Stop,
        rules: DrainRules | None = None,
        clock: Clock | None = None,
        instance: str = "",
        busy: Callable[[bool], None] | None = None,
        on_actions: Callable[[DrainActions, DrainState], None] | None = None,
    ) -> None:
        self.broker = DrainingBroker(broker)
        self._stop = stop
        self._rules = rules or DrainRules()
        self._clock = clock or SystemClock()
        self._instance = instance
        self._busy = busy
        self._on_actions = on_actions
        self._changed = threading.Condition(threading.RLock())
        self._standing = DrainState()
        self._running: dict[ClaimKey, _Running] = {}
        self._rates = JobRates()
        self._told = DrainActions()
        self._waiting_s: float | None = None
        self._asking = False
        self._errands = TaskThread("drainer-errands")
        self._closed = False
        self._thread = threading.Thread(target=self._keep_deciding, name="drainer", daemon=True)
        self._thread.start()

    @property
    def standing(self) -> DrainState:
        """What is known of the worker's end."""
        return self._standing

    def notice(self, notice: Notice) -> None:
        """Heed a notice; from any thread, as often as it comes."""
        with self._changed:
            standing = apply_notice(self._standing, notice, self._rules, instance=self._instance)
            if standing != self._standing:
                self._standing = standing
                self._changed.notify_all()

    def follow(self, asked: Stop) -> None:
        """Take `asked`, which a signal raises, for the notice that SIGTERM is."""

        def wait() -> None:
            while not self._closed:
                if asked.wait(1.0):
                    self.notice(replace(sigterm_notice(self._clock.now()), reason=asked.reason or "SIGTERM"))
                    return

        threading.Thread(target=wait, name="drainer-asked", daemon=True).start()

    def close(self) -> None:
        """End the drainer's own thread; call it once the worker has ended."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout=5)
        self._errands.close()

    # The handlers' side

    def wrap_handlers(self, handlers: Mapping[str, Handler]) -> dict[str, Handler]:
        """The same handlers, seen by the drainer."""
        return {kind: self._watched(handler) for kind, handler in handlers.items()}

    def _watched(self, handler: Handler) -> Handler:
        def handle(job: Job, context: JobContext) -> Done:
            running = _Running(job=job, context=context, started=time.monotonic())
            self._begin(running)
            try:
                context.stop.check()

                def tell(fraction: float, note: str) -> None:
                    running.fraction = max(running.fraction, fraction)
                    context.on_progress(fraction, note)

                done = handler(job, replace(context, on_progress=tell))
                self._learn(running)
                return done
            finally:
                self._end(running)

        return handle

    def _begin(self, running: _Running) -> None:
        with self._changed:
            first = not self._running
            self._running[running.key] = running
            if self._standing.leaving:
                # Claimed just before the gate closed: not begun unless it ends in time.
                self._stop_those({running.key}.intersection(self._decided().hand_back))
            if first and self._busy is not None:
                self._busy(True)

    def _end(self, running: _Running) -> None:
        with self._changed:
            self._running.pop(running.key, None)
            if not self._running and self._busy is not None:
                self._busy(False)
            if self._standing.leaving:
                self._changed.notify_all()

    def _learn(self, running: _Running) -> None:
        with self._changed:
            self._rates.learn(running.job.kind, running.job.weight, time.monotonic() - running.started)

    # Deciding, again and again: estimates change

    def _keep_deciding(self) -> None:
        try:
            self._decide_until_closed()
        except BaseException as error:
            # A worker that nobody would end in time must not go on: it hands back what it has, and goes.
            self._stop.request(f"its drainer failed: {error}")
            raise

    def _decide_until_closed(self) -> None:
        while True:
            with self._changed:
                if not self._closed:
                    self._changed.wait(self._pause())
                if self._closed:
                    return
                actions = self._decided()
                # First of all: what is handed back must not come back to this worker.
                self.broker.admit(new=actions.takes_new)
                self._stop_those(actions.hand_back)
            if actions.exit and not self._stop.requested:
                self._stop.request(self._standing.reason)
            self._send_errands(actions)
            self._tell(actions)

    def _send_errands(self, actions: DrainActions) -> None:
        """The broker may take its time, or be away: a deadline does not wait for it."""
        if actions.hand_back:
            self._errands.send(lambda: self.broker.hand_back(actions.hand_back))
        if self._told.takes_new and not actions.takes_new:
            self._errands.send(self.broker.want_nothing)
        if self._is_shunned() and not self._asking:
            self._asking = True
            self._errands.send(self._ask)

    def _ask(self) -> None:
        self._waiting_s = self.broker.waiting_s()
        self._asking = False

    def _pause(self) -> float | None:
        """Seconds until it is worth deciding again; None: only another notice can change anything."""
        if self._standing.leaving:
            return _TICK_S
        return _RELUCTANT_TICK_S if self._is_shunned() else None

    def _is_shunned(self) -> bool:
        standing = self._standing
        return (
            not standing.leaving
            and standing.avoid_until is not None
            and self._clock.now() < standing.avoid_until
        )

    def _decided(self) -> DrainActions:
        hands = [
            JobEstimate(key=running.key, remaining_s=self._rates.remaining_s(running.course()))
            for running in self._running.values()
            if not running.context.stop.requested
        ]
        return decide(self._standing, hands, self._clock.now(), self._rules, waiting_s=self._waiting_s)

    def _stop_those(self, keys: Collection[ClaimKey]) -> None:
        for key in keys:
            if key in self._running:
                self._running[key].context.stop.request(f"{self._standing.reason}: it would not end in time")

    def _tell(self, actions: DrainActions) -> None:
        if actions != self._told:
            self._told = actions
            if self._on_actions is not None:
                self._on_actions(actions, self._standing)
