"""From an upload to S3 to an asset, on a fleet that loses one instance to Spot and one to a scale-in.

Footage arrives in S3; EventBridge and SQS announce it to `eddyline ingest`, which submits it. Workers on
modelled EC2 instances run the jobs. The events of a Spot interruption and of a scale-in go through the real
Lambda functions and the metadata services of the instances.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.aws_fleet import LEASE_S, TYPES, ZONES, AwsFleet, aws_fleet
from tests.acceptance.clips import looped, plain
from tests.integration.source_bucket import client
from tests.servers.fleet_model.resources import Instance
from tests.servers.ministack import Ministack
from tests.unit.graph.postgres_server import NoServerError
from tests.waiting import wait_until

from eddyline.fleet import names
from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.states import State
from eddyline.pipeline.publication.manifest import without_run
from eddyline.store.open_store import open_store

NOTICE_S = 20.0
HOOK_S = 900.0  # of the shipped pools


@pytest.fixture
def fleet(eddyline: tuple[str, ...], ministack: Ministack, tmp_path: Path) -> Iterator[AwsFleet]:
    # EventBridge may deliver an event twice: here the draining functions get every event twice.
    repeat = {names.GENERAL_DRAIN: 2, names.SPOT_DRAIN: 2}
    try:
        with aws_fleet(eddyline, ministack, tmp_path, hook_s=HOOK_S, repeat=repeat) as running:
            yield running
    except NoServerError as error:
        pytest.skip(str(error))


def as_json(fleet: AwsFleet, *arguments: str) -> Any:
    return json.loads(fleet.machines.run(*arguments, "--json"))


def published_files(root: Path) -> dict[str, str]:
    """The digests of the published files of an asset, by path; the manifest is compared separately."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((root / "assets").rglob("*"))
        if path.is_file() and path.name not in {"manifest.json", "index.html"}
    }


def objects_of(fleet: AwsFleet, cloud: Ministack) -> tuple[dict[str, str], dict[str, Any]]:
    """The digests of the published objects, and the only manifest."""
    store = open_store(fleet.machines.shared["EDDYLINE_STORE"], cloud.settings)
    keys = [key for key in store.list("assets") if not key.endswith("/index.html")]
    (manifest,) = [key for key in keys if key.endswith("/manifest.json")]
    digests = {key: hashlib.sha256(store.get(key)).hexdigest() for key in keys if key != manifest}
    return digests, json.loads(store.get(manifest))


def wait_for_chunk(fleet: AwsFleet, instance: Instance) -> str:
    wait_until(lambda: fleet.running_chunks(instance), timeout_s=180, message=fleet.machines.logs)
    return fleet.running_chunks(instance)[0]


def assert_stopped(fleet: AwsFleet, instance: Instance) -> None:
    """The worker of an instance ended by itself; the SIGTERM of DRAINING may arrive while it exits."""
    (status,) = fleet.exits(instance)
    assert status == 0, fleet.machines.logs()
    stopped = [
        line
        for log in fleet.machines.processes
        if log.startswith("cpu-")
        for line in fleet.machines.lines(log)
        if line["event"] == "worker stopped"
    ]
    assert len(stopped) == sum(bool(fleet.exits(each)) for each in fleet.running.model.instances.values())


def check_savings(fleet: AwsFleet, folder: Path, *, jobs: int) -> None:
    """The shares of Spot, and what it saved, at known prices; Spot prices come from the fake of EC2."""
    (folder / "prices.json").write_text(json.dumps(dict.fromkeys(TYPES.values(), 0.10)))
    spot_prices = {TYPES["cpu"]: 0.03, TYPES["light"]: 0.04}
    with fleet.running.plane.lock:
        fleet.running.model.spot_prices = {
            (kind, zone): price for kind, price in spot_prices.items() for zone in ZONES
        }
    found = as_json(fleet, "fleet", "savings", "--prices", str(folder / "prices.json"))
    assert found["total"]["spot_share"] == 1.0
    assert (found["jobs"]["spot"], found["jobs"]["on_demand"]) == (jobs, 0), found["jobs"]
    saved = {pool["pool"]: pool["saved"] for pool in found["pools"]}
    assert saved == {"cpu": pytest.approx(0.7), "light": pytest.approx(0.6)}
    assert found["total"]["free"] > 0, "an interruption in the first hour is not billed"


