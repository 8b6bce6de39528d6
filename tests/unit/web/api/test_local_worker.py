"""The worker process of a server in the API: its state, pulling the plug, and what was redone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import insert
from tests.unit.web.web_app import client_of, open_services

from eddyline.app.worker_supervisor import SupervisedWorker, WorkerSupervisor
from eddyline.graph.db.library_schema import assets
from eddyline.graph.job import NewJob
from eddyline.web.api.local_worker import index_of
from eddyline.web.services import Services

ASSET = "0123456789abcdef"


@dataclass
class FakeSupervisor:
    state: SupervisedWorker
    killed: bool = False

    def kill(self) -> SupervisedWorker | None:
        self.killed = self.state.pid is not None
        return self.state if self.killed else None


@pytest.fixture
def supervisor() -> FakeSupervisor:
    return FakeSupervisor(SupervisedWorker(pid=42, since=5.0, restarts=2, early_ends=0, failure=""))


@pytest.fixture
def services(tmp_path: Path, supervisor: FakeSupervisor) -> Iterator[Services]:
    found = open_services(tmp_path)
    yield replace(found, worker=cast("WorkerSupervisor", supervisor))
    found.ledger.close()


def hold_a_job(services: Services) -> str:
    job = f"{ASSET}.request1.chunk-0003"
    services.ledger.submit([NewJob(id=job, asset=ASSET, kind="chunk", pool="cpu", spec={})])
    services.ledger.register("local-42", "here", 42)
    assert services.ledger.claim("local-42", pools=["cpu"], limit=1, lease_s=30)
    return job


def test_the_state_of_the_worker(services: Services) -> None:
    assert client_of(services).get("/api/v1/local-worker").json() == {
        "running": True,
        "pid": 42,
        "since": 5.0,
        "restarts": 2,
        "problem": "",
    }


def test_a_kill_answers_with_the_jobs_that_the_worker_held(
    services: Services, supervisor: FakeSupervisor
) -> None:
    job = hold_a_job(services)
    response = client_of(services).post("/api/v1/local-worker/kill")
    assert response.json() == {
        "pid": 42,
        "jobs": [{"job": job, "asset": ASSET, "kind": "chunk", "index": "3"}],
    }
    assert supervisor.killed


def test_only_a_server_on_loopback_without_tokens_kills(
    services: Services, supervisor: FakeSupervisor
) -> None:
    remote = replace(services, settings=replace(services.settings, local=False))
    assert client_of(remote).post("/api/v1/local-worker/kill").status_code == 401
    assert not supervisor.killed


def test_a_worker_that_is_not_running_is_a_conflict(services: Services, supervisor: FakeSupervisor) -> None:
    supervisor.state = replace(supervisor.state, pid=None)
    response = client_of(services).post("/api/v1/local-worker/kill")
    assert response.status_code == 409
    assert response.json()["remedy"]


def test_a_server_without_a_worker_has_no_such_resource(services: Services) -> None:
    client = client_of(replace(services, worker=None))
    assert client.get("/api/v1/local-worker").status_code == 404
    assert client.post("/api/v1/local-worker/kill").status_code == 404


def test_redone_jobs_of_an_asset(services: Services) -> None:
    hold_a_job(services)
    row = {
        "asset": ASSET,
        "owner": "",
        "name": "ride",
        "state": "processing",
        "created": 1.0,
        "updated": 1.0,
        "profile": "default",
        "source": "/ride.mp4",
        "progress": 0.0,
    }
    services.ledger.write(lambda connection: connection.execute(insert(assets), [row]))
    client = client_of(services)
    assert client.get(f"/api/v1/assets/{ASSET}/redone").json() == {"jobs": 0, "starts": []}
    services.clock.sleep(7)
    services.ledger.release_worker("local-42")
    found = client.get(f"/api/v1/assets/{ASSET}/redone").json()
    assert found["jobs"] == 1
    (start,) = found["starts"]
    assert (start["kind"], start["index"], start["outcome"]) == ("chunk", "3", "lost")
    assert start["worker"] == "local-42"
    assert start["lost_s"] == pytest.approx(7, abs=0.01)


def test_redone_jobs_of_an_unknown_asset(services: Services) -> None:
    assert client_of(services).get(f"/api/v1/assets/{ASSET}/redone").status_code == 404
    assert client_of(services).get("/api/v1/assets/other/redone").status_code == 404


def test_the_index_of_a_job() -> None:
    assert index_of("a.b.chunk-0000") == "0"
    assert index_of("a.b.assemble-1080p") == "1080p"
    assert index_of("a.b.inspect") == ""
