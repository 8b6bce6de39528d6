"""Estimates the CPU time of encoding from measurements, to choose the size of chunks and time limits."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from eddyline.media.ladder.encoders import is_hardware
from eddyline.media.ladder.ladder import Rung
from eddyline.media.source.source import VideoFacts

# CPU nanoseconds per pixel on one core of a 2020s server, natural 1080p60 video with slight noise, FFmpeg 9.
# They determine where sources are split, so that a change here changes every chunk: never adapt them at run
# time.
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
_ENCODE_ON_GPU = 2  # the driver copies frames
_DECODE = {"h264": 5, "hevc": 6, "av1": 6, "vp9": 5, "prores": 12}
_DECODE_UNKNOWN = 8
_SCALE = 2
_TONEMAP = 60
_PROJECT_DECODED, _PROJECT = 6, 20  # spherical video: a pixel of the decoded frame, of the largest rung
_HIGH_BIT_DEPTH_FACTOR = Fraction(3, 2)


def estimate_cpu_s(frames: int, rungs: Sequence[Rung], facts: VideoFacts | None = None) -> float:
    """Return the CPU seconds to decode `frames` frames once and encode them for all `rungs`.

    Without `facts` the source is assumed to be H.264 of the size of the largest rung.
    """
    encoding = sum(_rung_ns(rung) for rung in rungs)
    return float(frames * (_source_ns(rungs, facts) + encoding) / 10**9)


def encode_weights(rungs: Sequence[Rung]) -> dict[str, int]:
    """The weight of the encoding of each rung, by name: estimated CPU nanoseconds of a source frame.

    One job encodes all rungs of a family; its cost is divided by these weights.
    """
    return {rung.name: max(round(_rung_ns(rung)), 1) for rung in rungs}


def _rung_ns(rung: Rung) -> Fraction:
    per_pixel = _ENCODE.get(rung.codec, {}).get(rung.preset, _ENCODE_UNKNOWN)
    if is_hardware(rung.encoder):
        per_pixel = _ENCODE_ON_GPU
    per_frame = rung.width * rung.height * (per_pixel * _depth_factor(rung.pixel_format) + _SCALE)
    return per_frame * rung.fields / rung.frame_step


def _source_ns(rungs: Sequence[Rung], facts: VideoFacts | None) -> Fraction:
    largest = max((rung.width * rung.height for rung in rungs), default=0)
    if facts is None:
        return Fraction(largest * _DECODE["h264"])
    sphere = facts.sphere
    pixels = facts.width * facts.height
    if sphere is not None:
        pixels = sphere.width * sphere.height * (2 if sphere.is_eac else 1)
    decoding = pixels * _DECODE.get(facts.codec, _DECODE_UNKNOWN) * _depth_factor(facts.pixel_format)
    projection = 0 if sphere is None else pixels * _PROJECT_DECODED + largest * _PROJECT
    return decoding + projection + (largest * _TONEMAP if facts.hdr else 0)


def _depth_factor(pixel_format: str) -> Fraction:
    return Fraction(1) if pixel_format.endswith(("p", "nv12")) else _HIGH_BIT_DEPTH_FACTOR
