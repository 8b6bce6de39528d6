"""Receives commands for a worker, for as long as it runs."""

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

_WAIT_S = 20.0  # the maximum of an SQS long poll: fewer requests, same latency
_BACKOFF = BackoffPolicy(base_s=0.2, cap_s=10.0)
_CLOSE_TIMEOUT_S = 0.1


class CommandListener:
    """A thread that receives commands: the broker cancels jobs, and a drain command becomes a notice.

    `on_notice` is the drain controller's `apply`. Every worker needs a listener: without it, cancellations do
    not reach a worker that has no access to the ledger. Errors are retried, those that an operator has to
    correct included; `on_error` is called once for each different error.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        worker: str,
        on_notice: Callable[[Notice], None],
        on_error: Callable[[str], None] = lambda _message: None,
        wait_s: float = _WAIT_S,
        clock: Clock | None = None,
    ) -> None:
        self._broker = broker
        self._worker = worker
        self._on_notice = on_notice
        self._on_error = on_error
        self._wait_s = wait_s
        self._clock = clock or SystemClock()
        self._closed = threading.Event()
        self._backoff = Backoff(_BACKOFF, wait=self._closed.wait)
        self._last_error = ""
        self._thread = threading.Thread(target=self._run, name=f"{worker}-commands", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening. A request in progress is not aborted: its thread ends with the response."""
        self._closed.set()
        self._thread.join(timeout=_CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        while not self._closed.is_set():
            if not keep_running("commands", self._step):
                self._backoff.pause()

    def _step(self) -> None:
        try:
            self._receive()
            self._last_error = ""
            self._backoff.reset()
        except EddylineError as error:
            # Permission errors too: after an operator has corrected them, no restart is needed.
            if str(error) != self._last_error:
                self._last_error = str(error)
                self._on_error(self._last_error)
            self._backoff.pause()

    def _receive(self) -> None:
        for command in self._broker.receive_commands(self._worker, self._wait_s):
            if command.worker != self._worker:
                self._on_error(f"ignored a command for another worker, {short_repr(command.worker)}")
            elif command.kind is CommandKind.DRAIN and not self._closed.is_set():
                reason = command.reason or "drain command"
                self._on_notice(drain_command_notice(self._clock.now(), reason, command.deadline))
