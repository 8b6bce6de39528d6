"""Slot time of machines with overlapping starts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.accounts.machine_cost import busy_time, cost_of_machine
from eddyline.fleet.accounts.slot_time import clip, microseconds, peak_of, slot_time

_TIMES = st.integers(-50, 150)
_SPANS = st.lists(st.tuples(_TIMES, _TIMES), max_size=12)


def _running(spans: list[tuple[int, int]], at: int) -> int:
    return sum(1 for begin, end in spans if begin <= at < end)


@given(_SPANS, st.integers(1, 4), st.integers(0, 100), _TIMES, _TIMES)
def test_slot_time_equals_a_count_of_each_microsecond(
    spans: list[tuple[int, int]], slots: int, end: int, boot_end: int, drain_from: int
) -> None:
    found = slot_time(spans, begin=0, end=end, slots=slots, boot_end=boot_end, drain_from=drain_from)
    clipped = clip(spans, 0, end)
    first = min((begin for begin, last in clipped if begin < last), default=end)
    drained = min(max(drain_from, 0), end)
    booted = min(max(boot_end, 0), first, drained)
    expected = [0.0] * len(spans)
    boot = idle = drain = 0
    for at in range(end):
        number = _running(clipped, at)
        free = max(slots - number, 0)
        for place, (begin, last) in enumerate(clipped):
            if begin <= at < last:
                expected[place] += min(1.0, slots / number)
        if at < booted:
            boot += free
        elif at >= drained:
            drain += free
        else:
            idle += free
    scale = found.unit
    assert [weight / scale for weight in found.starts] == pytest.approx(expected, abs=0.01)
    assert (found.boot / scale, found.idle / scale, found.drain / scale) == pytest.approx(
        (boot, idle, drain), abs=0.01
    )
    total = sum(found.starts) + found.boot + found.idle + found.drain
    assert total / scale == pytest.approx(slots * end, abs=0.01)


@given(_SPANS)
def test_the_peak_is_the_greatest_count_at_any_time(spans: list[tuple[int, int]]) -> None:
    assert peak_of(spans) == max((_running(spans, at) for at in range(-50, 150)), default=0)
    assert busy_time(spans) == sum(1 for at in range(-50, 150) if _running(spans, at))


@given(_SPANS, st.integers(0, 10**10))
def test_starts_of_a_machine_pay_for_its_busy_time(spans: list[tuple[int, int]], price: int) -> None:
    spans = [(begin * 10**6, end * 10**6) for begin, end in spans]
    costs = cost_of_machine(spans, nanos_per_hour=price)
    assert abs(sum(costs) * 3_600_000_000 - busy_time(spans) * price) <= 1_800_000_000
    assert all(cost >= 0 for cost in costs)


def test_starts_that_run_together_share_the_machine_equally() -> None:
    hour = 3_600_000_000
    assert cost_of_machine([(0, hour), (0, hour)], nanos_per_hour=1001) == [501, 500]


def test_times_are_rounded_to_microseconds() -> None:
    assert microseconds(1.0000004) == 1_000_000
    with pytest.raises(ValueError, match="not a time"):
        microseconds(float("inf"))
    with pytest.raises(ValueError, match="NaN"):
        microseconds(float("nan"))
