"""Calls are repeated with backoff while AWS throttles them, within the budget, and not after other errors."""

from __future__ import annotations

import random
from typing import Any

import pytest
from tests.unit.aws.lambdas.lambda_fleet import LambdaFleet

from eddyline.aws.lambdas.calls import BUDGET_S, CallError, Calls, calls_of
from eddyline.core.clock import ManualClock


def _describe(fleet: LambdaFleet, calls: Calls) -> Any:
    return calls.call(fleet.clients.autoscaling.describe_auto_scaling_instances, InstanceIds=["i-00000001"])


@pytest.mark.parametrize("code", ["Throttling", "InternalFailure", "ResourceContention"])
def test_a_transient_failure_is_repeated(fleet: LambdaFleet, code: str) -> None:
    fleet.plane.fail("autoscaling", "DescribeAutoScalingInstances", code, times=4)
    assert _describe(fleet, fleet.calls())["AutoScalingInstances"] == []
    assert len(fleet.plane.calls) == 5


def test_repetition_ends_with_the_budget_and_the_error_is_transient(fleet: LambdaFleet) -> None:
    fleet.plane.fail("autoscaling", "*", "Throttling", times=1000)
    started = fleet.clock.now()
    with pytest.raises(CallError, match="Throttling") as raised:
        _describe(fleet, fleet.calls())
    assert raised.value.transient
    assert BUDGET_S / 2 < fleet.clock.now() - started <= BUDGET_S
    assert len(fleet.plane.calls) < 30


@pytest.mark.parametrize("code", ["AccessDenied", "ValidationError"])
def test_other_errors_are_not_repeated(fleet: LambdaFleet, code: str) -> None:
    fleet.plane.fail("autoscaling", "*", code)
    with pytest.raises(CallError) as raised:
        _describe(fleet, fleet.calls())
    assert (raised.value.code, raised.value.transient) == (code, False)
    assert len(fleet.plane.calls) == 1


def test_an_unreachable_service_is_transient_and_wrong_parameters_are_not(fleet: LambdaFleet) -> None:
    import boto3
    from botocore.config import Config

    calls = fleet.calls(budget_s=0.0)
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-central-1"}
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=1)
    lost = boto3.client("ecs", endpoint_url="http://127.0.0.1:9", config=config, **keys)
    with pytest.raises(CallError) as raised:
        calls.call(lost.list_container_instances, cluster="eddyline-cpu")
    assert raised.value.transient
    with pytest.raises(CallError) as raised:
        calls.call(fleet.clients.ecs.list_tasks, cluster=7)
    assert not raised.value.transient


def test_delays_are_random_so_that_many_functions_do_not_repeat_together(fleet: LambdaFleet) -> None:
    delays = []
    for seed in range(20):
        clock = ManualClock(0)
        calls = Calls(deadline=20.0, clock=clock.now, wait=clock.advance, rng=random.Random(seed))
        fleet.plane.fail("autoscaling", "*", "Throttling")
        _describe(fleet, calls)
        delays.append(clock.now())
    assert len(set(delays)) == 20
    assert max(delays) <= 0.2


class _Context:
    def __init__(self, left_s: float) -> None:
        self._left_s = left_s

    def get_remaining_time_in_millis(self) -> int:
        return int(self._left_s * 1000)


@pytest.mark.parametrize(("left_s", "budget_s"), [(60.0, 20.0), (12.0, 10.0), (1.0, 0.0)])
def test_the_budget_leaves_time_before_the_timeout_of_the_function(left_s: float, budget_s: float) -> None:
    clock = ManualClock(100.0)
    assert calls_of(_Context(left_s), clock.now)._deadline == 100.0 + budget_s
    assert calls_of(None, clock.now)._deadline == 120.0
