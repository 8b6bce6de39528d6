"""Handles Ctrl-C and SIGTERM: the first requests a stop, the second ends the process immediately."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

from eddyline.core.stop import Stop

_REASONS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "the terminal was closed"}
_SHOW_CURSOR = b"\x1b[?25h\n"
_SIGNAL_BASE = 128  # a shell reports a process ended by signal N as 128 + N


def exit_immediately(code: int) -> NoReturn:
    """Exit without finalising the interpreter, which takes a second on a busy machine.

    All jobs are handed back and all data is synced; the exit must follow a signal within 2 s.
    """
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


class Interruption:
    """Within this context signals request `stop`; `signal` is the first one received (None: none).

    Only the main thread may enter it, because Python installs signal handlers only there. `ends_process`: the
    process exits after the context, and SIGTERM is ignored from then on: all work is handed back, and a late
    signal, such as that of ECS after a Spot notice, must not change the exit status.
    """

    def __init__(self, stop: Stop, *, ends_process: bool = False) -> None:
        self.stop = stop
        self._ends_process = ends_process
        self.signal: int | None = None
        self._reasons: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._before: dict[int, Any] = {}

    @property
    def exit_code(self) -> int | None:
        """130 for Ctrl-C, 143 for SIGTERM, None without a signal."""
        return None if self.signal is None else _SIGNAL_BASE + self.signal

    def __enter__(self) -> Self:
        threading.Thread(target=self._forward, name="signals", daemon=True).start()
        for number in _REASONS:
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # `nohup eddyline run` survives its terminal
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            is_late = self._ends_process and number == signal.SIGTERM
            signal.signal(number, signal.SIG_IGN if is_late else before)
        self._reasons.put(None)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is not None:
            # Children end with this process (core.processes); the next run removes incomplete files.
            if sys.stderr.isatty():
                os.write(sys.stderr.fileno(), _SHOW_CURSOR)
            os._exit(_SIGNAL_BASE + number)
        self.signal = number
        # This thread may hold the lock of the flag: only SimpleQueue.put is guaranteed to be safe in a signal
        # handler, so another thread sets the flag.
        self._reasons.put(_REASONS[signal.Signals(number)])

    def _forward(self) -> None:
        reason = self._reasons.get()
        if reason is not None:
            self.stop.request(reason)
