"""One child process: starts it, signals it with its descendants, and watches for its end."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from eddyline.core.errors import MissingError, ToolError, TransientError

# The variables that children inherit: programs need them to find each other and their libraries.
_KEPT_ENVIRONMENT = frozenset({"PATH", "HOME", "LD_LIBRARY_PATH", "TMPDIR", "CUDA_VISIBLE_DEVICES"})
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

Child: TypeAlias = "subprocess.Popen[bytes]"


def start_child(
    argv: tuple[str, ...], *, memory: int | None, cwd: Path | None, env: Mapping[str, str] | None
) -> Child:
    """Start `argv` with its output in pipes, and an address space of at most `memory` bytes.

    It ends when this process ends. Raises `ToolError` if the program does not exist, `MissingError` if `cwd`
    does not exist, `TransientError` if the system cannot start it.
    """
    kept = {name: value for name, value in os.environ.items() if name in _KEPT_ENVIRONMENT}
    try:
        return subprocess.Popen(  # noqa: S603 - argv is a tuple built by pure functions, never a shell line
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**kept, "LC_ALL": "C", **(env or {})},
            preexec_fn=_child_setup(memory),  # noqa: PLW1509 - a few system calls, no locks taken
            close_fds=True,
            # Its descendants can be signalled with it, and Ctrl-C in a terminal does not reach it directly.
            process_group=0,
        )
    except FileNotFoundError as error:
        if cwd is not None and not cwd.is_dir():
            raise MissingError(f"the work directory {cwd} does not exist") from error
        raise ToolError(
            f"{argv[0]} was not found", argv=argv, status=None, remedy="run `eddyline doctor`"
        ) from error
    except (OSError, subprocess.SubprocessError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise TransientError(
            f"cannot start {argv[0]}: {reason}",
            remedy="check its permissions and the limits of this process (`ulimit -a`), then retry",
        ) from error


def signal_group(child: Child, number: signal.Signals) -> None:
    """Signal the child and its descendants (the FFmpeg of a wrapper script).

    Not by `child.send_signal`, which reaps a child that has just ended and loses its resource usage.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS raises the latter for a zombie
        os.killpg(child.pid, number)


@contextlib.contextmanager
def watch_exit(pid: int) -> Iterator[Callable[[float], object] | None]:
    """A function that waits up to some seconds for the end of a child; None where the system has none."""
    try:
        handle = os.pidfd_open(pid)
    except (AttributeError, OSError):  # not Linux, or too old
        yield None
        return
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        yield lambda seconds: poll.poll(math.ceil(seconds * 1000))
    finally:
        os.close(handle)


def address_space(memory: int | None) -> int | None:
    """The address-space limit of a child in bytes: `memory`, but at most the hard limit of this process.

    Only root may raise a hard limit (setrlimit(2)); a higher value would fail in the child.
    """
    if memory is None:
        return None
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    return memory if hard == resource.RLIM_INFINITY else min(memory, hard)


def _child_setup(memory: int | None) -> Callable[[], None]:
    parent = os.getpid()

    def setup() -> None:
        if _libc is not None:
            # FFmpeg must not continue after its worker was killed.
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
        if memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        _schedule_as_batch()

    return setup


def _schedule_as_batch() -> None:
    """Let this process run longer at a time (sched(7), SCHED_BATCH).

    FFmpeg has a thread for each decoder, filter graph and encoder, which otherwise interrupt each other: with
    two programs on two cores, encoding took 2 % more CPU time. Where the system forbids it, nothing changes.
    """
    if sys.platform == "linux" and os.sched_getscheduler(0) == os.SCHED_OTHER:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
