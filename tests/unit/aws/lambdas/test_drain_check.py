"""The messages of the general drain: read back as written, and bounded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.mutation import hostile, mutated
from tests.unit.fleet.events.reading import only
from tests.unit.fleet.events.recorded_events import AT, lifecycle, warning

from eddyline.aws.lambdas.drain_check import DrainCheck, check_of_notice, parse_check
from eddyline.fleet.drain.instances import DrainDecision

FIRST = check_of_notice(only(lifecycle()))
NEXT = FIRST.next(DrainDecision(reason="", heartbeat=True, check_again_s=15.0), "0a1b2c3d", AT + 5.0)


def test_a_check_is_read_back() -> None:
    assert parse_check(NEXT.to_json()) == NEXT
    assert (NEXT.chain, NEXT.progress.checks, NEXT.progress.heartbeats) == ("0a1b2c3d", 1, 1)
    assert NEXT.progress.last_heartbeat == AT + 5.0


def test_the_chain_stays_the_same_and_names_the_owner() -> None:
    later = NEXT.next(DrainDecision(reason=""), "another", AT + 20.0)
    assert later.owner == NEXT.owner
    assert NEXT.owner == f"{FIRST.action_digest}.0a1b2c3d"
    assert later.progress.last_heartbeat == NEXT.progress.last_heartbeat


def test_a_notice_without_a_lifecycle_action_is_refused() -> None:
    with pytest.raises(ValueError, match="lifecycle"):
        check_of_notice(only(warning()))


@pytest.mark.parametrize("text", ["{}", "null", "[]", json.dumps(lifecycle()), '{"kind": "another"}'])
def test_other_messages_are_not_checks(text: str) -> None:
    assert parse_check(text) is None


@given(mutated([json.loads(NEXT.to_json())]) | hostile() | st.just({"kind": "drain-check"}))
def test_a_malformed_check_is_a_value_error(value: Any) -> None:
    try:
        found = parse_check(json.dumps(value))
    except ValueError:
        return
    assert found is None or isinstance(found, DrainCheck)
    assert len(found.to_json() if found else "") < 8192
