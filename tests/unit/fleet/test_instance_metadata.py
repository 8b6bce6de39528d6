"""A machine's own metadata says when it ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.instance_metadata import PARSERS, parse_metadata
from eddyline.fleet.notices import Ignored, Malformed, Notice, NoticeKind, Parsed

NOW = 1_772_366_400.0


def _only(path: str, answer: str) -> Notice:
    reading = parse_metadata(path, answer, NOW)
    assert isinstance(reading, Parsed)
    (notice,) = reading.notices
    return notice


def test_an_interruption_tells_its_own_deadline() -> None:
    notice = _only("spot/instance-action", '{"action": "terminate", "time": "2026-03-01T12:01:53Z"}')
    assert (notice.kind, notice.deadline, notice.instance) == (NoticeKind.INTERRUPTION, NOW + 113, "")


def test_hibernation_begins_at_once() -> None:
    notice = _only("spot/instance-action", '{"action": "hibernate", "time": "2026-03-01T12:01:53Z"}')
    assert notice.deadline == NOW


def test_a_recommendation_is_as_old_as_it_says() -> None:
    notice = _only("events/recommendations/rebalance", '{"noticeTime": "2026-03-01T11:50:00Z"}')
    assert (notice.kind, notice.at) == (NoticeKind.REBALANCE, NOW - 600)


def test_a_group_that_wants_it_terminated_scales_in() -> None:
    assert _only("autoscaling/target-lifecycle-state", "Terminated\n").kind is NoticeKind.SCALE_IN


@pytest.mark.parametrize("state", ["InService", "Warmed:Stopped", ""])
def test_any_other_wish_of_the_group_is_no_end(state: str) -> None:
    assert isinstance(parse_metadata("autoscaling/target-lifecycle-state", state, NOW), Ignored)


@pytest.mark.parametrize("path", sorted(PARSERS))
def test_no_answer_says_nothing(path: str) -> None:
    assert isinstance(parse_metadata(path, None, NOW), Ignored)


@pytest.mark.parametrize(
    ("path", "answer"),
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
def test_an_answer_not_as_documented_is_said_to_be(path: str, answer: str) -> None:
    reading = parse_metadata(path, answer, NOW)
    assert isinstance(reading, Malformed)
    assert path in reading.reason


@given(path=st.sampled_from(sorted(PARSERS)), answer=st.text(max_size=60))
def test_no_answer_brings_the_parser_down(path: str, answer: str) -> None:
    assert isinstance(parse_metadata(path, answer, NOW), Parsed | Ignored | Malformed)
