"""The API of jobs: listings, evidence, actions, and that owners see only their own."""

from __future__ import annotations

import time
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.unit.library.asset_jobs import ASSET, WORKER, add_row, planned_jobs

from eddyline.graph.job import Done, Failed, Interrupted, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine
from eddyline.graph.states import State
from eddyline.web.auth.dependencies import authenticate
from eddyline.web.auth.principal import Principal, Scope
from eddyline.web.services import Services

OTHER = "fedcba9876543210"
ERROR = {
    "error": "ToolError",
    "message": "ffmpeg failed",
    "remedy": "look at stderr",
    "argv": ["ffmpeg", "-i", "x"],
    "returncode": 1,
    "stderr": "Invalid data",
}


def act_as(client: TestClient, principal: Principal) -> None:
    """All later requests are those of `principal`."""
    app: Any = client.app
    assert isinstance(app, FastAPI)
    app.dependency_overrides[authenticate] = lambda: principal


def fill(ledger: Ledger, asset: str = ASSET, owner: str = "ada", chunks: int = 3) -> None:
    add_row(ledger, asset, owner=owner)
    ledger.submit(planned_jobs(asset, chunks=chunks, owner=owner))
    ledger.register(WORKER, "host", 1, 600.0, machine=Machine(pool="cpu", slots=4))


def end_jobs(ledger: Ledger, outcome: Done | Failed | Interrupted, count: int = 1) -> list[str]:
    claims = ledger.claim(WORKER, pools=("cpu",), limit=count, lease_s=600.0)
    ledger.settle([Settlement(job_id=each.job.id, fence=each.fence, outcome=outcome) for each in claims])
    return [each.job.id for each in claims]


def test_jobs_are_listed_in_pages_and_filtered(client: TestClient, services: Services) -> None:
    fill(services.ledger)
    end_jobs(services.ledger, Done(result={}), 2)
    expected = sorted(job.id for job in services.ledger.jobs())
    found: list[str] = []
    after = ""
    while True:
        body = client.get("/api/v1/jobs", params={"limit": 4, "after": after}).json()
        found += [job["id"] for job in body["jobs"]]
        after = body["next"]
        if not after:
            break
    assert found == expected
    chunks = client.get("/api/v1/jobs", params={"asset": ASSET, "kind": "chunk", "pool": "cpu"}).json()[
        "jobs"
    ]
    assert [job["kind"] for job in chunks] == ["chunk"] * 3
    for state, count in (("done", 2), ("ready", 5), ("running", 0), ("waiting", 9)):
        assert len(client.get("/api/v1/jobs", params={"state": state}).json()["jobs"]) == count, state


@pytest.mark.parametrize("after", ["!", "AAAA", "x" * 500])
def test_an_invalid_cursor_is_refused(client: TestClient, after: str) -> None:
    response = client.get("/api/v1/jobs", params={"after": after})
    assert response.status_code == 400
    assert response.json()["detail"] == "the cursor of the listing is invalid"


def test_a_job_shows_its_starts_and_the_evidence_of_its_failure(
    client: TestClient, services: Services
) -> None:
    """Temporal ui #2704: the evidence must not be hidden."""
    fill(services.ledger)
    (job,) = end_jobs(services.ledger, Interrupted())
    assert end_jobs(services.ledger, Failed(error=ERROR, retry=False)) == [job]
    body = client.get(f"/api/v1/jobs/{job}").json()
    assert [start["outcome"] for start in body["history"]] == ["interrupted", "failed"]
    assert {start["worker"] for start in body["history"]} == {WORKER}
    assert body["error"]["argv"] == ["ffmpeg", "-i", "x"]
    assert (body["error"]["returncode"], body["error"]["stderr"]) == (1, "Invalid data")
    assert (body["state"], body["starts"], body["message"]) == ("dead", 2, "ffmpeg failed")
    listed = client.get("/api/v1/jobs", params={"state": "dead", "asset": ASSET}).json()["jobs"]
    assert [each["id"] for each in listed] == [job]


def test_failed_jobs_are_retried_one_by_one_or_all(client: TestClient, services: Services) -> None:
    fill(services.ledger)
    failed = end_jobs(services.ledger, Failed(error=ERROR, retry=False), 2)
    assert client.post(f"/api/v1/jobs/{failed[0]}/retry").json()["jobs"][0] in failed
    again = client.post(f"/api/v1/jobs/{failed[0]}/retry")
    assert again.status_code == 409
    assert again.json()["detail"] == "the job is ready"
    restored = client.post("/api/v1/jobs/redrive", params={"asset": ASSET}).json()["jobs"]
    assert failed[1] in restored
    assert client.post("/api/v1/jobs/redrive", params={"asset": ASSET}).json() == {"jobs": []}


def test_an_open_job_is_cancelled(client: TestClient, services: Services) -> None:
    fill(services.ledger)
    job = services.ledger.jobs(kind="chunk")[0].id
    assert client.post(f"/api/v1/jobs/{job}/cancel").json() == {"jobs": [job]}
    assert client.post(f"/api/v1/jobs/{job}/cancel").status_code == 409


