"""Values of camera files, as measured by independent tools."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eddyline import gpmf
from eddyline.mp4.byte_ranges import CountingRanges
from eddyline.store.ranges import FileRanges

MAX = {
    "ACCL": 2082,
    "GYRO": 2082,
    "MAGN": 260,
    "WBAL": 105,
    "WRGB": 105,
    "UNIF": 105,
    **dict.fromkeys(("SHUT", "ISOE", "CORI", "IORI", "GRAV"), 316),
    "YAVG": 98,
    "SCEN": 98,
    "HUES": 98,
    "GPS5": 191,
}
KARMA = {
    "ACCL": 2397,
    "GYRO": 4795,
    "ISOG": 361,
    "SHUT": 361,
    "CYTS": 48,
    "SCPR": 6,
    **dict.fromkeys(("GPRI", "GLPI", "ATTD", "VFRH", "ATTR", "SIMU", "LNED", "CSEN"), 47),
    **dict.fromkeys(("KBAT", "SYST", "BPOS", "ESCS"), 12),
}


@pytest.fixture(scope="module")
def max_heromode(samples: Path) -> gpmf.Telemetry:
    return gpmf.read(samples / "max-heromode.mp4")


@pytest.fixture(scope="module")
def karma(samples: Path) -> gpmf.Telemetry:
    return gpmf.read(samples / "karma.mp4")


def test_max_has_the_expected_samples(max_heromode: gpmf.Telemetry) -> None:
    assert {label: len(stream) for label, stream in max_heromode.streams.items()} == MAX
    assert len(max_heromode.payloads) == 11
    assert len(max_heromode.payloads.data) == 66328


def test_karma_has_exactly_the_expected_samples(karma: gpmf.Telemetry) -> None:
    assert {label: len(stream) for label, stream in karma.streams.items() if label != "FWVS"} == KARMA
    assert len(karma.streams) == 19
    assert len(karma.payloads) == 13
    assert len(karma.payloads.data) == 96440
    assert [device.name for device in karma.devices] == ["Camera", "GoPro Karma v1.0"]


def test_streams_decode_to_as_many_rows_as_they_count(
    max_heromode: gpmf.Telemetry, karma: gpmf.Telemetry
) -> None:
    for stream in (*max_heromode.streams.values(), *karma.streams.values()):
        assert len(stream.times) == len(stream)
        assert (np.diff(stream.times) > 0).all()
        rows = len(stream) if stream.steps is None else int(stream.steps[-1])
        assert len(stream.raw) == len(stream.values) == rows
        assert stream.type


@pytest.mark.parametrize(
    ("key", "rate", "first"),
    [  # by GoPro's own parser, time base SHUT
        ("ACCL", 197.4548400705684, 0.027382 - 0.032413),
        ("GYRO", 197.4548400705684, 0.027382 - 0.032413),
        ("MAGN", 24.68184650189785, 0.020258 - 0.032413),
        ("SHUT", 29.97002997002997, 0.0),
        ("WBAL", 9.990009990009991, 0.0),
        ("YAVG", 9.267385009883867, -0.032413),
        ("GPS5", 18.17918124181686, 0.048799 - 0.032413),
    ],
)
def test_rates_and_first_times_by_stamps_match_the_reference_parser(
    max_heromode: gpmf.Telemetry, key: str, rate: float, first: float
) -> None:
    stream = max_heromode.streams[key]
    assert stream.rate_hz == pytest.approx(rate, rel=1e-12)
    assert stream.first_s == pytest.approx(first, abs=1e-9)
    assert stream.times[0] == pytest.approx(first, abs=1e-9)


@pytest.mark.parametrize(
    ("key", "rate", "first"),
    [  # by GoPro's own parser, without streams with empty payloads, for which it counts too many samples
        ("ACCL", 192.54920903272554, -0.13523016619629805),
        ("GYRO", 385.11488511488517, -0.13632295719844237),
        ("ISOG", 29.047875201721354, -0.11387037037036984),
        ("SHUT", 29.047875201721354, -0.11387037037036984),
        ("KBAT", 0.9990009990009991, 0.0),
    ],
)
def test_rates_and_first_times_by_least_squares_match_the_reference_parser(
    karma: gpmf.Telemetry, key: str, rate: float, first: float
) -> None:
    assert karma.streams[key].rate_hz == pytest.approx(rate, rel=1e-9)
    assert karma.streams[key].first_s == pytest.approx(first, abs=1e-9)


def test_the_first_and_last_positions_are_as_measured(max_heromode: gpmf.Telemetry) -> None:
    gps = max_heromode.gps
    assert gps is not None
    assert gps.key == "GPS5"
    table = np.stack([gps.lat, gps.lon, gps.alt_m, gps.speed_2d, gps.speed_3d], axis=1)
    np.testing.assert_allclose(table[0], (33.12677, -117.3273436, -22.959, 1.046, 1.0), rtol=0, atol=1e-9)
    np.testing.assert_allclose(table[-1], (33.1266674, -117.3272734, -23.637, 0.527, 0.67), rtol=0, atol=1e-9)
    assert gps.times[0] == pytest.approx(0.0164, abs=5e-5)
    assert gps.valid.all()
    assert gps.clock is not None
    assert str(gps.clock.datetime(0))[:16] == "2019-11-18 23:45"


def test_the_position_of_karma_is_that_of_the_drone(karma: gpmf.Telemetry) -> None:
    gps = karma.gps
    assert gps is not None
    assert (gps.key, len(gps)) == ("GLPI", 47)
    assert (gps.lat[0], gps.lon[0], gps.alt_m[0]) == pytest.approx((33.1253688, -117.3310668, 15.711))
    assert gps.clock is not None
    assert str(gps.clock.datetime(0))[:16] == "2017-04-17 19:27"


def test_the_duplicate_points_of_a_hero11_are_counted_once(samples: Path) -> None:
    telemetry = gpmf.read(samples / "gpmf" / "hero11.raw")
    assert len(telemetry.streams["GPS5"]) == len(telemetry.streams["GPS9"]) == 110
    gps = telemetry.gps
    assert gps is not None
    assert (gps.key, len(gps)) == ("GPS9", 110)
    assert gps.altitude_reference == "mean sea level"
    assert gps.clock is not None
    assert str(gps.clock.datetime(0))[:19] == "2022-09-20 13:29:36"
    np.testing.assert_allclose(telemetry.streams["GPS5"].values, telemetry.streams["GPS9"].values[:, :5])


def test_the_last_chapter_of_a_long_recording_counts_from_its_own_start(samples: Path) -> None:
    telemetry = gpmf.read(samples / "gpmf" / "hero11.raw")
    assert len(telemetry.streams["ACCL"]) == 2192
    assert abs(telemetry.streams["ACCL"].first_s) < 0.01


def test_the_camera_models_are_read(
    samples: Path, karma: gpmf.Telemetry, max_heromode: gpmf.Telemetry
) -> None:
    assert (karma.camera.model, karma.camera.firmware) == ("HERO5 Black", "HD5.02.02.00.00")
    assert (max_heromode.camera.model, max_heromode.camera.firmware) == ("GoPro Max", "H19.03.01.30.00")
    settings = gpmf.read(samples / "gpmf" / "mp4header.raw")
    assert (settings.camera.model, settings.camera.serial) == ("HERO7 Black", "C3281325934846")
    assert settings.camera.fov == "wide"
    assert [mark.time_s for mark in settings.hilights] == [0.8, 4.72, 8.48]
    assert settings.summary()["payloads"] == 0


def test_only_index_telemetry_and_udta_are_read(samples: Path) -> None:
    with FileRanges(samples / "max-heromode.mp4") as file:
        counting = CountingRanges(file)
        assert len(gpmf.read(counting).streams) == 15
        assert counting.bytes_read < 0.05 * file.size
        assert counting.requests < 30


def test_the_axes_agree_with_gravity(max_heromode: gpmf.Telemetry) -> None:
    at_rest = max_heromode.streams["ACCL"].oriented().mean(axis=0)
    assert np.argmax(np.abs(at_rest)) == 2
    assert at_rest[2] == pytest.approx(9.8, abs=0.5)


@pytest.mark.parametrize(
    ("name", "payloads", "counts"),
    [
        ("basement.gpmf", 123, {"ACCL": 24699}),
        ("walking.gpmf", 50, {"ACCL": 9957, "GPS5": 897, "FACE": 1478}),
        ("grass.gpmf", 13, {"GPS5": 232, "AALP": 129}),
        ("hero6+ble.raw", 1, {"acc1": 82, "FACE": 12}),
        ("Fusion.raw", 1, {"GYRO": 3300, "MAGN": 25}),
    ],
)
def test_raw_files_are_split_into_their_payloads(
    samples: Path, name: str, payloads: int, counts: dict[str, int]
) -> None:
    telemetry = gpmf.read(samples / "gpmf" / name)
    assert len(telemetry.payloads) == payloads
    for key, count in counts.items():
        assert len(telemetry.streams[key]) == count
