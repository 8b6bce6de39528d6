"""Manages the processes of a fleet: starts, kills, freezes, stops and restarts them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from tests.servers.parent_watch import end_with_parent

_TAIL = 1500
_READY = b" ready"


class ProcessState(StrEnum):
    """The state of a process of the fleet."""

    RUNNING = "running"
    FROZEN = "frozen"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command, and all of its environment variables."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class ProcessExit:
    """The exit of a process: `status` as in `Popen`, `early_s` before its deadline (None: it had none).

    `ready`: it had logged `ready`; before that, a signal terminates it without a handler.
    """

    name: str
    state: ProcessState
    status: int
    early_s: float | None
    took_s: float
    ready: bool = True


@dataclass(kw_only=True)
class Member:
    """One member of the fleet: one process at a time, always with the same name, folder and log.

    Use it from one thread that outlives the processes: they are killed when that thread ends.
    """

    name: str
    log: Path
    make: Callable[[], Command]
    state: ProcessState = ProcessState.STOPPED
    starts: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _stop_requested_at: float = 0.0
    _log_from: int = 0
    _deadline: float | None = field(default=None)

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process."""
        assert self.state is ProcessState.STOPPED, f"{self.name} is {self.state}"
        command = self.make()
        with self.log.open("ab") as log:
            self._log_from = log.tell()
            self._process = subprocess.Popen(
                command.argv,
                env=dict(command.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the harness
                preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call
            )
        self.starts += 1
        self._deadline = None
        self.state = ProcessState.RUNNING

    def kill(self) -> None:
        """Kill the process alone with SIGKILL, as the out-of-memory killer does; safe if it is stopped."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process, self.state = None, ProcessState.STOPPED

    def freeze(self) -> None:
        """Suspend the process (SIGSTOP), as a suspended machine does."""
        assert self.state is ProcessState.RUNNING
        os.kill(self.pid, signal.SIGSTOP)
        self.state = ProcessState.FROZEN

    def resume(self) -> None:
        """Resume the process if it is frozen."""
        if self.state is ProcessState.FROZEN:
            os.kill(self.pid, signal.SIGCONT)
            self.state = ProcessState.RUNNING

    def request_stop(self, within_s: float, *, terminate: bool = True) -> None:
        """Ask it to stop by SIGTERM (or by its instance metadata), and expect its exit within `within_s`."""
        if terminate:
            os.kill(self.pid, signal.SIGTERM)
        self._stop_requested_at = time.monotonic()
        self._deadline = self._stop_requested_at + within_s
        self.state = ProcessState.STOPPING

    def poll_exit(self) -> ProcessExit | None:
        """The exit since the last call, if any; a process that missed its deadline is killed."""
        if self._process is None:
            return None
        now = time.monotonic()
        late = self._deadline is not None and now > self._deadline
        status = self._process.poll()
        if status is None and not late:
            return None
        if status is None:
            self._process.kill()
            status = self._process.wait()
        ended = ProcessExit(
            name=self.name,
            state=self.state,
            status=status,
            early_s=None if self._deadline is None else (-1.0 if late else self._deadline - now),
            took_s=now - self._stop_requested_at,
            ready=_READY in self.log.read_bytes()[self._log_from :],
        )
        self._process, self.state = None, ProcessState.STOPPED
        return ended

    def lines(self) -> list[str]:
        """The complete lines of its log: a killed process may have written half a line."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return [line for line in text.splitlines() if line.startswith("{") and line.endswith("}")]

    def log_tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-_TAIL:] if self.log.exists() else ""


def processes_in(folder: Path) -> list[str]:
    """Command lines of running processes that name a path in a folder, except this one."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            line = (each / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # it has ended
        if f"{folder}/" in line and each.name != str(os.getpid()):
            found.append(line)
    return found
