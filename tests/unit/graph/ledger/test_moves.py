"""Open jobs go to another pool; ended ones stay."""

from __future__ import annotations

import pytest
from tests.unit.graph.ledger_helpers import claim_jobs, done, get, interrupted, new, settle

from eddyline.graph.job import GraphError, Move
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State


def test_waiting_ready_and_running_jobs_move_and_ended_ones_do_not(ledger: Ledger) -> None:
    ledger.submit([new("a-done"), new("a-run")])
    finished, running = claim_jobs(ledger, limit=2)
    settle(ledger, finished, done())
    ledger.submit([new("a-ready"), new("a-wait", "a-ready")])
    moves = [Move(job_id=name, pool="gpu") for name in ("a-done", "a-run", "a-ready", "a-wait", "a-unknown")]
    assert ledger.submit(moves) == 0
    pools = {name: get(ledger, name).pool for name in ("a-ready", "a-wait", "a-run", "a-done")}
    assert pools == {
        "a-ready": "gpu",
        "a-wait": "gpu",
        running.job.id: "gpu",
        finished.job.id: "cpu",
    }
    assert claim_jobs(ledger) == []
    assert [claim.job.id for claim in ledger.claim("bo", pools=("gpu",), limit=9, lease_s=9)] == ["a-ready"]
    # The running one stays with its worker until that hands it back.
    assert settle(ledger, running, interrupted())
    assert get(ledger, running.job.id).state is State.READY
    assert claim_jobs(ledger) == []
    assert [claim.job.id for claim in ledger.claim("bo", pools=("gpu",), limit=9, lease_s=9)] == [
        running.job.id
    ]


def test_a_job_moves_others_when_it_ends(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2")])
    (first,) = claim_jobs(ledger)
    other = "a-2" if first.job.id == "a-1" else "a-1"
    assert settle(ledger, first, done(Move(job_id=other, pool="gpu")))
    assert get(ledger, other).pool == "gpu"
    assert ledger.submit([Move(job_id=other, pool="gpu")]) == 0  # again: no effect


def test_an_invalid_pool_is_refused(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    with pytest.raises(GraphError, match="invalid or too long name"):
        ledger.submit([Move(job_id="a-1", pool="x" * 301)])
