"""A worker drains when the instance metadata announces an interruption."""

from __future__ import annotations

import json
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.acceptance.clips import looped, plain
from tests.acceptance.machines import Machines
from tests.servers.ecsagent import agent
from tests.servers.imds import machine
from tests.waiting import wait_until

from eddyline.graph.job import Job
from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State

NOTICE_S = 25.0
INSTANCE = {
    "instance-id": "i-0123456789abcdef0",
    "instance-type": "c5.4xlarge",
    "placement/availability-zone": "eu-central-1a",
    "instance-life-cycle": "spot",
}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_worker_exits_before_a_spot_interruption_and_its_task_is_protected_only_during_jobs(
    eddyline: tuple[str, ...], small_profile: Path, ffmpeg: str, tmp_path: Path
) -> None:
    short = plain(ffmpeg, tmp_path / "short.mp4", seconds=5)
    clip = looped(ffmpeg, short, tmp_path / "long.mp4", times=240)
    shared = {"EDDYLINE_STORE": str(tmp_path / "media"), "EDDYLINE_LEDGER": str(tmp_path / "ledger.db")}
    with (
        machine() as metadata,
        agent() as ecs,
        Machines(command=eddyline, folder=tmp_path, shared=shared) as machines,
        Ledger.open(tmp_path / "ledger.db") as ledger,
    ):
        metadata.responses |= INSTANCE
        process = machines.start(
            "cpu",
            *("worker", "--pool", "cpu", "--slots", "1"),
            ECS_AGENT_URI=ecs.url,
            AWS_EC2_METADATA_DISABLED="false",
            AWS_EC2_METADATA_SERVICE_ENDPOINT=metadata.url,
        )
        wait_until(lambda: machines.lines("cpu"), timeout_s=60, message=machines.logs)
        assert not ecs.protected
        machines.run("submit", str(clip), "--profile", str(small_profile))
        wait_until(lambda: ecs.protected, timeout_s=60, message=machines.logs)
        chunks: list[Job] = []

        def is_encoding() -> bool:
            chunks[:] = ledger.jobs(state=State.RUNNING, kind="chunk")
            return bool(chunks)

        wait_until(is_encoding, timeout_s=60, message=machines.logs)
        status = json.loads(machines.run("status", "--json"))
        (reported,) = status["machines"].values()
        assert [reported[key] for key in ("instance", "instance_type", "zone", "lifecycle")] == list(
            INSTANCE.values()
        )
        assert (reported["pool"], reported["slots"]) == ("cpu", 1)
        # A scale-in grants 900 s (hook_s of the pool), and SIGTERM does not shorten that.
        metadata.responses["autoscaling/target-lifecycle-state"] = "Terminated"
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: _exit_by(machines, "scale-in"), timeout_s=20, message=machines.logs)
        assert _exit_by(machines, "scale-in") > time.time() + 800
        assert process.poll() is None
        wait_until(lambda: ecs.protected, timeout_s=1, message=machines.logs)
        ends = time.time() + NOTICE_S
        notice = {
            "action": "terminate",
            "time": datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        metadata.responses["spot/instance-action"] = json.dumps(notice)
        assert process.wait(NOTICE_S + 5) == 0, machines.logs()
        assert _exit_by(machines, "Spot interruption (terminate)") < ends
        assert time.time() < ends, "the worker exited after the interruption"
        wait_until(lambda: not ecs.protected, timeout_s=10, message=machines.logs)
        # Unfinished jobs are ready for other workers and have no failed attempt.
        assert not ledger.jobs(state=State.RUNNING)
        assert ledger.has_open()
        assert all(job.attempt == 0 for job in ledger.jobs(state=State.READY))
        assert ledger.workers() == []
        # The chunk was handed back, or was done in time.
        (start,) = ledger.starts.of_job(chunks[0].id)
        assert start.outcome in {StartOutcome.INTERRUPTED, StartOutcome.DONE}
        assert start.instance == INSTANCE["instance-id"]
        assert start.ended - start.started < 5 or (start.cpu_s or 0) > 0.5


def _exit_by(machines: Machines, reason: str) -> float:
    """The latest `exit_by` that the worker logged for a reason; 0 if there is none."""
    found = [
        line["exit_by"]
        for line in machines.lines("cpu")
        if line.get("event") == "drain phase" and line["reason"] == reason
    ]
    return float(found[-1]) if found else 0.0
