"""The one door to external programs.

A child gets a bare environment, no standard input, its own time limit, and dies with us. What it prints on
standard output is handed on line by line; the end of what it prints on standard error is kept as evidence.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from eddyline.core.child_output import Collector, Tail
from eddyline.core.errors import OUT_OF_MEMORY, Interrupted, MissingError, ToolError, TransientError
from eddyline.core.resource_limits import ResourceLimits
from eddyline.core.stop import Stop

_KILL_AFTER_S = 1.0  # between SIGTERM and SIGKILL: an exit within 2 s of Ctrl-C is promised
_POLL_S = 0.05
# All that a child sees of our environment: what programs need to find each other and their libraries.
_KEPT_ENVIRONMENT = frozenset({"PATH", "HOME", "LD_LIBRARY_PATH", "TMPDIR", "CUDA_VISIBLE_DEVICES"})
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How a child ended: `cpu_s` is its user and system time, `wall_s` the time it took, both in seconds."""

    argv: tuple[str, ...]
    stdout: bytes
    stderr: str
    cpu_s: float
    wall_s: float


@dataclass(kw_only=True)
class Limits:
    """Bounds on one child. `wall_s` in seconds, `memory` in bytes of address space (None: unbounded)."""

    wall_s: float = 3600.0
    memory: int | None = None
    output: int = 64 * 1024 * 1024
    idle_s: float | None = None


