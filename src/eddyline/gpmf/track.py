"""The GPS track of a recording, from any of the keys that cameras use.

| key | written by | per sample | per payload |
|---|---|---|---|
| GPS9 | HERO11 and later | position, speeds, days and seconds, DOP, fix | GPSA |
| GPS5 | HERO5 to HERO11 | position, speeds | GPSU, GPSF, GPSP, GPSA |
| GLPI, GPRI | Karma | position (fused; as received), speeds | - |
HERO11 writes the same points under GPS9 and GPS5: the first key of this list that has samples is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from eddyline.gpmf.payloads import Floats, Int64s
from eddyline.gpmf.streams import Stream
from eddyline.gpmf.utc import DAY_S, FIX_2D, Y2000, UtcClock, parse_all_gpsu
from eddyline.gpmf.utc import build_clock as utc_clock

Int8s = npt.NDArray[np.int8]
UNKNOWN_FIX = -1
KNOWN_FIXES = (0, 2, 3)
CENTURY_DAYS = 36525
MAX_GOOD_DOP = 5.0
"""Positions with a greater dilution of precision do not count in maxima and lengths."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GpsTrack:
    """Positions over time; all arrays have one entry per sample.

    times: movie seconds. lat, lon: degrees (WGS 84). alt_m: metres above `altitude_reference` ("mean sea
    level" or "WGS 84 ellipsoid"). speed_2d, speed_3d: m/s. dop: dilution of precision (NaN: unknown). fix: 0
    none, 2 or 3 dimensions, -1 unknown. utc: POSIX seconds (NaN: there never was a fix). `key` is the key of
    the source stream.
    """

    key: str
    stream: Stream = field(repr=False)
    times: Floats = field(repr=False)
    lat: Floats = field(repr=False)
    lon: Floats = field(repr=False)
    alt_m: Floats = field(repr=False)
    speed_2d: Floats = field(repr=False)
    speed_3d: Floats = field(repr=False)
    dop: Floats = field(repr=False)
    fix: Int8s = field(repr=False)
    utc: Floats = field(repr=False)
    clock: UtcClock | None
    altitude_reference: str

    def __len__(self) -> int:
        return len(self.times)

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """Which samples are positions: on the globe, not 0/0, and with a fix where the camera reports it."""
        on_globe = (np.abs(self.lat) <= 90) & (np.abs(self.lon) <= 180)  # noqa: PLR2004 - degrees
        somewhere = (self.lat != 0) | (self.lon != 0)
        fixed = (self.fix >= FIX_2D) | (self.fix == UNKNOWN_FIX)
        return np.asarray(on_globe & somewhere & fixed)


def build_gps_track(streams: Mapping[str, Stream], *, time_lapse: bool = False) -> GpsTrack | None:
    """The track of these streams; None without positions. `time_lapse`: set by the camera's settings."""
    context = _Streams(all=streams, time_lapse=time_lapse)
    for key, read in _READERS.items():
        for stream in streams.values():
            if stream.key == key and len(stream) and stream.steps is None:
                with np.errstate(all="ignore"):  # a damaged file may contain any number
                    track = read(stream, context)
                if track is not None:
                    return track
    return None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Streams:
    """The other streams and settings that a track reader may need."""

    all: Mapping[str, Stream]
    time_lapse: bool


def _gps9_track(stream: Stream, context: _Streams) -> GpsTrack | None:
    values = stream.values
    if values.shape[1] < 9:  # noqa: PLR2004 - the columns of GPS9
        return None
    fix = _fixes(values[:, 8])
    days = values[:, 5]
    posix = Y2000 + days * DAY_S + values[:, 6]
    trusted = np.where((fix >= FIX_2D) & (days >= 0) & (days < CENTURY_DAYS), posix, np.nan)
    clock = utc_clock(stream.times, trusted, _payloads(stream), time_lapse=context.time_lapse)
    return _track(stream, values, dop=values[:, 7], fix=fix, clock=clock, posix=trusted)


