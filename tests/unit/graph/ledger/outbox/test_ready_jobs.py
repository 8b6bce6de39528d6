"""Jobs that become ready are enqueued in the transaction that makes them ready."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Connection, select
from tests.unit.graph.ledger_helpers import claim_jobs, done, failed, interrupted, new, settle

from eddyline.graph.db.schema import jobs
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.outbox import entries

Enqueued = list[list[str]]


@pytest.fixture
def enqueued() -> Enqueued:
    return []


@pytest.fixture
def publishing(
    open_ledger: Callable[..., Ledger], enqueued: Enqueued, monkeypatch: pytest.MonkeyPatch
) -> Ledger:
    def enqueue(connection: Connection, ids: Sequence[str]) -> None:
        found = connection.execute(select(jobs.c.id).where(jobs.c.state == "ready", jobs.c.id.in_(ids)))
        assert sorted(found.scalars()) == list(ids)
        enqueued.append(list(ids))

    monkeypatch.setattr(entries, "enqueue", enqueue)
    return open_ledger(publishes=True)


def test_submitted_released_and_handed_back_jobs_are_enqueued(publishing: Ledger, enqueued: Enqueued) -> None:
    publishing.submit([new("a-1"), new("a-2", "a-1"), new("a-3", "a-1")])
    assert enqueued == [["a-1"]]
    claim = claim_jobs(publishing)[0]
    assert enqueued == [["a-1"]], "a claim makes nothing ready"
    settle(publishing, claim, interrupted())
    settle(publishing, claim_jobs(publishing)[0], failed())
    assert enqueued[1:] == [["a-1"], ["a-1"]]


def test_jobs_that_a_done_job_spawns_and_releases_are_enqueued_together(
    publishing: Ledger, enqueued: Enqueued
) -> None:
    publishing.submit([new("a-1"), new("a-2", "a-1")])
    settle(publishing, claim_jobs(publishing)[0], done(new("a-0"), new("a-9", "a-2")))
    assert enqueued[1:] == [["a-0", "a-2"]]


def test_redriven_and_lost_jobs_are_enqueued(publishing: Ledger, enqueued: Enqueued) -> None:
    publishing.submit([new("a-1")])
    settle(publishing, claim_jobs(publishing)[0], failed(retry=False))
    publishing.redrive("a-1")
    claim_jobs(publishing)
    publishing.release_worker("ada")
    assert enqueued == [["a-1"]] * 3


def test_if_enqueuing_fails_nothing_is_written(
    open_ledger: Callable[..., Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_connection: Connection, _ids: Sequence[str]) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(entries, "enqueue", fail)
    ledger = open_ledger(publishes=True)
    with pytest.raises(RuntimeError):
        ledger.submit([new("a-1")])
    assert open_ledger().jobs() == []
