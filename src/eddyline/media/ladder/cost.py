"""What encoding costs, from a table of measurements: enough to size chunks and time limits by."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from eddyline.media.ladder.encoders import is_hardware
from eddyline.media.ladder.ladder import Rung
from eddyline.media.source.source import VideoFacts

# CPU nanoseconds a pixel on one core of a 2020s server, natural 1080p60 footage with slight noise, FFmpeg 9.
# They decide where chunks are cut, so a change here changes every chunk: never fit them at run time.
_X264 = {
    "ultrafast": 6,
    "superfast": 11,
    "veryfast": 16,
    "faster": 26,
    "fast": 33,
    "medium": 42,
    "slow": 75,
    "slower": 160,
    "veryslow": 320,
}
_X265 = {preset: 3 * ns for preset, ns in _X264.items()}
_SVT_AV1 = {
    str(preset): ns for preset, ns in enumerate((3000, 1500, 700, 350, 180, 110, 70, 35, 21, 14, 9, 9, 8, 7))
}
_ENCODE = {"h264": _X264, "hevc": _X265, "av1": _SVT_AV1}
_ENCODE_UNKNOWN = 100
_ENCODE_ELSEWHERE = 2  # a GPU encodes: its driver copies pictures
_DECODE = {"h264": 5, "hevc": 6, "av1": 6, "vp9": 5, "prores": 12}
_DECODE_UNKNOWN = 8
_SCALE = 2
_TONEMAP = 60
_DEEP = Fraction(3, 2)  # ten bits cost half as much again


def estimate_cpu_s(frames: int, rungs: Sequence[Rung], facts: VideoFacts | None = None) -> float:
    """CPU seconds to decode `frames` frames once and encode them for all `rungs`, on one ordinary core.

    Without `facts` the source is taken to be H.264 of the largest rung's size.
    """
    return float(frames * (_source_ns(rungs, facts) + sum(_rung_ns(rung) for rung in rungs)) / 10**9)


def _rung_ns(rung: Rung) -> Fraction:
    per_pixel = _ENCODE.get(rung.codec, {}).get(rung.preset, _ENCODE_UNKNOWN)
    if is_hardware(rung.encoder):
        per_pixel = _ENCODE_ELSEWHERE
    return rung.width * rung.height * (per_pixel * _depth(rung.pixel_format) + _SCALE)


def _source_ns(rungs: Sequence[Rung], facts: VideoFacts | None) -> Fraction:
    largest = max((rung.width * rung.height for rung in rungs), default=0)
    if facts is None:
        return Fraction(largest * _DECODE["h264"])
    decoding = (
        facts.width * facts.height * _DECODE.get(facts.codec, _DECODE_UNKNOWN) * _depth(facts.pixel_format)
    )
    return decoding + (largest * _TONEMAP if facts.hdr else 0)


def _depth(pixel_format: str) -> Fraction:
    return Fraction(1) if pixel_format.endswith(("p", "nv12")) else _DEEP
