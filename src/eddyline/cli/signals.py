"""Ctrl-C and SIGTERM: the first asks for a stop, the second ends the process at once."""

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

_ASKED = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "the terminal was closed"}
_SHOW_CURSOR = b"\x1b[?25h\n"
_BY_SIGNAL = 128  # a shell reports a process ended by signal N as 128 + N


def exit_immediately(code: int) -> NoReturn:
    """End without taking the interpreter apart, which takes a second where the machine is busy.

    Everything was handed back and is on the disk; an exit within 2 s of a signal is promised.
    """
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


class Interruption:
    """While entered, signals raise `stop`; `signal` is the first that came (None: none did).

    Only the main thread may enter it (a rule of the operating system).
    """

    def __init__(self, stop: Stop) -> None:
        self.stop = stop
        self.signal: int | None = None
        self._said: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._before: dict[int, Any] = {}

    @property
    def exit_code(self) -> int | None:
        """130 for Ctrl-C, 143 for SIGTERM, None if nothing came."""
        return None if self.signal is None else _BY_SIGNAL + self.signal

    def __enter__(self) -> Self:
        threading.Thread(target=self._pass_on, name="signals", daemon=True).start()
        for number in _ASKED:
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # `nohup eddyline run`: the terminal may go
            self._before[number] = signal.signal(number, self._caught)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._said.put(None)

    def _caught(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is not None:
            # Children die with us (core.process); what is half done is swept by the next run.
            if sys.stderr.isatty():
                os.write(sys.stderr.fileno(), _SHOW_CURSOR)
            os._exit(_BY_SIGNAL + number)
        self.signal = number
        # The handler may run while this very thread holds the flag's lock: only SimpleQueue.put is promised
        # to be safe then, so another thread raises the flag.
        self._said.put(_ASKED[signal.Signals(number)])

    def _pass_on(self) -> None:
        reason = self._said.get()
        if reason is not None:
            self.stop.request(reason)
