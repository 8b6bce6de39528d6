"""Scheduled changes that AWS Health announces."""

from __future__ import annotations

import pytest
from tests.unit.fleet.events.recorded_events import ID, OTHER, health

from eddyline.fleet.eventbridge_events import parse_event
from eddyline.fleet.events.envelope import parse_envelope
from eddyline.fleet.events.health import parse_health_event
from eddyline.fleet.notices import Ignored, Malformed, NoticeKind, Parsed

STARTS = 1_773_576_000.0  # 2026-03-15T12:00:00Z


def test_a_scheduled_change_is_a_notice_for_each_instance_with_its_time() -> None:
    result = parse_health_event(parse_envelope(health(ID, OTHER, ID)))
    assert isinstance(result, Parsed)
    assert [(each.kind, each.instance, each.deadline) for each in result.notices] == [
        (NoticeKind.SCHEDULED_CHANGE, ID, STARTS),
        (NoticeKind.SCHEDULED_CHANGE, OTHER, STARTS),
    ]
    assert result.notices[0].reason == "AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED"


@pytest.mark.parametrize(
    ("start", "deadline"),
    [
        ("2026-03-15T12:00:00Z", STARTS),
        ("Sun, 31 Feb 2026 12:00:00 GMT", None),
        ("soon", None),
        (None, None),
        ("Sun, 15 Mar 0000 12:00:00 GMT", None),
    ],
)
def test_the_time_is_read_in_both_forms_and_may_be_unknown(start: object, deadline: float | None) -> None:
    result = parse_event(health(ID, startTime=start))
    assert isinstance(result, Parsed)
    assert result.notices[0].deadline == deadline


@pytest.mark.parametrize(
    "change",
    [
        {"service": "RDS"},
        {"eventTypeCategory": "issue"},
        {"affectedEntities": []},
        {"affectedEntities": [{"entityValue": "vol-0123456789abcdef0"}, 7]},
    ],
)
def test_other_health_events_are_ignored(change: dict[str, object]) -> None:
    assert isinstance(parse_event(health(ID, **change)), Ignored)


@pytest.mark.parametrize("change", [{"affectedEntities": "all"}, {"eventArn": None}])
def test_a_malformed_change_is_reported(change: dict[str, object]) -> None:
    assert isinstance(parse_event(health(ID, **change)), Malformed)


def test_the_copy_in_the_backup_region_has_the_same_identity() -> None:
    copy = {**health(ID), "id": "another", "region": "us-west-2"}
    first, second = parse_event(health(ID)), parse_event(copy)
    assert isinstance(first, Parsed)
    assert isinstance(second, Parsed)
    assert first.notices[0].identity == second.notices[0].identity
