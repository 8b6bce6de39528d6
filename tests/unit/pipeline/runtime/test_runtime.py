"""The limits of a pool bound the time, the memory and the disk space of its jobs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from tests.unit.pipeline.source_facts import facts

from eddyline.core.errors import TransientError
from eddyline.core.identity import canonical
from eddyline.fleet.pools import JobLimits
from eddyline.graph.job import Claim, Done, Failed, Outcome
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.worker.handler import JobContext, run_handler
from eddyline.media.ladder.profile import load_profile
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.planning.plan_jobs import plan_jobs
from eddyline.pipeline.runtime.history import history_from_spec
from eddyline.pipeline.runtime.runtime import Runtime, Task
from eddyline.pipeline.runtime.step_handler import StepOutput, step_handler
from eddyline.store.local import LocalStore

MIB = 1024 * 1024
_PLAN = Plan.create(
    asset="0123456789abcdef", name="a.mp4", facts=facts(), profile=load_profile("fast"), toolchain="fleet"
)


@pytest.fixture
def claim(tmp_path: Path) -> Claim:
    """A claimed chunk job."""
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.submit(list(plan_jobs(_PLAN, "request")))
        return ledger.claim("me", pools=("cpu",), limit=1, lease_s=60)[0]


def _outcome(tmp_path: Path, claim: Claim, code: str, **limits: Any) -> Outcome:
    """The outcome of a job whose program is this code, in a pool with these limits."""
    store = LocalStore(tmp_path / "store")
    store.put_bytes(_PLAN.key, canonical(_PLAN.to_json()))
    runtime = Runtime(
        store=store,
        tools=Toolchain.find(),
        scratch=tmp_path / "scratch",
        history=history_from_spec,
        disk_wait_s=0,
        limits={claim.job.pool: JobLimits(**{"scratch_gib": 0.01, **limits})} if limits else {},
    )

    def step(task: Task) -> StepOutput:
        task.runner.run((sys.executable, "-c", code), cwd=task.work)
        return StepOutput()

    return run_handler(step_handler(runtime, step), claim.job, JobContext(attempt=1))


_SLOW = "import time; time.sleep(3)"
_MEMORY_HEAVY = f"b = bytearray({600 * MIB})"
_DISK_HEAVY = f"import time\nf = open('flood', 'wb')\nf.write(bytes({40 * MIB}))\nf.flush()\ntime.sleep(3)"


@pytest.mark.parametrize(
    ("code", "limits", "message"),
    [
        (_SLOW, {"wall_s": 0.5}, "exceeded the time limit of its job, 0.5 s"),
        (_MEMORY_HEAVY, {"memory_mib": 500}, "MemoryError"),
        (_DISK_HEAVY, {"scratch_gib": 0.01}, "exceeded the disk limit of its job"),
    ],
)
def test_each_limit_of_a_pool_ends_a_real_program(
    tmp_path: Path, claim: Claim, code: str, limits: dict[str, float], message: str
) -> None:
    outcome = _outcome(tmp_path, claim, code, **limits)
    assert isinstance(outcome, Failed)
    assert message in outcome.error["message"]
    # Retried, because another machine may have more resources.
    assert outcome.retry
    if message != "MemoryError":
        assert "limits of pool cpu in pools.yaml" in outcome.error["remedy"]
    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_same_programs_succeed_without_limits(tmp_path: Path, claim: Claim) -> None:
    assert isinstance(_outcome(tmp_path, claim, f"{_MEMORY_HEAVY}; open('large', 'wb').write(b)"), Done)


def test_a_job_does_not_start_without_the_disk_space_it_may_need(tmp_path: Path, claim: Claim) -> None:
    outcome = _outcome(tmp_path, claim, "raise SystemExit(1)", scratch_gib=60_000)
    assert isinstance(outcome, Failed)
    assert outcome.error["error"] == TransientError.__name__
    assert "needs 6000 GiB free" in outcome.error["message"]
