from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from eddyline import gpmf
from eddyline.gpmf.utc import fit_clock, parse_gpsu

PayloadBuilder = Callable[..., bytes]
SCALE = [1e7, 1e7, 1000, 1000, 100]


def gps5(
    lat: float, gpsu: str, *, fix: int = 3, dop: int = 150, rows: int = 18, sea: bool = False
) -> gpmf.Klv:
    table = [[round(lat * 1e7), 20_000_000, 5000, 1000, 200]] * rows
    modifiers = [gpmf.leaf("GPSF", "L", fix), gpmf.leaf("GPSU", "U", gpsu), gpmf.leaf("GPSP", "S", dop)]
    if sea:
        modifiers.append(gpmf.leaf("GPSA", "F", "MSLV"))
    return gpmf.stream(
        "GPS5", "l", table, scale=SCALE, units=["deg", "deg", "m", "m/s", "m/s"], modifiers=modifiers
    )


def gps9(rows: Sequence[tuple[int, ...]]) -> gpmf.Klv:
    return gpmf.stream("GPS9", "?", rows, complex_type="lllllllSS", scale=[*SCALE, 1, 1000, 100, 1])


def stamp(seconds: float) -> str:
    return f"2209201329{seconds:06.3f}"


def test_gps5_has_its_payloads_fix_and_dop(payload: PayloadBuilder) -> None:
    data = payload([gps5(1.5, stamp(1))]) + payload(
        [gps5(2.5, stamp(2.001), fix=2, dop=9999, rows=3, sea=True)]
    )
    gps = gpmf.read_payloads(data).gps
    assert gps is not None
    assert (gps.key, len(gps)) == ("GPS5", 21)
    assert (gps.lat[0], gps.lon[0], gps.alt_m[0], gps.speed_2d[0], gps.speed_3d[0]) == (
        1.5,
        2.0,
        5.0,
        1.0,
        2.0,
    )
    assert gps.fix.tolist() == [3] * 18 + [2] * 3
    assert gps.dop[[0, -1]].tolist() == [1.5, 99.99]
    assert gps.altitude_reference == "mean sea level"


def test_gps9_has_a_time_dop_and_fix_for_each_sample(payload: PayloadBuilder) -> None:
    rows = [(15_000_000, 20_000_000, 5000, 0, 0, 8298, 48_576_000 + i * 100, 179, 3) for i in range(10)]
    gps = gpmf.read_payloads(payload([gps9(rows)])).gps
    assert gps is not None
    assert gps.utc[0] == datetime(2022, 9, 20, 13, 29, 36, tzinfo=UTC).timestamp()
    assert np.diff(gps.utc).tolist() == pytest.approx([0.1] * 9, abs=1e-6)
    assert gps.dop.tolist() == pytest.approx([1.79] * 10)


def test_the_same_points_under_two_keys_are_one_track(payload: PayloadBuilder) -> None:
    rows = [(15_000_000, 20_000_000, 5000, 0, 0, 8298, 48_576_000 + i * 55, 179, 3) for i in range(18)]
    gps = gpmf.read_payloads(payload([gps5(1.5, stamp(36)), gps9(rows)])).gps
    assert gps is not None
    assert (gps.key, len(gps)) == ("GPS9", 18)


def test_positions_without_a_fix_are_not_valid(payload: PayloadBuilder) -> None:
    data = (
        payload([gps5(1.5, stamp(1), fix=0)])
        + payload([gps5(0.0, stamp(2))])
        + payload([gps5(91.0, stamp(3))])
    )
    gps = gpmf.read_payloads(data + payload([gps5(1.5, stamp(4))])).gps
    assert gps is not None
    assert gps.valid.tolist() == [False] * 18 + [True] * 18 + [False] * 18 + [True] * 18


def test_times_before_the_first_fix_are_ignored(payload: PayloadBuilder) -> None:
    cold = [payload([gps5(1.5, "151018000014.299", fix=0)])] * 3
    warm = [payload([gps5(1.5, stamp(10 + 1.001 * i))]) for i in range(3, 9)]
    gps = gpmf.read_payloads(b"".join(cold + warm)).gps
    assert gps is not None
    assert gps.clock is not None
    assert gps.clock.used == 6
    expected = datetime(2022, 9, 20, 13, 29, 10, tzinfo=UTC).timestamp()
    assert gps.utc[0] == pytest.approx(expected, abs=0.01)


def test_a_stamp_that_jumps_is_excluded(payload: PayloadBuilder) -> None:
    seconds = [10 + 1.001 * i for i in range(12)]
    seconds[5] += 30
    gps = gpmf.read_payloads(b"".join(payload([gps5(1.5, stamp(each))]) for each in seconds)).gps
    assert gps is not None
    assert gps.clock is not None
    assert (gps.clock.used, gps.clock.given) == (11, 12)
    assert np.ptp(np.diff(gps.utc)) < 0.01


def test_a_recording_without_a_fix_has_no_utc(payload: PayloadBuilder) -> None:
    gps = gpmf.read_payloads(payload([gps5(1.5, stamp(1), fix=0)])).gps
    assert gps is not None
    assert gps.clock is None
    assert np.isnan(gps.utc).all()


def test_a_long_recordings_drift_is_measured() -> None:
    times = np.arange(0.0, 600.0)
    clock = fit_clock(times, 1.6e9 + times * 1.00005)
    assert clock is not None
    assert clock.drift == pytest.approx(5e-5, rel=1e-2)
    assert clock.at(np.array([600.0]))[0] == pytest.approx(1.6e9 + 600 * 1.00005, abs=1e-4)


@pytest.mark.parametrize(
    "text", ["", "000000000000", "991332256161.000", "2209201329", "ab0920132936.000", "²20920132936.0"]
)
def test_an_invalid_date_has_no_time(text: str) -> None:
    assert np.isnan(parse_gpsu(text))


def test_gpsu_is_utc() -> None:
    assert parse_gpsu("170417173103.250") == datetime(2017, 4, 17, 17, 31, 3, 250_000, tzinfo=UTC).timestamp()


def test_a_drones_position_and_clock_are_used_without_gps5(payload: PayloadBuilder) -> None:
    glpi = gpmf.stream(
        "GLPI", "?", [(145_000 + i * 250, 15_000_000, 20_000_000, 7000, 0, 300, 400, 0, 9) for i in range(4)],
        complex_type="LllllsssS", scale=[1000, 1e7, 1e7, 1000, 1000, 100, 100, 100, 100],
    )  # fmt: skip
    syst = gpmf.stream("SYST", "?", [(145_000_000, 1_492_457_280_000)], complex_type="JJ", scale=[1e6, 1000])
    gps = gpmf.read_payloads(payload([glpi, syst], name="GoPro Karma v1.0")).gps
    assert gps is not None
    assert (gps.key, gps.lat[0], gps.speed_2d[0]) == ("GLPI", 1.5, 5.0)
    assert gps.fix.tolist() == [-1] * 4
    assert gps.utc[0] == pytest.approx(1_492_457_280, abs=0.1)


def test_a_recording_without_positions_has_no_track(ramp: PayloadBuilder) -> None:
    assert gpmf.read_payloads(ramp([5])).gps is None
