"""The clocks of machines may be minutes wrong: leases use the time of the database server."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy.exc import OperationalError
from tests.unit.graph.ledger_helpers import claim_jobs, get, new
from tests.unit.graph.postgres_server import empty_database

from eddyline.core.clock import ManualClock
from eddyline.graph.db.server_clock import ServerClock, clock_for
from eddyline.graph.db.transactions import Database, as_url
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.transactions import Transactions
from eddyline.graph.retry import RetryPolicy


class MachineClock(ManualClock):
    """The real time plus an offset."""

    def now(self) -> float:
        return time.time() + super().now()


def test_the_time_is_that_of_the_server() -> None:
    clock = ServerClock(time.time, MachineClock(-300.0))
    assert abs(clock.now() - time.time()) < 5


def test_correcting_the_machines_clock_changes_nothing() -> None:
    machine = MachineClock(200.0)
    clock = ServerClock(time.time, machine)
    clock.now()
    machine.advance(-200)
    assert abs(clock.now() - time.time()) < 5


def test_while_the_server_is_unavailable_its_last_known_time_advances() -> None:
    answers = [time.time() + 50]

    def query() -> float:
        if answers:
            return answers.pop()
        raise OperationalError("SELECT", None, Exception("unavailable"))

    machine = MachineClock(0.0)
    clock = ServerClock(query, machine)
    clock.now()
    machine.advance(3)
    assert abs(clock.now() - time.time() - 53) < 5


@contextmanager
def _machines(url: str, *offsets_s: float) -> Iterator[list[Ledger]]:
    """One ledger, opened by machines whose clocks are wrong by these offsets in seconds."""
    with ExitStack() as stack:
        ledgers = []
        for seconds in offsets_s:
            database = Database(as_url(url), random.Random(1))
            corrected = clock_for(database.engine)
            assert isinstance(corrected, ServerClock)
            corrected._machine = MachineClock(seconds)
            transactions = Transactions(database, clock=corrected, rng=random.Random(1))
            ledger = Ledger(transactions, policy=RetryPolicy(), poison_after=5)
            ledgers.append(stack.enter_context(ledger))
        yield ledgers


def test_a_machine_with_a_wrong_clock_neither_expires_leases_nor_loses_its_own(postgres: str) -> None:
    with _machines(empty_database(postgres), 0.0, 300.0, -300.0) as (right, ahead, behind):
        right.submit([new("a-1"), new("a-2"), new("a-3")])
        held = [
            claim_jobs(each, worker=name)[0].job.id
            for each, name in ((right, "r"), (ahead, "a"), (behind, "b"))
        ]
        assert sorted(held) == ["a-1", "a-2", "a-3"]
        assert [each.expire_leases().jobs for each in (right, ahead, behind)] == [(), (), ()]
        for each, name in ((right, "r"), (ahead, "a"), (behind, "b")):
            each.heartbeat(name, 30.0)
        assert [each.expire_leases().jobs for each in (behind, ahead, right)] == [(), (), ()]
        assert all(get(right, name).interruptions == 0 for name in held)


@pytest.mark.parametrize("offset_s", [300.0, -300.0])
def test_a_ready_job_is_due_at_once_on_every_machine(postgres: str, offset_s: float) -> None:
    with _machines(postgres, 0.0, offset_s) as (right, wrong):
        right.cancel(asset="cc")
        right.submit([new(f"cc-{offset_s}", pool="odd")])
        assert wrong.claim("w", pools=("odd",), limit=1, lease_s=30.0)
