"""The consumer of fleet events: records every event, and drains the workers of ending instances."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from tests.unit.fleet.events import recorded_events as recorded

from eddyline.app.fleet.events import FleetEventConsumer
from eddyline.aws.fleet_queue import FleetQueue
from eddyline.aws.sqs.message import Message
from eddyline.core.clock import ManualClock
from eddyline.fleet.record.drains import InstanceDrain
from eddyline.graph.command import CommandKind
from eddyline.graph.db.transactions import LedgerError, RefusedError
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine

_HOOKS = {"cpu": 900.0}


class _Queue:
    """A queue in memory, with the methods of `FleetQueue`."""

    name = "eddyline-fleet"

    def __init__(self) -> None:
        self.waiting: list[Message] = []
        self.deleted: list[str] = []
        self.parked: dict[str, str] = {}

    def put(self, *events: dict[str, Any] | str) -> None:
        for event in events:
            body = event if isinstance(event, str) else json.dumps({**event, "id": str(uuid.uuid4())})
            self.waiting.append(_message(body))

    def receive(self, _wait_s: float) -> Sequence[Message]:
        found, self.waiting = self.waiting[:10], self.waiting[10:]
        return found

    def acknowledge(self, messages: Sequence[Message]) -> None:
        self.deleted += [message.id for message in messages]

    def park(self, message: Message, reason: str) -> None:
        self.parked[message.body] = reason


def _message(body: str) -> Message:
    name = str(uuid.uuid4())
    return Message(
        id=name, queue="eddyline-fleet", body=body, receipt_handle=name, receive_count=1, sent_at=0.0
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db", clock=ManualClock(recorded.AT), publishes=True) as opened:
        yield opened


@pytest.fixture
def queue() -> _Queue:
    return _Queue()


def _consumer(
    ledger: Ledger, queue: _Queue, drains: list[tuple[InstanceDrain, Sequence[str]]] | None = None
) -> FleetEventConsumer:
    found = [] if drains is None else drains
    return FleetEventConsumer(
        ledger,
        cast("FleetQueue", queue),
        prefix="eddyline",
        hooks=_HOOKS,
        on_drain=lambda drain, workers: found.append((drain, workers)),
    )


def _register(ledger: Ledger, name: str = "ada") -> None:
    ledger.register(name, "host", 1, machine=Machine(pool="cpu", instance=recorded.ID))


def test_events_are_recorded_and_deleted(ledger: Ledger, queue: _Queue) -> None:
    queue.put(recorded.run_instances(), recorded.warning(), recorded.state_change("terminated"))
    assert _consumer(ledger, queue).step(0) == 3
    found = ledger.fleet.instance(recorded.ID)
    assert found is not None
    assert (found.pool, found.instance_type, found.ended_by) == ("cpu", "c7a.8xlarge", "interruption")
    assert len(queue.deleted) == 3


def test_a_warning_drains_all_workers_of_the_instance(ledger: Ledger, queue: _Queue) -> None:
    _register(ledger, "ada")
    _register(ledger, "bob")
    ledger.register("eve", "host", 2, machine=Machine(pool="cpu", instance=recorded.OTHER))
    drains: list[tuple[InstanceDrain, Sequence[str]]] = []
    queue.put(recorded.warning())
    _consumer(ledger, queue, drains).step(0)
    for name in ("ada", "bob"):
        (command,) = ledger.commands(name)
        assert (command.kind, command.deadline) == (CommandKind.DRAIN, recorded.AT + 120)
    assert ledger.commands("eve") == []
    ((drain, workers),) = drains
    assert (drain.instance, sorted(workers)) == (recorded.ID, ["ada", "bob"])


def test_the_same_warning_again_adds_no_command(ledger: Ledger, queue: _Queue) -> None:
    _register(ledger)
    body = json.dumps(recorded.warning())
    queue.put(body, body)
    consumer = _consumer(ledger, queue)
    assert consumer.step(0) == 1
    queue.put(body)
    assert consumer.step(0) == 0
    assert len(ledger.commands("ada")) == 1


def test_a_scale_in_grants_the_hook_time_and_a_warning_tightens_it(ledger: Ledger, queue: _Queue) -> None:
    _register(ledger)
    consumer = _consumer(ledger, queue)
    queue.put(recorded.lifecycle())
    consumer.step(0)
    assert [command.deadline for command in ledger.commands("ada")] == [recorded.AT + 900]
    queue.put(recorded.warning())
    consumer.step(0)
    assert [command.deadline for command in ledger.commands("ada")] == [recorded.AT + 120]


def test_events_of_others_are_deleted_and_not_recorded(ledger: Ledger, queue: _Queue) -> None:
    queue.put(
        recorded.lifecycle(group="web"),
        recorded.group_activity("Launch Successful", group="web"),
        recorded.container_instance_change(),
        {"source": "aws.s3", "detail-type": "Object Created"},
    )
    assert _consumer(ledger, queue).step(0) == 0
    assert len(queue.deleted) == 4
    assert queue.parked == {}
    assert ledger.fleet.instance(recorded.ID) is None


@pytest.mark.parametrize(
    "body", ["{", "[]", '"x"', "\ud83d", json.dumps(recorded.warning(instance="../etc"))]
)
def test_an_unreadable_message_is_parked_and_blocks_nothing(ledger: Ledger, queue: _Queue, body: str) -> None:
    queue.put(body, recorded.warning())
    assert _consumer(ledger, queue).step(0) == 1
    assert list(queue.parked) == [body]
    assert len(queue.deleted) == 1


def test_what_the_ledger_could_not_record_is_kept(
    ledger: Ledger, queue: _Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ledger.fleet.store

    def fail(*_arguments: Any, **_options: Any) -> int:
        raise LedgerError("the ledger failed")

    consumer = _consumer(ledger, queue)
    queue.put("{", recorded.warning())
    monkeypatch.setattr(ledger.fleet, "store", fail)
    for _ in range(3):
        with pytest.raises(LedgerError):
            consumer.step(0)
    assert queue.deleted == []
    monkeypatch.setattr(ledger.fleet, "store", store)
    assert consumer.step(0) == 1
    assert len(queue.deleted) == 1
    assert len(queue.parked) == 1


def test_an_event_that_the_ledger_refuses_is_parked_alone(
    ledger: Ledger, queue: _Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ledger.fleet.store

    def refuse(events: Any, **options: Any) -> int:
        if any(event.instance == recorded.OTHER for event in events):
            raise RefusedError("refused")
        return store(events, **options)

    monkeypatch.setattr(ledger.fleet, "store", refuse)
    queue.put(recorded.warning(), recorded.warning(instance=recorded.OTHER), recorded.rebalance())
    assert _consumer(ledger, queue).step(0) == 2
    assert [reason.split(" (")[0] for reason in queue.parked.values()] == ["refused"]
    assert len(queue.deleted) == 2


def test_an_old_warning_is_recorded_but_drains_nothing(ledger: Ledger, queue: _Queue) -> None:
    _register(ledger)
    queue.put({**recorded.warning(), "time": "2026-02-28T12:00:00Z"})
    assert _consumer(ledger, queue).step(0) == 1
    assert ledger.commands("ada") == []
