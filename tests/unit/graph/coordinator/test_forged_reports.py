"""Forged and invalid reports, through the parser and the ledger: only reports of the worker itself count."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.graph.coordinator_helpers import LEASE_S, job_result, job_started, publish_due, publish_one
from tests.unit.graph.ledger_helpers import done, failed, get, interrupted, new

from eddyline.core.clock import ManualClock
from eddyline.graph.coordinator.wire import WireError, report_from_json, report_to_json
from eddyline.graph.job import Link, Move
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.reports.apply import Applied
from eddyline.graph.ledger.reports.authority import MAX_UNPROVEN
from eddyline.graph.ledger.spawned_jobs import SpawnRules
from eddyline.graph.machine import Machine
from eddyline.graph.messages import STRIDE, Heartbeat, JobResult, Publication, WorkerReport
from eddyline.graph.states import State
from eddyline.observe.backlog import read_backlog

KEY, OTHER_KEY = "a" * 32, "b" * 32
MACHINE = Machine(
    pool="cpu",
    instance="i-0123456789abcdef0",
    instance_type="c5.4xlarge",
    zone="eu-central-1a",
    lifecycle="spot",
    vcpu=16,
    slots=8,
)
RULES = SpawnRules(kinds={"work"}, pools={"cpu"}, max_jobs=10)


@pytest.fixture
def ledger(ledger_url: str, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, clock=clock, poison_after=3, publishes=True) as opened:
        opened.submit([new("a-1"), new("a-2", "a-1"), new("b-1", owner="bob", priority=150)])
        yield opened


def apply(ledger: Ledger, *reports: WorkerReport) -> Applied:
    """Encodes reports, parses them strictly as a coordinator does, and applies them."""
    parsed = [report_from_json(json.loads(json.dumps(report_to_json(report)))) for report in reports]
    return ledger.apply_reports(parsed, lease_s=LEASE_S, spawn=RULES)


def publish_first(ledger: Ledger) -> Publication:
    return next(each for each in publish_due(ledger) if each.job.id == "a-1")


def heartbeat(worker: str = "ada", key: str = KEY, **more: Any) -> Heartbeat:
    return Heartbeat(**{"worker": worker, "host": "h", "pid": 1, "lease_s": 60.0, "key": key, **more})


def test_every_publication_has_a_different_token_of_128_bits(ledger: Ledger) -> None:
    found = {each.token for each in publish_due(ledger)}
    ledger.publications.republish("a-1")
    found |= {each.token for each in publish_due(ledger)}
    assert len(found) == 3
    assert all(len(bytes.fromhex(token)) == 16 for token in found)


@pytest.mark.parametrize("token", ["", "0" * 32, "f" * 64])
@pytest.mark.parametrize("outcome", [done(by="eve"), failed(retry=False), interrupted()])
def test_a_result_without_the_token_is_ignored(ledger: Ledger, token: str, outcome: Any) -> None:
    publication = publish_first(ledger)
    apply(ledger, job_started(publication))
    before = get(ledger, "a-1")
    for receipt in (1, 2, 5000, STRIDE - 1):
        forged = replace(job_result(publication, outcome, receipt, "eve"), token=token)
        applied = apply(ledger, forged, replace(job_started(publication, receipt, "eve"), token=token))
        assert (applied.counted, applied.forged) == (0, applied.ignored)
        assert applied.forged
    after = get(ledger, "a-1")
    assert replace(after, lease_deadline=None) == replace(before, lease_deadline=None)
    genuine = apply(ledger, job_result(publication, done(by="ada")))
    assert (genuine.counted, genuine.forged) == (1, 0)
    assert get(ledger, "a-1").result == {"by": "ada"}


def test_the_token_of_one_job_or_publication_is_invalid_for_another(ledger: Ledger) -> None:
    both = {each.job.id: each for each in publish_due(ledger)}
    stolen = replace(job_result(both["b-1"], done(by="eve")), token=both["a-1"].token)
    assert apply(ledger, stolen).counted == 0
    ledger.publications.republish("b-1")
    again = publish_one(ledger)
    assert apply(ledger, replace(job_result(again, done(by="eve")), token=both["b-1"].token)).counted == 0
    assert get(ledger, "b-1").state is State.READY


def test_a_huge_receipt_is_ignored_even_with_the_token(ledger: Ledger) -> None:
    publication = publish_first(ledger)
    assert apply(ledger, job_started(publication, STRIDE - 1, "eve")).counted == 0
    assert apply(ledger, job_started(publication), job_result(publication, done())).counted == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("lease_s", value) for value in (1e299, float("inf"), float("nan"), -1, 21_601, True, "60")),
        *(("pid", value) for value in (-1, 1 << 40, 1.5, None)),
        *(("at", value) for value in (-1, 1e299, float("inf"), float("nan"))),
        *(("worker", value) for value in ("", "..", "a/b", "a b", "x" * 300, None, "a\0", "ä", 1)),
        *(("holds", value) for value in (["../x"], ["x"] * 10_001, [1])),
        *(("key", value) for value in ("abc", "x" * 32, "A" * 32, 7, "0" * 129)),
        ("host", "x" * 256),
        ("machine", None),
        ("machine", []),
        ("machine", "i-0123456789abcdef0"),
    ],
)
def test_the_parser_rejects_an_invalid_heartbeat(field: str, value: object) -> None:
    plain = {**report_to_json(heartbeat()), field: value}
    with pytest.raises(WireError, match=field):
        report_from_json(plain)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            ("instance", value)
            for value in ("i-", "i-0123456789ABCDEF0", "i-0\n", "../x", None, 1, "x" * 3000)
        ),
        *(("instance_type", value) for value in ("M5.LARGE", "m5 large", "a" * 41, None)),
        *(("zone", value) for value in ("1a", "eu/central", "a" * 41, None)),
        *(("lifecycle", value) for value in ("Spot", "free", None, 1)),
        *(("pool", value) for value in ("..", "a/b", "a" * 301, None)),
        *((name, value) for name in ("vcpu", "slots") for value in (0, -1, 4097, 1.5, True, "4", 1e300)),
    ],
)
def test_the_parser_rejects_an_invalid_machine(field: str, value: object) -> None:
    plain = report_to_json(heartbeat(machine=MACHINE))
    with pytest.raises(WireError, match=f"machine/{field}"):
        report_from_json({**plain, "machine": {**plain["machine"], field: value}})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("fence", value) for value in (-1, 1 << 62, 1e9, float("inf"), "1")),
        *(("job_id", value) for value in ("", "..", "../../x", "/etc", "a b", "a" * 301, None)),
        *(("token", value) for value in ("../x", "0" * 31, None, 5)),
        *(("at", value) for value in (-5, 1e300)),
        *(("cpu_s", value) for value in (-1, 1.1e9, float("nan"), float("inf"), True, "1")),
        *(("fraction", value) for value in (-0.1, 1.1, float("nan"), "1")),
    ],
)
def test_the_parser_rejects_an_invalid_report_of_a_job(field: str, value: object) -> None:
    plain = report_to_json(JobResult(job_id="a-1", fence=STRIDE + 1, worker="w", at=1.0, outcome=done()))
    with pytest.raises(WireError, match=field):
        report_from_json({**plain, field: value})


def test_the_parser_rejects_a_deeply_nested_result() -> None:
    deep: Any = {}
    for _ in range(100):
        deep = {"x": deep}
    plain = report_to_json(JobResult(job_id="a-1", fence=1, worker="w", at=1.0, outcome=done()))
    plain["outcome"]["result"] = deep
    with pytest.raises(WireError, match="result"):
        report_from_json(plain)


@pytest.mark.parametrize(
    "spawn",
    [
        new("b-9"),  # of another asset
        new("a-9", asset="b"),
        new("b-9", asset="a"),  # the id of a future job of another asset
        new("a-9", owner="bob"),
        new("a-9", priority=-1),
        new("a-9", priority=100),
        new("a-9", "b-1"),
        new("a-9", optional=("b-1",)),
        new("a-9", kind="mine-bitcoin"),
        new("a-9", pool="gpu"),
        new("a-9", deadline=1.0),
        new("a"),
        new("a.."),
        Link(job_id="b-1", dependencies=("a-1",)),
        Link(job_id="a-2", dependencies=("b-1",)),
        Move(job_id="b-1", pool="cpu"),
    ],
)
def test_a_job_can_only_add_jobs_of_its_asset_owner_and_priority(ledger: Ledger, spawn: Any) -> None:
    publication = publish_first(ledger)
    before = {job.id for job in ledger.jobs()}
    try:
        apply(ledger, job_result(publication, done(new("a-8"), spawn)))
    except WireError:
        assert get(ledger, "a-1").state is State.READY
    else:
        job = get(ledger, "a-1")
        assert job.state is State.DEAD
        assert job.error is not None
        assert job.error["error"] == "SpawnError"
    assert {job.id for job in ledger.jobs()} == before
    assert get(ledger, "b-1").dependencies == ()


def test_a_job_can_add_a_limited_number_of_jobs_of_its_asset(ledger: Ledger) -> None:
    publication = publish_first(ledger)
    more = [new(f"a-{number}", priority=99) for number in range(3, 10)]
    assert (
        apply(ledger, job_result(publication, done(*more, Link(job_id="a-2", dependencies=("a-3",))))).counted
        == 1
    )
    assert get(ledger, "a-2").dependencies == ("a-1", "a-3")
    next_one = next(each for each in publish_due(ledger) if each.job.id == "a-3")
    apply(ledger, job_result(next_one, done(new("a-10"), new("a-11"))))
    job = get(ledger, "a-3")
    assert job.error is not None
    assert "more than 10 jobs" in job.error["message"]


# Workers


def backlog(ledger: Ledger) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    found = ledger.read(lambda connection: read_backlog(connection, ledger.now()))
    return found.workers, found.unknown, found.overdue


def test_a_heartbeat_alone_adds_no_capacity_and_expires(ledger: Ledger, clock: ManualClock) -> None:
    apply(ledger, heartbeat("cpu@phantom:1", lease_s=21_600.0))
    assert backlog(ledger) == ((), ("cpu@phantom:1",), 0)
    clock.advance(LEASE_S + 1)
    assert backlog(ledger) == ((), (), 0)
    ledger.expire_leases()
    assert ledger.workers() == []


def test_a_heartbeat_that_claims_a_machine_adds_no_capacity_and_takes_nothing_from_its_worker(
    ledger: Ledger,
) -> None:
    publication = publish_first(ledger)
    apply(ledger, heartbeat(machine=MACHINE), replace(job_started(publication), key=KEY))
    other = replace(MACHINE, instance="i-0fedcba9876543210", slots=4096)
    apply(ledger, heartbeat(key=OTHER_KEY, machine=other), heartbeat("eve", OTHER_KEY, machine=MACHINE))
    assert backlog(ledger) == (("ada",), ("eve",), 0)
    by_name = {each.name: (each.proven, each.machine) for each in ledger.workers()}
    assert by_name == {"ada": (True, MACHINE), "eve": (False, MACHINE)}


def test_a_worker_that_shows_a_token_takes_its_name_without_the_machine_of_another_sender(
    ledger: Ledger,
) -> None:
    publication = publish_first(ledger)
    apply(ledger, heartbeat(key=OTHER_KEY, machine=MACHINE))
    apply(ledger, replace(job_started(publication), key=KEY))
    (ada,) = ledger.workers()
    assert (ada.proven, ada.machine) == (True, Machine())
    apply(ledger, heartbeat(machine=MACHINE), heartbeat(key=OTHER_KEY))
    assert [each.machine for each in ledger.workers()] == [MACHINE]


def test_a_heartbeat_without_a_machine_keeps_what_is_known(ledger: Ledger) -> None:
    publication = publish_first(ledger)
    apply(ledger, heartbeat(machine=MACHINE), replace(job_started(publication), key=KEY))
    apply(ledger, heartbeat())
    apply(ledger, heartbeat(machine=replace(MACHINE, slots=4)), heartbeat(lease_s=30.0))
    assert [each.machine for each in ledger.workers()] == [replace(MACHINE, slots=4)]


def test_a_worker_is_known_once_it_presents_a_token(ledger: Ledger) -> None:
    publication = publish_first(ledger)
    apply(ledger, heartbeat())
    apply(ledger, replace(job_started(publication), token="0" * 32, key=KEY))
    assert backlog(ledger) == ((), ("ada",), 0)
    apply(ledger, replace(job_started(publication), key=KEY))
    assert backlog(ledger) == (("ada",), (), 0)


def test_phantom_workers_cannot_fill_the_table_or_exclude_workers(ledger: Ledger) -> None:
    for start in range(0, MAX_UNPROVEN + 500, 500):
        apply(ledger, *(heartbeat(f"cpu@phantom:{number}") for number in range(start, start + 500)))
    assert len(ledger.workers()) == MAX_UNPROVEN
    apply(ledger, replace(job_started(publish_first(ledger)), key=KEY))
    assert backlog(ledger)[0] == ("ada",)


def test_a_forged_heartbeat_neither_ends_nor_extends_the_lease_of_a_worker(
    ledger: Ledger, clock: ManualClock
) -> None:
    publication = publish_first(ledger)
    apply(ledger, heartbeat(), replace(job_started(publication), key=KEY))
    (ada,) = ledger.workers()
    for key in ("", OTHER_KEY):
        applied = apply(
            ledger, heartbeat(key=key, lease_s=0.0, holds=()), heartbeat(key=key, lease_s=21_600.0)
        )
        assert applied.heartbeats == ()
        assert ledger.workers() == [ada]
    clock.advance(1)
    assert list(ledger.expire_leases().jobs) == []
    assert get(ledger, "a-1").losses == 0
    clock.advance(60)
    apply(ledger, heartbeat(key=OTHER_KEY))
    assert list(ledger.expire_leases().jobs) == ["a-1"], (
        "a forged heartbeat does not extend the lease of a dead worker"
    )


def test_a_name_belongs_to_the_worker_that_presents_a_token_even_if_another_used_it_first(
    ledger: Ledger,
) -> None:
    apply(ledger, heartbeat(key=OTHER_KEY))
    assert apply(ledger, heartbeat(key=KEY)).heartbeats == ()
    apply(ledger, heartbeat(key=OTHER_KEY, lease_s=1.0), replace(job_started(publish_first(ledger)), key=KEY))
    (ada,) = ledger.workers()
    assert ada.proven
    assert [each.key for each in apply(ledger, heartbeat(key=KEY), heartbeat(key=OTHER_KEY)).heartbeats] == [
        KEY
    ]


def test_a_worker_with_a_token_cannot_report_for_another_worker(ledger: Ledger) -> None:
    both = {each.job.id: each for each in publish_due(ledger)}
    apply(ledger, heartbeat(), replace(job_started(both["a-1"]), key=KEY))
    theirs = replace(
        job_started(both["b-1"]), key=OTHER_KEY
    )  # in ada's name, by the worker that received b-1
    assert apply(ledger, theirs, heartbeat(key=OTHER_KEY, lease_s=0.0, holds=())).heartbeats == ()
    assert list(ledger.expire_leases().jobs) == []
    assert get(ledger, "a-1").lease_owner == "ada"
    assert get(ledger, "a-1").losses == 0
    assert apply(ledger, heartbeat(key=KEY)).heartbeats != ()
    assert ledger.commands("ada") == []


def test_a_restarted_worker_of_the_same_name_is_known_once_the_old_lease_ended(
    ledger: Ledger, clock: ManualClock
) -> None:
    both = {each.job.id: each for each in publish_due(ledger)}
    apply(ledger, heartbeat(lease_s=60.0), replace(job_started(both["a-1"]), key=KEY))
    assert apply(ledger, heartbeat(key=OTHER_KEY)).heartbeats == ()
    clock.advance(50)
    assert apply(ledger, replace(job_result(both["b-1"], done()), key=OTHER_KEY)).counted == 1
    clock.advance(50)
    assert list(ledger.expire_leases().jobs) == [], "its reports of jobs extend the lease"
    clock.advance(LEASE_S)
    assert list(ledger.expire_leases().jobs) == ["a-1"]
    assert apply(ledger, heartbeat(key=OTHER_KEY)).heartbeats != ()


def test_a_forged_start_cancels_no_job_of_a_worker(ledger: Ledger) -> None:
    publication = publish_first(ledger)
    apply(ledger, heartbeat())
    # Before and after the worker's own report.
    for _ in range(2):
        for receipt in (1, 2):
            forged = replace(job_started(publication, receipt), token="", key=KEY)
            assert apply(ledger, forged).commands == 0
            assert apply(ledger, replace(forged, key=OTHER_KEY)).commands == 0
        apply(ledger, replace(job_started(publication), key=KEY))
    assert ledger.commands("ada") == []
    assert get(ledger, "a-1").lease_owner == "ada"


def test_a_worker_that_starts_a_cancelled_job_receives_a_command(ledger: Ledger) -> None:
    publication = publish_first(ledger)
    apply(ledger, heartbeat())
    ledger.cancel(job="a-1")
    assert apply(ledger, replace(job_started(publication), key=OTHER_KEY)).commands == 0, (
        "the key is not that of ada"
    )
    assert apply(ledger, replace(job_started(publication), key=KEY)).commands == 1
    (command,) = ledger.commands("ada")
    assert (command.job_id, command.fence) == ("a-1", publication.base + 1)


def test_publications_older_than_tokens_are_settled_without_a_token(ledger: Ledger) -> None:
    from sqlalchemy import update

    from eddyline.graph.db.schema import outbox

    publication = publish_first(ledger)
    ledger._database.write(lambda c: c.execute(update(outbox).values(token=None)))
    assert apply(ledger, replace(job_result(publication, done(by="old")), token="")).counted == 1
    assert get(ledger, "a-1").result == {"by": "old"}