def test_an_asset_is_cancelled_and_retried(client: TestClient, services: Services) -> None:
    fill(services.ledger)
    assert len(client.post(f"/api/v1/assets/{ASSET}/cancel").json()["jobs"]) == len(services.ledger.jobs())
    second = client.post(f"/api/v1/assets/{ASSET}/cancel")
    assert (second.status_code, second.json()["title"]) == (409, "Conflict")
    assert len(client.post(f"/api/v1/assets/{ASSET}/retry").json()["jobs"]) == len(services.ledger.jobs())
    assert client.post(f"/api/v1/assets/{ASSET}/retry").status_code == 409


def _shows_preview(services: Services) -> bool:
    return services.store.size(f"assets/{ASSET}/stream/preview.m3u8") is not None


def test_a_cancelled_asset_has_no_preview(client: TestClient, services: Services) -> None:
    fill(services.ledger)
    services.store.put_bytes(f"assets/{ASSET}/stream/preview.m3u8", b"#EXTM3U\n")
    assert client.post(f"/api/v1/assets/{ASSET}/cancel").status_code == 200
    assert not _shows_preview(services)


def test_the_stream_of_an_asset_that_may_be_being_published_is_not_removed(
    client: TestClient, services: Services
) -> None:
    fill(services.ledger)
    services.store.put_bytes(f"assets/{ASSET}/stream/preview.m3u8", b"#EXTM3U\n")
    while "publish" not in {job.kind for job in services.ledger.jobs(state=State.READY)}:
        assert end_jobs(services.ledger, Done(result={}), 100)
    assert client.post(f"/api/v1/assets/{ASSET}/cancel").status_code == 200
    assert _shows_preview(services)


def test_an_asset_is_deleted(client: TestClient, services: Services) -> None:
    fill(services.ledger)
    assert client.delete(f"/api/v1/assets/{ASSET}").status_code == 202
    found = services.ledger.catalogue.get(ASSET)
    assert found is not None
    assert found.state == "deleting"
    assert not services.ledger.has_open(ASSET)
    assert client.post(f"/api/v1/assets/{ASSET}/retry").json()["detail"] == "the asset is being deleted"


ROUTES = [
    ("GET", "/api/v1/jobs/{job}"),
    ("POST", "/api/v1/jobs/{job}/cancel"),
    ("POST", "/api/v1/jobs/{job}/retry"),
    ("GET", "/api/v1/assets/{asset}/jobs"),
    ("POST", "/api/v1/assets/{asset}/cancel"),
    ("POST", "/api/v1/assets/{asset}/retry"),
    ("DELETE", "/api/v1/assets/{asset}"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_foreign_job_and_an_absent_one_give_the_same_answer(
    client: TestClient, services: Services, method: str, path: str
) -> None:
    fill(services.ledger)
    job = services.ledger.jobs()[0].id
    act_as(client, Principal(owner="eve", scope=Scope.WRITE))
    foreign = client.request(method, path.format(job=job, asset=ASSET))
    absent = client.request(method, path.format(job="absent", asset=OTHER))
    assert foreign.status_code == absent.status_code == 404
    assert foreign.content == absent.content


def test_owners_list_and_redrive_only_their_own_jobs(client: TestClient, services: Services) -> None:
    fill(services.ledger)
    fill(services.ledger, OTHER, owner="eve")
    end_jobs(services.ledger, Failed(error=ERROR, retry=False), 4)
    act_as(client, Principal(owner="eve", scope=Scope.WRITE))
    listed = client.get("/api/v1/jobs").json()["jobs"]
    assert {job["asset"] for job in listed} == {OTHER}
    restored = client.post("/api/v1/jobs/redrive").json()["jobs"]
    assert {job.split(".")[0] for job in restored} <= {OTHER}


def test_readers_change_nothing(client: TestClient, services: Services) -> None:
    fill(services.ledger)
    job = services.ledger.jobs()[0].id
    act_as(client, Principal(owner="ada", scope=Scope.READ))
    for method, path in ROUTES:
        response = client.request(method, path.format(job=job, asset=ASSET))
        assert response.status_code == (200 if method == "GET" else 403), path
    assert client.post("/api/v1/jobs/redrive").status_code == 403


def test_the_jobs_of_an_asset_with_5000_chunks_are_listed_quickly(
    client: TestClient, services: Services
) -> None:
    fill(services.ledger, chunks=5000)
    client.get(f"/api/v1/assets/{ASSET}/jobs")
    started = time.perf_counter()
    response = client.get(f"/api/v1/assets/{ASSET}/jobs")
    took = time.perf_counter() - started
    body = response.json()
    assert len(body["jobs"]["rows"]) == 5013
    assert took < 3.0  # 0.2 s on an idle machine
    assert len(response.content) < 1_500_000


def test_the_jobs_of_an_asset_have_their_starts_and_its_progress(
    client: TestClient, services: Services
) -> None:
    fill(services.ledger)
    end_jobs(services.ledger, Interrupted())
    services.clock.sleep(1)
    end_jobs(services.ledger, Done(result={}))
    body = client.get(f"/api/v1/assets/{ASSET}/jobs").json()
    starts = [dict(zip(body["starts"]["columns"], row, strict=True)) for row in body["starts"]["rows"]]
    assert [start["outcome"] for start in starts] == ["interrupted", "done"]
    assert {start["worker"] for start in starts} == {WORKER}
    assert body["progress"]["reason"]
    assert body["asset"]["name"] == f"{ASSET}.mp4"
