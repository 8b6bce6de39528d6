"""The leader of the scaler is killed or frozen: capacity stays, and another coordinator continues."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.integration.scaler_process import LEASE_S, STEP_S
from tests.servers.aws_control_plane import ControlPlane, control_plane
from tests.servers.fleet_model.effects import Recorded
from tests.servers.fleet_model.fleet import FleetModel
from tests.servers.fleet_model.resources import Group
from tests.unit.app.fleet.scaled_fleet import ON_DEMAND, SPOT, TYPES
from tests.waiting import wait_until

from eddyline.graph.job import Done, NewJob, Settlement
from eddyline.graph.ledger.fleet import scaler_decisions
from eddyline.graph.ledger.fleet.scaler_decisions import PoolDecision
from eddyline.graph.ledger.ledger import Ledger

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@dataclass(kw_only=True)
class Scalers:
    """Processes that scale one fleet, by their owner."""

    ledger: Ledger
    plane: ControlPlane
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def decision(self) -> PoolDecision | None:
        """The last decision about the pool."""
        return self.ledger.read(scaler_decisions.find).get("cpu")

    def desired(self) -> int:
        """The desired capacity of Spot."""
        return self.plane.fleet.groups[SPOT].desired

    def submit(self, name: str, count: int) -> None:
        """Add due jobs of 40 s."""
        self.ledger.submit(
            [
                NewJob(id=f"{name}-{number}", asset=name, kind="chunk", spec={}, weight=60.0)
                for number in range(count)
            ]
        )

    def wait_for_leader(self, *owners: str) -> PoolDecision:
        """Wait for a decision of one of these."""

        def decided() -> PoolDecision | None:
            found = self.decision()
            return found if found is not None and found.owner in owners else None

        wait_until(lambda: decided() is not None)
        found = decided()
        assert found is not None
        return found


@pytest.fixture
def scalers(tmp_path: Path) -> Iterator[Scalers]:
    model = FleetModel(effects=Recorded())
    for name, most in ((SPOT, 640), (ON_DEMAND, 160)):
        model.add_group(Group(name=name, most=most, weights=TYPES, types=tuple(TYPES)))
    location = tmp_path / "ledger.db"
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger.open(location))
        plane = stack.enter_context(control_plane(model))
        running = Scalers(ledger=ledger, plane=plane)
        _measure(ledger)
        running.submit("a", 100)
        for owner in ("first", "second"):
            running.processes[owner] = stack.enter_context(_process(location, owner, plane))
        yield running


@contextmanager
def _process(location: Path, owner: str, plane: ControlPlane) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.scaler_process", str(location), owner],
        env={**os.environ, **plane.environment},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _measure(ledger: Ledger) -> None:
    """One job has run for a while, so that the rate of its kind is known."""
    ledger.submit([NewJob(id="m-1", asset="m", kind="chunk", spec={}, weight=0.3)])
    ledger.register("desk", "desk", 1)
    (claim,) = ledger.claim("desk", pools=("cpu",), limit=1, lease_s=30.0)
    time.sleep(0.2)
    ledger.settle([Settlement(job_id=claim.job.id, fence=claim.fence, outcome=Done(result={}))])


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP])
def test_capacity_stays_and_the_other_one_continues(scalers: Scalers, sent: signal.Signals) -> None:
    before = scalers.wait_for_leader("first", "second")
    wait_until(lambda: scalers.desired() > 0)
    other = "second" if before.owner == "first" else "first"
    scalers.processes[before.owner].send_signal(sent)
    ended, desired = time.monotonic(), scalers.desired()
    scalers.submit("b", 1200)  # more work, which only the next leader sees
    while time.monotonic() - ended < LEASE_S / 2:
        assert scalers.desired() == desired
        time.sleep(0.1)
    after = scalers.wait_for_leader(other)
    assert after.term > before.term
    wait_until(lambda: scalers.desired() > desired)
    if sent is signal.SIGSTOP:
        desired = scalers.desired()
        scalers.processes[before.owner].send_signal(signal.SIGCONT)
        time.sleep(4 * STEP_S)
        found = scalers.decision()
        assert found is not None
        assert (found.owner, found.term) == (other, after.term)
        assert scalers.desired() == desired
