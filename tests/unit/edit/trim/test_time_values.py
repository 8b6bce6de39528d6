"""Times and numbers as typed on the command line."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from eddyline.core.errors import UsageError
from eddyline.edit.trim.time_values import TimeValue, parse_number, parse_time
from eddyline.mp4.presentation import Presentation

SHOWN = Presentation(sample=np.arange(10), pts=np.arange(10, dtype=np.int64) * 1001, end=10_010)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12.5", "25/2"), ("0", "0"), ("1:02", "62"), ("0:01:02.500", "125/2"), ("2,25", "9/4"), ("75", "75")],
)
def test_seconds_and_clock_times_are_parsed(text: str, seconds: str) -> None:
    assert parse_time(text) == TimeValue(seconds=Fraction(seconds))


def test_frames_are_counted_from_zero() -> None:
    assert parse_time("120f") == TimeValue(frame=120)
    assert TimeValue(frame=4).frame_index(SHOWN, 30_000) == 4
    assert TimeValue(frame=99).frame_index(SHOWN, 30_000) == 10


@pytest.mark.parametrize("text", ["", "abc", "-1", "1:75", "1:60:00", "1e3", "12f3", "nan", "9" * 40])
def test_invalid_times_are_rejected(text: str) -> None:
    with pytest.raises(UsageError):
        parse_time(text)


@pytest.mark.parametrize(("text", "frame"), [("0", 0), ("0.0333", 1), ("0.034", 2), ("0.067", 2), ("9", 10)])
def test_a_time_selects_the_first_frame_at_or_after_it_within_half_a_millisecond(
    text: str, frame: int
) -> None:
    assert parse_time(text).frame_index(SHOWN, 30_000) == frame


def test_numbers_are_signed() -> None:
    assert parse_number("-1.75") == Fraction(-7, 4)
    with pytest.raises(UsageError):
        parse_number("1/2")