@dataclass(kw_only=True)
class Runner:
    """Runs children for one job: all of them stop when `stop` is requested; their CPU time adds up.

    `bounds` are those of the job: a child is held to them as well as to its own limits.
    """

    stop: Stop = field(default_factory=Stop)
    cpu_s: float = 0.0
    bounds: ResourceLimits = field(default_factory=ResourceLimits)

    def run(
        self,
        argv: tuple[str, ...],
        *,
        limits: Limits | None = None,
        cwd: Path | None = None,
        on_line: Callable[[str], None] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Finished:
        """Run `argv` to its end and return what it printed.

        With `on_line`, each line of standard output goes there instead of into the result.
        Raises `ToolError` (non-zero status or time limit), `Interrupted` (told to stop), `TransientError`
        (the program could not be started for want of memory or processes).
        """
        limits = limits or Limits()
        limits = replace(limits, memory=address_space(self.bounds.tighter(limits.memory)))
        self.stop.check()
        started = time.monotonic()
        child = _start(argv, limits, cwd, env)
        out, err = Collector(limits.output, on_line), Tail()
        readers = [
            threading.Thread(target=out.drain, args=(child.stdout,), daemon=True),
            threading.Thread(target=err.drain, args=(child.stderr,), daemon=True),
        ]
        for reader in readers:
            reader.start()
        try:
            status, usage, why = self._wait(child, limits, started, out)
        finally:
            if child.returncode is None:
                _signal_group(child, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    child.wait()
        for reader in readers:
            reader.join(timeout=5)
        cpu = usage.ru_utime + usage.ru_stime
        self.cpu_s += cpu
        if out.failure is not None:
            raise out.failure
        if self.stop.requested and status != 0:
            raise Interrupted(f"stopped: {self.stop.reason}")
        remedy = self.bounds.remedy if why and why == self.bounds.said else _memory_remedy(status, err.text())
        _judge(argv, status, why or out.overflow, err.text(), remedy)
        return Finished(
            argv=argv,
            stdout=out.data(),
            stderr=err.text(),
            cpu_s=cpu,
            wall_s=time.monotonic() - started,
        )

    def _wait(
        self, child: subprocess.Popen[bytes], limits: Limits, started: float, out: Collector
    ) -> tuple[int, resource.struct_rusage, str]:
        """Wait for the child by itself (wait4 gives its own CPU time), stopping it when it must stop."""
        why, asked, pause = "", 0.0, 0.002
        while True:
            # Looked at, but not yet reaped: until then its process group's number cannot become another's.
            if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                _signal_group(child, signal.SIGKILL)  # what it started and left running
                _, raw, usage = os.wait4(child.pid, 0)
                child.returncode = os.waitstatus_to_exitcode(raw)
                return child.returncode, usage, why
            now = time.monotonic()
            if not asked:
                why = _overdue(now, limits, started, out) or self.bounds.exceeded()
                if why or out.overflow or out.failure is not None or self.stop.requested:
                    asked = now
                    _signal_group(child, signal.SIGTERM)
            elif now - asked > _KILL_AFTER_S:
                _signal_group(child, signal.SIGKILL)
            self.stop.wait(pause) if not self.stop.requested else time.sleep(0.01)
            pause = min(pause * 1.5, _POLL_S)


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Tell the child and all that it started (a wrapper script's FFmpeg).

    Never by `child.send_signal`: that reaps a child which has just ended, and its usage would be lost.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a zombie
        os.killpg(child.pid, number)


def _overdue(now: float, limits: Limits, started: float, out: Collector) -> str:
    if now - started > limits.wall_s:
        return f"took longer than its limit of {limits.wall_s:.0f} s"
    if limits.idle_s is not None and now - max(started, out.last) > limits.idle_s:
        return f"said nothing for {limits.idle_s:.0f} s"
    return ""


def _start(
    argv: tuple[str, ...], limits: Limits, cwd: Path | None, env: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in os.environ.items() if name in _KEPT_ENVIRONMENT}
    try:
        return subprocess.Popen(  # noqa: S603 - argv is a tuple built by pure functions, never a shell line
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**kept, "LC_ALL": "C", **(env or {})},
            preexec_fn=_child_setup(limits.memory),  # noqa: PLW1509 - two system calls, no locks taken
            close_fds=True,
            # What it starts can be stopped with it, and Ctrl-C in a terminal reaches it through us alone.
            process_group=0,
        )
    except FileNotFoundError as error:
        if cwd is not None and not cwd.is_dir():
            raise MissingError(f"the work folder {cwd} is gone") from error
        raise ToolError(
            f"{argv[0]} cannot be found", argv=argv, status=None, remedy="run `eddyline doctor`"
        ) from error
    except (OSError, subprocess.SubprocessError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise TransientError(
            f"cannot start {argv[0]}: {reason}",
            remedy="check its permissions and the limits of this process (`ulimit -a`); then run it again",
        ) from error


def address_space(memory: int | None) -> int | None:
    """The address-space limit of a child in bytes: `memory`, but at most the hard limit of this process.

    Only root may raise a hard limit (setrlimit(2)), so asking for more would fail in the child.
    """
    if memory is None:
        return None
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    return memory if hard == resource.RLIM_INFINITY else min(memory, hard)


def _memory_remedy(status: int, stderr: str) -> str:
    """What to do where a program ran out of an address space that `ulimit -v` bounds."""
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if status == 0 or soft == resource.RLIM_INFINITY or not any(sign in stderr for sign in OUT_OF_MEMORY):
        return ""
    return f"raise the address-space limit of this process, now {soft // 1024} KiB (`ulimit -v`)"


def _child_setup(memory: int | None) -> Callable[[], None]:
    parent = os.getpid()

    def setup() -> None:
        if _libc is not None:
            # An FFmpeg whose worker was killed must not go on burning the machine.
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
        if memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    return setup


def _judge(argv: tuple[str, ...], status: int, why: str, stderr: str, remedy: str) -> None:
    if status == 0 and not why:
        return
    name = Path(argv[0]).name
    if why:
        raise ToolError(
            f"{name} was stopped: it {why}", argv=argv, status=status, stderr=stderr, remedy=remedy
        )
    if status < 0:
        by = signal.Signals(-status).name if -status in {s.value for s in signal.Signals} else str(-status)
        raise ToolError(f"{name} was killed by {by}", argv=argv, status=status, stderr=stderr, remedy=remedy)
    last = next((line for line in reversed(stderr.splitlines()) if line.strip()), "it said nothing")
    message = f"{name} failed with status {status}: {last[:300]}"
    raise ToolError(message, argv=argv, status=status, stderr=stderr, remedy=remedy)
