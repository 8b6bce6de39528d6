"""The Lambda functions accept any event and any message: they return, or report that AWS failed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.mutation import hostile, mutated
from tests.unit.aws.lambdas.lambda_fleet import SETTINGS, LambdaFleet, batch, new_fleet, shared_plane
from tests.unit.fleet.events import recorded_events as recorded

from eddyline.aws.lambdas.calls import CallError
from eddyline.aws.lambdas.drain_check import check_of_notice
from eddyline.aws.lambdas.general_drain import GeneralDrain
from eddyline.aws.lambdas.spot_drain import SpotDrain
from eddyline.aws.lambdas.spot_metrics import SpotMetrics
from eddyline.fleet.drain.instances import DrainDecision
from eddyline.fleet.eventbridge_events import parse_event
from eddyline.fleet.notices import Parsed

pytestmark = pytest.mark.slow


def _check() -> Any:
    result = parse_event(recorded.lifecycle())
    assert isinstance(result, Parsed)
    decision = DrainDecision(reason="", check_again_s=15.0)
    return json.loads(check_of_notice(result.notices[0]).next(decision, "0a1b2c3d", recorded.AT).to_json())


@pytest.fixture(scope="module")
def plane() -> Iterator[Any]:
    with shared_plane() as running:
        yield running


def _functions(fleet: LambdaFleet) -> list[Callable[[Any, Any], dict[str, Any]]]:
    common: dict[str, Any] = {"settings": SETTINGS, "clients": fleet.clients, "now": fleet.clock.now}
    return [
        GeneralDrain(**common).run,
        SpotDrain(**common).run,
        SpotMetrics(**common, emit=json.loads).run,
    ]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=mutated([*recorded.ALL, _check()]) | hostile(), as_batch=st.booleans())
def test_any_event_is_accepted_by_each_function(plane: Any, value: Any, *, as_batch: bool) -> None:
    fleet = new_fleet(*plane)
    instance = fleet.launch()
    text = json.dumps(value).replace(recorded.ID, instance.id)
    event = batch(text, text) if as_batch else json.loads(text)
    for run in _functions(fleet):
        try:
            answer = run(event, fleet.calls(budget_s=1.0))
        except CallError:
            assert not as_batch
            continue
        assert set(answer) == {"batchItemFailures"}
        assert len(answer["batchItemFailures"]) <= 2
    assert all(each.error in {"", "ValidationError"} for each in fleet.plane.calls)
