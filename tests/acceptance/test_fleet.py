"""A fleet of processes with separate work directories that share only PostgreSQL, S3 and SQS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.clips import looped, noisy, plain
from tests.acceptance.machines import Machines, end
from tests.servers.__main__ import exports
from tests.servers.ministack import Ministack
from tests.unit.graph.postgres_server import NoServerError, Server
from tests.waiting import wait_until

from eddyline.graph.job import Job
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State
from eddyline.pipeline.publication.manifest import without_run
from eddyline.store.open_store import open_store
from eddyline.store.store import Store

LEASE_S = "6"


@pytest.fixture
def machines(eddyline: tuple[str, ...], ministack: Ministack, tmp_path: Path) -> Iterator[Machines]:
    with ExitStack() as stack:
        try:
            ledger = stack.enter_context(Server())
        except NoServerError as error:
            pytest.skip(str(error))
        shared = exports(ledger.url, ministack)
        shared["EDDYLINE_STORE"] = f"s3://{ministack.bucket()}/media"
        shared["EDDYLINE_QUEUES"] = f"fleet{os.getpid()}"
        yield stack.enter_context(Machines(command=eddyline, folder=tmp_path, shared=shared))


def _store(machines: Machines, ministack: Ministack) -> Store:
    return open_store(machines.shared["EDDYLINE_STORE"], ministack.settings)


def _start_fleet(
    machines: Machines, *, coordinators: int = 1, pools: tuple[str, ...] = ("light", "cpu")
) -> None:
    for number in range(coordinators):
        machines.start(f"coordinator-{number}", "coordinator", "--lease", LEASE_S)
    for number, pool in enumerate(pools):
        # Workers do not get the address of the ledger.
        machines.start(
            f"{pool}-{number}",
            *("worker", "--pool", pool, "--slots", "1", "--lease", LEASE_S),
            EDDYLINE_LEDGER="",
        )


def _published(store: Store) -> list[dict[str, Any]]:
    keys = [key for key in store.list("assets") if key.endswith("/manifest.json")]
    return [json.loads(store.get(key)) for key in keys]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_fleet_creates_the_same_asset_as_one_machine(
    machines: Machines,
    ministack: Ministack,
    eddyline: tuple[str, ...],
    small_profile: Path,
    ffmpeg: str,
    tmp_path: Path,
) -> None:
    clip = noisy(ffmpeg, tmp_path / "GX010001.MP4", seconds=20)
    _start_fleet(machines)
    printed = machines.run("submit", str(clip), "--profile", str(small_profile), "--wait", "--json")
    last = json.loads(printed.splitlines()[-1])
    assert last["event"] == "finished", printed
    assert len(last["assets"]) == 1
    assert last["assets"][0]["manifest"].startswith(machines.shared["EDDYLINE_STORE"])
    out = tmp_path / "single"
    subprocess.run(
        [*eddyline, "run", str(clip), "--out", str(out), "--profile", str(small_profile)],
        check=True,
        capture_output=True,
    )
    (single,) = out.glob("assets/*/manifest.json")
    (manifest,) = _published(_store(machines, ministack))
    assert without_run(manifest) == without_run(json.loads(single.read_bytes()))
    assert manifest["run"]["started"] > "2026"
    status = json.loads(machines.run("status", "--json"))
    assert status["under_way"] == 0
    assert status["workers"] == {"light": 1, "cpu": 1}
    # A repeated submission repeats no job.
    again = machines.run("submit", str(clip), "--profile", str(small_profile), "--wait", "--json")
    assert json.loads(again.splitlines()[-1])["assets"][0]["reused"] is True
    for name in ("light-0", "cpu-1", "coordinator-0"):
        code, seconds = end(machines.processes[name], signal.SIGTERM, 20)
        assert code == 0, machines.logs()
        assert seconds < 10


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_drained_worker_finishes_and_exits_and_a_cancelled_asset_stops_immediately(
    machines: Machines, small_profile: Path, ffmpeg: str, tmp_path: Path
) -> None:
    short = plain(ffmpeg, tmp_path / "short.mp4", seconds=5)
    clip = looped(ffmpeg, short, tmp_path / "long.mp4", times=120)
    _start_fleet(machines, pools=("cpu",))
    printed = machines.run("submit", str(clip), "--profile", str(small_profile), "--json")
    (asset,) = [
        line["asset"] for line in map(json.loads, printed.splitlines()) if line["event"] == "submitted"
    ]
    with Ledger.open(machines.shared["EDDYLINE_LEDGER"]) as ledger:

        def chunks_on(name: str) -> list[Job]:
            running = ledger.jobs(state=State.RUNNING, kind="chunk")
            return [job for job in running if job.lease_owner == name]

        wait_until(
            lambda: ledger.jobs(state=State.RUNNING, kind="chunk"), timeout_s=120, message=machines.logs
        )
        (first,) = [worker.name for worker in ledger.workers()]
        (chunk,) = chunks_on(first)
        machines.start(
            "cpu-2", *("worker", "--pool", "cpu", "--slots", "1", "--lease", LEASE_S), EDDYLINE_LEDGER=""
        )
        assert "draining " in machines.run("jobs", "drain", first)
        assert machines.processes["cpu-0"].wait(240) == 0, machines.logs()
        finished = ledger.job(chunk.id)
        assert finished is not None
        assert (finished.state, finished.starts) == (State.DONE, 1), machines.logs()
        (second,) = [line["worker"] for line in machines.lines("cpu-2") if line["event"] == "worker ready"]
        wait_until(lambda: chunks_on(second), timeout_s=120, message=machines.logs)
        machines.run("jobs", "cancel", asset)
        seconds = wait_until(
            lambda: any(line["event"] == "job interrupted" for line in machines.lines("cpu-2")),
            timeout_s=30,
            message=machines.logs,
        )
        assert seconds <= 2.0, machines.logs()
        assert not ledger.has_open()
