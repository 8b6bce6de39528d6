"""Drains a running worker from outside: wraps its broker and its handlers.

The worker has no code for draining. It claims nothing, or only short jobs, because the broker delivers no
others. The broker hands a job back at once, and the job's handler is stopped as for a cancellation; its later
outcome is the same, or is ignored. The worker exits because its `stop` is requested, and hands back what
still runs.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from eddyline.core.clock import Clock, SystemClock
from eddyline.core.stop import Stop
from eddyline.fleet.drain.broker import DrainingBroker
from eddyline.fleet.drain.choice import DrainRules
from eddyline.fleet.drain.job_estimate import JobProgress, JobRates
from eddyline.fleet.drain.policy import (
    ClaimKey,
    DrainActions,
    DrainPhase,
    DrainState,
    JobEstimate,
    apply_notice,
    decide,
)
from eddyline.fleet.drain.task_thread import TaskThread
from eddyline.fleet.notices import Notice, NoticeKind
from eddyline.graph.job import MAX_CPU_S, Done, Interrupted, Job, Settlement
from eddyline.graph.worker.broker import Broker
from eddyline.graph.worker.handler import Handler, JobContext

_DRAINING_PERIOD_S = 0.25
_WAKE_S = 1.0
_AT_RISK_PERIOD_S = 2.0  # longer: every decision queries the broker


@dataclass(kw_only=True)
class _Running:
    """A job whose handler runs; `started` is a time of the controller's monotonic clock."""

    job: Job
    context: JobContext
    started: float
    fraction: float = 0.0

    @property
    def key(self) -> ClaimKey:
        return self.job.id, self.job.fence


