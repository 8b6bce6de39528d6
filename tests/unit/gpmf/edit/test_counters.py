"""Counts and clocks are updated in their own width and form, or left unchanged."""

from __future__ import annotations

import pytest

from eddyline.gpmf.edit.counters import advance_ticks, advance_utc, with_number
from eddyline.gpmf.format.builder import leaf


@pytest.mark.parametrize("char", ["L", "J"])
def test_a_number_keeps_its_type_and_width(char: str) -> None:
    node = leaf("TSMP", char, 7)
    changed = with_number(node, 300)
    assert (changed.type, len(changed.data), changed.array().ravel().tolist()) == (
        char,
        len(node.data),
        [300],
    )
    assert with_number(node, 7) is node


@pytest.mark.parametrize("value", [-1, 1 << 32])
def test_a_number_that_does_not_fit_is_ignored(value: int) -> None:
    node = leaf("TSMP", "L", 7)
    assert with_number(node, value) is node


def test_a_tick_count_is_advanced_by_whole_ticks() -> None:
    assert advance_ticks(leaf("TICK", "L", 1000), 0.6).array().ravel().tolist() == [1001]
    assert advance_ticks(leaf("TOCK", "L", 1000), -250.2).array().ravel().tolist() == [750]


def test_gps_time_is_advanced_over_midnight_and_rounded_to_milliseconds() -> None:
    node = leaf("GPSU", "U", "191231235959.500")
    assert advance_utc(node, 0.5).data == b"200101000000.000"
    assert advance_utc(node, 0.0016).data == b"191231235959.502"


@pytest.mark.parametrize("text", ["000000000000.000", "no fix", "191231235959500"])
def test_an_invalid_gps_time_is_unchanged(text: str) -> None:
    node = leaf("GPSU", "c", text)
    assert advance_utc(node, 5) is node
