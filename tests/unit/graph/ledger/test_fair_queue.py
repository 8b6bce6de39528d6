"""Owners share a priority equally; jobs with deadlines precede others without starving them."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.graph.ledger_helpers import (
    claim_jobs,
    done,
    failed,
    interrupted,
    new,
    query_plan,
    record_queries,
    settle,
)

from eddyline.core.clock import ManualClock
from eddyline.graph.job import Claim
from eddyline.graph.ledger.ledger import Ledger
from eddyline.observe.backlog import read_backlog


def _run(ledger: Ledger, count: int, limit: int = 1) -> list[Claim]:
    """Claims and completes `count` jobs, in claims of `limit`."""
    claims: list[Claim] = []
    while len(claims) < count:
        batch = claim_jobs(ledger, limit=limit)
        assert batch
        assert all(settle(ledger, claim, done()) for claim in batch)
        claims += batch
    return claims


def _owners(claims: list[Claim]) -> str:
    return "".join(claim.job.owner for claim in claims)


def test_owners_alternate_however_many_jobs_one_of_them_submits(ledger: Ledger) -> None:
    ledger.submit([new(f"a-{number:02d}", owner="A") for number in range(20)])
    ledger.submit([new(f"b-{number}", owner="B") for number in range(4)])
    ledger.submit([new(f"c-{number}", owner="C") for number in range(4)])
    assert _owners(_run(ledger, 28)) == "ABC" * 4 + "A" * 16


def test_an_owner_that_submits_late_earns_no_credit(ledger: Ledger) -> None:
    ledger.submit([new(f"a-{number:02d}", owner="A") for number in range(20)])
    _run(ledger, 10)
    ledger.submit([new(f"b-{number:02d}", owner="B") for number in range(10)])
    assert _owners(_run(ledger, 12)).count("B") == 6


def test_jobs_of_one_owner_are_claimed_in_the_order_of_readiness(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-9", owner="A"), new("a-8", owner="A")])
    clock.advance(1)
    ledger.submit([new("a-1", owner="A")])
    assert [claim.job.id for claim in _run(ledger, 3)] == ["a-8", "a-9", "a-1"]


def test_shares_are_measured_by_weight(ledger: Ledger) -> None:
    ledger.submit([new(f"a-{number:02d}", owner="A", weight=3.0) for number in range(10)])
    ledger.submit([new(f"b-{number:02d}", owner="B", weight=1.0) for number in range(30)])
    owners = _owners(_run(ledger, 20))
    assert owners.count("B") == 3 * owners.count("A")


def test_a_weight_of_zero_counts_as_the_minimum(ledger: Ledger) -> None:
    ledger.submit([new(f"a-{number}", owner="A", weight=0.0) for number in range(9)])
    ledger.submit([new(f"b-{number}", owner="B", weight=0.0) for number in range(9)])
    assert _owners(_run(ledger, 18)) == "AB" * 9


def test_priority_precedes_shares(ledger: Ledger) -> None:
    ledger.submit([new(f"a-{number}", owner="A", priority=1) for number in range(3)])
    ledger.submit([new(f"b-{number}", owner="B", priority=0) for number in range(3)])
    assert _owners(_run(ledger, 6)) == "BBBAAA"


def test_a_job_handed_back_is_claimed_next_and_charged_once(ledger: Ledger) -> None:
    ledger.submit([new(f"a-{number}", owner="A") for number in range(4)])
    ledger.submit([new(f"b-{number}", owner="B") for number in range(4)])
    first = claim_jobs(ledger)[0]
    settle(ledger, first, interrupted())
    assert _owners(_run(ledger, 8)) == "ABABABAB"


def test_jobs_waiting_for_their_retry_do_not_delay_the_queue(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new(f"a-{number:02d}", owner="A") for number in range(30)])
    settle(ledger, claim_jobs(ledger)[0], failed())
    _run(ledger, 20)
    # The job that waits for its retry has an old start tag: a new owner must not start from that one.
    ledger.submit([new(f"b-{number:02d}", owner="B") for number in range(10)])
    assert _owners(_run(ledger, 8)).count("A") == 4
    clock.advance(1000)
    assert claim_jobs(ledger)[0].job.id == "a-00"


class FairnessCheck:
    """Counts how often each owner was served while another owner also had jobs in the queue."""

    def __init__(self, ledger: Ledger, limit: int) -> None:
        self.ledger = ledger
        self.limit = limit
        self.queued: Counter[str] = Counter()
        self.served: Counter[tuple[str, str]] = Counter()
        self.serial = 0

    def submit(self, owner: str, count: int) -> None:
        self._forget_unless_queued(owner)
        names = [f"{owner}-{self.serial + number:05d}" for number in range(count)]
        self.ledger.submit([new(name, owner=owner) for name in names])
        self.serial += count
        self.queued[owner] += count

    def work(self, kind: str) -> None:
        for claim in claim_jobs(self.ledger, limit=self.limit):
            settle(self.ledger, claim, interrupted() if kind == "hand back" else done())
            if kind == "work":
                self._count(claim.job.owner)

    def _count(self, owner: str) -> None:
        others = [other for other, count in self.queued.items() if count and other != owner]
        self.served.update((owner, other) for other in others)
        self.queued[owner] -= 1
        self._forget_unless_queued(owner)

    def _forget_unless_queued(self, owner: str) -> None:
        if not self.queued[owner]:
            for pair in [pair for pair in self.served if owner in pair]:
                del self.served[pair]

    def assert_fair(self) -> None:
        for first, second in self.served:
            lead = self.served[first, second] - self.served[second, first]
            assert lead <= self.limit + 1, (first, second, dict(self.served))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    sizes=st.lists(st.integers(1, 25), min_size=2, max_size=5),
    steps=st.lists(
        st.tuples(st.sampled_from(["submit", "work", "hand back"]), st.integers(0, 4), st.integers(1, 4)),
        max_size=25,
    ),
    limit=st.integers(1, 4),
)
def test_no_owner_with_queued_jobs_falls_behind(
    sizes: list[int], steps: list[tuple[str, int, int]], limit: int
) -> None:
    clock = ManualClock()
    with (
        tempfile.TemporaryDirectory(prefix="eddyline-fairness-") as folder,
        Ledger.open(Path(folder) / "ledger.db", clock=clock, rng=random.Random(1)) as ledger,
    ):
        check = FairnessCheck(ledger, limit)
        for number, size in enumerate(sizes):
            check.submit(f"o{number}", size)
        for kind, number, count in steps:
            clock.advance(1)
            if kind == "submit":
                check.submit(f"o{number % len(sizes)}", count)
            else:
                for _ in range(count):
                    check.work(kind)
            check.assert_fair()


def test_a_job_with_a_deadline_precedes_others_of_its_priority(ledger: Ledger, clock: ManualClock) -> None:
    soon = clock.now() + 60
    ledger.submit([new(f"a-{number:02d}") for number in range(20)])
    ledger.submit([new("b-1", deadline=soon + 60), new("b-2", deadline=soon)])
    assert {"b-1", "b-2"} <= {claim.job.id for claim in _run(ledger, 4, limit=4)}


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_the_nearest_deadline_is_first(ledger: Ledger, clock: ManualClock, limit: int) -> None:
    ledger.submit([new(f"a-{number:02d}", deadline=clock.now() + 1000 - number) for number in range(40)])
    ledger.submit([new(f"b-{number:02d}") for number in range(40)])
    dated = [claim.job.id for claim in _run(ledger, 30, limit=limit) if claim.job.deadline]
    assert {"a-39", "a-38", "a-37"} <= set(dated)


def test_priority_precedes_deadlines(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1", priority=0), new("a-2", priority=1, deadline=clock.now() + 1)])
    assert [claim.job.id for claim in _run(ledger, 2)] == ["a-1", "a-2"]


@pytest.mark.parametrize("limit", [1, 4])
def test_deadlines_of_one_owner_do_not_starve_another(ledger: Ledger, clock: ManualClock, limit: int) -> None:
    ledger.submit([new(f"a-{n:03d}", owner="A", deadline=clock.now() + 5) for n in range(120)])
    ledger.submit([new(f"b-{n:03d}", owner="B") for n in range(60)])
    owners = _owners(_run(ledger, 80, limit=limit))
    assert owners.count("B") >= 0.15 * len(owners)


def test_late_jobs_are_counted_until_they_end(ledger: Ledger, clock: ManualClock) -> None:
    due = clock.now() + 10
    ledger.submit([new("a-1", deadline=due), new("a-2", "a-1", deadline=due + 5), new("a-3")])
    assert _late(ledger) == 0
    clock.advance(12)
    assert _late(ledger) == 1
    clock.advance(12)
    assert _late(ledger) == 2
    _run(ledger, 1)
    assert _late(ledger) == 1
    ledger.cancel(asset="a")
    assert _late(ledger) == 0


def test_a_job_done_before_its_deadline_is_never_late(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1", deadline=clock.now() + 10)])
    _run(ledger, 1)
    clock.advance(100)
    assert _late(ledger) == 0


def _late(ledger: Ledger) -> int:
    """The number of late jobs, as `eddyline status` counts it."""
    return ledger.read(lambda connection: read_backlog(connection, ledger.now()).late)


def test_every_query_of_a_claim_and_of_a_start_tag_is_an_index_range(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.submit([new(f"a-{number}") for number in range(100)])
        queries = record_queries(monkeypatch)
        claim_jobs(ledger)
        ledger.submit([new("b-1")])
        ready_queries = [(query, values) for query, values in queries if "state = 'ready'" in query]
        steps = {step for query, values in ready_queries for step in query_plan(ledger, query, values)}
    assert {step for step in steps if " " in step and not step.startswith("SCA")} == {
        "SEARCH jobs USING INDEX jobs_ready (pool=?)",
        "SEARCH jobs USING INDEX jobs_urgent (pool=?)",
        "SEARCH jobs USING INDEX jobs_ready (pool=? AND priority=?)",
        "SEARCH jobs USING INDEX jobs_share (pool=? AND priority=? AND owner=?)",
    }
