"""Peak and average bit rates are those of RFC 8216, and @bandwidth is sufficient for playback."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from eddyline.media.streaming.bit_rates import is_continuous, measure_bit_rates, required_bandwidth


def test_the_peak_is_of_segments_that_last_about_the_target_duration() -> None:
    lengths = [Fraction(4), Fraction(4), Fraction(1)]
    rates = measure_bit_rates([1000, 3000, 9000], lengths, 5)
    # The last second alone is shorter than 2.5 s; with the segment before it lasts 5 s.
    assert rates.peak == (3000 + 9000) * 8 // 5
    assert rates.average == -(-13_000 * 8 // 9)


def test_a_stream_shorter_than_half_the_target_is_one_set() -> None:
    rates = measure_bit_rates([700], [Fraction(7, 5)], 5)
    assert rates.peak == rates.average == 4000


def test_nothing_has_no_bit_rate() -> None:
    assert measure_bit_rates([], [], 5).peak == 0
    assert measure_bit_rates([5], [Fraction(0)], 5).average == 0


def test_the_bandwidth_of_an_even_stream_allows_for_the_buffer() -> None:
    # One segment of 4 s may take the 2 s of the buffer as well.
    assert required_bandwidth([4000], [Fraction(4)], Fraction(2)) == -(-32_000 // 6)


@settings(max_examples=50, deadline=None)
@given(
    segments=st.lists(st.tuples(st.integers(1, 10**7), st.integers(1, 10_000)), min_size=1, max_size=12),
    buffer=st.integers(0, 4),
)
def test_the_required_bandwidth_is_the_least_that_suffices(
    segments: list[tuple[int, int]], buffer: int
) -> None:
    sizes = [size for size, _ in segments]
    lengths = [Fraction(milliseconds, 1000) for _, milliseconds in segments]
    bandwidth = required_bandwidth(sizes, lengths, Fraction(buffer))
    worst = max(
        8 * sum(sizes[first:stop]) / float(buffer + sum(lengths[first:stop]))
        for first in range(len(sizes))
        for stop in range(first + 1, len(sizes) + 1)
    )
    assert abs(bandwidth - worst) <= max(1.0, worst / 10**9)
    assert is_continuous(sizes, lengths, Fraction(buffer), bandwidth)
