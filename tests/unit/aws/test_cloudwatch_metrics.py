"""Publishing metrics to CloudWatch, against a fake that boto3 calls over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from tests.servers.aws_control_plane import ControlPlane, control_plane
from tests.servers.fleet_model.effects import Recorded
from tests.servers.fleet_model.fleet import FleetModel

from eddyline.aws.clients import open_client
from eddyline.aws.cloudwatch_metrics import CloudWatchMetrics, Value

AT = 1_800_000_000.0


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with control_plane(FleetModel(effects=Recorded())) as running:
        yield running


def metrics(plane: ControlPlane, **settings: Any) -> CloudWatchMetrics:
    return CloudWatchMetrics(plane.client("cloudwatch", **settings), namespace="Eddyline")


def value(number: float, pool: str = "cpu") -> Value:
    return Value(
        metric="WantedVcpu", unit="Count", dimensions={"Prefix": "studio", "Pool": pool}, value=number
    )


def test_all_values_of_a_minute_are_one_call(plane: ControlPlane) -> None:
    assert metrics(plane).publish([value(64.0), value(0.0, "light")], at=AT)
    assert len(plane.calls_of("PutMetricData")) == 1
    (namespace, first), (_, second) = plane.metric_data()
    assert namespace == "Eddyline"
    assert (first["MetricName"], float(first["Value"]), first["Unit"]) == ("WantedVcpu", 64.0, "Count")
    assert second["Dimensions"] == [
        {"Name": "Prefix", "Value": "studio"},
        {"Name": "Pool", "Value": "light"},
    ]
    assert "2027-01-15" in str(first["Timestamp"])


def test_more_than_a_thousand_values_are_several_calls(plane: ControlPlane) -> None:
    assert metrics(plane).publish([value(float(n)) for n in range(1001)], at=AT)
    assert [len(call["MetricData"]) for call in plane.calls_of("PutMetricData")] == [1000, 1]


def test_a_throttled_call_is_retried(plane: ControlPlane) -> None:
    plane.fail("cloudwatch", "PutMetricData", "Throttling", times=1)
    assert metrics(plane).publish([value(1.0)], at=AT)
    assert len(plane.metric_data()) == 1


def test_an_outage_is_logged_once_and_costs_only_its_minutes(
    plane: ControlPlane, caplog: pytest.LogCaptureFixture
) -> None:
    from botocore.config import Config

    published = metrics(plane, config=Config(retries={"mode": "standard", "total_max_attempts": 1}))
    plane.fail("cloudwatch", "PutMetricData", "AccessDenied", times=3)
    with caplog.at_level(logging.WARNING):
        assert [published.publish([value(1.0)], at=AT + 60 * n) for n in range(4)] == [False] * 3 + [True]
    assert [record.message for record in caplog.records if record.name == "eddyline.outages"] == [
        "service unavailable",
        "service available again",
    ]
    assert published.failures == 3


def test_an_endpoint_that_does_not_answer_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client = open_client("cloudwatch", endpoint="http://127.0.0.1:9", region="us-east-1")
    assert not CloudWatchMetrics(client, namespace="Eddyline").publish([value(1.0)], at=AT)