def _gps5_track(stream: Stream, context: _Streams) -> GpsTrack | None:
    values = stream.values
    if values.shape[1] < 5:  # noqa: PLR2004 - the columns of GPS5
        return None
    samples = stream.pieces.samples
    full = samples > 0
    before = (np.cumsum(samples) - samples)[full]
    fix = _fixes(stream.numbers("GPSF"))
    dop = stream.numbers("GPSP") / 100
    posix = parse_all_gpsu([node.text if node else None for node in stream.modifier("GPSU")])
    posix = np.where((fix >= FIX_2D) | (fix == UNKNOWN_FIX), posix, np.nan)
    payload = stream.pieces.payload[full]
    clock = utc_clock(stream.times[before], posix[full], payload, time_lapse=context.time_lapse)
    return _track(stream, values, dop=np.repeat(dop, samples), fix=np.repeat(fix, samples), clock=clock)


def _fixes(values: Floats) -> Int8s:
    """0, 2 or 3; any other value is unknown."""
    return np.where(np.isin(values, KNOWN_FIXES), values, UNKNOWN_FIX).astype(np.int8)


def _karma_track(stream: Stream, context: _Streams) -> GpsTrack | None:
    """The columns of a drone.

    GLPI: time, lat, lon, alt, height, vx, vy, vz, heading. GPRI: time, lat, lon, alt, eph, epv, speed,
    course, fix, satellites.
    """
    values = stream.values
    if values.shape[1] < 9:  # noqa: PLR2004 - the columns of both
        return None
    if stream.key == "GLPI":
        flat = np.hypot(values[:, 5], values[:, 6])
        speeds = np.stack([flat, np.hypot(flat, values[:, 7])], axis=1)
        fix = np.full(len(values), UNKNOWN_FIX, dtype=np.int8)
    else:
        speeds = values[:, [6, 6]]
        fix = _fixes(values[:, 8])
    table = np.concatenate([values[:, 1:4], speeds], axis=1)
    return _track(
        stream,
        table,
        dop=np.full(len(values), np.nan),
        fix=fix,
        clock=_drone_clock(stream, values[:, 0], context.all),
    )


def _drone_clock(stream: Stream, booted_s: Floats, streams: Mapping[str, Stream]) -> UtcClock | None:
    """UTC from SYST, which pairs seconds since the drone's start with POSIX seconds."""
    pairs = next(
        (each for each in streams.values() if each.key == "SYST" and each.device == stream.device), None
    )
    if pairs is None or not len(pairs) or pairs.values.shape[1] != 2:  # noqa: PLR2004 - a pair
        return None
    posix = booted_s + float(np.median(pairs.values[:, 1] - pairs.values[:, 0]))
    return utc_clock(stream.times, posix, _payloads(stream))


def _payloads(stream: Stream) -> Int64s:
    """The payload of each sample."""
    return np.repeat(stream.pieces.payload, stream.pieces.samples)


def _track(
    stream: Stream,
    table: Floats,
    *,
    dop: Floats,
    fix: Int8s,
    clock: UtcClock | None,
    posix: Floats | None = None,
) -> GpsTrack:
    """`table` has lat, lon, alt, 2D and 3D speed first; `posix` are the samples' own times, if any."""
    clock_utc = clock.at(stream.times) if clock else np.full(len(table), np.nan)
    utc = clock_utc
    if posix is not None and clock is not None:
        utc = np.where(np.abs(posix - clock_utc) <= 1.0, posix, clock_utc)
    reference = stream.pieces.latest("GPSA")
    sea = reference is not None and reference.text.startswith("MSL")
    return GpsTrack(
        key=stream.key,
        stream=stream,
        times=stream.times,
        lat=table[:, 0],
        lon=table[:, 1],
        alt_m=table[:, 2],
        speed_2d=table[:, 3],
        speed_3d=table[:, 4],
        dop=dop,
        fix=fix,
        utc=utc,
        clock=clock,
        altitude_reference="mean sea level" if sea else "WGS 84 ellipsoid",
    )


_READERS: dict[str, Callable[[Stream, _Streams], GpsTrack | None]] = {
    "GPS9": _gps9_track,
    "GPS5": _gps5_track,
    "GLPI": _karma_track,
    "GPRI": _karma_track,
}
