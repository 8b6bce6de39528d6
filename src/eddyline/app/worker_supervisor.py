"""Keeps the worker process of a server running: starts it again after its end, later if it keeps ending."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from eddyline.core.background_loop import keep_running
from eddyline.core.backoff import BackoffPolicy
from eddyline.core.clock import Clock
from eddyline.core.errors import EddylineError
from eddyline.core.processes.service_process import ServiceProcess
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.runs.local_worker import worker_name

RESTARTS = BackoffPolicy(base_s=0.1, cap_s=30.0, factor=3.0, jitter=0.0)
"""Delays between the end of a worker and the next start: 0.1 s after the first, 30 s after the seventh."""

STABLE_S = 30.0
"""A worker that ran so long starts again at once when it ends; earlier ends count as a crash loop."""

_CRASH_LOOP = 3  # so many early ends in a row are reported as a problem


@dataclass(frozen=True, kw_only=True)
class SupervisedWorker:
    """The state of the worker: `pid` None while it is not running; times are in seconds since 1970.

    `since`: when it was started, or ended. `early_ends`: consecutive ends soon after the start. `failure`:
    why it ended last, "" if it has not.
    """

    pid: int | None
    since: float
    restarts: int
    early_ends: int
    failure: str

    @property
    def name(self) -> str:
        """The name of the worker in the ledger; "" while it is not running."""
        return "" if self.pid is None else worker_name(self.pid)

    def problem(self, now: float) -> str:
        """Why the jobs make no progress at the time `now`; "" if the worker runs."""
        if self.early_ends >= _CRASH_LOOP and (self.pid is None or now - self.since < STABLE_S):
            return f"the worker ended {self.early_ends} times soon after its start: {self.failure}"
        return "" if self.pid is not None else f"the worker is not running: {self.failure or 'it starts'}"


class WorkerSupervisor:
    """Runs `argv` again and again in a thread. Jobs of a worker that ended are released at once.

    `on_start` gets the pid of each worker, `on_end` the pid and the state after its end. Safe in any thread.
    """

    def __init__(
        self,
        argv: Sequence[str],
        ledger: Ledger,
        *,
        clock: Clock,
        on_start: Callable[[int], None] = lambda _: None,
        on_end: Callable[[int, SupervisedWorker], None] = lambda *_: None,
        start: Callable[[Sequence[str]], ServiceProcess] = ServiceProcess,
    ) -> None:
        self._argv, self._ledger, self._clock = tuple(argv), ledger, clock
        self._on_start, self._on_end, self._start = on_start, on_end, start
        self._ending = False
        self._end = threading.Event()
        self._process: ServiceProcess | None = None
        self._state = SupervisedWorker(pid=None, since=clock.now(), restarts=0, early_ends=0, failure="")
        self._thread = threading.Thread(target=self._run, name="worker supervisor", daemon=True)

    @property
    def state(self) -> SupervisedWorker:
        """The state now."""
        return self._state

    def start(self) -> None:
        """Start the first worker, in the supervisor's thread."""
        self._thread.start()

    def begin_end(self) -> None:
        """Ask the worker to hand back its jobs and end, and start no other one. Safe in a signal handler."""
        self._ending = True
        process = self._process
        if process is not None:
            process.ask_to_end()

    def end(self, timeout_s: float) -> bool:
        """Wait up to `timeout_s` for the end of the worker; False if it is still handing back its jobs."""
        self.begin_end()
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def kill(self) -> SupervisedWorker | None:
        """Kill the worker's process group (SIGKILL) as a reclaimed machine would; None if none is running."""
        process, state = self._process, self._state
        if process is None or state.pid != process.pid or not process.kill():
            return None
        return state

    def _run(self) -> None:
        while not self._ending:
            self._run_once()
            state = self._state
            if not self._ending and self._end.wait(RESTARTS.delay(max(state.early_ends, 1))):
                return

    def _run_once(self) -> None:
        started = self._clock.now()
        try:
            process = self._process = self._start(self._argv)
        except EddylineError as error:
            self._ended(started, error.message)
            return
        self._state = replace(self._state, pid=process.pid, since=started)
        self._on_start(process.pid)
        if self._ending:  # requested while it was being started
            process.ask_to_end()
        status = process.wait()
        self._process = None
        process.ask_to_end()  # closes this end of the pipe
        keep_running("worker supervisor", lambda: self._release(worker_name(process.pid)))
        self._ended(started, describe(status or 0))
        if not self._ending:
            self._on_end(process.pid, self._state)

    def _release(self, worker: str) -> None:
        self._ledger.release_worker(worker)
        self._ledger.deregister(worker)

    def _ended(self, started: float, failure: str) -> None:
        now, state = self._clock.now(), self._state
        early = state.early_ends + 1 if now - started < STABLE_S else 1
        restarts = state.restarts if self._ending else state.restarts + 1
        self._state = SupervisedWorker(
            pid=None, since=now, restarts=restarts, early_ends=early, failure=failure
        )


def describe(status: int) -> str:
    """How a process ended, from its exit status (-N: by signal N)."""
    return f"it was killed by signal {-status}" if status < 0 else f"it exited with status {status}"
