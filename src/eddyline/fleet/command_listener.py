"""Listening for what people want of a worker, for as long as it works."""

from __future__ import annotations

import threading
from collections.abc import Callable

from eddyline.core.background_loop import keep_running
from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.clock import Clock, SystemClock
from eddyline.core.errors import EddylineError
from eddyline.core.formatting import short_repr
from eddyline.fleet.notices import Notice, drain_command_notice
from eddyline.graph.command import CommandKind
from eddyline.graph.worker.broker import Broker

_WAIT_S = 20.0  # as long as SQS holds a poll: fewer requests, same latency
_BACKOFF = BackoffPolicy(base_s=0.2, cap_s=10.0)
_END_S = 0.1


def _unheard(_reason: str) -> None:
    """Nobody listens."""


class CommandListener:
    """A thread that asks the broker for orders: jobs are given up there, and a drain becomes a notice.

    `notice` is the drainer's. Every worker needs one: without it no cancellation reaches a worker that knows
    no database. Waits out what may pass and what may be mended; `on_trouble` is told why.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        worker: str,
        notice: Callable[[Notice], None],
        wait_s: float = _WAIT_S,
        clock: Clock | None = None,
        on_trouble: Callable[[str], None] = _unheard,
    ) -> None:
        self._broker = broker
        self._worker = worker
        self._notice = notice
        self._wait_s = wait_s
        self._clock = clock or SystemClock()
        self._on_trouble = on_trouble
        self._closed = threading.Event()
        self._backoff = Backoff(_BACKOFF, wait=self._closed.wait)
        self._said = ""
        self._thread = threading.Thread(target=self._run, name=f"{worker}-orders", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more. A question that is under way is left alone: its thread ends with the answer."""
        self._closed.set()
        self._thread.join(timeout=_END_S)

    def _run(self) -> None:
        while not self._closed.is_set():
            if not keep_running("commands", self._step):
                self._backoff.pause()

    def _step(self) -> None:
        try:
            self._obey()
            self._said = ""
            self._backoff.reset()
        except EddylineError as error:
            # Permission errors too: once an operator has corrected them, no restart is needed.
            if str(error) != self._said:  # once, however long it lasts
                self._said = str(error)
                self._on_trouble(self._said)
            self._backoff.pause()

    def _obey(self) -> None:
        for order in self._broker.receive_commands(self._worker, self._wait_s):
            if order.worker != self._worker:
                self._on_trouble(f"a command for {short_repr(order.worker)}, not for this worker: ignored")
            elif order.kind is CommandKind.DRAIN and not self._closed.is_set():
                self._notice(drain_command_notice(self._clock.now(), order.reason or "told to drain"))
