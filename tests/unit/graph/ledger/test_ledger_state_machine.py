"""Random sequences of operations on a ledger, checked against its invariants."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, select

from eddyline.core.clock import ManualClock
from eddyline.graph.db.schema import dependencies, jobs, starts, workers
from eddyline.graph.job import Claim, Done, Failed, Interrupted, Link, NewJob, Outcome, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import FAILED, OPEN, State

ASSETS = ("a", "b")
WORKERS = ("ada", "bob", "cyd")
LEASE_S = 10.0
OUTCOMES: dict[str, Outcome] = {
    "done": Done(result={}),
    "failed": Failed(error={"message": "x"}, retry=True),
    "hopeless": Failed(error={"message": "x"}, retry=False),
    "interrupted": Interrupted(),
}


class LedgerMachine(RuleBasedStateMachine):
    """A ledger with three workers that crash and report late; `current` maps running jobs to valid fences."""

    url: str | None = None

    @initialize(seed=st.integers(0, 1000))
    def open_ledger(self, seed: int) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="eddyline-machine-")
        self.clock = ManualClock()
        self.ledger = Ledger.open(
            self.url or Path(self.folder.name) / "ledger.db",
            clock=self.clock,
            rng=random.Random(seed),
            poison_after=3,
        )
        self.ledger._database.write(_delete_all)
        self.count = 0
        self.names: list[str] = []
        self.claims: list[Claim] = []
        self.current: dict[str, int] = {}
        self.fences: dict[str, int] = {}
        self.finished: set[str] = set()

    def teardown(self) -> None:
        if not hasattr(self, "ledger"):
            return
        try:
            self._drain()
        finally:
            self.ledger.close()
            self.folder.cleanup()

    def _drain(self) -> None:
        """Completes all jobs: after any history, working workers leave no job open."""
        for _ in range(10 * len(self.names) + 10):
            if not self.ledger.has_open():
                break
            self.clock.advance(1000)
            for name in self.ledger.expire_leases().jobs:
                self.current.pop(name, None)
            for claim in self._claim("ada", 100):
                self._settle(claim, OUTCOMES["done"])
        assert not self.ledger.has_open(), "an asset is stuck"
        self.check_consistency()

    def _new(self, data: st.DataObject) -> NewJob:
        self.count += 1
        known = st.lists(st.sampled_from(self.names), max_size=3, unique=True) if self.names else st.just([])
        job = NewJob(
            id=f"j{self.count:03d}",
            asset=data.draw(st.sampled_from(ASSETS)),
            kind="work",
            spec={},
            priority=data.draw(st.integers(0, 2)),
            dependencies=tuple(data.draw(known)),
            optional=tuple(data.draw(known)),
            max_attempts=data.draw(st.sampled_from([None, 1, 2])),
        )
        self.names.append(job.id)
        return job

    @rule(data=st.data(), count=st.integers(1, 5))
    def submit(self, data: st.DataObject, count: int) -> None:
        batch = [self._new(data) for _ in range(count)]
        assert self.ledger.submit(batch) == count
        assert self.ledger.submit(batch) == 0

    @rule(worker=st.sampled_from(WORKERS), limit=st.integers(1, 4))
    def claim(self, worker: str, limit: int) -> None:
        self._claim(worker, limit)

    def _claim(self, worker: str, limit: int) -> list[Claim]:
        claims = self.ledger.claim(worker, pools=("cpu",), limit=limit, lease_s=LEASE_S)
        for claim in claims:
            name = claim.job.id
            assert name not in self.current, "claimed by two workers at once"
            assert name not in self.finished, "a done job was claimed again"
            assert claim.fence > self.fences.get(name, 0)
            self.fences[name] = self.current[name] = claim.fence
        self.claims += claims
        return claims

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), kind=st.sampled_from(sorted(OUTCOMES)))
    def settle(self, data: st.DataObject, kind: str) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        self._settle(claim, OUTCOMES[kind])

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def settle_many(self, data: st.DataObject) -> None:
        claims = data.draw(st.lists(st.sampled_from(self.claims), max_size=6))
        kinds = data.draw(st.lists(st.sampled_from(sorted(OUTCOMES)), min_size=6, max_size=6))
        settlements, expected = [], []
        for claim, kind in zip(claims, kinds, strict=False):
            settlements.append(_settlement(claim, OUTCOMES[kind]))
            expected.append(self._count(claim, OUTCOMES[kind]))
        assert self.ledger.settle(settlements) == expected

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), count=st.integers(1, 3))
    def settle_and_spawn(self, data: st.DataObject, count: int) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        known = list(self.names)
        batch = [self._new(data) for _ in range(count)]
        link = Link(job_id=data.draw(st.sampled_from(known)), dependencies=(batch[-1].id,))
        current = self.current.get(claim.job.id) == claim.fence
        accepted = self.ledger.settle([_settlement(claim, Done(result={}, spawn=(*batch, link)))])[0]
        assert accepted is current
        if accepted:
            del self.current[claim.job.id]
        job = self.ledger.job(claim.job.id)
        assert job is not None
        if accepted and job.state is State.DONE:
            self.finished.add(job.id)
        else:
            # Rejected (the link makes a cycle or is too late) or outdated: nothing was added.
            assert job.state is not State.DONE or job.id in self.finished
            self.names = known

    def _settle(self, claim: Claim, outcome: Outcome) -> None:
        expected = self._count(claim, outcome)
        assert self.ledger.settle([_settlement(claim, outcome)]) == [expected], "fence"

    def _count(self, claim: Claim, outcome: Outcome) -> bool:
        name = claim.job.id
        if self.current.get(name) != claim.fence:
            return False
        del self.current[name]
        if isinstance(outcome, Done):
            assert name not in self.finished, "done twice"
            self.finished.add(name)
        return True

    @rule(seconds=st.sampled_from([0.5, 3.0, 11.0, 400.0]))
    def advance_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(worker=st.sampled_from(WORKERS))
    def heartbeat(self, worker: str) -> None:
        held = self.ledger.heartbeat(worker, LEASE_S)
        assert all(self.current[name] == fence for name, fence in held.items())

    @rule()
    def expire(self) -> None:
        for name in self.ledger.expire_leases().jobs:
            del self.current[name]

    @rule(worker=st.sampled_from(WORKERS))
    def release_a_worker(self, worker: str) -> None:
        held = self.ledger.held_jobs(worker)
        assert self.ledger.release_worker(worker) == len(held)
        for name in held:
            del self.current[name]

    @precondition(lambda self: self.names)
    @rule(data=st.data())
    def cancel_a_job(self, data: st.DataObject) -> None:
        for name in self.ledger.cancel(job=data.draw(st.sampled_from(self.names))):
            self.current.pop(name, None)

    @rule(asset=st.sampled_from(ASSETS))
    def cancel_an_asset(self, asset: str) -> None:
        for name in self.ledger.cancel(asset=asset):
            self.current.pop(name, None)
        assert not self.ledger.has_open(asset)

    @precondition(lambda self: self.names)
    @rule(data=st.data())
    def redrive(self, data: st.DataObject) -> None:
        ids = data.draw(st.lists(st.sampled_from(self.names), min_size=1, max_size=4, unique=True))
        self.ledger.redrive(*ids)

    @invariant()
    def check_consistency(self) -> None:
        if not hasattr(self, "ledger"):
            return
        rows, edges, known_workers, history = self.ledger._database.read(_read_all)
        state = {row.id: State(row.state) for row in rows}
        assert set(state) == set(self.names)
        unmet = dict.fromkeys(state, 0)
        for edge in edges:
            waits = not edge.met and state[edge.dependency_id] is not State.DONE
            unmet[edge.job_id] += waits
            if waits and state[edge.job_id] is State.WAITING:
                assert state[edge.dependency_id] in OPEN, (
                    f"{edge.job_id} waits indefinitely for {edge.dependency_id}"
                )
        ended = Counter(row.job_id for row in history)
        done = Counter(row.job_id for row in history if row.outcome == "done")
        running = set()
        for row in rows:
            assert row.unmet == unmet[row.id], (
                f"{row.id} counts {row.unmet} dependencies, {unmet[row.id]} are open"
            )
            assert (row.state == State.WAITING) <= (row.unmet > 0)
            assert (row.state in {State.READY, State.RUNNING, State.DONE, State.DEAD}) <= (row.unmet == 0)
            assert (row.lease_owner is not None) == (row.state == State.RUNNING)
            assert (row.ready_at is not None) == (row.state == State.READY)
            assert (row.finished is not None) == (State(row.state) not in OPEN)
            assert (row.cause is not None) <= (row.state == State.CANCELLED)
            assert row.cause is None or state[row.cause] in FAILED
            assert (row.id in self.finished) == (row.state == State.DONE)
            assert 0 <= row.attempt <= row.starts
            assert ended[row.id] == row.starts - (row.state == State.RUNNING)
            assert done[row.id] == (row.state == State.DONE)
            if row.state == State.RUNNING:
                running.add(row.id)
                assert row.lease_owner in known_workers
        assert running == set(self.current)


def _settlement(claim: Claim, outcome: Outcome) -> Settlement:
    return Settlement(job_id=claim.job.id, fence=claim.fence, outcome=outcome)


def _delete_all(connection: Connection) -> None:
    for table in (jobs, dependencies, workers, starts):
        connection.execute(table.delete())


def _read_all(connection: Connection) -> tuple[Any, Any, set[str], Any]:
    return (
        connection.execute(select(jobs)).all(),
        connection.execute(select(dependencies)).all(),
        set(connection.execute(select(workers.c.name)).scalars()),
        connection.execute(select(starts.c.job_id, starts.c.outcome)).all(),
    )


COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck)}

TestLedgerMachineOnSqlite = LedgerMachine.TestCase
TestLedgerMachineOnSqlite.settings = settings(max_examples=40, stateful_step_count=30, **COMMON)  # type: ignore[arg-type]


@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_the_invariants_hold_on_postgresql(ledger_url: str) -> None:
    class OnPostgres(LedgerMachine):
        url = ledger_url

    run_state_machine_as_test(
        OnPostgres,
        settings=settings(max_examples=10, stateful_step_count=30, **COMMON),  # type: ignore[arg-type]
    )
