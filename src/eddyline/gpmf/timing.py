"""When each sample was taken: one rule for all streams.

Times are movie times in seconds: 0 is where the movie's presentation begins, edit lists applied, so that a
video frame and a sample with equal times belong together. (A trimmed file's telemetry track may begin before
0.)

1. A stream whose payloads carry STMP (the camera's clock at the payload's first sample; micro-seconds, the
   scale is
   checked against the payloads' times) is placed by it: knots at each payload's first sample, straight lines
   between them, and the mean rate after the last. The clock's zero is the first STMP of SHUT, which is the
   exposure of the first video frame; without SHUT the smallest STMP of the first payload that has one. The
   rate is samples before the last payload / (last STMP - first STMP).
2. Other streams lie on the least-squares line through the points (end of payload, samples so far): its slope
   is the
   rate, where it crosses zero is the first sample's time.
3. A stream that is missing from payloads in its midst (faces, an empty payload) has rule 2's rate, but its
   samples
   are spread evenly over the payload that brought them: a line through gaps would be seconds off.
4. A stream in one payload only is spread evenly over it. TIMO (seconds of latency) is taken off in every
   case.

Rates and first times are those of GoPro's own parser (GPMF_utils.c, GetGPMFSampleRate, time base SHUT).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eddyline.gpmf.payloads import Floats, Int64s

_SCALES = (1e6, 1e9, 1e3, 1e0, 1e8, 1e7, 1e5, 1e4, 1e2, 1e1)  # ticks per second, likeliest first
# Scales are powers of ten: a short cut's counts may be off by a half and still tell them apart.
_NEAR = 0.5
# Any speed is near some power of ten, so that a TimeWarp of 5x would pass for another unit: others than
# microseconds have to fit closely.
_CLOSE = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class PayloadSamples:
    """The pieces of one stream, one for each payload that has samples of it.

    payload: int64[k] payload numbers; samples: int64[k] counts; stamp: float64[k] STMP ticks (NaN: none);
    latency: the stream's TIMO in seconds.
    """

    payload: Int64s
    samples: Int64s
    stamp: Floats
    latency: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a stamp clock's zero lies: `ticks` of STMP are the movie time `seconds`."""

    ticks: float
    seconds: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Timeline:
    """A stream's times: `rate_hz`, and knots (sample number, seconds) with straight lines between them.

    `rule` names the rule above that gave it: "stamps", "line", "spread" or "none".
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
    """The times of one stream, by the rules above; `start_s` and `end_s` are the payloads' spans."""
    full = np.flatnonzero(chunks.samples)
    payload, samples, stamp = chunks.payload[full], chunks.samples[full], chunks.stamp[full]
    count = int(samples.sum())
    if not count:
        nothing = np.empty(0)
        return Timeline(
            rate_hz=0.0, first_s=0.0, count=0, number=nothing.astype(int), seconds=nothing, rule="none"
        )
    before = np.cumsum(samples) - samples
    start, end = start_s[payload], end_s[payload]
    if origin is not None and not np.isnan(stamp).any():
        stamped = _by_stamps(before, count, stamp, origin, (start, end))
        if stamped is not None:
            return _late(stamped, chunks.latency)
    line = _line(end, before + samples) if len(full) > 1 else None
    if line is None:
        span = float(end[-1] - start[0])
        rate = count / span if span > 0 else 0.0
        number, seconds = np.array([0, count]), np.array([start[0], end[-1]])
        return _late(_spread(rate, count, number, seconds), chunks.latency)
    rate, first = line
    if payload[-1] - payload[0] + 1 == len(payload):
        number, seconds = np.array([0]), np.array([first])
        steady = Timeline(
            rate_hz=rate, first_s=first, count=count, number=number, seconds=seconds, rule="line"
        )
        return _late(steady, chunks.latency)
    # Two knots a payload: its first sample at its start, and what would be one after its last at its end.
    number = np.stack([before, before + samples - 1e-9], axis=1).ravel()
    seconds = np.stack([start, end], axis=1).ravel()
    return _late(_spread(rate, count, number, seconds), chunks.latency)


def _spread(rate: float, count: int, number: Int64s, seconds: Floats) -> Timeline:
    return Timeline(
        rate_hz=rate, first_s=float(seconds[0]), count=count, number=number, seconds=seconds, rule="spread"
    )


def _late(line: Timeline, latency: float) -> Timeline:
    """The same, `latency` seconds earlier: what is late was true before."""
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


def _fits(rate: float, rough: float, share: float) -> bool:
    return abs(rate - rough) <= share * rate


def _by_stamps(
    before: Int64s, count: int, stamp: Floats, origin: Origin, span: tuple[Floats, Floats]
) -> Timeline | None:
    """Rule 1; None where the stamps run backwards or fit no scale."""
    start, end = span
    if len(stamp) == 1:
        length = float(end[0] - start[0])
        rate = count / length if length > 0 else 0.0
        scale = _SCALES[0]
    else:
        ticks = float(stamp[-1] - stamp[0])
        if ticks <= 0 or (np.diff(stamp) <= 0).any():
            return None
        rough = count / float(end[-1] - start[0]) if end[-1] > start[0] else 0.0
        per_tick = float(before[-1]) / ticks
        scale = next(
            (
                each
                for each in _SCALES
                if _fits(per_tick * each, rough, _NEAR if each == _SCALES[0] else _CLOSE)
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
