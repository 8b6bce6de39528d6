"""A coordinator scales in a thread, and says what it did."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.servers.aws_control_plane import KEYS
from tests.servers.fleet_model.resources import REGION
from tests.unit.app.fleet.scaled_fleet import ScaledFleet, scaled_fleet, scaled_pools
from tests.waiting import wait_until

from eddyline.app.fleet.scaler_loop import scale_pools
from eddyline.app.observability import Observation, observe
from eddyline.app.shared_services import SharedServices
from eddyline.fleet.pools import load_pools
from eddyline.observe.coordinator_metrics import CoordinatorMetrics


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScaledFleet]:
    for name in ("aws_access_key_id", "aws_secret_access_key"):
        monkeypatch.setenv(name.upper(), KEYS[name])
    monkeypatch.setenv("AWS_REGION", REGION)
    with scaled_fleet(tmp_path, scaled_pools()) as found:
        found.measure()
        monkeypatch.setenv("AWS_ENDPOINT_URL_AUTO_SCALING", found.plane.url)
        yield found


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def observation(stream: io.StringIO) -> Iterator[Observation[CoordinatorMetrics]]:
    with observe(CoordinatorMetrics(), stream=stream, level="info", metrics="", always={}) as found:
        yield found


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def count(observation: Observation[CoordinatorMetrics], what: str) -> float:
    return (
        observation.metrics.registry.get_sample_value("eddyline_coordinator_actions_total", {"what": what})
        or 0
    )


SHARED = SharedServices.from_options(ledger="unused", queues="eddyline")


def test_pools_are_scaled_while_the_coordinator_runs(
    fleet: ScaledFleet, observation: Observation[CoordinatorMetrics], stream: io.StringIO
) -> None:
    fleet.submit(400)
    with scale_pools(SHARED, fleet.ledger, fleet.pools, observation):
        wait_until(lambda: fleet.group().desired > 0)
        wait_until(lambda: events(stream))
    (event,) = events(stream)
    assert (event["event"], event["pool"]) == ("pool scaled", "cpu")
    assert event["spot_vcpu"] == fleet.group().desired
    assert count(observation, "pools decided") == 1
    assert fleet.add_scaler("next").step()  # the leader resigned


def test_a_failure_is_counted_and_logged(
    fleet: ScaledFleet, observation: Observation[CoordinatorMetrics], stream: io.StringIO
) -> None:
    fleet.plane.fail("autoscaling", "DescribeAutoScalingGroups", "AccessDenied", times=9, status=403)
    with scale_pools(SHARED, fleet.ledger, fleet.pools, observation):
        wait_until(lambda: events(stream))
    assert events(stream)[0]["event"] == "pools not scaled"
    assert count(observation, "scaling failed") >= 1


def test_what_keeps_the_capacity_of_a_pool_is_logged(
    fleet: ScaledFleet, observation: Observation[CoordinatorMetrics], stream: io.StringIO
) -> None:
    del fleet.model.groups["eddyline-cpu-od"]
    with scale_pools(SHARED, fleet.ledger, fleet.pools, observation):
        wait_until(lambda: events(stream))
    (event,) = events(stream)
    assert (event["event"], event["level"]) == ("capacity kept", "warning")
    assert count(observation, "pools kept") == 1


def test_nothing_runs_without_a_pool_that_eddyline_scales(
    fleet: ScaledFleet, observation: Observation[CoordinatorMetrics]
) -> None:
    with scale_pools(SHARED, fleet.ledger, load_pools(), observation):
        pass
    assert fleet.plane.calls == []
