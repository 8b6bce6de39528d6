"""Instance metadata announces the end of a machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.instance_metadata import PARSERS, parse_metadata
from eddyline.fleet.notices import Ignored, Malformed, Notice, NoticeKind, Parsed

NOW = 1_772_366_400.0


def _only(path: str, response: str) -> Notice:
    reading = parse_metadata(path, response, NOW)
    assert isinstance(reading, Parsed)
    (notice,) = reading.notices
    return notice


def test_an_interruption_has_a_deadline() -> None:
    notice = _only("spot/instance-action", '{"action": "terminate", "time": "2026-03-01T12:01:53Z"}')
    assert (notice.kind, notice.deadline, notice.instance) == (NoticeKind.INTERRUPTION, NOW + 113, "")


def test_hibernation_starts_immediately() -> None:
    notice = _only("spot/instance-action", '{"action": "hibernate", "time": "2026-03-01T12:01:53Z"}')
    assert notice.deadline == NOW


def test_a_recommendation_has_the_time_of_its_notice() -> None:
    notice = _only("events/recommendations/rebalance", '{"noticeTime": "2026-03-01T11:50:00Z"}')
    assert (notice.kind, notice.at) == (NoticeKind.REBALANCE, NOW - 600)


def test_the_target_state_terminated_is_a_scale_in() -> None:
    assert _only("autoscaling/target-lifecycle-state", "Terminated\n").kind is NoticeKind.SCALE_IN


@pytest.mark.parametrize("state", ["InService", "Warmed:Stopped", ""])
def test_other_target_states_are_ignored(state: str) -> None:
    assert isinstance(parse_metadata("autoscaling/target-lifecycle-state", state, NOW), Ignored)


@pytest.mark.parametrize("path", sorted(PARSERS))
def test_a_missing_response_is_ignored(path: str) -> None:
    assert isinstance(parse_metadata(path, None, NOW), Ignored)


@pytest.mark.parametrize(
    ("path", "response"),
    [
        ("spot/instance-action", "<html>"),
        ("spot/instance-action", '{"action": "dance", "time": "2026-03-01T12:01:53Z"}'),
        ("spot/instance-action", '{"action": "terminate"}'),
        ("spot/instance-action", '["terminate"]'),
        ("events/recommendations/rebalance", "{}"),
        ("events/recommendations/rebalance", "[" * 4000),
        ("autoscaling/target-lifecycle-state", "x" * 5000),
    ],
)
def test_a_malformed_response_is_reported_with_its_path(path: str, response: str) -> None:
    reading = parse_metadata(path, response, NOW)
    assert isinstance(reading, Malformed)
    assert path in reading.reason


@given(path=st.sampled_from(sorted(PARSERS)), response=st.text(max_size=60))
def test_the_parser_accepts_any_text(path: str, response: str) -> None:
    assert isinstance(parse_metadata(path, response, NOW), Parsed | Ignored | Malformed)
