"""Coordinators as processes publish the demand of pools to CloudWatch and Prometheus."""

from __future__ import annotations

import os
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.acceptance.machines import Machines, end
from tests.servers.__main__ import exports
from tests.servers.aws_control_plane import ControlPlane, control_plane
from tests.servers.fleet_model.effects import Recorded
from tests.servers.fleet_model.fleet import FleetModel
from tests.servers.ministack import Ministack
from tests.unit.graph.postgres_server import NoServerError, Server
from tests.waiting import wait_until

from eddyline.fleet.scaling.metric_names import DECISION_AGE, METRICS
from eddyline.graph.job import NewJob
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with control_plane(FleetModel(effects=Recorded())) as running:
        yield running


@pytest.fixture
def machines(
    eddyline: tuple[str, ...], ministack: Ministack, plane: ControlPlane, tmp_path: Path
) -> Iterator[Machines]:
    with ExitStack() as stack:
        try:
            ledger = stack.enter_context(Server())
        except NoServerError as error:
            pytest.skip(str(error))
        shared = exports(ledger.url, ministack)
        shared |= {"AWS_ENDPOINT_URL_CLOUDWATCH": plane.url, "EDDYLINE_CLOUDWATCH": "1"}
        shared["EDDYLINE_QUEUES"] = f"metrics{os.getpid()}"
        yield stack.enter_context(Machines(command=eddyline, folder=tmp_path, shared=shared))


def _values(plane: ControlPlane, prefix: str, pool: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    dimensions = [{"Name": "Prefix", "Value": prefix}, {"Name": "Pool", "Value": pool}]
    for namespace, datum in plane.metric_data():
        assert namespace == "Eddyline"
        if datum["Dimensions"] == dimensions:
            found.setdefault(str(datum["MetricName"]), []).append(float(datum["Value"]))
    return found


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_every_coordinator_publishes_the_demand_of_the_ledger(
    machines: Machines, plane: ControlPlane
) -> None:
    prefix = machines.shared["EDDYLINE_QUEUES"]
    with Ledger.open(machines.shared["EDDYLINE_LEDGER"], publishes=True) as ledger:
        ledger.submit([NewJob(id=f"{n}", asset="a", kind="chunk", spec={}, weight=4000.0) for n in range(30)])
        ledger.register(
            "w", "host", 1, lease_s=600.0, machine=Machine(pool="cpu", lifecycle="spot", vcpu=32, slots=16)
        )
    first = machines.start("coordinator-0", "coordinator", "--metrics", "0")
    machines.start("coordinator-1", "coordinator")
    wait_until(lambda: len(plane.calls_of("PutMetricData")) >= 2, timeout_s=60, message=machines.logs)
    found = _values(plane, prefix, "cpu")
    # No pool has `scaling: eddyline` here.
    assert set(found) == {metric.name for metric in METRICS} - {DECISION_AGE.name}
    assert found["SpotInServiceVcpu"] == [32.0, 32.0]
    # 30 chunks of 4000 frames at the default rate of 0.1 s and 2 vCPU, in 300 s.
    assert found["WantedVcpu"] == [80.0, 80.0]
    assert found["BacklogSecondsPerVcpu"] == pytest.approx([750.0, 750.0])
    (port,) = [
        line["port"] for line in machines.lines("coordinator-0") if line["event"] == "metrics server started"
    ]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        text = response.read().decode()
    assert 'eddyline_vcpu_wanted{class="cpu"} 80.0' in text
    status, seconds = end(first, signal.SIGTERM, 30)
    assert status == 0
    assert seconds < 15
    with Ledger.open(machines.shared["EDDYLINE_LEDGER"]) as ledger:
        stored = [sample for sample in ledger.fleet.samples(0, 4e9) if sample.pool == "cpu"]
    assert stored[0].wanted_vcpu == 80
    assert len(stored) == len({sample.minute for sample in stored})
