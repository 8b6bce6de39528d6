"""Measures the CPU time of one job: of the thread that runs it, and of the programs that it runs.

Counted are user and system time of that thread, and of each program with the children that it waited for.
The rest of this process (its start, other threads) counts only where a `ProcessShare` divides it among the
jobs. The time of a GPU is never counted.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path

_PROC = Path("/proc")
_TIMES = slice(11, 15)  # utime, stime, cutime, cstime: fields 14 to 17 of proc(5), after the name
_thread_clock: Callable[[int], int] | None = getattr(time, "pthread_getcpuclockid", None)  # not on macOS


class CpuMeter:
    """The CPU time of one job, which may be read at any time from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._own_s = 0.0
        self._ended_s = 0.0
        self._shared_s = 0.0
        self._divided_s = 0.0  # of this thread's time: what a `ProcessShare` has seen
        self._started_at: float | None = None
        self._clock: int | None = None
        self._running: set[int] = set()

    def start(self) -> None:
        """Count the time of this thread from now on."""
        with self._lock:
            self._started_at = time.thread_time()
            self._clock = _thread_clock(threading.get_ident()) if _thread_clock is not None else None

    def stop(self) -> None:
        """Stop counting the time of this thread; must be called by the thread that called `start`."""
        with self._lock:
            if self._started_at is not None:
                self._own_s += time.thread_time() - self._started_at
                self._started_at = self._clock = None

    def add_program(self, pid: int) -> None:
        """Count the time of a program that was started."""
        with self._lock:
            self._running.add(pid)

    def end_program(self, pid: int, cpu_s: float) -> None:
        """Count `cpu_s` for a program that has ended."""
        with self._lock:
            self._running.discard(pid)
            self._ended_s += cpu_s

    def read_s(self) -> float:
        """The CPU time so far, in seconds."""
        with self._lock:
            return self._thread_s() + self._shared_s + self._ended_s + sum(map(_program_s, self._running))

    def take_thread_s(self) -> float:
        """The CPU time of the thread since the last call, in seconds."""
        with self._lock:
            before, self._divided_s = self._divided_s, self._thread_s()
            return self._divided_s - before

    def add_share(self, cpu_s: float) -> None:
        """Count `cpu_s` of this process that no job's thread took."""
        with self._lock:
            self._shared_s += cpu_s

    def _thread_s(self) -> float:
        if self._started_at is None or self._clock is None:
            return self._own_s
        # The thread is alive while the lock is held: it ends its time with `stop`.
        return self._own_s + max(time.clock_gettime(self._clock) - self._started_at, 0.0)


class ProcessShare:
    """Divides the CPU time of this process that no job's thread took equally among the jobs that run.

    That is its start, its coordination of jobs and its other threads. `since_s`: the time of `clock` from
    which on the process works for its jobs. For one thread of a process that runs one worker.
    """

    def __init__(self, *, since_s: float, clock: Callable[[], float] = time.process_time) -> None:
        self._clock = clock
        self._seen_s = since_s
        self._is_new = True

    def begin(self) -> None:
        """Begin a run: what the process did since an earlier run is not divided."""
        if not self._is_new:
            self._seen_s = self._clock()
        self._is_new = False

    def divide(self, meters: Collection[CpuMeter]) -> None:
        """Divide what was spent since the last call; without jobs, it is left to the next call.

        Jobs that ended since the last call must be among them.
        """
        if not meters:
            return
        now_s = self._clock()
        rest_s = now_s - self._seen_s - sum(each.take_thread_s() for each in meters)
        self._seen_s = now_s
        for each in meters:
            each.add_share(max(rest_s, 0.0) / len(meters))


def _program_s(pid: int) -> float:
    """The CPU time of a running program; 0 where it is unknown."""
    try:
        # The name of the program, in parentheses, may contain anything.
        words = (_PROC / str(pid) / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
        return sum(map(int, words[_TIMES])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return 0.0
