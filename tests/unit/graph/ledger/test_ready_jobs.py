"""What became ready is told inside the transaction that made it so."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Connection, select
from tests.unit.graph.ledger_helpers import answer, done, failed, interrupted, new, take

from eddyline.graph.db.schema import jobs
from eddyline.graph.ledger.ledger import Ledger

Told = list[list[str]]


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def telling(open_ledger: Callable[..., Ledger], told: Told) -> Ledger:
    def on_ready(connection: Connection, ids: Sequence[str]) -> None:
        found = connection.execute(select(jobs.c.id).where(jobs.c.state == "ready", jobs.c.id.in_(ids)))
        assert sorted(found.scalars()) == list(ids)
        told.append(list(ids))

    return open_ledger(on_ready=on_ready)


def test_submitted_released_and_handed_back_jobs_are_told(telling: Ledger, told: Told) -> None:
    telling.submit([new("a-1"), new("a-2", "a-1"), new("a-3", "a-1")])
    assert told == [["a-1"]]
    claim = take(telling)[0]
    assert told == [["a-1"]], "a claim makes nothing ready"
    answer(telling, claim, interrupted())
    answer(telling, take(telling)[0], failed())
    assert told[1:] == [["a-1"], ["a-1"]]


def test_what_a_done_job_spawns_is_told_with_what_it_releases(telling: Ledger, told: Told) -> None:
    telling.submit([new("a-1"), new("a-2", "a-1")])
    answer(telling, take(telling)[0], done(new("a-0"), new("a-9", "a-2")))
    assert told[1:] == [["a-0", "a-2"]]


def test_a_job_brought_back_or_lost_is_told(telling: Ledger, told: Told) -> None:
    telling.submit([new("a-1")])
    answer(telling, take(telling)[0], failed(retry=False))
    telling.redrive("a-1")
    take(telling)
    telling.abandon("ada")
    assert told == [["a-1"]] * 3


def test_if_telling_fails_nothing_happened(open_ledger: Callable[..., Ledger]) -> None:
    def refuse(_connection: Connection, _ids: Sequence[str]) -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        open_ledger(on_ready=refuse).submit([new("a-1")])
    assert open_ledger().jobs() == []
