"""What people order reaches the drainer of a worker, whatever the way there does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.waiting import wait_until

from eddyline.core.errors import TransientError, UsageError
from eddyline.core.stop import Stop
from eddyline.fleet.command_listener import CommandListener
from eddyline.fleet.drain_controller import DrainController
from eddyline.fleet.draining_broker import DrainingBroker
from eddyline.fleet.notices import Notice, NoticeKind
from eddyline.graph.command import Command, CommandKind
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.worker.direct import DirectBroker
from eddyline.graph.worker.worker import Worker


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


def test_a_worker_ordered_to_drain_ends_within_two_seconds(ledger: Ledger) -> None:
    stop = Stop()
    drainer = DrainController(DirectBroker(ledger), stop=stop)
    worker = Worker("ada", drainer.broker, drainer.wrap_handlers({}), slots=1, pools=("cpu",), stop=stop)
    thread = threading.Thread(target=worker.run)
    thread.start()
    obedience = CommandListener(drainer.broker, worker="ada", on_notice=drainer.apply)
    wait_until(ledger.workers)
    begin = time.monotonic()
    assert ledger.drain("ada", "the machine is sold")
    thread.join(5)
    assert time.monotonic() - begin < 10.0
    assert stop.reason == "the machine is sold"
    obedience.close()
    drainer.close()


def test_it_waits_out_what_the_way_there_does_and_tells_of_it(ledger: Ledger) -> None:
    class Shaky(DirectBroker):
        left = 2

        def receive_commands(self, worker: str, wait_s: float) -> list[Command]:
            if self.left:
                self.left -= 1
                raise (TransientError("away") if self.left else UsageError("no permission"))
            return super().receive_commands(worker, wait_s)

    ledger.register("ada", "here", 1)
    ledger.drain("ada", "enough")
    heard: list[Notice] = []
    troubles: list[str] = []
    obedience = CommandListener(
        DrainingBroker(Shaky(ledger)), worker="ada", on_notice=heard.append, on_error=troubles.append
    )
    wait_until(lambda: heard)
    obedience.close()
    assert [(notice.kind, notice.reason) for notice in heard] == [(NoticeKind.DRAIN_COMMAND, "enough")]
    assert troubles == ["away", "no permission"]


def test_its_end_waits_for_no_answer(ledger: Ledger) -> None:
    asked = threading.Event()
    release = threading.Event()

    class Slow(DirectBroker):
        def receive_commands(self, worker: str, wait_s: float) -> list[Command]:
            asked.set()
            release.wait(20)
            return super().receive_commands(worker, wait_s)

    ledger.register("ada", "here", 1)
    ledger.drain("ada", "too late")
    heard: list[Notice] = []
    obedience = CommandListener(Slow(ledger), worker="ada", on_notice=heard.append)
    assert asked.wait(10)
    begin = time.monotonic()
    obedience.close()
    assert time.monotonic() - begin < 4
    release.set()
    wait_until(lambda: not obedience._thread.is_alive())
    assert heard == []


def test_a_command_for_another_worker_is_not_obeyed_but_reported(ledger: Ledger) -> None:
    sent = [
        Command(worker="somebody-else", kind=CommandKind.DRAIN),
        Command(worker="ada", kind=CommandKind.DRAIN, reason="for ada"),
    ]

    class Misled(DirectBroker):
        def receive_commands(self, worker: str, wait_s: float) -> list[Command]:  # noqa: ARG002 - as the port has it
            return [sent.pop(0)] if sent else []

    notices: list[Notice] = []
    troubles: list[str] = []
    obedience = CommandListener(
        Misled(ledger), worker="ada", on_notice=notices.append, wait_s=0.01, on_error=troubles.append
    )
    wait_until(lambda: notices)
    obedience.close()
    assert [notice.reason for notice in notices] == ["for ada"]
    assert troubles == ["ignored a command for another worker, 'somebody-else'"]


def test_it_listens_on_after_an_unforeseen_error(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(DirectBroker):
        left = 2

        def receive_commands(self, worker: str, wait_s: float) -> list[Command]:  # noqa: ARG002 - as the port has it
            if self.left:
                self.left -= 1
                raise KeyError("a bug")
            return [Command(worker=worker, kind=CommandKind.DRAIN, reason="at last")]

    notices: list[Notice] = []
    obedience = CommandListener(Broken(ledger), worker="ada", on_notice=notices.append, wait_s=0.01)
    wait_until(lambda: notices)
    obedience.close()
    assert notices[0].reason == "at last"
    assert caplog.text.count("KeyError: 'a bug'") == 2
