"""The parsers of AWS input never raise: EC2 metadata, EventBridge, S3 and ECS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.mutation import DEEP, hostile, mutated, values
from tests.unit.fleet.events import recorded_events

from eddyline.aws.ecs_protection import is_confirmed
from eddyline.aws.s3_events.parser import parse_s3_event
from eddyline.fleet.eventbridge_events import parse_event
from eddyline.fleet.instance_metadata import PARSERS, parse_metadata
from eddyline.fleet.names import parse_group
from eddyline.fleet.notices import Ignored, Malformed, Parsed
from eddyline.fleet.record.attribution import fleet_event
from eddyline.fleet.record.drains import instance_drain
from eddyline.fleet.record.fold import fold
from eddyline.graph.fleet_event import FleetEvent
from eddyline.ingest.decisions import Ignore, Park, Submit

_RECORDED = Path(__file__).parent.parent / "unit" / "aws" / "s3_events" / "recorded"
_UPLOADS = [json.loads(path.read_text("utf-8")) for path in sorted(_RECORDED.glob("*.json"))]
_METADATA = [
    {"action": "terminate", "time": "2026-03-01T12:02:00Z"},
    {"action": "hibernate", "time": "2026-03-01T12:02:00Z"},
    {"noticeTime": "2026-03-01T12:00:00Z"},
]
_RESPONSES = [{"protection": {"ProtectionEnabled": True, "TaskArn": "arn"}}, {"failure": {"Reason": "x"}}]


_EVENTS = recorded_events.ALL


@given(st.sampled_from(sorted(PARSERS)), mutated(_METADATA) | hostile())
def test_any_metadata_is_parsed_without_raising(path: str, value: Any) -> None:
    result = parse_metadata(path, json.dumps(value), 0.0)
    assert isinstance(result, Parsed | Ignored | Malformed)
    assert len(str(result)) < 5000


@given(mutated(_EVENTS) | values())
def test_machine_events_are_parsed_as_text_and_as_dicts(value: Any) -> None:
    for event in (json.dumps(value), value) if isinstance(value, dict) else (json.dumps(value),):
        result = parse_event(event)
        assert isinstance(result, Parsed | Ignored | Malformed)
        assert len(str(result)) < 100_000
        for notice in result.notices if isinstance(result, Parsed) else ():
            assert hash(notice.identity) is not None
            assert parse_group(notice.group, "eddyline") is None or notice.group.startswith("eddyline-")


@given(mutated(_EVENTS))
def test_any_event_about_a_machine_is_recorded_or_left_out(value: Any) -> None:
    result = parse_event(json.dumps(value))
    for notice in result.notices if isinstance(result, Parsed) else ():
        instance_drain(notice, now=notice.at, prefix="eddyline", hooks={"cpu": 900.0})
        event = fleet_event(notice, prefix="eddyline", pools={"cpu"})
        if event is not None:
            assert FleetEvent.from_json(event.to_json()) == event
            assert fold([event, event]).instance == notice.instance
            assert len(event.to_json()) < 20_000


@pytest.mark.parametrize("key", ["Event", "source", "detail-type", "detail", "time"])
@pytest.mark.parametrize("value", [[], {}, [[]], json.loads(DEEP), 1 << 200])
def test_unhashable_values_in_events_are_handled(key: str, value: Any) -> None:
    assert isinstance(parse_event({**_EVENTS[0], key: value}), Parsed | Ignored | Malformed)


@given(value=mutated(_UPLOADS) | values(), wrapped=st.booleans())
def test_upload_events_are_parsed_bare_and_wrapped_by_sns(value: Any, *, wrapped: bool) -> None:
    body = json.dumps(value)
    decisions = parse_s3_event(json.dumps({"Type": "Notification", "Message": body}) if wrapped else body)
    assert decisions
    assert all(isinstance(each, Submit | Ignore | Park) for each in decisions)


@given(value=mutated(_RESPONSES) | values() | st.text(), protected=st.booleans())
def test_responses_of_the_ecs_agent_are_parsed(value: Any, *, protected: bool) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    assert is_confirmed(text, protected=protected) in {True, False}
