"""Windows of an hour to a year, and their steps."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest

from eddyline.core.errors import UsageError
from eddyline.fleet.dashboard.window import window_of

NOW = 1_790_000_123.0
HOUR, DAY = 3600.0, 86_400.0


@pytest.mark.parametrize(
    ("length", "step"),
    [
        (HOUR, 300),
        (6 * HOUR, 600),
        (DAY, 1800),
        (7 * DAY, 14_400),
        (30 * DAY, 86_400),
        (90 * DAY, 172_800),
        (366 * DAY, 604_800),
    ],
)
def test_the_step_follows_the_window(length: float, step: int) -> None:
    window = window_of(NOW - length, NOW, now=NOW)
    assert window.step_s == step
    assert window.edges[0] == NOW - length
    assert window.edges[-1] == NOW
    assert 11 <= window.steps <= 55
    assert float(np.diff(window.edges).max()) <= step


def test_weeks_begin_on_mondays() -> None:
    window = window_of(NOW - 365 * DAY, NOW, now=NOW)
    assert {dt.datetime.fromtimestamp(edge, dt.UTC).weekday() for edge in window.edges[1:-1]} == {0}


def test_times_are_in_the_step_that_starts_at_them() -> None:
    window = window_of(NOW - HOUR, NOW, now=NOW)
    assert window.index(window.edges[:-1]).tolist() == list(range(window.steps))


def test_a_window_ends_now_at_the_latest() -> None:
    assert window_of(NOW - HOUR, NOW + DAY, now=NOW).stop == NOW


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        (NOW - 59, NOW),
        (NOW - 367 * DAY, NOW),
        (NOW, NOW - HOUR),
        (NOW + 1, NOW + HOUR),
        (math.nan, NOW),
        (0, math.inf),
    ],
)
def test_other_windows_are_refused(start: float, stop: float) -> None:
    with pytest.raises(UsageError) as error:
        window_of(start, stop, now=NOW)
    assert error.value.remedy
