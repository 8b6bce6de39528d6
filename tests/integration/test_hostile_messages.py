"""Forged messages on real queues: what a sender without a token can do to coordinators and workers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.aws_site import QueueSite
from tests.integration.broker_helpers import claim_one, keys, make_site, registered_broker, settle
from tests.unit.graph.ledger_helpers import done, get, new
from tests.waiting import wait_until

from eddyline.aws.sqs.broker import SqsBroker
from eddyline.graph.events import CoordinatorEventKind
from eddyline.graph.messages import STRIDE
from eddyline.graph.states import State
from eddyline.observe.backlog import read_backlog

__all__ = ["keys", "make_site"]

pytestmark = pytest.mark.usefixtures("keys")


def _report(**more: Any) -> str:
    outcome: dict[str, Any] = {"is": "Done", "result": {"by": "eve"}, "output": None, "spawn": []}
    report = {
        "fact": "answered",
        "job_id": "a-1",
        "fence": STRIDE + 1,
        "worker": "eve",
        "at": 1.0,
        "outcome": outcome,
        **more,
    }
    return json.dumps({"v": 1, "facts": [report]})


def _heartbeat(**more: Any) -> str:
    report = {"fact": "beat", "worker": "cpu@phantom:1", "host": "h", "pid": 1, "lease_s": 60.0, **more}
    return json.dumps({"v": 1, "facts": [report]})


def test_forged_reports_have_no_effect(make_site: Callable[..., QueueSite]) -> None:
    site = make_site()
    site.ledger.submit([new("a-1"), new("a-2", "a-1"), new("b-1", owner="bob")])
    ada = registered_broker(site)
    claim = claim_one(ada)
    wait_until(lambda: get(site.ledger, claim.job.id).lease_owner == "ada")
    foreign_job = {"add": "NewJob", "id": "b-9", "asset": "b", "kind": "work", "spec": {}, "owner": "bob"}
    forged = [
        *(_report(job_id=claim.job.id, fence=STRIDE + receipt) for receipt in (1, 2, 3, STRIDE - 1)),
        *(_report(job_id="b-1", fence=STRIDE + 1, token=token) for token in ("", "0" * 32)),
        _report(outcome={"is": "Done", "result": {}, "spawn": [foreign_job]}),
        _report(outcome={"is": "Failed", "error": {}, "retry": False}),
        *(_heartbeat(worker=f"cpu@phantom:{number}") for number in range(20)),
        _heartbeat(worker="ada", lease_s=0.0),  # tries to end ada's lease
        _heartbeat(worker="ada", lease_s=20_000.0, holds=[]),
    ]
    invalid = [
        _heartbeat(lease_s=1e299),
        _report(fence=1 << 62),
        _report(job_id="../../victim"),
        '{"v": 1, "facts": [{"fact": []}]}',
        "[" * 5000,
        json.dumps({"v": 1, "facts": "x"}),
        _report(outcome={"is": []}),
    ]
    assert all(site.queues.send(site.names.reports, forged[:10]))
    assert all(site.queues.send(site.names.reports, forged[10:]))
    assert all(site.queues.send(site.names.reports, invalid))
    wait_until(lambda: site.queues.depth(site.names.dead_letters) == len(invalid))
    wait_until(lambda: site.queues.depth(site.names.reports) == 0)
    found = site.ledger.read(lambda c: read_backlog(c, site.ledger.now()))
    assert found.workers == ("ada",)
    assert set(found.unknown) == {"eve", *(f"cpu@phantom:{number}" for number in range(20))}
    assert get(site.ledger, claim.job.id).lease_owner == "ada"
    assert {job.id for job in site.ledger.jobs()} == {"a-1", "a-2", "b-1"}
    assert settle(ada, claim, done(by="ada"))
    wait_until(lambda: get(site.ledger, claim.job.id).state is State.DONE)
    assert get(site.ledger, claim.job.id).result == {"by": "ada"}
    # Workers that presented no token are removed when their short leases expire.
    wait_until(lambda: all(worker.proven for worker in site.ledger.workers()), timeout_s=30)
    assert site.thread.is_alive()
    assert site.counts[CoordinatorEventKind.REPORTS_FORGED] >= 5


def test_a_worker_ignores_commands_for_another_worker(make_site: Callable[..., QueueSite]) -> None:
    site = make_site()
    site.ledger.submit([new("a-1")])
    ada = registered_broker(site)
    claim = claim_one(ada)
    command_queue = site.names.command_queue("ada")
    cancel = {"v": 1, "kind": "give-up", "job_id": "a-1", "fence": claim.fence, "over": True}
    commands: list[Any] = [
        {"v": 1, "worker": "another-worker", "kind": "drain"},
        {**cancel, "worker": "another-worker"},
        {"v": 1, "kind": "drain"},
        {"v": 1, "worker": ["ada"], "kind": "drain"},
        {"v": 1, "worker": "ada", "kind": []},
        {"v": 2, "worker": "ada", "kind": "drain"},
        "drain",
    ]
    wait_until(lambda: site.queues.send(command_queue, [json.dumps(each) for each in commands]))
    end = time.monotonic() + 3
    while time.monotonic() < end:
        assert ada.receive_commands("ada", 0.5) == []
    assert site.queues.depth(command_queue) == 0
    assert ada.held_jobs("ada") == {"a-1": claim.fence}
    site.queues.send(command_queue, [json.dumps({"v": 1, "worker": "ada", "kind": "drain"})])
    wait_until(lambda: ada.receive_commands("ada", 0.5))
    assert settle(ada, claim, done())


def test_forged_jobs_are_parked_by_the_worker_and_delete_nothing(
    make_site: Callable[..., QueueSite], tmp_path: Path
) -> None:
    site = make_site()
    (tmp_path / "victim").mkdir()
    queue = site.names.job_queue("cpu", 0)
    assert queue is not None
    site.ledger.submit([new("a-1")])
    wait_until(lambda: site.queues.depth(queue) == 1)
    (message,) = site.queues.receive(queue, limit=1, wait_s=1, visibility_s=0)
    valid = json.loads(message.body)
    changes: list[dict[str, Any]] = [
        {"id": "../../victim"},
        {"id": str(tmp_path / "victim")},
        {"asset": ".."},
        {"asset": ""},
        {"kind": "../x"},
        {"output": "../../x"},
        {"fence": -1},
        {"weight": 1e300},
        {"spec": []},
    ]
    forged = [json.dumps({**valid, "job": {**valid["job"], **change}}) for change in changes]
    assert all(site.queues.send(queue, forged))
    ada = registered_broker(site)
    assert isinstance(ada, SqsBroker)
    held = claim_one(ada)
    ada.claim("ada", pools=("cpu",), limit=20, lease_s=2)
    wait_until(lambda: site.queues.depth(site.names.dead_letters) == len(forged))
    assert held.job.id == "a-1"
    assert (tmp_path / "victim").is_dir()
    assert settle(ada, held, done())
    wait_until(lambda: get(site.ledger, "a-1").state is State.DONE)
