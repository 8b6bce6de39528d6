"""Which notices drain the workers of an instance."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.fleet.events import recorded_events as recorded

from eddyline.fleet.eventbridge_events import parse_event
from eddyline.fleet.notices import Parsed
from eddyline.fleet.record.drains import STALE_S, InstanceDrain, instance_drain

_HOOKS = {"cpu": 900.0}


def _drain(event: dict[str, Any], now: float = recorded.AT) -> InstanceDrain | None:
    found = parse_event(event)
    assert isinstance(found, Parsed)
    return instance_drain(found.notices[0], now=now, prefix="eddyline", hooks=_HOOKS)


def test_a_warning_drains_within_two_minutes() -> None:
    drain = _drain(recorded.warning())
    assert drain == InstanceDrain(
        instance=recorded.ID, deadline=recorded.AT + 120, reason="Spot interruption (terminate)"
    )


def test_hibernation_grants_no_time() -> None:
    drain = _drain(recorded.warning(action="hibernate"))
    assert drain is not None
    assert drain.deadline == recorded.AT


def test_a_scale_in_grants_the_hook_time_of_the_pool() -> None:
    drain = _drain(recorded.lifecycle())
    assert drain is not None
    assert (drain.deadline, drain.reason) == (recorded.AT + 900, "scale-in")


def test_a_scale_in_of_a_group_of_others_drains_nothing() -> None:
    assert _drain(recorded.lifecycle(group="web")) is None
    assert _drain(recorded.lifecycle(group="eddyline-gpu-spot")) is None


@pytest.mark.parametrize(
    "event",
    [recorded.rebalance(), recorded.state_change("terminated"), recorded.group_activity("Launch Successful")],
)
def test_other_notices_drain_nothing(event: dict[str, Any]) -> None:
    assert _drain(event) is None


def test_a_notice_whose_deadline_passed_long_ago_drains_nothing() -> None:
    limit = recorded.AT + 120 + STALE_S
    assert _drain(recorded.warning(), now=limit) is not None
    assert _drain(recorded.warning(), now=limit + 1) is None
