"""The threads that run a worker's jobs: a queue before them, a list of ended jobs after them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eddyline.graph.job import Claim, Outcome
from eddyline.graph.worker.handler import JobContext


@dataclass(kw_only=True, eq=False)
class RunningJob:
    """A job that a worker has claimed. `started` and `ended` are times of `monotonic`, in seconds.

    `revoked`: the worker no longer holds the claim (cancelled, or given to another worker). `fraction` is how
    much of it is done, from 0 to 1, `reported` the last fraction that was reported.
    """

    claim: Claim
    context: JobContext
    monotonic: Callable[[], float] = time.monotonic
    started: float | None = None
    ended: float | None = None
    outcome: Outcome | None = None
    revoked: bool = False
    fraction: float = 0.0
    reported: float = 0.0

    @property
    def key(self) -> tuple[str, int]:
        """Identifies the claim: the job's id and the fence."""
        return self.claim.job.id, self.claim.fence

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start, or from start to end."""
        if self.started is None:
            return 0.0
        return (self.monotonic() if self.ended is None else self.ended) - self.started


class Slots:
    """`count` threads that run jobs in the order of `put`.

    `run` runs one job and returns its outcome; `on_ended` is called in the slot's thread after each job.
    """

    def __init__(
        self, count: int, *, name: str, run: Callable[[RunningJob], Outcome], on_ended: Callable[[], None]
    ) -> None:
        self._run_job = run
        self._on_ended = on_ended
        self._changed = threading.Condition()
        self._queue: deque[RunningJob] = deque()
        self._ended: list[RunningJob] = []
        self._closed = False
        for number in range(count):
            # Daemons: a handler that ignores its stop must not keep the process from exiting.
            threading.Thread(target=self._run, name=f"{name}-slot-{number}", daemon=True).start()

    @property
    def queued(self) -> int:
        """The number of jobs that no slot has taken yet."""
        return len(self._queue)

    @property
    def has_ended(self) -> bool:
        """Whether `take_ended` would return something."""
        return bool(self._ended)

    def put(self, jobs: Sequence[RunningJob]) -> None:
        """Queue jobs for the next free slots."""
        with self._changed:
            self._queue.extend(jobs)
            self._changed.notify(len(jobs))

    def withdraw(self) -> list[RunningJob]:
        """Remove and return the jobs that no slot has taken yet."""
        with self._changed:
            jobs = list(self._queue)
            self._queue.clear()
        return jobs

    def take_ended(self) -> list[RunningJob]:
        """The jobs that have ended since the last call."""
        with self._changed:
            jobs, self._ended = self._ended, []
        return jobs

    def close(self) -> None:
        """Let the threads exit after their current jobs."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            job.outcome = self._run_job(job)
            job.ended = job.monotonic()
            with self._changed:
                self._ended.append(job)
            self._on_ended()

    def _next(self) -> RunningJob | None:
        with self._changed:
            while not self._queue and not self._closed:
                self._changed.wait()
            if self._closed:
                return None
            job = self._queue.popleft()
            job.started = job.monotonic()
            return job
