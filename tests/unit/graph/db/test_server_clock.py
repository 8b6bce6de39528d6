"""Machines' clocks may be minutes off: leases are judged by the one time of the server."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy.exc import OperationalError
from tests.unit.graph.ledger_helpers import get, new, take
from tests.unit.graph.postgres_server import emptied

from eddyline.core.clock import ManualClock
from eddyline.graph.db.server_clock import ServerClock, clock_for
from eddyline.graph.db.transactions import Database, as_url
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.retry import RetryPolicy


class Machine(ManualClock):
    """The real time, and by how much this machine is wrong."""

    def now(self) -> float:
        return time.time() + super().now()


def test_the_time_is_the_servers_whatever_the_machines() -> None:
    clock = ServerClock(time.time, Machine(-300.0))
    assert abs(clock.now() - time.time()) < 5


def test_a_machines_clock_that_is_set_right_changes_nothing() -> None:
    machine = Machine(200.0)
    clock = ServerClock(time.time, machine)
    clock.now()
    machine.advance(-200)
    assert abs(clock.now() - time.time()) < 5


def test_while_the_server_is_away_the_time_goes_on_as_it_was_told() -> None:
    answers = [time.time() + 50]

    def ask() -> float:
        if answers:
            return answers.pop()
        raise OperationalError("SELECT", None, Exception("away"))

    machine = Machine(0.0)
    clock = ServerClock(ask, machine)
    clock.now()
    machine.advance(3)
    assert abs(clock.now() - time.time() - 53) < 5


@contextmanager
def _machines(url: str, *wrong_s: float) -> Iterator[list[Ledger]]:
    """The same ledger as machines open it whose clocks are wrong by so much."""
    with ExitStack() as stack:
        made = []
        for seconds in wrong_s:
            database = Database(as_url(url), random.Random(1))
            right = clock_for(database.engine)
            assert isinstance(right, ServerClock)
            right._machine = Machine(seconds)
            options = {"policy": RetryPolicy(), "poison_after": 5}
            made.append(stack.enter_context(Ledger(database, clock=right, rng=random.Random(1), **options)))  # type: ignore[arg-type]
        yield made


def test_a_machine_that_is_minutes_off_neither_takes_jobs_away_nor_loses_its_own(postgres: str) -> None:
    with _machines(emptied(postgres), 0.0, 300.0, -300.0) as (right, ahead, behind):
        right.submit([new("a-1"), new("a-2"), new("a-3")])
        held = [
            take(each, worker=name)[0].job.id for each, name in ((right, "r"), (ahead, "a"), (behind, "b"))
        ]
        assert sorted(held) == ["a-1", "a-2", "a-3"]
        assert [each.expire() for each in (right, ahead, behind)] == [[], [], []]
        for each, name in ((right, "r"), (ahead, "a"), (behind, "b")):
            each.heartbeat(name, 30.0)
        assert [each.expire() for each in (behind, ahead, right)] == [[], [], []]
        assert all(get(right, name).interruptions == 0 for name in held)


@pytest.mark.parametrize("wrong_s", [300.0, -300.0])
def test_what_is_ready_is_due_at_once_on_every_machine(postgres: str, wrong_s: float) -> None:
    with _machines(postgres, 0.0, wrong_s) as (right, wrong):
        right.cancel(asset="cc")
        right.submit([new(f"cc-{wrong_s}", pool="odd")])
        assert wrong.claim("w", pools=("odd",), limit=1, lease_s=30.0)