class DrainController:
    """Drains one worker when its machine or task is about to end.

    Create the worker with `broker`, `wrap_handlers(handlers)` and the same `stop`. Notices about other
    machines than `instance` are ignored. `busy` is called when the first job starts and when the last one has
    ended; `on_actions` is called with the decision whenever it changes. Both must return fast. `monotonic`
    measures intervals.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        stop: Stop,
        rules: DrainRules | None = None,
        clock: Clock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        instance: str = "",
        busy: Callable[[bool], None] = lambda _busy: None,
        on_actions: Callable[[DrainActions, DrainState], None] = lambda _actions, _state: None,
    ) -> None:
        self.broker = DrainingBroker(broker)
        self._stop = stop
        self._rules = rules or DrainRules()
        self._clock = clock or SystemClock()
        self._monotonic = monotonic
        self._instance = instance
        self._busy = busy
        self._on_actions = on_actions
        self._changed = threading.Condition(threading.RLock())
        self._state = DrainState()
        self._running: dict[ClaimKey, _Running] = {}
        self._rates = JobRates()
        self._too_long: dict[str, float] = {}
        self._last_actions = DrainActions()
        self._waiting_s: float | None = None
        self._waiting_requested = False
        self._next_wake = 0.0
        self._tasks = TaskThread("drain-tasks")
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="drain", daemon=True)
        self._thread.start()

    @property
    def state(self) -> DrainState:
        """What the notices so far say about the end of the worker."""
        return self._state

    def apply(self, notice: Notice) -> None:
        """Apply a notice; from any thread. Duplicates change nothing."""
        if notice.kind is NoticeKind.REBALANCE:
            # One that is dated in the future, by a wrong clock, would apply until then.
            notice = replace(notice, at=min(notice.at, self._clock.now()))
        with self._changed:
            state = apply_notice(self._state, notice, self._rules, instance=self._instance)
            if state != self._state:
                self._state = state
                self._changed.notify_all()

    def close(self) -> None:
        """End the controller's threads; call it after the worker has ended."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout=5)
        self._tasks.close()

    # In the slots' threads: which jobs run, and how far they are

    def wrap_handlers(self, handlers: Mapping[str, Handler]) -> dict[str, Handler]:
        """The same handlers, observed by the controller."""
        return {kind: self._wrap(handler) for kind, handler in handlers.items()}

    def _wrap(self, handler: Handler) -> Handler:
        def handle(job: Job, context: JobContext) -> Done:
            running = _Running(job=job, context=context, started=self._monotonic())
            self._on_start(running)
            try:
                context.stop.check()

                def on_progress(fraction: float, note: str) -> None:
                    running.fraction = max(running.fraction, fraction)
                    context.on_progress(fraction, note)

                done = handler(job, replace(context, on_progress=on_progress))
                with self._changed:
                    self._rates.record(job.kind, job.weight, self._monotonic() - running.started)
                return done
            finally:
                self._on_end(running)

        return handle

    def _on_start(self, running: _Running) -> None:
        with self._changed:
            first = not self._running
            self._running[running.key] = running
            if self._state.draining:
                # Claimed just before the drain began: it starts only if it can end in time.
                actions = self._decide()
                if running.key in actions.hand_back:
                    self._limit_and_stop(actions, (running,))
            if first:
                self._busy(True)

    def _on_end(self, running: _Running) -> None:
        with self._changed:
            self._running.pop(running.key, None)
            if not self._running:
                self._busy(False)
            if self._state.draining:
                self._changed.notify_all()

    # In the controller's thread: decides periodically, because estimates change

    def _run(self) -> None:
        try:
            self._decide_until_closed()
        except BaseException as error:
            # A worker that would not drain in time must not continue: it hands back its jobs and exits.
            self._stop.request(f"the drain controller failed: {error}")
            raise

    def _decide_until_closed(self) -> None:
        while True:
            with self._changed:
                if not self._closed:
                    self._changed.wait(self._period_s())
                if self._closed:
                    return
                actions = self._decide()
                self._limit_and_stop(actions, [self._running[key] for key in actions.hand_back])
            if actions.exit and not self._stop.requested:
                self._stop.request(self._state.reason)
            self._submit_tasks(actions)
            if actions != self._last_actions:
                self._last_actions = actions
                self._on_actions(actions, self._state)

    def _submit_tasks(self, actions: DrainActions) -> None:
        """Submit calls to the broker, which may be slow or unavailable: a drain deadline does not wait."""
        if actions.hand_back:
            back = [self._interrupted(key) for key in actions.hand_back]
            self._tasks.submit(lambda: self.broker.hand_back(back))
        if self._last_actions.accepts_jobs and not actions.accepts_jobs:
            self._tasks.submit(self.broker.stop_fetching)
        if actions.accepts_jobs and actions.phase is DrainPhase.DRAINING:
            self._wake_worker()
        if self._state.is_at_risk(self._clock.now()) and not self._waiting_requested:
            self._waiting_requested = True
            self._tasks.submit(self._query_waiting)

    def _wake_worker(self) -> None:
        """Let the worker claim again, once a second: a job that is short enough may have become due."""
        now = self._monotonic()
        if now >= self._next_wake:
            self._next_wake = now + _WAKE_S
            self.broker.wake()

    def _most_weight(self, actions: DrainActions) -> dict[str, float] | None:
        """By kind, the largest weight of new jobs; None: any."""
        if actions.accepts_up_to_s is None or not actions.accepts_jobs:
            return None if actions.accepts_jobs else {}
        most = self._rates.most_weight(actions.accepts_up_to_s, self._rules.pessimism)
        return {kind: min(weight, self._too_long.get(kind, weight)) for kind, weight in most.items()}

    def _query_waiting(self) -> None:
        self._waiting_s = self.broker.waiting_s()
        self._waiting_requested = False

    def _interrupted(self, key: ClaimKey) -> Settlement:
        """The settlement that hands a job back, with its CPU time and progress so far."""
        with self._changed:
            running = self._running.get(key)
        job_id, fence = key
        if running is None:
            return Settlement(job_id=job_id, fence=fence, outcome=Interrupted())
        return Settlement(
            job_id=job_id,
            fence=fence,
            outcome=Interrupted(),
            cpu_s=min(running.context.cpu.read_s(), MAX_CPU_S),
            fraction=min(running.fraction, 1.0),
        )

    def _period_s(self) -> float | None:
        """Seconds until the next decision; None: only another notice can change it."""
        if self._state.draining:
            return _DRAINING_PERIOD_S
        return _AT_RISK_PERIOD_S if self._state.is_at_risk(self._clock.now()) else None

    def _decide(self) -> DrainActions:
        jobs = [
            JobEstimate(key=running.key, remaining_s=self._remaining_s(running))
            for running in self._running.values()
            if not running.context.stop.requested
        ]
        return decide(
            self._state,
            jobs,
            self._clock.now(),
            self._rules,
            waiting_s=self._waiting_s,
            knows_rates=bool(self._rates),
        )

    def _remaining_s(self, running: _Running) -> float | None:
        return self._rates.remaining_s(
            JobProgress(
                kind=running.job.kind,
                weight=running.job.weight,
                elapsed_s=self._monotonic() - running.started,
                fraction=running.fraction,
            )
        )

    def _limit_and_stop(self, actions: DrainActions, back: Collection[_Running]) -> None:
        """Limit the new jobs as decided, then stop the jobs that are handed back.

        In this order: a job that is handed back must not be delivered to this worker again. It is slower than
        others of its kind.
        """
        for each in back:
            shorter = math.nextafter(each.job.weight, 0.0)
            self._too_long[each.job.kind] = min(shorter, self._too_long.get(each.job.kind, shorter))
        self.broker.accept_jobs(self._most_weight(actions))
        for each in back:
            each.context.stop.request(f"{self._state.reason}: it would not end in time")
