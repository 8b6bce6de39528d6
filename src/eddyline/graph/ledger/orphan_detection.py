"""Which running jobs their own workers know nothing of.

A queue that loses everything loses also what workers hold, and answers on their way. Such a worker lives, so
no lease runs out, and yet its job will never end. Its beats tell: they list what it holds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from eddyline.graph.messages import Heartbeat, WorkerReport


@dataclass(frozen=True, kw_only=True)
class Running:
    """A job that a living worker is said to run, since `started` (seconds since 1970).

    By its own clock, or the ledger's where that is behind.
    """

    job_id: str
    fence: int
    worker: str
    started: float


@dataclass(kw_only=True)
class _Heard:
    """A worker's latest beats, in order of its own clock: (when, what it held).

    `ahead`: by so many seconds at least its clock goes before the ledger's.
    """

    beats: list[tuple[float, frozenset[str]]] = field(default_factory=list)
    at: float = field(default_factory=time.monotonic)
    ahead: float = 0.0


class OrphanDetection:
    """What workers said that they hold, as far as one coordinator heard it. Safe from any thread.

    `after_s`: a job that every beat left out for so long is disowned. Longer than an answer may take to be
    recorded: it leaves the worker's hands before it is.
    """

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._heard: dict[str, _Heard] = {}
        self._lock = threading.Lock()

    def hear(self, facts: Iterable[WorkerReport], *, now: float) -> None:
        """Take in what workers said, heard `now` by the ledger's clock; only beats say what is held."""
        with self._lock:
            for fact in facts:
                if isinstance(fact, Heartbeat) and fact.holds is not None:
                    heard = self._heard.setdefault(fact.worker, _Heard())
                    heard.at = time.monotonic()
                    heard.ahead = max(heard.ahead, fact.at - now)
                    heard.beats = self._kept([*heard.beats, (fact.at, frozenset(fact.holds))])

    def disowned(self, running: Iterable[Running]) -> list[Running]:
        """Those of these jobs that their workers certainly do not hold."""
        with self._lock:
            silent = time.monotonic() - 10 * self._after_s
            self._heard = {name: heard for name, heard in self._heard.items() if heard.at >= silent}
            return [each for each in running if self._is_disowned(each)]

    def _kept(self, beats: list[tuple[float, frozenset[str]]]) -> list[tuple[float, frozenset[str]]]:
        """As many of the latest beats as prove anything, in order of time."""
        ordered = sorted(beats, key=lambda beat: beat[0])
        since = ordered[-1][0] - self._after_s
        old = [beat for beat in ordered if beat[0] <= since]
        return old[-1:] + ordered[len(old) :]

    def _is_disowned(self, job: Running) -> bool:
        heard = self._heard.get(job.worker, _Heard())
        beats = heard.beats
        since = None
        for at, holds in reversed(beats):
            if job.job_id in holds or at <= job.started + heard.ahead:
                break
            since = at
        return since is not None and beats[-1][0] - since >= self._after_s
