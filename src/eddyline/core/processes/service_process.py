"""A service process that this one starts and supervises, with the same environment, output and user.

Its standard input is a pipe, whose end says that this process ends or has ended, also by kill -9.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from typing import IO

from eddyline.core.errors import TransientError


class ServiceProcess:
    """One running process, in a separate process group: Ctrl-C in a terminal does not reach it directly."""

    def __init__(self, argv: Sequence[str]) -> None:
        """Start it. Raises `TransientError` if that fails."""
        try:
            self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, process_group=0)  # noqa: S603 - fixed arguments
        except OSError as error:
            raise TransientError(
                f"cannot start {argv[0]}: {error.strerror}",
                remedy="check the limits of this process (`ulimit -a`)",
            ) from error

    @property
    def pid(self) -> int:
        """The number of the process and of its group."""
        return self._process.pid

    def ask_to_end(self) -> None:
        """Close its standard input: it hands back its work and ends. Safe in a signal handler."""
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None  # noqa: S101 - a pipe was requested
            self._process.stdin.close()

    def kill(self) -> bool:
        """Kill the process group (SIGKILL); False if it had ended."""
        # `poll` reaps it under a lock, so its number is not that of another process here.
        if self._process.poll() is not None:
            return False
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS raises the latter for a zombie
            os.killpg(self.pid, signal.SIGKILL)
        return True

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait for its end; returns its exit status (-N: killed by signal N), None after `timeout_s`."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None


def watch_parent(stdin: IO[bytes], on_end: Callable[[], None]) -> None:
    """Block until the parent closes the pipe or ends, then call `on_end`; for a thread of the service."""
    with contextlib.suppress(OSError):
        while stdin.read(1):
            pass
    on_end()


def lower_priority(by: int) -> None:
    """Lower the priority of this process and of those that it will start (nice(2))."""
    with contextlib.suppress(OSError):
        os.nice(by)
