"""Detects orphaned jobs: running jobs that their live workers do not hold.

A queue that loses all its messages also loses what workers hold, and results on their way. Such a worker
lives, so no lease runs out, and yet the job never ends. The worker's heartbeats show it: they list the jobs
it holds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from eddyline.graph.messages import Heartbeat

_KEPT_PERIODS = 10  # how long a worker without heartbeats is remembered, in multiples of `after_s`


@dataclass(frozen=True, kw_only=True)
class StartedJob:
    """A running job with its worker; `started` is in seconds since 1970.

    By the worker's clock, or the ledger's where that is behind.
    """

    job_id: str
    fence: int
    worker: str
    started: float


@dataclass(frozen=True, kw_only=True)
class _History:
    """A worker's latest heartbeats in the order of its clock, each (time, jobs held).

    `received` is when the last one arrived (monotonic seconds); the worker's clock is at least `ahead`
    seconds ahead of the ledger's.
    """

    heartbeats: tuple[tuple[float, frozenset[str]], ...] = ()
    received: float = 0.0
    ahead: float = 0.0


class OrphanDetection:
    """What workers hold, as far as one coordinator received their heartbeats. Safe from any thread.

    A job is orphaned if all heartbeats of `after_s` omit it. That is longer than recording a result may take:
    a job is removed from its worker's list before its result is recorded.
    """

    def __init__(self, after_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._after_s = after_s
        self._clock = clock
        self._workers: dict[str, _History] = {}
        self._lock = threading.Lock()

    def add(self, heartbeats: Iterable[Heartbeat], *, now: float) -> None:
        """Record heartbeats that were received at `now` by the ledger's clock."""
        with self._lock:
            for beat in heartbeats:
                if beat.holds is not None:
                    known = self._workers.get(beat.worker, _History())
                    self._workers[beat.worker] = _History(
                        heartbeats=self._relevant((*known.heartbeats, (beat.at, frozenset(beat.holds)))),
                        received=self._clock(),
                        ahead=max(known.ahead, beat.at - now),
                    )

    def find_orphaned(self, running: Iterable[StartedJob]) -> list[StartedJob]:
        """Those of these jobs that their workers certainly do not hold."""
        with self._lock:
            oldest = self._clock() - _KEPT_PERIODS * self._after_s
            self._workers = {name: known for name, known in self._workers.items() if known.received >= oldest}
            return [each for each in running if self._is_orphaned(each)]

    def _relevant(
        self, heartbeats: tuple[tuple[float, frozenset[str]], ...]
    ) -> tuple[tuple[float, frozenset[str]], ...]:
        """The heartbeats of the last `after_s` and the one before, in order of time."""
        ordered = tuple(sorted(heartbeats, key=lambda beat: beat[0]))
        since = ordered[-1][0] - self._after_s
        old = sum(at <= since for at, _ in ordered)
        return ordered[max(old - 1, 0) :]

    def _is_orphaned(self, job: StartedJob) -> bool:
        known = self._workers.get(job.worker, _History())
        omitted_since = None
        for at, holds in reversed(known.heartbeats):
            if job.job_id in holds or at <= job.started + known.ahead:
                break
            omitted_since = at
        return omitted_since is not None and known.heartbeats[-1][0] - omitted_since >= self._after_s