def embedded_metrics(output: str) -> Counter[str]:
    """The sums of the metrics in embedded metric format, in the output of the functions."""
    found: Counter[str] = Counter()
    for line in output.splitlines():
        if line.startswith("{") and '"_aws"' in line:
            event = json.loads(line)
            (directive,) = event["_aws"]["CloudWatchMetrics"]
            assert directive["Namespace"] == "Eddyline/Fleet"
            for metric in directive["Metrics"]:
                found[metric["Name"]] += event[metric["Name"]]
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_upload_becomes_one_verified_asset_despite_a_spot_interruption_and_a_scale_in(
    fleet: AwsFleet,
    ministack: Ministack,
    eddyline: tuple[str, ...],
    ffmpeg: str,
    tmp_path: Path,
    small_profile: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clip = looped(
        ffmpeg, plain(ffmpeg, tmp_path / "short.mp4", seconds=5), tmp_path / "GX010001.MP4", times=80
    )
    for number in range(2):
        fleet.machines.start(f"coordinator-{number}", "coordinator", "--lease", LEASE_S)
    fleet.machines.start(
        "ingest",
        *("ingest", "--events", fleet.source.event_queue.name, "--profile", str(small_profile)),
        *("--allow", fleet.source.bucket, "--json"),
    )
    fleet.launch("light")
    interrupted = fleet.launch("cpu")
    uploaded = time.time()
    s3 = client("s3", ministack.url)
    s3.upload_file(str(clip), fleet.source.bucket, "footage/GX010001.MP4")

    # A Spot interruption: the worker hands back or finishes its chunk and exits before the interruption.
    handed_over = wait_for_chunk(fleet, interrupted)
    ends = fleet.warn(interrupted, NOTICE_S)
    wait_until(lambda: fleet.exits(interrupted), timeout_s=NOTICE_S, message=fleet.machines.logs)
    assert_stopped(fleet, interrupted)
    assert time.time() < ends, "the worker exited after the interruption"
    assert fleet.running_chunks(interrupted) == []
    wait_until(lambda: interrupted.lifecycle_state == "Terminated", timeout_s=60, message=fleet.machines.logs)

    # The group replaces it, and the replacement takes over.
    wait_until(lambda: fleet.members("cpu"), timeout_s=60, message=fleet.machines.logs)
    (replacement,) = fleet.members("cpu")
    wait_for_chunk(fleet, replacement)

    # A scale-in: the job finishes within the hook, and the hook is completed once.
    scaled_in = fleet.launch("cpu")
    finishing = wait_for_chunk(fleet, scaled_in)
    scaling = fleet.running.plane.client("autoscaling")
    scaling.terminate_instance_in_auto_scaling_group(
        InstanceId=scaled_in.id, ShouldDecrementDesiredCapacity=True
    )
    wait_until(lambda: scaled_in.lifecycle_state == "Terminated", timeout_s=240, message=fleet.machines.logs)
    assert_stopped(fleet, scaled_in)
    (*_, last) = fleet.ledger.starts.of_job(finishing)
    assert (last.instance, last.outcome) == (scaled_in.id, StartOutcome.DONE), fleet.machines.logs()

    # The asset is complete, and equals that of an undisturbed run on one machine.
    wait_until(
        lambda: fleet.ledger.jobs() and not fleet.ledger.has_open(),
        timeout_s=300,
        message=fleet.machines.logs,
    )
    jobs = fleet.ledger.jobs()
    assert {job.state for job in jobs} == {State.DONE}
    starts = {job.id: fleet.ledger.starts.of_job(job.id) for job in jobs}
    done = {job: sum(start.outcome is StartOutcome.DONE for start in found) for job, found in starts.items()}
    assert set(done.values()) == {1}, done
    first, *others = starts[handed_over]
    assert first.instance == interrupted.id
    if first.outcome is not StartOutcome.DONE:  # it was handed back: another instance has finished it
        assert first.outcome is StartOutcome.INTERRUPTED
        assert others[-1].instance in {replacement.id, scaled_in.id}
    out = tmp_path / "single"
    run = [*eddyline, "run", str(clip), "--out", str(out), "--profile", str(small_profile)]
    subprocess.run(run, check=True, capture_output=True)
    (single,) = out.glob("assets/*/manifest.json")
    digests, manifest = objects_of(fleet, ministack)
    assert without_run(manifest) == without_run(json.loads(single.read_bytes()))
    assert digests == published_files(out)

    # The hooks were completed once each, although every event was delivered twice.
    for instance in (interrupted, scaled_in):
        with fleet.running.plane.lock:
            assert fleet.running.model.accepted_completions(instance.id) == 1
    assert not fleet.lambdas.errors
    assert not fleet.running.errors

    # The record, the metrics and the savings.
    status = as_json(fleet, "status")
    assert status["under_way"] == 0
    assert status["workers"] == {"light": 1, "cpu": 1}
    wait_until(lambda: recorded(fleet)["interruptions"] == 1, timeout_s=60, message=fleet.machines.logs)
    total = recorded(fleet)
    assert (total["launches"], total["launches_interrupted"]) == (4, 1)
    hours = total["hours"]
    assert 0 < hours <= 4 * (time.time() - uploaded + 60) / 3600
    pools = {pool["pool"]: pool for pool in as_json(fleet, "fleet", "status")["pools"]}
    assert {name: pool["spot_instances"] for name, pool in pools.items() if pool["spot_instances"]} == {
        "cpu": 1,
        "light": 1,
    }
    assert sum(pool["on_demand_instances"] + pool["busy_slots"] for pool in pools.values()) == 0
    fleet.lambdas.end()
    found = embedded_metrics(capsys.readouterr().out)
    assert found["InterruptionWarnings"] == 1
    assert found["Interruptions"] == 1
    assert found["Launches"] == 4
    assert found["ScaleIns"] == 1
    check_savings(fleet, tmp_path, jobs=len(jobs))


def recorded(fleet: AwsFleet) -> dict[str, Any]:
    """The total of `eddyline fleet interruptions`."""
    return dict(as_json(fleet, "fleet", "interruptions")["total"])
