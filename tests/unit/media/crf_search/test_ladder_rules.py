"""Which rungs are dropped, by the bitrates they need."""

from __future__ import annotations

from typing import Any

from tests.unit.media.crf_search.rungs import rung

from eddyline.media.crf_search.ladder_rules import drop_rungs
from eddyline.media.ladder.smart_settings import SmartSettings


def _left(kbps: dict[int, float], **settings: Any) -> list[int]:
    rungs = [rung(height) for height in sorted(kbps, reverse=True)]
    named = {f"{height}p": value for height, value in kbps.items()}
    dropped = drop_rungs(rungs, named, SmartSettings(**settings))
    assert all(dropped.values())
    return [each.height for each in rungs if each.name not in dropped]


def test_rungs_of_even_steps_are_all_kept() -> None:
    assert _left({1080: 4000, 720: 2200, 480: 1200, 360: 650}) == [1080, 720, 480, 360]


def test_a_rung_that_needs_almost_the_bits_of_the_next_larger_one_is_dropped() -> None:
    assert _left({1080: 1000, 720: 900, 480: 550, 360: 300}) == [1080, 480, 360]


def test_several_close_rungs_leave_the_largest() -> None:
    assert _left({1080: 300, 720: 290, 480: 280, 360: 270}) == [1080]


def test_a_rung_that_closes_a_large_gap_is_kept() -> None:
    assert _left({1080: 1000, 720: 700, 480: 300}) == [1080, 720, 480]


def test_forced_heights_are_kept() -> None:
    assert _left({1080: 300, 720: 290, 480: 280, 360: 270}, forced_heights=(360,)) == [1080, 360]


def test_small_rungs_are_dropped_below_the_smallest_bottom() -> None:
    kbps = {1080: 4000.0, 720: 2200.0, 480: 1200.0, 360: 650.0}
    assert _left(kbps, min_bottom_height=480) == [1080, 720, 480]
    assert _left({360: 650.0, 240: 300.0}, min_bottom_height=480) == [360]


def test_the_top_is_dropped_only_if_its_maximum_rate_is_far_too_low() -> None:
    kbps = {2160: 9000.0, 1080: 4500.0, 720: 2400.0}  # the maximum rate is 5000
    assert _left(kbps) == [2160, 1080, 720]
    assert _left(kbps, min_top_height=1080) == [1080, 720]
    assert _left(kbps, min_top_height=2160) == [2160, 1080, 720]
    assert _left({2160: 7000.0, 1080: 3900.0}, min_top_height=1080) == [2160, 1080]


def test_the_number_of_rungs_is_limited_without_losing_largest_and_smallest() -> None:
    kbps = {1080: 4000.0, 720: 2200.0, 480: 1400.0, 360: 700.0}
    assert _left(kbps, max_rungs=3) == [1080, 720, 360]
    assert _left(kbps, max_rungs=1) == [1080]
