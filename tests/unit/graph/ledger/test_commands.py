"""Commands are recorded with the change that causes them, and removed once they are delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.unit.graph.ledger_helpers import claim_jobs, get, interrupted, new, settle

from eddyline.core.clock import ManualClock
from eddyline.graph.command import Command, CommandKind
from eddyline.graph.ledger.commands import MAX_WORKERS_OF_INSTANCE
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine
from eddyline.graph.states import State
from eddyline.graph.worker.direct import DirectBroker

LIMIT = 10


@pytest.fixture
def publishing_ledger(ledger_url: str, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, clock=clock, publishes=True) as opened:
        yield opened


def _register(ledger: Ledger, *names: str, lease_s: float = 30.0) -> None:
    for name in names:
        ledger.register(name, "here", 1, lease_s)


def test_a_cancellation_sends_a_command_to_the_worker_that_runs_the_job(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2"), new("a-3", "a-1")])
    (claim,) = claim_jobs(ledger)
    ledger.cancel(asset="a", reason="wrong source")
    (command,) = ledger.commands("ada")
    assert command == Command(
        worker="ada",
        kind=CommandKind.CANCEL,
        job_id=claim.job.id,
        fence=claim.fence,
        over=True,
        reason="wrong source",
    )
    ledger.confirm_commands([command])
    assert ledger.commands("ada") == []


def test_cancelling_a_job_that_does_not_run_sends_no_command(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    (claim,) = claim_jobs(ledger)
    settle(ledger, claim, interrupted())
    assert ledger.cancel(job="a-1") == ["a-1"]
    assert ledger.commands("ada") == []


def test_only_a_known_worker_can_be_drained(ledger: Ledger) -> None:
    _register(ledger, "ada")
    assert not ledger.drain("bob", "maintenance")
    assert ledger.drain("ada", "maintenance")
    (command,) = ledger.commands("ada")
    assert (command.kind, command.reason) == (CommandKind.DRAIN, "maintenance")


def test_a_repeated_drain_is_one_command_with_the_newest_reason(ledger: Ledger) -> None:
    _register(ledger, "ada")
    assert ledger.drain("ada", "first")
    assert ledger.drain("ada", "second")
    assert [command.reason for command in ledger.commands("ada")] == ["second"]


@pytest.mark.parametrize(
    ("deadlines", "kept"),
    [((None, 50.0), 50.0), ((50.0, None), 50.0), ((50.0, 60.0), 50.0), ((60.0, 50.0), 50.0)],
)
def test_an_undelivered_drain_command_has_the_earliest_deadline(
    ledger: Ledger, deadlines: tuple[float | None, ...], kept: float
) -> None:
    _register(ledger, "ada")
    for deadline in deadlines:
        assert ledger.drain("ada", "enough", deadline=deadline)
    assert [command.deadline for command in ledger.commands("ada")] == [kept]


def test_all_workers_of_an_instance_are_drained(ledger: Ledger) -> None:
    for name, instance in [("ada", "i-0a"), ("bob", "i-0a"), ("cid", "i-0b"), ("dan", "")]:
        ledger.register(name, "here", 1, machine=Machine(instance=instance))
    assert ledger.drain_instance("i-0a", 90.0, "interruption") == ("ada", "bob")
    assert [ledger.commands(name) for name in ("cid", "dan")] == [[], []]
    for name in ("ada", "bob"):
        (command,) = ledger.commands(name)
        assert (command.kind, command.deadline, command.reason) == (CommandKind.DRAIN, 90.0, "interruption")
    assert ledger.drain_instance("i-0c", 90.0, "interruption") == ()
    assert ledger.drain_instance("", 90.0, "interruption") == ()
    assert ledger.commands("dan") == []


def test_a_repeated_drain_of_an_instance_sends_nothing_new_unless_its_deadline_is_earlier(
    publishing_ledger: Ledger,
) -> None:
    publishing_ledger.register("ada", "here", 1, machine=Machine(instance="i-0a"))
    publishing_ledger.drain_instance("i-0a", 900.0, "scale-in")
    (taken,) = publishing_ledger.take_commands(limit=LIMIT, hold_s=20)
    assert publishing_ledger.drain_instance("i-0a", 900.0, "scale-in") == ("ada",)
    assert publishing_ledger.take_commands(limit=LIMIT, hold_s=20) == []
    # Tightened while the first one is delivered: the confirmation of that one does not remove it.
    publishing_ledger.drain_instance("i-0a", 120.0, "interruption")
    (tightened,) = publishing_ledger.take_commands(limit=LIMIT, hold_s=20)
    publishing_ledger.confirm_commands([taken])
    assert publishing_ledger.commands("ada") == [tightened]
    assert (tightened.deadline, tightened.reason) == (120.0, "interruption")
    publishing_ledger.confirm_commands([tightened])
    assert publishing_ledger.commands("ada") == []
    # A repeated order after the delivery is delivered again; the worker tolerates that.
    publishing_ledger.drain_instance("i-0a", 120.0, "interruption")
    assert len(publishing_ledger.take_commands(limit=LIMIT, hold_s=20)) == 1


def test_a_drain_of_an_instance_commands_a_bounded_number_of_workers(ledger: Ledger) -> None:
    for number in range(MAX_WORKERS_OF_INSTANCE + 1):
        ledger.register(f"w{number:03}", "here", 1, machine=Machine(instance="i-0a"))
    assert len(ledger.drain_instance("i-0a", None, "enough")) == MAX_WORKERS_OF_INSTANCE


def test_commands_are_removed_with_their_worker(ledger: Ledger, clock: ManualClock) -> None:
    _register(ledger, "ada", "bob")
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
    _register(ledger, "ada")
    ledger.submit([new("a-1")])
    claim_jobs(ledger)
    ledger.cancel(job="a-1")
    ledger.drain("ada", "enough")
    broker = DirectBroker(ledger)
    assert broker.held_jobs("ada") == {}
    assert [command.kind for command in broker.receive_commands("ada", 0.0)] == [CommandKind.DRAIN]
    assert broker.receive_commands("ada", 0.0) == []
    assert ledger.commands("ada") == []


def test_a_taken_command_is_not_taken_again_for_a_while(
    publishing_ledger: Ledger, clock: ManualClock
) -> None:
    _register(publishing_ledger, "ada")
    assert publishing_ledger.take_commands(limit=LIMIT, hold_s=20) == []
    publishing_ledger.drain("ada")
    taken = publishing_ledger.take_commands(limit=LIMIT, hold_s=20)
    assert [command.worker for command in taken] == ["ada"]
    assert publishing_ledger.take_commands(limit=LIMIT, hold_s=20) == []
    clock.advance(21)
    assert publishing_ledger.take_commands(limit=LIMIT, hold_s=20) == taken
    publishing_ledger.confirm_commands(taken)
    clock.advance(21)
    assert publishing_ledger.take_commands(limit=LIMIT, hold_s=20) == []


def test_an_undelivered_command_is_due_again_while_its_worker_is_known(
    publishing_ledger: Ledger, clock: ManualClock
) -> None:
    _register(publishing_ledger, "ada")
    _register(publishing_ledger, "bob", lease_s=5.0)
    publishing_ledger.drain("ada")
    publishing_ledger.drain("bob")
    taken = publishing_ledger.take_commands(limit=LIMIT, hold_s=20)
    clock.advance(6)
    assert publishing_ledger.expire_leases().workers == ("bob",)
    publishing_ledger.defer_commands(taken, 1.0)
    assert publishing_ledger.take_commands(limit=LIMIT, hold_s=20) == []
    clock.advance(2)
    assert [command.worker for command in publishing_ledger.take_commands(limit=LIMIT, hold_s=20)] == ["ada"]


def test_coordinators_never_take_the_same_command(
    open_ledger: Callable[..., Ledger], publishing_ledger: Ledger
) -> None:
    names = [f"w{number:02}" for number in range(30)]
    _register(open_ledger(), *names)
    for name in names:
        publishing_ledger.drain(name)
    first = publishing_ledger.take_commands(limit=20, hold_s=20)
    second = publishing_ledger.take_commands(limit=20, hold_s=20)
    assert sorted(command.worker for command in (*first, *second)) == names


def test_a_job_cancelled_and_redriven_at_once_is_published_with_new_fences(
    publishing_ledger: Ledger,
) -> None:
    publishing_ledger.submit([new("a-1")])
    (first,) = publishing_ledger.publications.take(pools=("cpu",), limit=LIMIT, hold_s=20)
    publishing_ledger.publications.confirm([first])
    publishing_ledger.cancel(job="a-1")
    publishing_ledger.redrive("a-1")
    (second,) = publishing_ledger.publications.take(pools=("cpu",), limit=LIMIT, hold_s=20)
    assert second.base > first.base
    assert get(publishing_ledger, "a-1").state is State.READY
