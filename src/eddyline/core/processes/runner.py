"""Runs external programs to their end, within limits.

A child has a minimal environment, no standard input and a time limit, and is killed when this process ends.
Its standard output is passed on line by line; the end of its standard error is kept as evidence.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.errors import OUT_OF_MEMORY, Interrupted, ToolError
from eddyline.core.processes.child import Child, address_space, signal_group, start_child, watch_exit
from eddyline.core.processes.child_output import Collector, Tail
from eddyline.core.processes.cpu_meter import CpuMeter
from eddyline.core.processes.resource_limits import ResourceLimits
from eddyline.core.stop import Stop

_NO_REASON = "Exiting with exit code"  # FFmpeg's last line with verbose messages
_KILL_AFTER_S = 1.0  # between SIGTERM and SIGKILL; Ctrl-C must end the process within 2 s
_POLLING = BackoffPolicy(base_s=0.002, cap_s=0.05, factor=1.5, jitter=0.0)
# The end of a child is noticed at once, and a stop or a limit after this: a shorter time costs CPU time of
# long encodes.
_POLLING_BESIDE_WATCH = BackoffPolicy(base_s=0.1, cap_s=0.1, jitter=0.0)
_STOPPING_POLL_S = 0.01


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The result of a child: `cpu_s` is its user and system time, `wall_s` its elapsed time, in seconds."""

    argv: tuple[str, ...]
    stdout: bytes
    stderr: str
    cpu_s: float
    wall_s: float


@dataclass(kw_only=True)
class Limits:
    """Limits of one child: `wall_s` in seconds, `memory` in bytes of address space (None: unlimited).

    `output` limits standard output in bytes, `idle_s` the seconds without output.
    """

    wall_s: float = 3600.0
    memory: int | None = None
    output: int = 64 * 1024 * 1024
    idle_s: float | None = None


@dataclass(kw_only=True)
class Runner:
    """Runs the children of one job: all stop when `stop` is requested; `cpu_s` is the sum of their CPU time.

    `job_limits` apply to each child in addition to its own limits. `meter` counts them too, also while they
    run.
    """

    stop: Stop = field(default_factory=Stop)
    cpu_s: float = 0.0
    job_limits: ResourceLimits = field(default_factory=ResourceLimits)
    clock: Callable[[], float] = time.monotonic
    meter: CpuMeter = field(default_factory=CpuMeter)

    def run(
        self,
        argv: tuple[str, ...],
        *,
        limits: Limits | None = None,
        cwd: Path | None = None,
        on_line: Callable[[str], None] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Finished:
        """Run `argv` to its end and return its output.

        With `on_line`, each line of standard output is passed to it instead of the result.
        Raises `ToolError` (non-zero status or a limit), `Interrupted` (stop requested), `TransientError`
        (the program could not be started for lack of memory or processes).
        """
        limits = limits or Limits()
        limits = replace(limits, memory=address_space(self.job_limits.address_space(limits.memory)))
        self.stop.check()
        started = self.clock()
        child = start_child(argv, memory=limits.memory, cwd=cwd, env=env)
        self.meter.add_program(child.pid)
        cpu = 0.0
        out, err = Collector(limits.output, on_line, self.clock), Tail()
        readers = [
            threading.Thread(target=out.drain, args=(child.stdout,), daemon=True),
            threading.Thread(target=err.drain, args=(child.stderr,), daemon=True),
        ]
        for reader in readers:
            reader.start()
        try:
            status, usage, why = self._wait(child, limits, started, out)
            cpu = usage.ru_utime + usage.ru_stime
        finally:
            self.meter.end_program(child.pid, cpu)
            if child.returncode is None:
                signal_group(child, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    child.wait()
        for reader in readers:
            reader.join(timeout=5)
        self.cpu_s += cpu
        if out.failure is not None:
            raise out.failure
        if self.stop.requested and status != 0:
            raise Interrupted(f"stopped: {self.stop.reason}")
        remedy = (
            self.job_limits.remedy
            if why and why == self.job_limits.violation
            else _memory_remedy(status, err.text())
        )
        _raise_on_failure(argv, status, why or out.overflow, err.text(), remedy)
        return Finished(
            argv=argv,
            stdout=out.data(),
            stderr=err.text(),
            cpu_s=cpu,
            wall_s=self.clock() - started,
        )

    def _wait(
        self, child: Child, limits: Limits, started: float, out: Collector
    ) -> tuple[int, resource.struct_rusage, str]:
        """Wait for the child (wait4 returns its own CPU time); stop it when a limit or a stop requires it."""
        with watch_exit(child.pid) as ended:
            return self._poll(child, limits, started, out, ended)

    def _poll(
        self,
        child: Child,
        limits: Limits,
        started: float,
        out: Collector,
        ended: Callable[[float], object] | None,
    ) -> tuple[int, resource.struct_rusage, str]:
        why, stopped_at = "", 0.0
        polling = Backoff(_POLLING if ended is None else _POLLING_BESIDE_WATCH, wait=ended or self._pause)
        while True:
            # Without reaping it: until then the number of its process group cannot be reused.
            if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                signal_group(child, signal.SIGKILL)  # its own children that still run
                _, raw, usage = os.wait4(child.pid, 0)
                child.returncode = os.waitstatus_to_exitcode(raw)
                return child.returncode, usage, why
            now = self.clock()
            if not stopped_at:
                why = _overdue(now, limits, started, out) or self.job_limits.exceeded()
                if why or out.overflow or out.failure is not None or self.stop.requested:
                    stopped_at = now
                    signal_group(child, signal.SIGTERM)
            elif now - stopped_at > _KILL_AFTER_S:
                signal_group(child, signal.SIGKILL)
            polling.pause()

    def _pause(self, seconds: float) -> None:
        if self.stop.requested:
            time.sleep(_STOPPING_POLL_S)
        else:
            self.stop.wait(seconds)


def _overdue(now: float, limits: Limits, started: float, out: Collector) -> str:
    if now - started > limits.wall_s:
        return f"exceeded its time limit of {limits.wall_s:.0f} s"
    if limits.idle_s is not None and now - max(started, out.last_output) > limits.idle_s:
        return f"printed nothing for {limits.idle_s:.0f} s"
    return ""


def _memory_remedy(status: int, stderr: str) -> str:
    """The remedy if a program exhausted an address space limited by `ulimit -v`; else ""."""
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if status == 0 or soft == resource.RLIM_INFINITY or not any(text in stderr for text in OUT_OF_MEMORY):
        return ""
    return f"raise the address-space limit of this process, now {soft // 1024} KiB (`ulimit -v`)"


def _raise_on_failure(argv: tuple[str, ...], status: int, why: str, stderr: str, remedy: str) -> None:
    if status == 0 and not why:
        return
    name = Path(argv[0]).name
    if why:
        raise ToolError(
            f"{name} was stopped: it {why}", argv=argv, status=status, stderr=stderr, remedy=remedy
        )
    if status < 0:
        signal_name = (
            signal.Signals(-status).name if -status in {s.value for s in signal.Signals} else str(-status)
        )
        raise ToolError(
            f"{name} was killed by {signal_name}", argv=argv, status=status, stderr=stderr, remedy=remedy
        )
    lines = (line for line in reversed(stderr.splitlines()) if line.strip())
    last = next((line for line in lines if not line.startswith(_NO_REASON)), "no error message")
    message = f"{name} failed with status {status}: {last[:300]}"
    raise ToolError(message, argv=argv, status=status, stderr=stderr, remedy=remedy)
