"""TimeWarp, time-lapse and slow motion have UTC by GPS time; ordinary recordings have media time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pytest

from eddyline import gpmf
from eddyline.gpmf.utc import GPS_TIME, MEDIA_TIME, UtcClock, build_clock

PayloadBuilder = Callable[..., bytes]
Floats = npt.NDArray[np.float64]
STARTED_AT = datetime(2024, 8, 9, 10, 0, 0, tzinfo=UTC)
T0 = STARTED_AT.timestamp()
SCALE = [1e7, 1e7, 1000, 1000, 100]


def clock_of(posix: npt.ArrayLike, times: npt.ArrayLike | None = None) -> UtcClock:
    """The clock for one reading per payload of 1.001 s."""
    utc = np.asarray(posix, dtype=np.float64)
    at: Floats = np.asarray(np.arange(len(utc)) * 1.001 if times is None else times, dtype=np.float64)
    found = build_clock(at, utc, np.arange(len(utc)))
    assert found is not None
    return found


def gps5(at: datetime, number: int, *, fix: int = 3, rows: int = 1) -> gpmf.Klv:
    table = [
        [470_000_000 + 10_000 * (number * rows + row), 80_000_000, 500_000, 10_000, 1_000]
        for row in range(rows)
    ]
    modifiers = [
        gpmf.leaf("GPSF", "L", fix),
        gpmf.leaf("GPSU", "U", f"{at:%y%m%d%H%M%S}.{at.microsecond // 1000:03}"),
        gpmf.leaf("GPSP", "S", 200),
    ]
    return gpmf.stream("GPS5", "l", table, scale=SCALE, modifiers=modifiers)


def gps9(at: datetime, number: int, *, rows: int = 1, step_s: float = 0.0, fix: int = 3) -> gpmf.Klv:
    table = []
    for row in range(rows):
        since_2000 = at + timedelta(seconds=row * step_s) - datetime(2000, 1, 1, tzinfo=UTC)
        thousandths = since_2000.seconds * 1000 + since_2000.microseconds // 1000
        position = (470_000_000 + 10_000 * (number * rows + row), 80_000_000, 500_000, 10_000, 1_000)
        table.append((*position, since_2000.days, thousandths, 200, fix))
    return gpmf.stream("GPS9", "?", table, complex_type="lllllllSS", scale=[*SCALE, 1, 1000, 100, 1])


def after(seconds: float) -> datetime:
    return STARTED_AT + timedelta(seconds=seconds)


@pytest.mark.parametrize("make", [gps5, gps9])
@pytest.mark.parametrize("speed", [2, 5, 10, 15, 30, 900])
def test_timewarp_and_time_lapse_have_the_utc_of_each_reading(
    payload: PayloadBuilder, make: Callable[..., gpmf.Klv], speed: int
) -> None:
    found = gpmf.read_payloads(b"".join(payload([make(after(speed * i), i)]) for i in range(12)))
    gps = found.gps
    assert gps is not None
    assert gps.clock is not None
    assert (gps.utc - T0).tolist() == pytest.approx([speed * i for i in range(12)], abs=1e-3)
    assert gps.clock.rule == GPS_TIME
    assert gps.clock.speed == pytest.approx(speed / 1.001, rel=1e-3)
    assert found.summary()["clock"]["rule"] == "GPS time"


def test_samples_within_a_payload_are_between_the_readings(payload: PayloadBuilder) -> None:
    found = gpmf.read_payloads(b"".join(payload([gps5(after(10 * i), i, rows=18)]) for i in range(12)))
    assert found.gps is not None
    steps = np.diff(found.gps.utc)
    assert found.gps.utc[0] == pytest.approx(T0, abs=1e-3)
    assert steps.min() > 0
    assert steps == pytest.approx([10 / 18] * len(steps), abs=1e-3)


@pytest.mark.parametrize("interval_s", [5, 30, 120])
def test_gps9_samples_taken_in_bursts_keep_their_own_times(payload: PayloadBuilder, interval_s: int) -> None:
    """A time-lapse switches the receiver on for a second in each interval."""
    blocks = [payload([gps9(after(interval_s * i), i, rows=10, step_s=0.1)]) for i in range(10)]
    found = gpmf.read_payloads(b"".join(blocks))
    assert found.gps is not None
    expected = [interval_s * i + 0.1 * row for i in range(10) for row in range(10)]
    assert (found.gps.utc - T0).tolist() == pytest.approx(expected, abs=2e-3)


def test_slow_motion_is_recognised(payload: PayloadBuilder) -> None:
    found = gpmf.read_payloads(b"".join(payload([gps9(after(i / 8), i)]) for i in range(24)))
    assert found.gps is not None
    assert found.gps.clock is not None
    assert found.gps.clock.rule == GPS_TIME
    assert (found.gps.utc - T0).tolist() == pytest.approx([i / 8 for i in range(24)], abs=2e-3)


def test_slow_motion_is_recognised_with_one_gps_reading_per_second() -> None:
    """Eight consecutive payloads repeat each reading: only the first one counts."""
    found = clock_of(T0 + np.arange(64) // 8)
    assert found.rule == GPS_TIME
    assert float(found.at(np.array([40 * 1.001]))[0]) == pytest.approx(T0 + 5, abs=1e-6)


def test_a_timewarp_that_changes_its_speed_keeps_each_reading() -> None:
    steps = [1.0] * 20 + [10.0] * 20 + [1.0] * 20 + [30.0] * 5
    posix = T0 + np.cumsum([0.0, *steps])
    found = clock_of(posix, np.arange(len(posix)))
    assert found.rule == GPS_TIME
    assert found.speed == pytest.approx(390 / 65)
    assert found.at(np.arange(float(len(posix)))).tolist() == pytest.approx(posix.tolist())


def test_a_timewarp_continues_over_midnight(payload: PayloadBuilder) -> None:
    started_at = datetime(2024, 12, 31, 23, 59, 0, tzinfo=UTC)
    for build in (gps5, gps9):
        blocks = [payload([build(started_at + timedelta(seconds=10 * i), i)]) for i in range(12)]
        found = gpmf.read_payloads(b"".join(blocks))
        assert found.gps is not None
        assert (found.gps.utc - started_at.timestamp()).tolist() == pytest.approx(
            [10.0 * i for i in range(12)], abs=1e-3
        )


def test_a_timewarp_is_interpolated_where_the_fix_is_missing(payload: PayloadBuilder) -> None:
    fixes = [0, 0, 3, 3, 3, 0, 0, 0, 3, 3, 3, 3, 0, 0]
    stale = datetime(2015, 10, 18, tzinfo=UTC)
    blocks = [payload([gps5(after(10 * i) if fix else stale, i, fix=fix)]) for i, fix in enumerate(fixes)]
    found = gpmf.read_payloads(b"".join(blocks))
    assert found.gps is not None
    assert (found.gps.utc - T0).tolist() == pytest.approx([10.0 * i for i in range(14)], abs=0.02)


@pytest.mark.parametrize("error_s", [-3600.0, 86400.0, -3e8, 400.0])
def test_readings_of_a_timewarp_before_the_clock_was_set_are_excluded(error_s: float) -> None:
    correct = T0 + 10 * np.arange(20.0)
    posix = correct.copy()
    posix[:3] += error_s
    found = clock_of(posix, np.arange(20.0))
    assert (found.rule, found.used, found.given) == (GPS_TIME, 17, 20)
    assert found.at(np.arange(20.0)).tolist() == pytest.approx(correct.tolist())


def test_a_date_that_changes_late_at_midnight_is_excluded() -> None:
    correct = T0 + 10 * np.arange(30.0)
    posix = correct.copy()
    posix[12:14] -= 86400
    assert clock_of(posix, np.arange(30.0)).at(np.arange(30.0)).tolist() == pytest.approx(correct.tolist())


@pytest.mark.parametrize("error_s", [-86400.0, 4000.0, 30.0])
def test_single_wrong_readings_of_a_timewarp_are_excluded(error_s: float) -> None:
    correct = T0 + 2 * np.arange(40.0)
    posix = correct.copy()
    posix[[7, 23]] += error_s
    found = clock_of(posix, np.arange(40.0))
    assert (found.rule, found.used) == (GPS_TIME, 38)
    assert found.at(np.arange(40.0)).tolist() == pytest.approx(correct.tolist())


def test_the_later_of_two_inconsistent_halves_of_a_timewarp_is_used() -> None:
    correct = T0 + 10 * np.arange(12.0)
    posix = correct.copy()
    posix[:6] -= 1e8
    assert clock_of(posix, np.arange(12.0)).at(np.arange(12.0)).tolist() == pytest.approx(correct.tolist())


def ordinary_readings() -> dict[str, Floats]:
    times = np.arange(120) * 1.001
    correct = T0 + times
    generator = np.random.default_rng(8)
    initial_jump, later_jump, stale, no_fix, two_wrong = (correct.copy() for _ in range(5))
    initial_jump[:7] -= 4000
    later_jump[60:] += 12
    stale[20:40] = stale[20]
    no_fix[30:70] = np.nan
    two_wrong[[40, 80]] += [900, -70]
    many_wrong = initial_jump.copy()
    many_wrong[10::12] += 86400
    return {
        "jitter": correct + generator.uniform(-1, 1, len(correct)),
        "whole seconds": np.floor(correct),
        "lagging, then catching up": correct - 0.1 * (np.arange(120) % 10),
        "even seconds": np.floor(correct / 2) * 2,
        "set by the first fix": initial_jump,
        "a jump between payloads": later_jump,
        "stale in parts": stale,
        "no fix in parts": no_fix,
        "two wrong readings": two_wrong,
        "set late, and wrong in every 12th reading": many_wrong,
        "drift": T0 + times * 1.0003,
        "backwards": correct - 2 * (np.arange(120) % 2),
    }


@pytest.mark.parametrize("name", ordinary_readings())
def test_an_ordinary_recording_is_real_time(name: str) -> None:
    found = clock_of(ordinary_readings()[name])
    assert (found.rule, found.speed) == (MEDIA_TIME, 1.0)
    assert float(found.at(np.array([119 * 1.001]))[0]) == pytest.approx(T0 + 119.1, abs=14)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6, 8, 10, 15])
def test_short_recordings_whose_readings_jitter_are_real_time(length: int) -> None:
    generator = np.random.default_rng(length)
    wrong = sum(
        clock_of(T0 + np.arange(length) * 1.001 + generator.uniform(-1, 1, length)).rule != MEDIA_TIME
        for _ in range(300)
    )
    assert wrong == 0


@pytest.mark.parametrize("length", [2, 3, 5])
def test_one_clock_jump_in_a_short_recording_is_not_a_timewarp(length: int) -> None:
    posix = T0 + np.arange(length) * 1.001
    posix[1:] += 500
    assert clock_of(posix).rule == MEDIA_TIME


def test_the_later_of_two_inconsistent_halves_is_used() -> None:
    """The clock was set halfway; the mean of both halves would be wrong everywhere."""
    for count in (2, 4, 10):
        correct = T0 + np.arange(count) * 1.001
        posix = correct.copy()
        posix[: count // 2] -= 7200
        found = clock_of(posix)
        assert (found.rule, found.used) == (MEDIA_TIME, count // 2)
        assert found.at(np.zeros(1))[0] == pytest.approx(T0, abs=1e-3)


def test_with_two_readings_the_cameras_settings_decide() -> None:
    times, posix, payload = np.array([0.0, 1.0]), np.array([T0, T0 + 10]), np.arange(2)
    found = build_clock(times, posix, payload, time_lapse=True)
    assert found is not None
    assert (found.rule, found.at(times).tolist()) == (GPS_TIME, posix.tolist())


def test_hostile_readings_never_raise() -> None:
    generator = np.random.default_rng(3)
    for _ in range(300):
        count = int(generator.integers(0, 30))
        posix = generator.choice([np.nan, np.inf, -np.inf, 0.0, 1e300, -1e300, T0, T0 + 1, 5.0], count)
        times = generator.choice([np.nan, np.inf, 0.0, 1.0, 2.0, -1e300, 3.5], count)
        with np.errstate(all="ignore"):
            found = build_clock(times, posix, np.sort(generator.integers(0, 5, count)))
            if found is not None:
                found.at(np.arange(5.0))


def test_stamps_of_real_time_do_not_compress_a_timewarp(payload: PayloadBuilder) -> None:
    """STMP counts real microseconds: 5 s in each second of media."""
    for speed in (2, 5, 8, 15):
        blocks = [
            payload(
                [
                    gpmf.stream(
                        "ACCL",
                        "s",
                        [[1, 2, 3]] * 200,
                        scale=[1],
                        total=200 * (i + 1),
                        stamp=i * speed * 1_001_000,
                    )
                ]
            )
            for i in range(10)
        ]
        stream = gpmf.read_payloads(b"".join(blocks)).streams["ACCL"]
        assert stream.times[0] == pytest.approx(0.0, abs=0.01)
        assert stream.times[-1] == pytest.approx(10 * 1.001, abs=0.02), speed
