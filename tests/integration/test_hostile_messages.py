"""Forged messages on real queues: what a sender without a token can do to coordinators and workers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.aws_site import Distant
from tests.integration.broker_helpers import claimed, distant, joined, keys, settle
from tests.servers.ministack import ministack
from tests.unit.graph.ledger_helpers import done, get, new
from tests.waiting import wait_until

from eddyline.aws.sqs.broker import SqsBroker
from eddyline.graph.events import CoordinatorEventKind
from eddyline.graph.messages import STRIDE
from eddyline.graph.states import State
from eddyline.observe.backlog import read_backlog

__all__ = ["distant", "keys", "ministack"]

pytestmark = pytest.mark.usefixtures("keys")


def _report(**more: Any) -> str:
    outcome: dict[str, Any] = {"is": "Done", "result": {"by": "eve"}, "output": None, "spawn": []}
    plain = {
        "fact": "answered",
        "job_id": "a-1",
        "fence": STRIDE + 1,
        "worker": "eve",
        "at": 1.0,
        "outcome": outcome,
        **more,
    }
    return json.dumps({"v": 1, "facts": [plain]})


def _beat(**more: Any) -> str:
    plain = {"fact": "beat", "worker": "cpu@phantom:1", "host": "h", "pid": 1, "lease_s": 60.0, **more}
    return json.dumps({"v": 1, "facts": [plain]})


def test_forged_reports_have_no_effect(distant: Callable[..., Distant]) -> None:
    place = distant()
    place.ledger.submit([new("a-1"), new("a-2", "a-1"), new("b-1", owner="bob")])
    ada = joined(place)
    mine = claimed(ada)
    wait_until(lambda: get(place.ledger, mine.job.id).lease_owner == "ada")
    theft = {"add": "NewJob", "id": "b-9", "asset": "b", "kind": "work", "spec": {}, "owner": "bob"}
    forged = [
        *(_report(job_id=mine.job.id, fence=STRIDE + receipt) for receipt in (1, 2, 3, STRIDE - 1)),
        *(_report(job_id="b-1", fence=STRIDE + 1, token=token) for token in ("", "0" * 32)),
        _report(outcome={"is": "Done", "result": {}, "spawn": [theft]}),
        _report(outcome={"is": "Failed", "error": {}, "retry": False}),
        *(_beat(worker=f"cpu@phantom:{number}") for number in range(20)),
        _beat(worker="ada", lease_s=0.0),  # tries to end ada's lease
        _beat(worker="ada", lease_s=20_000.0, holds=[]),
    ]
    absurd = [
        _beat(lease_s=1e299),
        _report(fence=1 << 62),
        _report(job_id="../../victim"),
        '{"v": 1, "facts": [{"fact": []}]}',
        "[" * 5000,
        json.dumps({"v": 1, "facts": "x"}),
        _report(outcome={"is": []}),
    ]
    assert all(place.queues.send(place.names.reports, forged[:10]))
    assert all(place.queues.send(place.names.reports, forged[10:]))
    assert all(place.queues.send(place.names.reports, absurd))
    wait_until(lambda: place.queues.depth(place.names.dead_letters) == len(absurd))
    wait_until(lambda: place.queues.depth(place.names.reports) == 0)
    found = place.ledger.read(lambda c: read_backlog(c, place.ledger.now()))
    assert found.workers == ("ada",)
    assert set(found.unknown) == {"eve", *(f"cpu@phantom:{number}" for number in range(20))}
    assert get(place.ledger, mine.job.id).lease_owner == "ada"
    assert {job.id for job in place.ledger.jobs()} == {"a-1", "a-2", "b-1"}
    assert settle(ada, mine, done(by="ada"))
    wait_until(lambda: get(place.ledger, mine.job.id).state is State.DONE)
    assert get(place.ledger, mine.job.id).result == {"by": "ada"}
    # What a phantom claims is forgotten once its short lease is over.
    wait_until(lambda: all(worker.proven for worker in place.ledger.workers()), timeout_s=30)
    assert place.thread.is_alive()
    assert place.counts[CoordinatorEventKind.REPORTS_FORGED] >= 5


def test_a_worker_ignores_commands_for_another_worker(distant: Callable[..., Distant]) -> None:
    place = distant()
    place.ledger.submit([new("a-1")])
    ada = joined(place)
    mine = claimed(ada)
    box = place.names.command_queue("ada")
    give_up = {"v": 1, "kind": "give-up", "job_id": "a-1", "fence": mine.fence, "over": True}
    commands: list[Any] = [
        {"v": 1, "worker": "another-worker", "kind": "drain"},
        {**give_up, "worker": "another-worker"},
        {"v": 1, "kind": "drain"},
        {"v": 1, "worker": ["ada"], "kind": "drain"},
        {"v": 1, "worker": "ada", "kind": []},
        {"v": 2, "worker": "ada", "kind": "drain"},
        "drain",
    ]
    wait_until(lambda: place.queues.send(box, [json.dumps(each) for each in commands]))
    give_up_at = time.monotonic() + 3
    while time.monotonic() < give_up_at:
        assert ada.receive_commands("ada", 0.5) == []
    assert place.queues.depth(box) == 0
    assert ada.held_jobs("ada") == {"a-1": mine.fence}
    place.queues.send(box, [json.dumps({"v": 1, "worker": "ada", "kind": "drain"})])
    wait_until(lambda: ada.receive_commands("ada", 0.5))
    assert settle(ada, mine, done())


def test_forged_jobs_are_parked_by_the_worker_and_delete_nothing(
    distant: Callable[..., Distant], tmp_path: Path
) -> None:
    place = distant()
    (tmp_path / "victim").mkdir()
    lane = place.names.job_queue("cpu", 0)
    assert lane is not None
    place.ledger.submit([new("a-1")])
    wait_until(lambda: place.queues.depth(lane) == 1)
    (message,) = place.queues.receive(lane, limit=1, wait_s=1, visibility_s=0)
    good = json.loads(message.body)
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
    forged = [json.dumps({**good, "job": {**good["job"], **change}}) for change in changes]
    assert all(place.queues.send(lane, forged))
    ada = joined(place)
    assert isinstance(ada, SqsBroker)
    held = claimed(ada)
    ada.claim("ada", pools=("cpu",), limit=20, lease_s=2)
    wait_until(lambda: place.queues.depth(place.names.dead_letters) == len(forged))
    assert held.job.id == "a-1"
    assert (tmp_path / "victim").is_dir()
    assert settle(ada, held, done())
    wait_until(lambda: get(place.ledger, "a-1").state is State.DONE)
