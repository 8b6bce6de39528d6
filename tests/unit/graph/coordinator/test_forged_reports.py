"""Forged and absurd reports, through the parser and the ledger: nothing that is not a worker's own counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.graph.coordinator_helpers import LEASE_S, answer, offer, offers, start
from tests.unit.graph.ledger_helpers import done, failed, get, interrupted, new

from eddyline.core.clock import ManualClock
from eddyline.graph.coordinator.wire import WireError, report_from_json, report_to_json
from eddyline.graph.job import Link
from eddyline.graph.ledger.apply_reports import Applied
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.report_authority import MAX_UNPROVEN
from eddyline.graph.ledger.spawned_jobs import SpawnRules
from eddyline.graph.messages import STRIDE, Heartbeat, JobResult, Publication, WorkerReport
from eddyline.graph.states import State
from eddyline.observe.backlog import read_backlog

KEY, OTHER_KEY = "a" * 32, "b" * 32
RULES = SpawnRules(kinds={"work"}, pools={"cpu"}, max_jobs=10)


@pytest.fixture
def ledger(ledger_url: str, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, clock=clock, poison_after=3, publishes=True) as opened:
        opened.submit([new("a-1"), new("a-2", "a-1"), new("b-1", owner="bob", priority=150)])
        yield opened


def say(ledger: Ledger, *facts: WorkerReport) -> Applied:
    """Apply facts as they come out of a queue: written, read by the strict parser, then applied."""
    parsed = [report_from_json(json.loads(json.dumps(report_to_json(fact)))) for fact in facts]
    return ledger.apply_reports(parsed, lease_s=LEASE_S, spawn=RULES)


def first(ledger: Ledger) -> Publication:
    return next(each for each in offers(ledger) if each.job.id == "a-1")


def beat(worker: str = "ada", key: str = KEY, **more: Any) -> Heartbeat:
    return Heartbeat(**{"worker": worker, "host": "h", "pid": 1, "lease_s": 60.0, "key": key, **more})


def test_every_publication_has_a_token_of_its_own_of_128_bits(ledger: Ledger) -> None:
    found = {each.token for each in offers(ledger)}
    ledger.publications.republish("a-1")
    found |= {each.token for each in offers(ledger)}
    assert len(found) == 3
    assert all(len(bytes.fromhex(token)) == 16 for token in found)


@pytest.mark.parametrize("token", ["", "0" * 32, "f" * 64])
@pytest.mark.parametrize("outcome", [done(by="eve"), failed(retry=False), interrupted()])
def test_without_the_token_nothing_is_settled(ledger: Ledger, token: str, outcome: Any) -> None:
    the = first(ledger)
    say(ledger, start(the))
    before = get(ledger, "a-1")
    for receipt in (1, 2, 5000, STRIDE - 1):
        forged = replace(answer(the, outcome, receipt, "eve"), token=token)
        said = say(ledger, forged, replace(start(the, receipt, "eve"), token=token))
        assert (said.counted, said.forged) == (0, said.ignored)
        assert said.forged
    after = get(ledger, "a-1")
    assert replace(after, lease_deadline=None) == replace(before, lease_deadline=None)
    rightful = say(ledger, answer(the, done(by="ada")))
    assert (rightful.counted, rightful.forged) == (1, 0)
    assert get(ledger, "a-1").result == {"by": "ada"}


def test_the_token_of_one_job_or_publication_is_of_no_use_for_another(ledger: Ledger) -> None:
    both = {each.job.id: each for each in offers(ledger)}
    stolen = replace(answer(both["b-1"], done(by="eve")), token=both["a-1"].token)
    assert say(ledger, stolen).counted == 0
    ledger.publications.republish("b-1")
    again = offer(ledger)
    assert say(ledger, replace(answer(again, done(by="eve")), token=both["b-1"].token)).counted == 0
    assert get(ledger, "b-1").state is State.READY


def test_a_huge_receipt_blocks_nothing_even_with_the_token(ledger: Ledger) -> None:
    the = first(ledger)
    assert say(ledger, start(the, STRIDE - 1, "eve")).counted == 0
    assert say(ledger, start(the), answer(the, done())).counted == 1


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
    ],
)
def test_an_absurd_heartbeat_is_refused_by_the_parser(field: str, value: object) -> None:
    plain = {**report_to_json(beat()), field: value}
    with pytest.raises(WireError, match=field):
        report_from_json(plain)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("fence", value) for value in (-1, 1 << 62, 1e9, float("inf"), "1")),
        *(("job_id", value) for value in ("", "..", "../../x", "/etc", "a b", "a" * 301, None)),
        *(("token", value) for value in ("../x", "0" * 31, None, 5)),
        *(("at", value) for value in (-5, 1e300)),
    ],
)
def test_an_absurd_report_of_a_job_is_refused_by_the_parser(field: str, value: object) -> None:
    plain = report_to_json(JobResult(job_id="a-1", fence=STRIDE + 1, worker="w", at=1.0, outcome=done()))
    with pytest.raises(WireError, match=field):
        report_from_json({**plain, field: value})


def test_a_result_nested_without_end_is_refused_by_the_parser() -> None:
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
        new("b-9", asset="a"),  # takes the id of another asset's future job
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
    ],
)
def test_a_job_adds_nothing_beyond_its_own_asset_owner_and_urgency(ledger: Ledger, spawn: Any) -> None:
    the = first(ledger)
    before = {job.id for job in ledger.jobs()}
    try:
        say(ledger, answer(the, done(new("a-8"), spawn)))
    except WireError:
        assert get(ledger, "a-1").state is State.READY
    else:
        job = get(ledger, "a-1")
        assert job.state is State.DEAD
        assert job.error is not None
        assert job.error["error"] == "SpawnError"
    assert {job.id for job in ledger.jobs()} == before
    assert get(ledger, "b-1").dependencies == ()


def test_a_job_may_add_more_of_its_own_asset_up_to_a_bound(ledger: Ledger) -> None:
    the = first(ledger)
    more = [new(f"a-{number}", priority=99) for number in range(3, 10)]
    assert say(ledger, answer(the, done(*more, Link(job_id="a-2", dependencies=("a-3",))))).counted == 1
    assert get(ledger, "a-2").dependencies == ("a-1", "a-3")
    next_one = next(each for each in offers(ledger) if each.job.id == "a-3")
    say(ledger, answer(next_one, done(new("a-10"), new("a-11"))))
    job = get(ledger, "a-3")
    assert job.error is not None
    assert "more than 10 jobs" in job.error["message"]


# Workers


def backlog(ledger: Ledger) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    found = ledger.read(lambda connection: read_backlog(connection, ledger.now()))
    return found.workers, found.unknown, found.overdue


def test_a_heartbeat_alone_makes_no_capacity_and_is_forgotten(ledger: Ledger, clock: ManualClock) -> None:
    say(ledger, beat("cpu@phantom:1", lease_s=21_600.0))
    assert backlog(ledger) == ((), ("cpu@phantom:1",), 0)
    clock.advance(LEASE_S + 1)
    assert backlog(ledger) == ((), (), 0)
    ledger.expire_leases()
    assert ledger.workers() == []


def test_a_worker_is_known_once_it_shows_a_token(ledger: Ledger) -> None:
    the = first(ledger)
    say(ledger, beat())
    say(ledger, replace(start(the), token="0" * 32, key=KEY))
    assert backlog(ledger) == ((), ("ada",), 0)
    say(ledger, replace(start(the), key=KEY))
    assert backlog(ledger) == (("ada",), (), 0)


def test_phantoms_cannot_fill_the_table_nor_keep_workers_out(ledger: Ledger) -> None:
    for begin in range(0, MAX_UNPROVEN + 500, 500):
        say(ledger, *(beat(f"cpu@phantom:{number}") for number in range(begin, begin + 500)))
    assert len(ledger.workers()) == MAX_UNPROVEN
    say(ledger, replace(start(first(ledger)), key=KEY))
    assert backlog(ledger)[0] == ("ada",)


def test_nobody_can_end_or_keep_the_lease_of_another_worker(ledger: Ledger, clock: ManualClock) -> None:
    the = first(ledger)
    say(ledger, beat(), replace(start(the), key=KEY))
    (ada,) = ledger.workers()
    for key in ("", OTHER_KEY):
        said = say(ledger, beat(key=key, lease_s=0.0, holds=()), beat(key=key, lease_s=21_600.0))
        assert said.heartbeats == ()
        assert ledger.workers() == [ada]
    clock.advance(1)
    assert list(ledger.expire_leases().jobs) == []
    assert get(ledger, "a-1").losses == 0
    clock.advance(60)
    say(ledger, beat(key=OTHER_KEY))
    assert list(ledger.expire_leases().jobs) == ["a-1"], "a forged heartbeat keeps no dead worker alive"


def test_a_name_that_somebody_took_first_belongs_to_the_worker_that_shows_a_token(
    ledger: Ledger,
) -> None:
    say(ledger, beat(key=OTHER_KEY))
    assert say(ledger, beat(key=KEY)).heartbeats == ()
    say(ledger, beat(key=OTHER_KEY, lease_s=1.0), replace(start(first(ledger)), key=KEY))
    (ada,) = ledger.workers()
    assert ada.proven
    assert [each.key for each in say(ledger, beat(key=KEY), beat(key=OTHER_KEY)).heartbeats] == [KEY]


def test_a_worker_with_a_token_of_its_own_cannot_speak_for_another(ledger: Ledger) -> None:
    both = {each.job.id: each for each in offers(ledger)}
    say(ledger, beat(), replace(start(both["a-1"]), key=KEY))
    theirs = replace(start(both["b-1"]), key=OTHER_KEY)  # in ada's name, by one who received b-1
    assert say(ledger, theirs, beat(key=OTHER_KEY, lease_s=0.0, holds=())).heartbeats == ()
    assert list(ledger.expire_leases().jobs) == []
    assert get(ledger, "a-1").lease_owner == "ada"
    assert get(ledger, "a-1").losses == 0
    assert say(ledger, beat(key=KEY)).heartbeats != ()
    assert ledger.commands("ada") == []


def test_a_worker_started_again_under_its_name_is_known_once_the_old_lease_ended(
    ledger: Ledger, clock: ManualClock
) -> None:
    both = {each.job.id: each for each in offers(ledger)}
    say(ledger, beat(lease_s=60.0), replace(start(both["a-1"]), key=KEY))
    assert say(ledger, beat(key=OTHER_KEY)).heartbeats == ()
    clock.advance(50)
    assert say(ledger, replace(answer(both["b-1"], done()), key=OTHER_KEY)).counted == 1
    clock.advance(50)
    assert list(ledger.expire_leases().jobs) == [], "its reports of jobs keep the lease"
    clock.advance(LEASE_S)
    assert list(ledger.expire_leases().jobs) == ["a-1"]
    assert say(ledger, beat(key=OTHER_KEY)).heartbeats != ()


def test_a_forged_start_makes_no_worker_give_up_its_job(ledger: Ledger) -> None:
    the = first(ledger)
    say(ledger, beat())
    # Before the worker's own word arrives, and after.
    for _ in range(2):
        for receipt in (1, 2):
            forged = replace(start(the, receipt), token="", key=KEY)
            assert say(ledger, forged).commands == 0
            assert say(ledger, replace(forged, key=OTHER_KEY)).commands == 0
        say(ledger, replace(start(the), key=KEY))
    assert ledger.commands("ada") == []
    assert get(ledger, "a-1").lease_owner == "ada"


def test_a_worker_that_begins_what_was_cancelled_is_still_told(ledger: Ledger) -> None:
    the = first(ledger)
    say(ledger, beat())
    ledger.cancel(job="a-1")
    assert say(ledger, replace(start(the), key=OTHER_KEY)).commands == 0, "that is not ada"
    assert say(ledger, replace(start(the), key=KEY)).commands == 1
    (order,) = ledger.commands("ada")
    assert (order.job_id, order.fence) == ("a-1", the.base + 1)


def test_publications_of_before_there_were_tokens_are_settled_without(ledger: Ledger) -> None:
    from sqlalchemy import update

    from eddyline.graph.db.schema import outbox

    the = first(ledger)
    ledger._database.write(lambda c: c.execute(update(outbox).values(token=None)))
    assert say(ledger, replace(answer(the, done(by="old")), token="")).counted == 1
    assert get(ledger, "a-1").result == {"by": "old"}
