"""Health, readiness and metrics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from tests.unit.web.web_app import client_of, open_services

from eddyline.app.worker_supervisor import SupervisedWorker, WorkerSupervisor
from eddyline.web.services import Services


@dataclass
class FakeSupervisor:
    state: SupervisedWorker


def worker(pid: int | None, *, early_ends: int = 0) -> WorkerSupervisor:
    state = SupervisedWorker(
        pid=pid, since=0.0, restarts=0, early_ends=early_ends, failure="it exited with status 1"
    )
    return cast("WorkerSupervisor", FakeSupervisor(state))


def readiness(services: Services) -> tuple[int, list[str]]:
    response = client_of(services).get("/readyz")
    body: dict[str, Any] = response.json()
    assert response.headers["cache-control"] == "no-store"
    assert (body["status"] == "ready") == (response.status_code == 200)
    return response.status_code, body["reasons"]


def test_a_server_whose_ledger_and_store_answer_is_ready(services: Services) -> None:
    assert readiness(services) == (200, [])
    assert readiness(replace(services, worker=worker(7))) == (200, [])


def test_the_reasons_are_named_without_addresses(services: Services, tmp_path: Path) -> None:
    services.ledger.close()
    (tmp_path / ".eddyline" / "ledger.sqlite").unlink()
    (tmp_path / ".eddyline").rename(tmp_path / "moved")
    status, reasons = readiness(services)
    assert status == 503
    assert "the ledger does not answer" in reasons
    assert str(tmp_path) not in " ".join(reasons)
    assert client_of(services).get("/healthz").json() == {"status": "alive"}


def test_a_worker_that_does_not_run_is_a_reason(services: Services) -> None:
    broken = replace(services, worker=worker(None))
    assert readiness(broken) == (503, ["the worker is not running: it exited with status 1"])
    status, (reason,) = readiness(replace(services, worker=worker(None, early_ends=4)))
    assert status == 503
    assert "4 times soon after its start" in reason


def test_a_server_that_is_stopping_is_not_ready(services: Services) -> None:
    services.shutdown.request()
    assert readiness(services) == (503, ["the server is stopping"])


def test_metrics_have_the_requests_and_need_an_administrator(services: Services, tmp_path: Path) -> None:
    client = client_of(services)
    client.get("/healthz")
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    assert 'eddyline_http_requests_total{method="GET",route="/healthz",status="200"} 1.0' in response.text
    other = open_services(tmp_path / "other", local=False)
    assert client_of(other).get("/metrics").status_code == 401
    other.ledger.close()
