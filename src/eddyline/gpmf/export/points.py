"""The GPS track for export: filtered positions in runs without gaps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import InputError
from eddyline.gpmf.export.resample import Grid, build_grid
from eddyline.gpmf.export.selection import Selection
from eddyline.gpmf.hilights import Hilight
from eddyline.gpmf.payloads import Floats
from eddyline.gpmf.telemetry import Telemetry
from eddyline.gpmf.track import GpsTrack
from eddyline.gpmf.utc import GPS_TIME

GAP_S = 5.0  # a longer time without a position breaks the line
_GAP_STEPS = 3.0
DEGREES = 7  # decimals: a centimetre, the resolution of cameras
LAST_UTC = 253402300799.0  # 9999-12-31T23:59:59Z


class NoTrackError(InputError):
    """The recording has no position (that passes the filters)."""

    default_remedy = "the camera had no GPS fix, or the filters are too strict"


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """Positions, one entry per point; units as in `GpsTrack`. Unknown utc and dop are NaN.

    `rule` is the source of UTC (see `UtcClock.rule`), "" without UTC.
    """

    key: str
    altitude_reference: str
    rule: str
    times: Floats = field(repr=False)
    utc: Floats = field(repr=False)
    lat: Floats = field(repr=False)
    lon: Floats = field(repr=False)
    alt_m: Floats = field(repr=False)
    speed_2d: Floats = field(repr=False)
    speed_3d: Floats = field(repr=False)
    dop: Floats = field(repr=False)
    fix: npt.NDArray[np.int8] = field(repr=False)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def above_ellipsoid(self) -> bool:
        """Whether altitudes are above the WGS 84 ellipsoid (else above mean sea level)."""
        return self.altitude_reference == "WGS 84 ellipsoid"

    @property
    def dated(self) -> bool:
        """Whether every point has UTC."""
        return bool(len(self) and np.isfinite(self.utc).all())

    @property
    def elapsed_s(self) -> float:
        """Real seconds from the first point to the last."""
        if self.rule == GPS_TIME and self.dated:
            return max(float(self.utc[-1] - self.utc[0]), 0.0)
        return float(self.times[-1] - self.times[0]) if len(self) else 0.0

    @property
    def gap_s(self) -> float:
        """Movie seconds without a position that break the line.

        In slow motion a receiver's second may last ten seconds of the movie: such points are not a gap.
        """
        steps = np.diff(self.times)
        return max(GAP_S, _GAP_STEPS * float(np.median(steps))) if len(steps) else GAP_S

    @property
    def runs(self) -> list[tuple[int, int]]:
        """Half-open ranges of points without gaps."""
        cuts = np.flatnonzero(np.diff(self.times) > self.gap_s) + 1
        return list(pairwise([0, *cuts.tolist(), len(self)])) if len(self) else []

    @property
    def box(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees; west is greater than east across the 180th meridian."""
        around = np.unwrap(self.lon, period=360.0)
        west, east = float(around.min()), float(around.max())
        if east - west >= 360:  # noqa: PLR2004 - degrees around the globe
            west, east = -180.0, 180.0
        south, north = float(self.lat.min()), float(self.lat.max())
        return _wrap_longitude(west), south, _wrap_longitude(east), north

    def at(self, time_s: float) -> tuple[float, float, float] | None:
        """Latitude, longitude, altitude at a movie time; None if no point is near."""
        nearest = int(np.argmin(np.abs(self.times - time_s)))
        if abs(self.times[nearest] - time_s) > self.gap_s:
            return None
        lon = np.interp(time_s, self.times, np.unwrap(self.lon, period=360.0))
        lat, alt = (float(np.interp(time_s, self.times, each)) for each in (self.lat, self.alt_m))
        return lat, _wrap_longitude(float(lon)), alt


def _wrap_longitude(lon: float) -> float:
    return lon if -180 <= lon <= 180 else (lon + 180.0) % 360.0 - 180.0  # noqa: PLR2004 - degrees


def build_points(telemetry: Telemetry, selection: Selection | None = None) -> Points:
    """The track's positions that pass the filters. Raises NoTrackError if there are none."""
    selection = selection or Selection()
    track = telemetry.gps
    if track is None:
        raise NoTrackError("the recording has no GPS track")
    kept = track.valid & np.isfinite(track.times)
    inside = None if selection.rate_hz else selection.in_range(track.times)
    for passed in (inside, selection.passes_quality(track)):
        kept = kept if passed is None else kept & passed
    found = _points_of(track, np.flatnonzero(kept))
    if selection.rate_hz and len(found):
        even = build_grid(found.times, selection.rate_hz)
        found = resample_points(found, even.select(selection.in_range(even.times)))
    if not len(found):
        passing = " that passes the filters" if selection.to_json() else ""
        raise NoTrackError(f"none of the {len(track)} GPS samples is a position{passing}")
    return found


