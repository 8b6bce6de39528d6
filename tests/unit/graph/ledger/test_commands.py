"""What people want of workers is noted with the change that it follows from, and goes once it is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from tests.unit.graph.ledger_helpers import claim_jobs, done, get, interrupted, new, settle

from eddyline.core.clock import ManualClock
from eddyline.core.stop import Stop
from eddyline.graph.command import Command, CommandKind
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State
from eddyline.graph.worker.direct import DirectBroker

LIMIT = 10


@pytest.fixture
def remote(ledger_url: str, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, clock=clock, publishes=True) as opened:
        yield opened


def _join(ledger: Ledger, *names: str, lease_s: float = 30.0) -> None:
    for name in names:
        ledger.register(name, "here", 1, lease_s)


def test_a_cancellation_sends_a_command_to_the_worker_that_runs_the_job(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2"), new("a-3", "a-1")])
    (claim,) = claim_jobs(ledger)
    ledger.cancel(asset="a", reason="wrong footage")
    (order,) = ledger.commands("ada")
    assert order == Command(
        worker="ada",
        kind=CommandKind.CANCEL,
        job_id=claim.job.id,
        fence=claim.fence,
        over=True,
        reason="wrong footage",
    )
    ledger.confirm_commands([order])
    assert ledger.commands("ada") == []


def test_cancelling_a_job_that_does_not_run_sends_no_command(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    (claim,) = claim_jobs(ledger)
    settle(ledger, claim, interrupted())
    assert ledger.cancel(job="a-1") == ["a-1"]
    assert ledger.commands("ada") == []


def test_only_a_known_worker_can_be_drained(ledger: Ledger) -> None:
    _join(ledger, "ada")
    assert not ledger.drain("bob", "the machine is sold")
    assert ledger.drain("ada", "the machine is sold")
    (order,) = ledger.commands("ada")
    assert (order.kind, order.reason) == (CommandKind.DRAIN, "the machine is sold")


def test_a_repeated_drain_is_one_command_with_the_newest_reason(ledger: Ledger) -> None:
    _join(ledger, "ada")
    assert ledger.drain("ada", "first")
    assert ledger.drain("ada", "second")
    assert [order.reason for order in ledger.commands("ada")] == ["second"]


def test_commands_are_removed_with_their_worker(ledger: Ledger, clock: ManualClock) -> None:
    _join(ledger, "ada", "bob")
    ledger.submit([new("a-1")])
    claim_jobs(ledger)
    ledger.cancel(job="a-1")
    ledger.drain("ada")
    ledger.drain("bob")
    clock.advance(20.0)
    ledger.heartbeat("bob", 30.0)
    clock.advance(20.0)
    ledger.expire_leases()
    assert ledger.commands("ada") == []
    assert len(ledger.commands("bob")) == 1


def test_a_direct_worker_receives_only_drain_commands(ledger: Ledger) -> None:
    _join(ledger, "ada")
    ledger.submit([new("a-1")])
    claim_jobs(ledger)
    ledger.cancel(job="a-1")
    ledger.drain("ada", "enough")
    broker = DirectBroker(ledger)
    assert broker.held_jobs("ada") == {}
    assert [order.kind for order in broker.receive_commands("ada", 0.0)] == [CommandKind.DRAIN]
    assert broker.receive_commands("ada", 0.0) == []
    assert ledger.commands("ada") == []


def test_a_taken_command_is_not_taken_again_for_a_while(remote: Ledger, clock: ManualClock) -> None:
    _join(remote, "ada")
    assert remote.take_commands(limit=LIMIT, hold_s=20) == []
    remote.drain("ada")
    taken = remote.take_commands(limit=LIMIT, hold_s=20)
    assert [order.worker for order in taken] == ["ada"]
    assert remote.take_commands(limit=LIMIT, hold_s=20) == []
    clock.advance(21)
    assert remote.take_commands(limit=LIMIT, hold_s=20) == taken
    remote.confirm_commands(taken)
    clock.advance(21)
    assert remote.take_commands(limit=LIMIT, hold_s=20) == []


def test_an_undelivered_command_is_due_again_while_its_worker_is_known(
    remote: Ledger, clock: ManualClock
) -> None:
    _join(remote, "ada")
    _join(remote, "bob", lease_s=5.0)
    remote.drain("ada")
    remote.drain("bob")
    taken = remote.take_commands(limit=LIMIT, hold_s=20)
    clock.advance(6)
    assert remote.expire_leases().workers == ("bob",)
    remote.defer_commands(taken, 1.0)
    assert remote.take_commands(limit=LIMIT, hold_s=20) == []
    clock.advance(2)
    assert [order.worker for order in remote.take_commands(limit=LIMIT, hold_s=20)] == ["ada"]


def test_coordinators_never_take_the_same_command(open_ledger: Callable[..., Ledger], remote: Ledger) -> None:
    names = [f"w{number:02}" for number in range(30)]
    _join(open_ledger(), *names)
    for name in names:
        remote.drain(name)
    first = remote.take_commands(limit=20, hold_s=20)
    second = remote.take_commands(limit=20, hold_s=20)
    assert sorted(order.worker for order in (*first, *second)) == names


def test_a_job_cancelled_and_redriven_at_once_is_published_with_new_fences(
    remote: Ledger,
) -> None:
    remote.submit([new("a-1")])
    (first,) = remote.publications.take(pools=("cpu",), limit=LIMIT, hold_s=20)
    remote.publications.confirm([first])
    remote.cancel(job="a-1")
    remote.redrive("a-1")
    (second,) = remote.publications.take(pools=("cpu",), limit=LIMIT, hold_s=20)
    assert second.base > first.base
    assert get(remote, "a-1").state is State.READY


def test_archiving_stops_between_two_transactions(ledger: Ledger, clock: ManualClock) -> None:
    names = [f"asset{number}-1" for number in range(6)]
    ledger.submit([new(name) for name in names])
    for claim in claim_jobs(ledger, limit=10):
        assert settle(ledger, claim, done())
    clock.advance(100)
    stop = Stop()
    stop.request("enough")
    assert ledger.archive(older_than_s=10, assets_at_once=2, stop=stop) == 0
    begin = time.monotonic()
    assert ledger.archive(older_than_s=10, assets_at_once=2, stop=Stop()) == 6
    assert time.monotonic() - begin < 10
