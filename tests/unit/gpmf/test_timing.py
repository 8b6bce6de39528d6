from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from eddyline import gpmf
from eddyline.gpmf.payloads import join_payloads
from eddyline.gpmf.timing import Origin, PayloadSamples, build_timeline

PayloadBuilder = Callable[..., bytes]


def chunks(
    payload: list[int], samples: list[int], stamp: list[float] | None = None, latency: float = 0.0
) -> PayloadSamples:
    stamps = np.array(stamp or [np.nan] * len(payload), dtype=np.float64)
    return PayloadSamples(payload=np.array(payload), samples=np.array(samples), stamp=stamps, latency=latency)


def spans(count: int, step: float = 1.001) -> tuple[np.ndarray, np.ndarray]:
    start = np.arange(count) * step
    return start, start + step


def test_a_steady_stream_is_on_the_least_squares_line() -> None:
    start, end = spans(4)
    line = build_timeline(chunks([0, 1, 2, 3], [200, 198, 202, 200]), start, end, None)
    slope, at_zero = np.polyfit(end, np.cumsum([200, 198, 202, 200]), 1)
    assert line.rule == "line"
    assert line.rate_hz == pytest.approx(slope)
    assert line.first_s == pytest.approx(-at_zero / slope)
    np.testing.assert_allclose(np.diff(line.times()), 1 / slope)


def test_stamps_set_the_time_of_the_first_sample_of_every_payload() -> None:
    start, end = spans(3)
    line = build_timeline(
        chunks([0, 1, 2], [10, 10, 5], [5e6, 6e6, 7.5e6]), start, end, Origin(ticks=5e6, seconds=0.25)
    )
    times = line.times()
    assert line.rule == "stamps"
    assert line.rate_hz == pytest.approx(20 / 2.5)
    assert times[[0, 10, 20]].tolist() == pytest.approx([0.25, 1.25, 2.75])
    assert times[5] == pytest.approx(0.75)
    assert times[24] == pytest.approx(2.75 + 4 / 8)


@pytest.mark.parametrize("scale", [1e3, 1e6, 1e9])
def test_the_unit_of_stamps_is_derived_from_the_times_of_payloads(scale: float) -> None:
    start, end = spans(3, 1.0)
    stamp = [scale * second for second in (1, 2, 3)]
    line = build_timeline(
        chunks([0, 1, 2], [30, 30, 30], stamp), start, end, Origin(ticks=scale, seconds=0.0)
    )
    assert line.rule == "stamps"
    assert line.rate_hz == pytest.approx(30.0)


def test_decreasing_stamps_are_ignored() -> None:
    start, end = spans(3)
    line = build_timeline(
        chunks([0, 1, 2], [9, 9, 9], [9e6, 1e6, 2e6]), start, end, Origin(ticks=9e6, seconds=0.0)
    )
    assert line.rule == "line"


def test_a_stream_with_gaps_has_times_within_the_payloads_that_contain_it() -> None:
    start, end = spans(50)
    line = build_timeline(chunks([2, 40], [4, 4]), start, end, None)
    times = line.times()
    assert line.rule == "spread"
    assert times[:4].tolist() == pytest.approx([2.002 + i * 1.001 / 4 for i in range(4)], abs=1e-6)
    assert times[4:].tolist() == pytest.approx([40.04 + i * 1.001 / 4 for i in range(4)], abs=1e-6)


def test_latency_is_subtracted() -> None:
    start, end = spans(3)
    line = build_timeline(chunks([0, 1, 2], [5, 5, 5], latency=1.282), start, end, None)
    assert line.first_s == pytest.approx(-1.282)
    assert line.times()[0] == pytest.approx(-1.282)


def test_timo_of_a_stream_is_its_latency(payload: PayloadBuilder) -> None:
    faces = gpmf.stream(
        "FACE", "?", [[], []], complex_type="Lf", stepped=True, modifiers=[gpmf.leaf("TIMO", "f", 0.5)]
    )
    assert gpmf.read_payloads(payload([faces]) * 3).streams["FACE"].first_s == pytest.approx(-0.5)


def test_an_empty_stream_has_no_times() -> None:
    line = build_timeline(chunks([0], [0]), *spans(1), None)
    assert (line.rule, line.rate_hz, line.count) == ("none", 0.0, 0)
    assert line.times().size == 0


def test_payloads_of_length_zero_cause_no_division_by_zero() -> None:
    zeros = np.zeros(3)
    line = build_timeline(chunks([0, 1, 2], [5, 5, 5]), zeros, zeros, None)
    assert np.isfinite(line.times()).all()
    assert line.rate_hz == 0.0


def test_the_payloads_of_a_raw_file_are_assumed_to_last_1_001_s(ramp: PayloadBuilder) -> None:
    stream = gpmf.read_payloads(ramp([200, 200, 200])).streams["ACCL"]
    assert stream.rate_hz == pytest.approx(200 / 1.001)
    assert stream.first_s == pytest.approx(0.0)


def test_the_stamp_of_the_first_video_frame_is_zero(payload: PayloadBuilder) -> None:
    def payload_of_second(number: int) -> bytes:
        at = 5_000_000 + number * 1_001_000
        early = gpmf.stream("ACCL", "s", [[0, 0, 0]] * 200, stamp=at - 5000, total=200 * (number + 1))
        frame = gpmf.stream("SHUT", "f", [0.01] * 30, stamp=at, total=30 * (number + 1))
        return payload([early, frame])

    streams = gpmf.read_payloads(b"".join(payload_of_second(number) for number in range(3))).streams
    assert streams["SHUT"].first_s == 0.0
    assert streams["ACCL"].first_s == pytest.approx(-0.005)
    assert streams["ACCL"].rate_hz == pytest.approx(200 / 1.001)


def test_a_restarted_running_total_does_not_change_the_rate(ramp: PayloadBuilder) -> None:
    stream = gpmf.read_payloads(ramp([200, 200, 200]) + ramp([200, 200, 200])).streams["ACCL"]
    assert len(stream) == 1200
    assert stream.rate_hz == pytest.approx(200 / 1.001)


def test_times_are_those_of_the_movie_after_its_edits(ramp: PayloadBuilder) -> None:
    data = ramp([200, 200, 200])
    size = len(data) // 3
    blocks = [data[at : at + size] for at in range(0, len(data), size)]
    start = np.array([-0.3, 0.701, 1.702])
    payloads = join_payloads(blocks, offset=np.arange(3), start_s=start, end_s=start + 1.001)
    from eddyline.gpmf.decode import decode_payloads
    from eddyline.gpmf.errors import WarningCollector

    _, _, streams = decode_payloads(payloads, WarningCollector())
    assert streams["ACCL"].first_s == pytest.approx(-0.3)
