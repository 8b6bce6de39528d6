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


class Standing(StrEnum):
    """How a member of the fleet is."""

    UP = "up"
    FROZEN = "frozen"
    LEAVING = "leaving"
    DOWN = "down"


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to start: `environment` is all of it."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Departure:
    """A member that went: `status` as `Popen` says it, `early_s` before its deadline (None: it had none).

    `ready`: it had said so in its log; before that, a signal ends it as it ends any program.
    """

    name: str
    standing: Standing
    status: int
    early_s: float | None
    took_s: float
    ready: bool = True


@dataclass(kw_only=True)
class Member:
    """One place in the fleet: a process at a time, all with the same name, folder and log.

    To be used from one thread that outlives the processes: they die with the thread that started them.
    """

    name: str
    log: Path
    make: Callable[[], Command]
    standing: Standing = Standing.DOWN
    starts: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _told: float = 0.0
    _log_from: int = 0
    _deadline: float | None = field(default=None)

    @property
    def pid(self) -> int:
        """Of the process that is there."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process."""
        assert self.standing is Standing.DOWN, f"{self.name} is {self.standing}"
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
        self.standing = Standing.UP

    def kill(self) -> None:
        """kill -9 of the process alone, as the kernel does when memory ends; safe when it is down."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process, self.standing = None, Standing.DOWN

    def freeze(self) -> None:
        """Stop the process where it stands, as a suspended machine does."""
        assert self.standing is Standing.UP
        os.kill(self.pid, signal.SIGSTOP)
        self.standing = Standing.FROZEN

    def resume(self) -> None:
        """Let it go on, if it is frozen."""
        if self.standing is Standing.FROZEN:
            os.kill(self.pid, signal.SIGCONT)
            self.standing = Standing.UP

    def tell(self, within_s: float, *, terminate: bool = True) -> None:
        """Tell it to go (SIGTERM, or else its machine tells), and expect it gone within so many seconds."""
        if terminate:
            os.kill(self.pid, signal.SIGTERM)
        self._told = time.monotonic()
        self._deadline = self._told + within_s
        self.standing = Standing.LEAVING

    def departure(self) -> Departure | None:
        """Whether it went since last asked; a member late for its deadline is killed."""
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
        gone = Departure(
            name=self.name,
            standing=self.standing,
            status=status,
            early_s=None if self._deadline is None else (-1.0 if late else self._deadline - now),
            took_s=now - self._told,
            ready=_READY in self.log.read_bytes()[self._log_from :],
        )
        self._process, self.standing = None, Standing.DOWN
        return gone

    def lines(self) -> list[str]:
        """All of its log that is whole: a killed process may have left half a line."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return [line for line in text.splitlines() if line.startswith("{") and line.endswith("}")]

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-_TAIL:] if self.log.exists() else ""


def at_work_in(folder: Path) -> list[str]:
    """Command lines of living processes that name something in a folder, but for our own."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            line = (each / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # it has ended
        if f"{folder}/" in line and each.name != str(os.getpid()):
            found.append(line)
    return found
