"""A cut contains exactly the samples of its time range, and readers give them the same times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from eddyline import gpmf
from eddyline.gpmf.edit.window import TelemetryCut, cut_telemetry
from eddyline.gpmf.errors import WarningCollector
from eddyline.gpmf.payloads import join_payloads
from eddyline.gpmf.sources import Source
from eddyline.gpmf.telemetry import _read

PayloadBuilder = Callable[..., bytes]
PERIOD = 1.001


def reread(cut: TelemetryCut, source: gpmf.Telemetry, start: float, end: float) -> gpmf.Telemetry:
    """Returns the cut, read as the track of a movie that starts at `start`."""
    low = np.array([span[0] for span in cut.spans], np.int64)
    high = np.array([span[1] for span in cut.spans], np.int64)
    payloads = join_payloads(
        cut.payloads,
        offset=np.arange(len(low), dtype=np.int64),
        start_s=np.maximum(source.payloads.start_s[low], start) - start,
        end_s=np.minimum(source.payloads.end_s[high], end) - start,
    )
    return _read(Source(kind="raw", payloads=payloads), WarningCollector(lenient=False))


def total(payload: bytes, key: str = "TSMP") -> int:
    node = next(gpmf.parse(payload).find(key))
    return int(node.array().ravel()[0])


@pytest.fixture
def stamped(ramp: PayloadBuilder) -> gpmf.Telemetry:
    """Six payloads of 20 samples, stamped 50 ms apart by a clock that started much earlier."""
    stamps = [7_000_000 + round(number * PERIOD * 1e6) for number in range(6)]
    return gpmf.read_payloads(ramp([20] * 6, stamps=stamps))


@pytest.mark.parametrize(
    ("start", "end"), [(0.0, 6.006), (1.3, 4.7), (2.002, 4.004), (0.2, 0.9), (1.9, 5.01)]
)
def test_a_cut_has_exactly_the_samples_of_its_range_at_their_times(
    stamped: gpmf.Telemetry, start: float, end: float
) -> None:
    stream = stamped.streams["ACCL"]
    inside = (stream.times >= start - 1e-9) & (stream.times < end - 1e-9)
    found = reread(cut_telemetry(stamped, start, end), stamped, start, end).streams["ACCL"]
    assert np.array_equal(found.values, stream.values[inside])
    assert np.abs(found.times - (stream.times[inside] - start)).max() < 1 / stream.rate_hz


def test_tsmp_counts_from_the_first_kept_sample(stamped: gpmf.Telemetry) -> None:
    cut = cut_telemetry(stamped, 1.5, 4.6)
    kept = cut.kept["ACCL"]
    totals = [total(payload) for payload in cut.payloads]
    assert totals[-1] == kept[1] - kept[0]
    assert totals == sorted(totals)
    assert totals[0] == next(node.repeat for node in gpmf.parse(cut.payloads[0]).find("ACCL"))


def test_payloads_in_the_middle_differ_only_in_tsmp(stamped: gpmf.Telemetry) -> None:
    cut = cut_telemetry(stamped, 1.3, 4.7)
    for payload, (low, high) in list(zip(cut.payloads, cut.spans, strict=True))[1:-1]:
        assert low == high
        old = stamped.payloads[low]
        assert len(payload) == len(old)
        changed = [at for at in range(len(old)) if old[at] != payload[at]]
        tsmp = old.index(b"TSMP") + 8
        assert set(changed) <= set(range(tsmp, tsmp + 4))


def test_the_first_stamp_is_advanced_to_the_first_kept_sample(stamped: gpmf.Telemetry) -> None:
    cut = cut_telemetry(stamped, 1.3, 4.7)
    assert abs(total(cut.payloads[0], "STMP") - (7_000_000 + 1_300_000)) < 60_000
    middle = cut.payloads[2]
    assert total(middle, "STMP") == total(stamped.payloads[cut.spans[2][0]], "STMP")


def test_a_cut_without_payloads_is_empty(stamped: gpmf.Telemetry) -> None:
    assert cut_telemetry(stamped, 50.0, 60.0).payloads == ()


def test_a_short_part_of_a_payload_is_merged_into_its_neighbour(stamped: gpmf.Telemetry) -> None:
    cut = cut_telemetry(stamped, 0.9, 4.1)
    assert cut.spans[0] == (0, 1)
    assert cut.spans[-1] == (3, 4)


def test_modifiers_from_before_the_cut_apply_in_it() -> None:
    def payload(number: int) -> bytes:
        rows = [[number * 10 + at] for at in range(10)]
        scale = [7.0] if number == 0 else []
        stream = gpmf.stream("ACCL", "s", rows, scale=scale, units=["m/s²"] if not number else [])
        return gpmf.serialize([gpmf.device(1, "Camera", [stream])])

    source = gpmf.read_payloads(b"".join(payload(number) for number in range(5)))
    start, end = 2.1, 4.4
    cut = cut_telemetry(source, start, end)
    found = reread(cut, source, start, end).streams["ACCL"]
    first, stop = cut.kept["ACCL"]
    assert np.allclose(found.values, source.streams["ACCL"].values[first:stop])
    assert found.units == ("m/s²",)


def test_samples_added_next_to_steps_remain_separate(payload: PayloadBuilder) -> None:
    plain = gpmf.stream("ABCD", "s", [[number] for number in range(10)], total=10)
    steps = [[[100 + number]] for number in range(10)]
    found = gpmf.read_payloads(
        payload([plain]) + payload([gpmf.stream("ABCD", "s", steps, stepped=True, total=20)])
    )
    start, end = 0.7 * PERIOD, 2 * PERIOD  # three samples of the first payload are moved to the second
    stream = reread(cut_telemetry(found, start, end), found, start, end).streams["ABCD"]
    assert stream.values.ravel().tolist() == [7, 8, 9, *range(100, 110)]
    assert len(stream) == 13


def test_ticks_and_gps_time_are_advanced_to_the_first_kept_sample() -> None:
    def payload(number: int) -> bytes:
        modifiers = [
            gpmf.leaf("TICK", "L", 5000 + round(number * 1001)),
            gpmf.leaf("TOCK", "L", 5950 + round(number * 1001)),
            gpmf.leaf("GPSU", "U", f"2506211000{number:02}.000"),
        ]
        rows = [[number, at] for at in range(20)]
        stream = gpmf.stream("GPS5", "l", rows, total=20 * number + 20, modifiers=modifiers)
        return gpmf.serialize([gpmf.device(1, "Camera", [stream])])

    source = gpmf.read_payloads(b"".join(payload(number) for number in range(4)))
    cut = cut_telemetry(source, 0.4, 3.4)
    tree = gpmf.parse(cut.payloads[0])
    shift_s = source.streams["GPS5"].times[cut.kept["GPS5"][0]] - source.streams["GPS5"].times[0]
    assert abs(int(next(tree.find("TICK")).array().ravel()[0]) - (5000 + 1000 * shift_s)) <= 1
    utc_text = next(tree.find("GPSU")).text
    assert utc_text.startswith("2506211000")
    assert abs(float(utc_text[10:]) - shift_s) < 0.002
    end = gpmf.parse(cut.payloads[-1])
    assert int(next(end.find("TOCK")).array().ravel()[0]) < 5950 + 3 * 1001


@pytest.mark.parametrize("name", ["max-heromode.mp4", "karma.mp4", "gpmf/walking.gpmf", "gpmf/hero7.raw"])
def test_cuts_of_camera_files_keep_every_sample_and_its_value(samples: Path, name: str) -> None:
    source = gpmf.read(samples / name)
    duration_s = float(source.payloads.end_s[-1])
    for start, stop in ((1.234, min(7.5, duration_s - 2)), (2.002, 5.005), (0.0, 3.3), (3.2, 3.9)):
        cut = cut_telemetry(source, start, stop)
        found = reread(cut, source, start, stop)
        for label, stream in source.streams.items():
            first, last = cut.kept[label]
            inside = np.flatnonzero((stream.times >= start - 1e-9) & (stream.times < stop - 1e-9))
            assert last - first == len(inside)
            if not len(inside):
                assert len(found.streams.get(label, ())) == 0
                continue
            cut_stream = found.streams[label]
            rows = slice(first, last)
            if stream.steps is not None:
                rows = slice(int(stream.steps[first]), int(stream.steps[last]))
            assert cut_stream.raw.tobytes() == stream.raw[rows].tobytes()
            assert np.array_equal(cut_stream.values, stream.values[rows], equal_nan=True)
            if stream.timeline.rule == "stamps":
                error_s = np.abs(cut_stream.times - (stream.times[first:last] - start)).max()
                assert error_s * stream.rate_hz <= 1.0 + 1e-6
