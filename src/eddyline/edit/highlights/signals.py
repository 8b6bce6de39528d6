"""What the detectors read, as arrays with times: motion in g and °/s, speed, faces, HiLights, audio levels.

Files may claim any unit and contain any number: values are checked against physics before they are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from eddyline import gpmf
from eddyline.edit.highlights.events import Bools, Floats
from eddyline.edit.highlights.thresholds import STANDARD_GRAVITY, THRESHOLDS
from eddyline.gpmf.utc import FIX_2D

_GRAVITIES: Final[Mapping[str, float]] = {
    "m/s²": STANDARD_GRAVITY,
    "g": 1.0,
    "mg": 1000.0,
}
_GRAVITY_SPELLINGS: Final[Mapping[str, str]] = {"m/s2": "m/s²", "m/s^2": "m/s²", "ms-2": "m/s²"}
_RATES: Final[Mapping[str, float]] = {  # the factor to °/s
    "rad/s": 180 / np.pi,
    "°/s": 1.0,
    "deg/s": 1.0,
    "dps": 1.0,
}
_PLAUSIBLE_G = (0.6, 1.7)  # the median over a recording: gravity, with any vibration
_IN_RANGE_PERCENT = 99.5
_AXES = 3
_REAL_TIME = 0.05  # deviation of the playback speed from 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """Samples of a sensor with three axes: movie seconds float64[n] (increasing), values float64[3, n]."""

    times: Floats
    values: Floats

    @cached_property
    def magnitude(self) -> Floats:
        """The length of each vector, float64[n]."""
        return vector_lengths(self.values)

    @cached_property
    def period_s(self) -> float:
        """The usual time between two samples."""
        return float(np.median(np.diff(self.times))) if len(self.times) > 1 else 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Speed:
    """Speeds with a good fix: movie seconds float64[n] (increasing), m/s float64[n]."""

    times: Floats
    values: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Faces:
    """What the camera detected at each time.

    Movie seconds float64[n], number of faces, share of the frame of the largest face, and its smile (both 0
    to 1, 0 if unknown).
    """

    times: Floats
    count: Floats
    area: Floats
    smile: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Levels:
    """The RMS level of the audio in dBFS, float64[n], for each `period_s` from movie time `start_s`."""

    start_s: float
    period_s: float
    values: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Signals:
    """All signals of one recording, whose video shows [start_s, end_s) of movie time; None: not available.

    `warnings` says what was not used, and why.
    """

    start_s: float
    end_s: float
    accelerometer: Motion | None = None
    gyroscope: Motion | None = None
    speed: Speed | None = None
    faces: Faces | None = None
    hilights: Sequence[gpmf.Hilight] = ()
    levels: Levels | None = None
    warnings: tuple[str, ...] = ()


def read_signals(
    telemetry: gpmf.Telemetry | None,
    *,
    start_s: float,
    end_s: float,
    hilights: Sequence[gpmf.Hilight] = (),
    levels: Levels | None = None,
) -> Signals:
    """The signals of a recording. Streams that are missing, or not what they claim to be, are None."""
    if telemetry is None:
        return Signals(start_s=start_s, end_s=end_s, hilights=hilights, levels=levels)
    warnings: list[str] = []
    with np.errstate(all="ignore"):  # a damaged file may contain any number
        real_time = _is_real_time(telemetry, warnings)
        return Signals(
            start_s=start_s,
            end_s=end_s,
            accelerometer=_accelerometer(telemetry.streams, warnings) if real_time else None,
            gyroscope=_gyroscope(telemetry.streams, warnings) if real_time else None,
            speed=_speed(telemetry) if real_time else None,
            faces=_faces(telemetry.streams),
            hilights=hilights or telemetry.hilights,
            levels=levels,
            warnings=tuple(warnings),
        )


def _is_real_time(telemetry: gpmf.Telemetry, warnings: list[str]) -> bool:
    clock = telemetry.gps.clock if telemetry.gps else None
    if telemetry.camera.time_lapse or (clock is not None and abs(clock.speed - 1) > _REAL_TIME):
        warnings.append("the recording is not in real time: motion and speed are not used")
        return False
    return True


def _accelerometer(streams: Mapping[str, gpmf.Stream], warnings: list[str]) -> Motion | None:
    """The acceleration in g: in the stated unit if the median is about 1 g, else in one where it is."""
    found = _motion(streams, "ACCL")
    if found is None:
        return None
    stream, motion = found
    if motion.period_s <= 0 or motion.period_s * THRESHOLDS.motion_rate_hz > 1:
        return None
    median = float(np.median(motion.magnitude))
    stated = _unit(stream)
    stated = _GRAVITY_SPELLINGS.get(stated, stated)
    units = sorted(_GRAVITIES, key=lambda unit: unit != stated)
    low, high = _PLAUSIBLE_G
    unit = next((unit for unit in units if low <= median / _GRAVITIES[unit] <= high), None)
    if unit is None:
        warnings.append(f"ACCL has a median of {median:.4g} {stated}, not gravity: it is not used")
        return None
    if stated and unit != stated:
        warnings.append(f"ACCL states {stated!r}, but its values are in {unit}")
    return _within(motion, 1 / _GRAVITIES[unit], THRESHOLDS.accelerometer_limit)


def _gyroscope(streams: Mapping[str, gpmf.Stream], warnings: list[str]) -> Motion | None:
    """The rotation rate in °/s. Rates that no camera measures must be in °/s already, or are not used."""
    found = _motion(streams, "GYRO")
    if found is None:
        return None
    stream, motion = found
    if motion.period_s <= 0 or motion.period_s * THRESHOLDS.motion_rate_hz > 1:
        return None
    fastest = float(np.percentile(motion.magnitude, _IN_RANGE_PERCENT))
    stated = _unit(stream)
    factor = _RATES.get(stated, _RATES["rad/s"])
    if fastest * factor > THRESHOLDS.gyroscope_limit:
        if fastest > THRESHOLDS.gyroscope_limit:
            warnings.append(f"GYRO has rates of {fastest:.4g} {stated}: it is not used")
            return None
        warnings.append(f"GYRO states {stated!r}, but its values are in °/s")
        factor = 1.0
    return _within(motion, factor, THRESHOLDS.gyroscope_limit)


def _within(motion: Motion, factor: float, limit: float) -> Motion | None:
    """The samples times `factor`, without those that exceed the range of sensors: they are faults."""
    values = motion.values * factor
    kept = motion.magnitude <= limit / factor
    if kept.all():
        return Motion(times=motion.times, values=values)
    return Motion(times=motion.times[kept], values=values[:, kept]) if kept.sum() > 1 else None


def _motion(streams: Mapping[str, gpmf.Stream], key: str) -> tuple[gpmf.Stream, Motion] | None:
    """The first stream of the key with three axes, and its finite samples in order of time."""
    for stream in streams.values():
        if stream.key != key or stream.steps is not None or len(stream) < 2:  # noqa: PLR2004 - a rate
            continue
        values = stream.values
        if values.shape[1:] != (_AXES,) or len(values) != len(stream.times):
            continue
        columns = np.ascontiguousarray(values.T)
        kept = increasing(stream.times) & np.isfinite(vector_lengths(columns))
        if kept.all():
            return stream, Motion(times=stream.times, values=columns)
        if kept.sum() > 1:
            return stream, Motion(times=stream.times[kept], values=columns[:, kept])
    return None


def vector_lengths(values: Floats) -> Floats:
    """The length of each column of float64[3, n]; not finite if an element is not, or is huge."""
    lengths: Floats = np.sqrt(np.einsum("ij,ij->j", values, values))
    return lengths


def _unit(stream: gpmf.Stream) -> str:
    return stream.units[0].strip() if stream.units else ""


def _speed(telemetry: gpmf.Telemetry) -> Speed | None:
    """The ground speed where the fix is good: 2 or 3 dimensions (or not reported) and a low DOP."""
    gps = telemetry.gps
    if gps is None:
        return None
    precise = ~(gps.dop > THRESHOLDS.gps_dop)  # NaN: the camera does not report it
    good = gps.valid & precise & np.isfinite(gps.speed_2d) & increasing(gps.times)
    good &= (gps.speed_2d >= 0) & (gps.speed_2d <= THRESHOLDS.gps_fastest)
    # The first readings after a fix are not settled.
    lost = gps.fix < FIX_2D
    lost &= gps.fix >= 0
    lost |= ~precise
    last_lost = np.maximum.accumulate(np.where(lost, gps.times, -np.inf)) if len(lost) else gps.times
    good &= gps.times - last_lost > THRESHOLDS.gps_settle_s
    if good.sum() < 2:  # noqa: PLR2004 - a difference
        return None
    return Speed(times=gps.times[good], values=gps.speed_2d[good])


def _faces(streams: Mapping[str, gpmf.Stream]) -> Faces | None:
    """The faces of FACE, else their number from FCNM."""
    for stream in streams.values():
        if stream.key == "FACE" and len(stream) > 1 and len(stream.values) and len(stream.type) > 4:  # noqa: PLR2004 - x, y, width, height
            return _face_rows(stream)
    for stream in streams.values():
        if stream.key == "FCNM" and len(stream) > 1 and stream.steps is None and len(stream.values):
            count = np.nan_to_num(stream.values[:, 0], posinf=0, neginf=0)
            kept = increasing(stream.times)
            zero = np.zeros(int(kept.sum()))
            return Faces(times=stream.times[kept], count=count[kept], area=zero, smile=zero)
    return None


def _face_rows(stream: gpmf.Stream) -> Faces:
    """The columns of FACE (see `gpmf.scenes`), reduced to one row for each time."""
    values, number = stream.values, len(stream)
    steps = stream.steps if stream.steps is not None else np.arange(number + 1)
    row_of = np.repeat(np.arange(number), np.diff(steps))[: len(values)]
    values = values[: len(row_of)]
    reported = stream.type == "BBSSSSSBB"
    at = 5 if reported else 3
    width, height = values[:, at], values[:, at + 1]
    valid = (width > 0) & (width <= 1) & (height > 0) & (height <= 1)
    area = np.where(valid, width * height, 0.0)
    present = np.ones(len(values), np.bool_)
    smile = np.zeros(len(values))
    if reported:
        present = values[:, 1] >= THRESHOLDS.face_confidence * 100
        smile = np.clip(np.nan_to_num(values[:, 7]) / 100, 0, 1)
    counts, areas, smiles = np.zeros(number), np.zeros(number), np.zeros(number)
    np.add.at(counts, row_of[present], 1)
    np.maximum.at(areas, row_of[present], area[present])
    np.maximum.at(smiles, row_of[present], smile[present])
    kept = increasing(stream.times)
    return Faces(times=stream.times[kept], count=counts[kept], area=areas[kept], smile=smiles[kept])


def increasing(times: Floats) -> Bools:
    """Which times are finite and later than all before them."""
    kept: Bools = np.isfinite(times)
    finite = np.where(kept, times, -np.inf)
    kept[1:] &= finite[1:] > np.maximum.accumulate(finite)[:-1]
    return kept
