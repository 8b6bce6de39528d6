"""Interruptions, recommendations, states and Spot requests of EC2."""

from __future__ import annotations

import pytest
from tests.unit.fleet.events.reading import only
from tests.unit.fleet.events.recorded_events import AT, ID, fulfillment, rebalance, state_change, warning

from eddyline.fleet.events.ec2 import INTERRUPTION_WARNING_S
from eddyline.fleet.notices import NoticeKind


@pytest.mark.parametrize(
    ("action", "left_s"),
    [("terminate", INTERRUPTION_WARNING_S), ("stop", INTERRUPTION_WARNING_S), ("hibernate", 0.0)],
)
def test_hibernation_starts_with_the_notice_and_other_interruptions_later(action: str, left_s: float) -> None:
    assert only(warning(action=action)).deadline == AT + left_s


def test_a_machine_runs_again_after_a_stop_and_terminates_once() -> None:
    later = "2026-03-02T12:00:00Z"
    assert only(state_change("running")).identity != only(state_change("running", time=later)).identity
    assert only(state_change("terminated")).identity == only(state_change("terminated", time=later)).identity


def test_requests_and_recommendations_are_notices_about_their_instance() -> None:
    assert (only(fulfillment()).kind, only(fulfillment()).instance) == (NoticeKind.LAUNCHED, ID)
    assert (only(rebalance()).kind, only(rebalance()).instance) == (NoticeKind.REBALANCE, ID)
