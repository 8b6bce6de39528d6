"""Selects what to export: streams, samples and rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import UsageError
from eddyline.gpmf.keys import POSITION_KEYS
from eddyline.gpmf.payloads import Floats
from eddyline.gpmf.streams import Stream
from eddyline.gpmf.telemetry import Telemetry
from eddyline.gpmf.track import GpsTrack, build_gps_track

Bools = npt.NDArray[np.bool_]
MAX_RATE_HZ = 10_000.0
_FIXES = (2, 3)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Filters; the default is everything.

    streams: labels ("GYRO@name") or fourccs (all devices' streams of that key); () selects all. fix: the
    minimum GPS fix, 2 or 3 dimensions. max_dop: the maximum dilution of precision. Both drop only GPS
    samples. start_s, end_s: movie time [start_s, end_s) in seconds. rate_hz: resample to this many samples
    per second. turned: IMU axes in the order X, Y, Z if the stored order is gps.

    Raises:
        UsageError: a filter is invalid.
    """

    streams: tuple[str, ...] = ()
    fix: int | None = None
    max_dop: float | None = None
    start_s: float | None = None
    end_s: float | None = None
    rate_hz: float | None = None
    turned: bool = False

    def __post_init__(self) -> None:
        if self.fix is not None and self.fix not in _FIXES:
            raise UsageError(f"a minimum fix of {self.fix}: GPS has 2 or 3 dimensions", remedy="pass 2 or 3")
        if self.max_dop is not None and not self.max_dop > 0:
            raise UsageError(f"a maximum DOP of {self.max_dop:g}", remedy="pass a number above 0; 5 is usual")
        if self.rate_hz is not None and not 0 < self.rate_hz <= MAX_RATE_HZ:
            raise UsageError(
                f"{self.rate_hz:g} samples per second", remedy=f"pass a number above 0, up to {MAX_RATE_HZ:g}"
            )
        if not self._start < self._end:
            raise UsageError(
                f"the time from {self._start:g} s to {self._end:g} s is empty", remedy="pass a later end"
            )

    @property
    def _start(self) -> float:
        return -np.inf if self.start_s is None else self.start_s

    @property
    def _end(self) -> float:
        return np.inf if self.end_s is None else self.end_s

    def to_json(self) -> dict[str, Any]:
        """The filters that are set, as JSON values."""
        values = {
            "streams": list(self.streams) or None,
            "fix": self.fix,
            "max_dop": self.max_dop,
            "start_s": self.start_s,
            "end_s": self.end_s,
            "rate_hz": self.rate_hz,
            "turned": self.turned or None,
        }
        return {key: value for key, value in values.items() if value is not None}

    def streams_of(self, telemetry: Telemetry) -> list[Stream]:
        """The selected streams in the file's order. Raises UsageError for an unknown stream."""
        streams = telemetry.streams
        for wanted in self.streams:
            if not any(wanted in {label, stream.key} for label, stream in streams.items()):
                raise UsageError(
                    f"the stream {wanted} is missing", remedy=f"choose from {', '.join(streams) or 'none'}"
                )
        return [
            stream
            for label, stream in streams.items()
            if not self.streams or label in self.streams or stream.key in self.streams
        ]

    def in_range(self, times: Floats) -> Bools | None:
        """Which times are in the range; None: all of them."""
        if self.start_s is None and self.end_s is None:
            return None
        return np.asarray((times >= self._start) & (times < self._end))

    def passes_quality(self, track: GpsTrack) -> Bools | None:
        """Which GPS samples pass the fix and DOP filters; None: all of them."""
        if self.fix is None and self.max_dop is None:
            return None
        kept = np.ones(len(track), dtype=bool)
        if self.fix is not None:
            kept &= track.fix >= self.fix
        if self.max_dop is not None:
            kept &= track.dop <= self.max_dop
        return kept

    def samples(self, stream: Stream, telemetry: Telemetry, *, timed: bool = True) -> Bools | None:
        """Which samples of a stream pass the filters (without `timed`, at any time); None: all of them."""
        kept = self.in_range(stream.times) if timed else None
        if stream.key in POSITION_KEYS and (self.fix is not None or self.max_dop is not None):
            gps = telemetry.gps
            track = gps if gps and gps.stream is stream else build_gps_track({stream.label: stream})
            passed = None if track is None else self.passes_quality(track)
            if passed is not None:
                kept = passed if kept is None else kept & passed
        return kept
