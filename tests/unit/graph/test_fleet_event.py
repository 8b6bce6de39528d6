"""Fleet events and their JSON form."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eddyline.graph.db.schema import fleet_events, instances
from eddyline.graph.fleet_event import FleetEvent, FleetEventKind
from eddyline.graph.instance import Instance

_EVENT = FleetEvent(id="e-1", instance="i-00000001", kind=FleetEventKind.LAUNCHED, at=1.8e9)


@given(
    st.builds(
        FleetEvent,
        id=st.text(min_size=1),
        instance=st.text(min_size=1),
        kind=st.sampled_from(FleetEventKind),
        at=st.floats(0, 4e9),
        pool=st.text(),
        vcpu=st.none() | st.integers(),
        launched=st.none() | st.floats(0, 4e9),
    )
)
def test_an_event_survives_its_json_form(event: FleetEvent) -> None:
    assert FleetEvent.from_json(event.to_json()) == event


def test_empty_fields_are_left_out() -> None:
    assert json.loads(_EVENT.to_json()) == {
        "id": "e-1", "instance": "i-00000001", "kind": "launched", "at": 1.8e9
    }  # fmt: skip


def test_fields_of_a_later_version_are_left_out() -> None:
    text = json.dumps({**json.loads(_EVENT.to_json()), "later": 1})
    assert FleetEvent.from_json(text) == _EVENT


def test_a_kind_of_a_later_version_is_left_out() -> None:
    assert FleetEvent.from_json(json.dumps({**json.loads(_EVENT.to_json()), "kind": "later"})) is None


def test_values_are_bounded() -> None:
    hostile: dict[str, Any] = {"pool": "p" * 9999, "zone": "a\0b", "group": "\ud800", "vcpu": 10**9}
    found = FleetEvent(id="e", instance="i", kind=FleetEventKind.SEEN, at=0.0, **hostile)
    assert (len(found.pool), found.zone, found.group, found.vcpu) == (256, "ab", "?", None)


def test_an_instance_has_the_columns_of_its_table() -> None:
    assert [field.name for field in fields(Instance)] == [column.name for column in instances.columns]
    assert {"id", "instance", "kind", "at", "received", "body"} == {
        each.name for each in fleet_events.columns
    }


def test_an_instance_counts_the_seconds_within_a_range() -> None:
    running = Instance(instance="i-1", launched=100.0)
    ended = Instance(instance="i-1", launched=100.0, terminated=150.0)
    assert running.seconds(0, 200) == 100
    assert running.seconds(150, 200) == 50
    assert running.seconds(0, 50) == 0
    assert ended.seconds(120, 200) == 30
    assert ended.seconds(200, 300) == 0
    assert Instance(instance="i-1").seconds(0, 200) == 0
