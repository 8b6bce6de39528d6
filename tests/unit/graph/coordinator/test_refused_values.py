"""Values that the database cannot store are rejected; the reports after them are recorded."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from tests.unit.graph.coordinator_helpers import FakeTransport, job_result, job_started, publish_one
from tests.unit.graph.ledger_helpers import done, get, new
from tests.waiting import wait_until

from eddyline.core.clock import ManualClock
from eddyline.core.stop import Stop
from eddyline.graph.coordinator.coordinator import Coordinator
from eddyline.graph.db.transactions import RefusedError
from eddyline.graph.job import GraphError
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.messages import Heartbeat
from eddyline.graph.states import State

# Random, so that compression does not make it fit.
LONG = random.Random(1).randbytes(4000).hex()


@pytest.fixture
def ledger(ledger_url: str, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, clock=clock, publishes=True) as opened:
        yield opened


@pytest.mark.parametrize("field", ["id", "asset", "kind", "pool", "owner"])
def test_a_name_too_long_for_an_index_is_rejected_before_any_write(ledger: Ledger, field: str) -> None:
    values: dict[str, Any] = {field: LONG}
    invalid = new("a-2", **values) if field != "id" else new(LONG)
    with pytest.raises(GraphError, match="too long"):
        ledger.submit([new("a-1"), invalid])
    assert ledger.jobs() == []


def test_names_of_the_maximum_length_are_accepted_in_all_fields(ledger: Ledger) -> None:
    first, second = ("".join(random.Random(n).choices("𝄞🎬🌊", k=300)) for n in (1, 2))
    ledger.submit([new(first, owner=second, pool=second), new(second, first, owner=first, pool=second)])
    assert get(ledger, second).dependencies == (first,)


def test_a_job_whose_result_adds_an_invalid_job_is_dead_with_the_reason(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    first = publish_one(ledger)
    ledger.apply_reports([job_result(first, done(new(LONG)))], lease_s=90)
    job = get(ledger, "a-1")
    assert job.state is State.DEAD
    assert job.error is not None
    assert job.error["error"] == "SpawnError"


def test_reports_that_postgresql_refuses_are_parked_and_the_next_are_recorded(postgres: str) -> None:
    with Ledger.open(postgres, publishes=True) as ledger:
        ledger.cancel(asset="zz")
        ledger.submit([new("zz-1")])
        transport = FakeTransport(random.Random(0))
        stop = Stop()
        coordinator = Coordinator(ledger, transport, pools=("cpu",), stop=stop)
        thread = threading.Thread(target=coordinator.run)
        thread.start()
        try:
            wait_until(lambda: transport.queue)
            transport.report(Heartbeat(worker=LONG, host="here", pid=1, lease_s=60))
            transport.report(job_result(transport.queue[0], done()))
            wait_until(lambda: get(ledger, "zz-1").state is State.DONE and transport.parked)
        finally:
            stop.request("the test is over")
            thread.join(10)
        ((_, reason),) = transport.parked
        assert "index" in reason


def test_a_refused_write_is_not_retried(postgres: str) -> None:
    with Ledger.open(postgres) as ledger, pytest.raises(RefusedError) as raised:
        ledger.register(LONG, "here", 1)
    assert not raised.value.retry


def test_reports_lock_assets_before_rows_as_cancelling_does(postgres: str) -> None:
    import psycopg

    with Ledger.open(postgres, publishes=True) as ledger, closing(psycopg.connect(postgres)) as other:
        ledger.submit([new("yy-1")])
        (first,) = [
            o for o in ledger.publications.take(pools=("cpu",), limit=99, hold_s=1) if o.job.id == "yy-1"
        ]
        # A cancellation: it has locked the asset and locks the row next.
        other.execute("SELECT pg_advisory_xact_lock(%s, mod(hashtext('yy'), 1024))", (0xEDD1,))
        thread = threading.Thread(target=lambda: ledger.apply_reports([job_started(first)], lease_s=90))
        thread.start()
        time.sleep(0.5)
        assert thread.is_alive(), "it waits for the lock on the asset"
        other.execute("SELECT id FROM jobs WHERE id = 'yy-1' FOR UPDATE NOWAIT")
        other.rollback()
        thread.join(10)
        assert get(ledger, "yy-1").lease_owner == "ada"