def _points_of(track: GpsTrack, rows: npt.NDArray[np.int64]) -> Points:
    def round_to(values: Floats, places: int) -> Floats:
        return np.round(values[rows], places)

    utc = round_to(track.utc, 3)
    utc[~((utc >= 0) & (utc <= LAST_UTC))] = np.nan
    return Points(
        key=track.key,
        altitude_reference=track.altitude_reference,
        rule=track.clock.rule if track.clock else "",
        times=round_to(track.times, 6) + 0.0,  # no -0.0
        utc=utc,
        lat=round_to(track.lat, DEGREES),
        lon=round_to(track.lon, DEGREES),
        alt_m=np.nan_to_num(round_to(track.alt_m, 3), posinf=0.0, neginf=0.0),
        speed_2d=np.nan_to_num(round_to(track.speed_2d, 3), posinf=0.0, neginf=0.0),
        speed_3d=np.nan_to_num(round_to(track.speed_3d, 3), posinf=0.0, neginf=0.0),
        dop=np.where(np.isfinite(track.dop[rows]), round_to(track.dop, 2), np.nan),
        fix=track.fix[rows],
    )


def select_points(found: Points, numbers: npt.NDArray[np.int64]) -> Points:
    """Some of the points."""
    arrays = {
        each.name: getattr(found, each.name)[numbers]
        for each in fields(found)
        if each.name not in {"key", "altitude_reference", "rule"}
    }
    return replace(found, **arrays)


def resample_points(found: Points, even: Grid) -> Points:
    """The points at a grid's times (of movie time, or of UTC)."""

    def resample_to(values: Floats, places: int) -> Floats:
        return np.round(even.resample(values), places)

    return replace(
        found,
        times=np.round(even.interpolate(found.times), 6) + 0.0,
        utc=np.round(even.interpolate(found.utc), 3),
        lat=resample_to(found.lat, DEGREES),
        lon=np.round(even.resample_longitudes(found.lon), DEGREES),
        alt_m=resample_to(found.alt_m, 3),
        speed_2d=resample_to(found.speed_2d, 3),
        speed_3d=resample_to(found.speed_3d, 3),
        dop=found.dop[even.nearest],
        fix=found.fix[even.nearest],
    )


def iso_times(posix: Floats) -> list[str]:
    """UTC as "2024-05-01T12:00:00.123Z"."""
    stamps = np.datetime_as_string(np.rint(posix * 1000).astype("datetime64[ms]"), unit="ms")
    return [f"{stamp}Z" for stamp in stamps.tolist()]


def iso_time(posix: float) -> str:
    """UTC to the millisecond as "2024-05-01T12:00:00.123Z"."""
    moment = datetime.fromtimestamp(round(posix, 3), tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, kw_only=True)
class PlacedHilight:
    """A HiLight with its stored position, or else that of the track at its time."""

    hilight: Hilight
    lat: float
    lon: float
    alt_m: float
    utc: float | None


def place_hilights(telemetry: Telemetry, track: Points, selection: Selection) -> Iterator[PlacedHilight]:
    """The HiLights in the selected time that have a position."""
    clock = telemetry.gps.clock if telemetry.gps else None
    for hilight in select_hilights(telemetry, selection):
        place = track.at(hilight.time_s)
        if hilight.lat is not None and hilight.lon is not None:
            place = (hilight.lat, hilight.lon, hilight.alt_m or 0.0)
        if place is not None and abs(place[0]) <= 90 and abs(place[1]) <= 180:  # noqa: PLR2004 - degrees
            utc = float(clock.at(np.array([hilight.time_s]))[0]) if clock else None
            yield PlacedHilight(hilight=hilight, lat=place[0], lon=place[1], alt_m=place[2], utc=utc)


def select_hilights(telemetry: Telemetry, selection: Selection) -> list[Hilight]:
    """The HiLights in the selected time."""
    every = list(telemetry.hilights)
    kept = selection.in_range(np.array([hilight.time_s for hilight in every]))
    return every if kept is None else [hilight for hilight, wanted in zip(every, kept, strict=True) if wanted]
