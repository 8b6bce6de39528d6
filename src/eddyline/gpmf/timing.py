"""The time of each sample: one rule for all streams.

Times are movie times in seconds: 0 is the start of the movie's presentation, with edit lists applied, so
that a video frame and a sample with equal times belong together. (A trimmed file's telemetry track may start
before 0.)

1. A stream whose payloads carry STMP (the camera's clock at the payload's first sample in microseconds;
   the scale is checked against the payloads' times) is placed by it: knots at each payload's first
   sample, linear interpolation between them, and the mean rate after the last. The clock's zero is the
   first STMP of SHUT, the exposure of the first video frame; without SHUT it is the smallest STMP of the
   first payload that has one. The rate is samples before the last payload / (last STMP - first STMP).
2. Other streams are placed on the least-squares line through the points (end of payload, samples so far):
   its slope is the rate, its zero is the time of the first sample.
3. A stream that is missing from some payloads in between (faces, an empty payload) has rule 2's rate, but
   its samples are spread evenly over the payload that contains them: a line across gaps would be seconds
   off.
4. A stream in one payload only is spread evenly over it. TIMO (latency in seconds) is always subtracted.

Rates and first times are those of GoPro's own parser (GPMF_utils.c, GetGPMFSampleRate, time base SHUT).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eddyline.gpmf.payloads import Floats, Int64s

_SCALES = (1e6, 1e9, 1e3, 1e0, 1e8, 1e7, 1e5, 1e4, 1e2, 1e1)  # ticks per second, likeliest first
# Scales are powers of ten: counts of a short clip that are off by a half still distinguish them.
_TOLERANCE = 0.5
# Every speed is near some power of ten, so a TimeWarp of 5x would look like another unit: units other than
# microseconds must match closely.
_STRICT_TOLERANCE = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class PayloadSamples:
    """The samples of one stream in each payload that contains it.

    payload: int64[k] payload numbers; samples: int64[k] counts; stamp: float64[k] STMP ticks (NaN: none);
    latency: the stream's TIMO in seconds.
    """

    payload: Int64s
    samples: Int64s
    stamp: Floats
    latency: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The zero of a stamp clock: `ticks` of STMP are the movie time `seconds`."""

    ticks: float
    seconds: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Timeline:
    """A stream's times: `rate_hz`, and knots (sample number, seconds) for linear interpolation.

    `rule` names the rule above that was applied: "stamps", "line", "spread" or "none".
    """

    rate_hz: float
    first_s: float
    count: int
    number: Int64s
    seconds: Floats
    rule: str

    def times(self) -> Floats:
        """The time of every sample, float64[n]."""
        if self.rule == "line":
            times = np.arange(self.count, dtype=np.float64)
            times /= self.rate_hz
            times += self.first_s
            return times
        if not self.count:
            return np.empty(0)
        return np.interp(np.arange(self.count), self.number, self.seconds)


def build_timeline(chunks: PayloadSamples, start_s: Floats, end_s: Floats, origin: Origin | None) -> Timeline:
    """The times of one stream by the rules above; `start_s` and `end_s` are the payloads' time ranges."""
    full = np.flatnonzero(chunks.samples)
    payload, samples, stamp = chunks.payload[full], chunks.samples[full], chunks.stamp[full]
    count = int(samples.sum())
    if not count:
        empty = np.empty(0)
        return Timeline(
            rate_hz=0.0, first_s=0.0, count=0, number=empty.astype(int), seconds=empty, rule="none"
        )
    before = np.cumsum(samples) - samples
    start, end = start_s[payload], end_s[payload]
    if origin is not None and not np.isnan(stamp).any():
        stamped = _by_stamps(before, count, stamp, origin, (start, end))
        if stamped is not None:
            return _subtract_latency(stamped, chunks.latency)
    line = _line(end, before + samples) if len(full) > 1 else None
    if line is None:
        span = float(end[-1] - start[0])
        rate = count / span if span > 0 else 0.0
        number, seconds = np.array([0, count]), np.array([start[0], end[-1]])
        return _subtract_latency(_spread(rate, count, number, seconds), chunks.latency)
    rate, first = line
    if payload[-1] - payload[0] + 1 == len(payload):
        number, seconds = np.array([0]), np.array([first])
        steady = Timeline(
            rate_hz=rate, first_s=first, count=count, number=number, seconds=seconds, rule="line"
        )
        return _subtract_latency(steady, chunks.latency)
    # Two knots per payload: its first sample at its start, and the position after its last sample at its end.
    number = np.stack([before, before + samples - 1e-9], axis=1).ravel()
    seconds = np.stack([start, end], axis=1).ravel()
    return _subtract_latency(_spread(rate, count, number, seconds), chunks.latency)


def _spread(rate: float, count: int, number: Int64s, seconds: Floats) -> Timeline:
    return Timeline(
        rate_hz=rate, first_s=float(seconds[0]), count=count, number=number, seconds=seconds, rule="spread"
    )


def _subtract_latency(line: Timeline, latency: float) -> Timeline:
    """The timeline moved earlier by `latency` seconds."""
    if not latency:
        return line
    return Timeline(
        rate_hz=line.rate_hz,
        first_s=line.first_s - latency,
        count=line.count,
        number=line.number,
        seconds=line.seconds - latency,
        rule=line.rule,
    )


def _line(end: Floats, total: Int64s) -> tuple[float, float] | None:
    """Rate and first time of the least-squares line through (end of payload, samples so far)."""
    across, up = end - end.mean(), total - total.mean()
    below = float(across @ across)
    slope = float(across @ up) / below if below > 0 else 0.0
    if not np.isfinite(slope) or slope <= 0:
        return None
    return slope, float(end.mean() - total.mean() / slope)


def _fits(rate: float, approximate: float, share: float) -> bool:
    return abs(rate - approximate) <= share * rate


def _by_stamps(
    before: Int64s, count: int, stamp: Floats, origin: Origin, span: tuple[Floats, Floats]
) -> Timeline | None:
    """Rule 1; None if the stamps decrease or match no scale."""
    start, end = span
    if len(stamp) == 1:
        length = float(end[0] - start[0])
        rate = count / length if length > 0 else 0.0
        scale = _SCALES[0]
    else:
        ticks = float(stamp[-1] - stamp[0])
        if ticks <= 0 or (np.diff(stamp) <= 0).any():
            return None
        approximate = count / float(end[-1] - start[0]) if end[-1] > start[0] else 0.0
        per_tick = float(before[-1]) / ticks
        scale = next(
            (
                each
                for each in _SCALES
                if _fits(
                    per_tick * each, approximate, _TOLERANCE if each == _SCALES[0] else _STRICT_TOLERANCE
                )
            ),
            0.0,
        )
        rate = per_tick * scale
    if not rate or not scale:
        return None
    seconds = origin.seconds + (stamp - origin.ticks) / scale
    number = np.append(before, count)
    tail = seconds[-1] + (count - before[-1]) / rate
    return Timeline(
        rate_hz=rate,
        first_s=float(seconds[0]),
        count=count,
        number=number,
        seconds=np.append(seconds, tail),
        rule="stamps",
    )
