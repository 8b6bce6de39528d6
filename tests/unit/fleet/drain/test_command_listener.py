"""Drain commands reach the drain controller of a worker, also over an unreliable broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.waiting import wait_until

from eddyline.core.errors import TransientError, UsageError
from eddyline.core.stop import Stop
from eddyline.fleet.drain.broker import DrainingBroker
from eddyline.fleet.drain.command_listener import CommandListener
from eddyline.fleet.drain.controller import DrainController
from eddyline.fleet.notices import Notice, NoticeKind
from eddyline.graph.command import Command, CommandKind
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.worker.direct import DirectBroker
from eddyline.graph.worker.worker import Worker


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


def test_a_worker_ends_soon_after_a_drain_command(ledger: Ledger) -> None:
    stop = Stop()
    controller = DrainController(DirectBroker(ledger), stop=stop)
    worker = Worker(
        "ada", controller.broker, controller.wrap_handlers({}), slots=1, pools=("cpu",), stop=stop
    )
    thread = threading.Thread(target=worker.run)
    thread.start()
    listener = CommandListener(controller.broker, worker="ada", on_notice=controller.apply)
    wait_until(ledger.workers)
    started = time.monotonic()
    assert ledger.drain("ada", "the machine is sold")
    thread.join(5)
    assert time.monotonic() - started < 10.0
    assert stop.reason == "the machine is sold"
    listener.close()
    controller.close()


def test_the_listener_retries_after_errors_of_the_broker_and_reports_them(ledger: Ledger) -> None:
    class FailingBroker(DirectBroker):
        failures_left = 2

        def receive_commands(self, worker: str, wait_s: float) -> list[Command]:
            if self.failures_left:
                self.failures_left -= 1
                raise (TransientError("unavailable") if self.failures_left else UsageError("no permission"))
            return super().receive_commands(worker, wait_s)

    ledger.register("ada", "here", 1)
    ledger.drain("ada", "enough")
    notices: list[Notice] = []
    errors: list[str] = []
    listener = CommandListener(
        DrainingBroker(FailingBroker(ledger)), worker="ada", on_notice=notices.append, on_error=errors.append
    )
    wait_until(lambda: notices)
    listener.close()
    assert [(notice.kind, notice.reason) for notice in notices] == [(NoticeKind.DRAIN_COMMAND, "enough")]
    assert errors == ["unavailable", "no permission"]


def test_closing_the_listener_does_not_wait_for_the_broker(ledger: Ledger) -> None:
    called = threading.Event()
    release = threading.Event()

    class SlowBroker(DirectBroker):
        def receive_commands(self, worker: str, wait_s: float) -> list[Command]:
            called.set()
            release.wait(20)
            return super().receive_commands(worker, wait_s)

    ledger.register("ada", "here", 1)
    ledger.drain("ada", "too late")
    notices: list[Notice] = []
    listener = CommandListener(SlowBroker(ledger), worker="ada", on_notice=notices.append)
    assert called.wait(10)
    started = time.monotonic()
    listener.close()
    assert time.monotonic() - started < 4
    release.set()
    wait_until(lambda: not listener._thread.is_alive())
    assert notices == []


def test_a_command_for_another_worker_is_ignored_and_reported(ledger: Ledger) -> None:
    sent = [
        Command(worker="bob", kind=CommandKind.DRAIN),
        Command(worker="ada", kind=CommandKind.DRAIN, reason="for ada", deadline=1.8e9),
    ]

    class MisdirectingBroker(DirectBroker):
        def receive_commands(self, worker: str, wait_s: float) -> list[Command]:  # noqa: ARG002 - the signature of the port
            return [sent.pop(0)] if sent else []

    notices: list[Notice] = []
    errors: list[str] = []
    listener = CommandListener(
        MisdirectingBroker(ledger),
        worker="ada",
        on_notice=notices.append,
        wait_s=0.01,
        on_error=errors.append,
    )
    wait_until(lambda: notices)
    listener.close()
    assert [(notice.reason, notice.deadline) for notice in notices] == [("for ada", 1.8e9)]
    assert errors == ["ignored a command for another worker, 'bob'"]


def test_the_listener_continues_after_an_unexpected_error(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    class BrokenBroker(DirectBroker):
        failures_left = 2

        def receive_commands(self, worker: str, wait_s: float) -> list[Command]:  # noqa: ARG002 - the signature of the port
            if self.failures_left:
                self.failures_left -= 1
                raise KeyError("a bug")
            return [Command(worker=worker, kind=CommandKind.DRAIN, reason="after the errors")]

    notices: list[Notice] = []
    listener = CommandListener(BrokenBroker(ledger), worker="ada", on_notice=notices.append, wait_s=0.01)
    wait_until(lambda: notices)
    listener.close()
    assert notices[0].reason == "after the errors"
    assert caplog.text.count("KeyError: 'a bug'") == 2
