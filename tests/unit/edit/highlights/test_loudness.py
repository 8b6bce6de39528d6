"""Levels of audio, and jumps in them."""

from __future__ import annotations

import numpy as np
import pytest

from eddyline.edit.highlights.loudness import PERIOD_S, SILENCE_DB, find_loudness_jumps, measure_levels
from eddyline.edit.highlights.signals import Levels


def levels(*parts: tuple[float, float]) -> Levels:
    """(seconds, dBFS) of each part."""
    values = np.concatenate([np.full(round(seconds / PERIOD_S), level) for seconds, level in parts])
    return Levels(start_s=0.0, period_s=PERIOD_S, values=values)


def test_levels_are_those_of_the_audio() -> None:
    times = np.arange(8000) / 8000
    tone = np.sin(2 * np.pi * 440 * times)
    audio = np.concatenate((tone, tone / 10, np.zeros(8000))).astype(np.float32)
    found = measure_levels(audio, 8000, start_s=0.5)
    assert (found.start_s, found.period_s, len(found.values)) == (0.5, PERIOD_S, 30)
    assert found.values[[5, 15, 25]] == pytest.approx([-3.01, -23.01, SILENCE_DB], abs=0.02)
    assert len(measure_levels(np.ones(801, np.float32), 8000).values) == 2


@pytest.mark.parametrize(
    ("before", "loud", "found"),
    [(-40, -20, 1), (-40, -33, 0), (-80, -50, 0), (-90, -30, 1)],
)
def test_a_jump_is_a_step_to_an_audible_level(before: float, loud: float, found: int) -> None:
    events = find_loudness_jumps(levels((10, before), (1.5, loud), (10, before)))
    assert len(events) == found
    if found:
        assert (events[0].start_s, events[0].end_s) == pytest.approx((10.0, 11.5), abs=0.25)
        assert events[0].values["step_db"] == pytest.approx(loud - before, abs=1)


def test_sounds_at_both_ends_are_those_of_the_camera() -> None:
    assert find_loudness_jumps(levels((0.8, -10), (20, -40), (0.8, -10))) == ()
    assert find_loudness_jumps(levels((1, -10))) == ()


def test_a_section_that_stays_loud_is_an_event_at_its_start_only() -> None:
    (event,) = find_loudness_jumps(levels((20, -40), (60, -15), (20, -40)))
    assert event.start_s == pytest.approx(20, abs=0.3)
    assert event.end_s < 24
