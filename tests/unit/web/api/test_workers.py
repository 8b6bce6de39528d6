from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.unit.web.web_app import client_of, open_services

from eddyline.fleet.record.fold import fold
from eddyline.graph.fleet_event import FleetEvent, FleetEventKind
from eddyline.graph.job import NewJob
from eddyline.graph.ledger import commands
from eddyline.graph.machine import Machine
from eddyline.web.services import Services


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = open_services(tmp_path)
    services.ledger.submit([NewJob(id="j-1", asset="a", kind="chunk", pool="cpu", spec={})])
    machine = Machine(pool="cpu", instance="i-0123456789abcdef0", lifecycle="spot", vcpu=4, slots=2)
    services.ledger.register("cpu@host:1", "=host", 7, machine=machine)
    services.ledger.claim("cpu@host:1", pools=["cpu"], limit=1, lease_s=30)
    yield services
    services.ledger.close()


def test_workers_have_their_machines_and_jobs(services: Services) -> None:
    with client_of(services) as client:
        (found,) = client.get("/api/v1/workers").json()["workers"]
    assert found["jobs"] == [
        {"job": "j-1", "asset": "a", "kind": "chunk", "attempt": 1, "started": services.ledger.now()}
    ]
    assert (found["pool"], found["slots"], found["lifecycle"], found["alive"]) == ("cpu", 2, "spot", True)
    assert found["lease_until"] == services.ledger.now() + 30


def test_a_worker_whose_lease_ran_out_is_not_alive(services: Services) -> None:
    services.clock.sleep(31)
    with client_of(services) as client:
        assert client.get("/api/v1/workers").json()["workers"][0]["alive"] is False


def test_workers_are_exported_as_csv(services: Services) -> None:
    with TestClient(client_of(services).app) as client:
        text = client.get("/api/v1/workers?format=csv").text.splitlines()
    assert text[0].startswith("name,host,pid,pool,")
    assert text[1].startswith("cpu@host:1,'=host,7,cpu,2,4,i-0123456789abcdef0,")
    assert text[1].endswith(",True,j-1")


def test_workers_are_draining_by_order_or_by_the_notice_of_their_machine(services: Services) -> None:
    ledger, now = services.ledger, services.ledger.now()
    ledger.register("cpu@other:1", "other", 8)
    ledger.register("cpu@third:1", "third", 9)
    with client_of(services) as client:

        def draining() -> list[bool]:
            return [each["draining"] for each in client.get("/api/v1/workers").json()["workers"]]

        assert draining() == [False, False, False]
        ledger.write(lambda c: commands.drain(c, ["cpu@other:1"], deadline=None, reason="test", now=now))
        assert draining() == [False, True, False]
        machine = "i-0123456789abcdef0"
        warning = FleetEvent(id="w", instance=machine, kind=FleetEventKind.INTERRUPTION, at=now, pool="cpu")
        ledger.fleet.store([warning], fold=fold)
        assert draining() == [True, True, False]
