"""Measures the CPU time of one job: of the thread that runs it, and of the programs that it runs.

Counted are user and system time of that thread, and of each program with the children that it waited for.
Not counted are other threads of this process, such as those that read ranges of an object concurrently, and
the time of a GPU.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
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
            own_s = self._own_s
            if self._started_at is not None and self._clock is not None:
                # The thread is alive while the lock is held: it ends its time with `stop`.
                own_s += max(time.clock_gettime(self._clock) - self._started_at, 0.0)
            return own_s + self._ended_s + sum(map(_program_s, self._running))


def _program_s(pid: int) -> float:
    """The CPU time of a running program; 0 where it is unknown."""
    try:
        # The name of the program, in parentheses, may contain anything.
        words = (_PROC / str(pid) / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
        return sum(map(int, words[_TIMES])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return 0.0
