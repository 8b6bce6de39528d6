"""The renditions that one source gets under one profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from eddyline.core.errors import UnsupportedError
from eddyline.media.ladder.encoders import DEFAULT_ENCODERS, ENCODERS, Encoder
from eddyline.media.ladder.profile import Profile, RungSettings
from eddyline.media.source.source import VideoFacts

# A rung is a box of this aspect; wider pictures fit its long side ("1080p" of 2.39:1 is 1920x804).
_BOX = Fraction(16, 9)
# A source a little under a rung (1072 lines) is that rung at its own size, not the next one down.
_NEARLY = Fraction(105, 100)
# (frames/s, factor): twice the frames need half as many bits again, not twice, for they differ less.
_RATE_FACTORS = ((30, Fraction(1)), (60, Fraction(3, 2)), (120, Fraction(9, 4)), (240, Fraction(27, 8)))
_FULL_HD = 1920 * 1080
_LEAST_KBPS = 50
_LEAST_SIDE = 16  # pixels
# ITU-T H.264 Table A-1: level, macroblocks/s, macroblocks/frame, kbit/s (High profile: x 1.25).
_H264_LEVELS = (
    ("3.0", 40_500, 1_620, 10_000),
    ("3.1", 108_000, 3_600, 14_000),
    ("3.2", 216_000, 5_120, 20_000),
    ("4.0", 245_760, 8_192, 20_000),
    ("4.1", 245_760, 8_192, 50_000),
    ("4.2", 522_240, 8_704, 50_000),
    ("5.0", 589_824, 22_080, 135_000),
    ("5.1", 983_040, 36_864, 240_000),
    ("5.2", 2_073_600, 36_864, 240_000),
    ("6.0", 4_177_920, 139_264, 240_000),
    ("6.1", 8_355_840, 139_264, 480_000),
    ("6.2", 16_711_680, 139_264, 800_000),
)


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One rendition of one source.

    `width` and `height` are even, upright and of square pixels. `maxrate_kbps` and `bufsize_kbps` already
    count the source's frame rate. `level` is H.264's ("4.2"), or None to leave it to the encoder. `keep_hdr`
    says that an HDR source stays HDR here (otherwise it is tone-mapped); it changes nothing for SDR.
    """

    name: str
    codec: str
    encoder: str
    width: int
    height: int
    crf: int
    preset: str
    maxrate_kbps: int
    bufsize_kbps: int
    pixel_format: str
    level: str | None = None
    keep_hdr: bool = False

    def to_json(self) -> dict[str, Any]:
        """A plain dict of JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Rung:
        """The rung that `to_json` wrote."""
        return cls(**plain)


@dataclass(frozen=True, kw_only=True, order=True)
class EncoderRequirement:
    """What a rung asks of an encoder: the codec, and FFmpeg's encoder by name where it insists on one."""

    codec: str
    encoder: str = ""


def required_encoders(profile: Profile, facts: VideoFacts) -> frozenset[EncoderRequirement]:
    """What the rungs that this source gets ask for: whoever encodes them must be able to do all of it."""
    return frozenset(
        EncoderRequirement(codec=settings.codec, encoder=settings.encoder or "")
        for settings, _ in _chosen(profile, facts)
    )


def rungs(
    profile: Profile, facts: VideoFacts, encoders: Mapping[str, str] = DEFAULT_ENCODERS
) -> tuple[Rung, ...]:
    """The profile's rungs that this source has the pixels for, highest first; never empty, never upscaled.

    A source smaller than every rung gives one rung of its own size, at the lowest one's settings. `encoders`
    names the encoder of each codec for rungs that ask for none. Raises `UnsupportedError` for a picture that
    the encoder does not take.
    """
    made: dict[tuple[int, int, str], Rung] = {}
    for settings, factor in _chosen(profile, facts):
        rung = _rung(settings, facts, factor or Fraction(1), encoders, keep_hdr=profile.hdr == "keep")
        if factor is None:
            return (replace(rung, name=f"{min(rung.width, rung.height)}p"),)
        made.setdefault((rung.width, rung.height, rung.codec), rung)
    return _distinct(sorted(made.values(), key=lambda rung: -rung.width * rung.height))


def _chosen(profile: Profile, facts: VideoFacts) -> list[tuple[RungSettings, Fraction | None]]:
    """The rungs to make, and how much the picture shrinks; None: it is smaller than all, this the lowest."""
    factors = [(each, _factor(each, facts)) for each in profile.rungs]
    fitting = [(each, factor) for each, factor in factors if factor is not None]
    if fitting:
        # Of very wide or tall video, small rungs would keep a few lines: colors, and its aspect, get lost.
        short = min(facts.display_width, facts.display_height)
        least = min(Fraction(_LEAST_SIDE, short), max(factor for _, factor in fitting))
        return [(each, factor) for each, factor in fitting if factor >= least]
    return [(min(profile.rungs, key=lambda each: each.height if isinstance(each.height, int) else 0), None)]


def _factor(settings: RungSettings, facts: VideoFacts) -> Fraction | None:
    """How much the display picture shrinks (at most 1), or None where it has fewer pixels than the rung."""
    if settings.height == "source":
        return Fraction(1)
    short, long = sorted((facts.display_width, facts.display_height))
    factor = min(Fraction(settings.height, short), settings.height * _BOX / long)
    return None if factor > _NEARLY else min(factor, Fraction(1))


def _rung(
    settings: RungSettings,
    facts: VideoFacts,
    factor: Fraction,
    encoders: Mapping[str, str],
    *,
    keep_hdr: bool,
) -> Rung:
    width = _even(facts.display_width, factor)
    height = _even(facts.display_height, factor)
    encoder = _encoder(settings.encoder or encoders[settings.codec], settings.codec, facts, width, height)
    scale = _rate_factor(facts.fps)
    if settings.height == "source":
        scale *= Fraction(width * height, _FULL_HD)
    most = encoder.max_kbps
    maxrate = min(most, max(_LEAST_KBPS, round(settings.maxrate_kbps * scale)))
    short = min(width, height) if settings.height == "source" else settings.height
    return Rung(
        name=settings.name or f"{short}p",
        codec=settings.codec,
        encoder=encoder.name,
        width=width,
        height=height,
        crf=max(settings.crf, encoder.quality[0]),
        preset=encoder.preset(settings.preset),
        maxrate_kbps=maxrate,
        bufsize_kbps=min(2 * most, max(_LEAST_KBPS, round(settings.bufsize_kbps * scale))),
        pixel_format=settings.pixel_format,
        level=_h264_level(width, height, facts.fps, maxrate) if settings.codec == "h264" else None,
        keep_hdr=keep_hdr and settings.pixel_format.endswith("10le"),  # 8 bits would show bands
    )


def _encoder(name: str, codec: str, facts: VideoFacts, width: int, height: int) -> Encoder:
    """The encoder's row; raises `UnsupportedError` if it does not take such pictures."""
    encoder = ENCODERS.get(name)
    if encoder is None or encoder.codec != codec:
        known = sorted(each.name for each in ENCODERS.values() if each.codec == codec)
        raise UnsupportedError(
            f"Eddyline does not know how to join what {name} encodes as {codec}",
            remedy=f"name one of {', '.join(known)} in pools.yaml",
        )
    if min(width, height) < encoder.min_side:
        raise UnsupportedError(
            f"a picture of {width}x{height} is too small for {name}: it needs {encoder.min_side} pixels",
            remedy="use a profile of H.264 rungs, such as default"
            if not encoder.hardware
            else "encode it without a GPU",
            reason="too-small",
        )
    if max(width, height) > encoder.max_side:
        raise UnsupportedError(
            f"a picture of {width}x{height} is too large for {name}: it takes {encoder.max_side} pixels",
            remedy="use a profile with smaller rungs, or of another codec",
            reason="too-large",
        )
    if encoder.counts_ticks and facts.variable_rate:
        raise UnsupportedError(
            f"{name} cannot hold a cap while the frame rate varies",
            remedy="encode footage of a variable rate without a GPU",
            reason="variable-rate",
        )
    return encoder


def _even(side: int, factor: Fraction) -> int:
    """The nearest even number of pixels, but never more than the source has (4:2:0 halves both sides)."""
    return max(2, min(2 * round(side * factor / 2), side - side % 2))


def _rate_factor(fps: Fraction) -> Fraction:
    """Straight lines between the table's points; flat outside of them."""
    if fps <= _RATE_FACTORS[0][0]:
        return _RATE_FACTORS[0][1]
    for (low, at_low), (high, at_high) in pairwise(_RATE_FACTORS):
        if fps <= high:
            return at_low + (at_high - at_low) * (fps - low) / (high - low)
    return _RATE_FACTORS[-1][1]


def _h264_level(width: int, height: int, fps: Fraction, kbps: int) -> str | None:
    """The lowest level that allows this many macroblocks and bits, 3.0 at least; None beyond the table."""
    across, down = -(-width // 16), -(-height // 16)
    for level, per_second, per_frame, most in _H264_LEVELS:
        # A.3.1: neither side may be longer than the root of eight times the frame's macroblocks.
        fits = across * down <= per_frame and max(across, down) ** 2 <= 8 * per_frame
        if fits and across * down * fps <= per_second and kbps * 4 <= most * 5:
            return level
    return None


def _distinct(ladder: list[Rung]) -> tuple[Rung, ...]:
    """One name a rung: where two share theirs, the codec is added, then the size."""
    taken: set[str] = set()
    named = []
    for rung in ladder:
        spellings = (rung.name, f"{rung.name}-{rung.codec}", f"{rung.width}x{rung.height}-{rung.codec}")
        name = next(each for each in spellings if each not in taken)
        taken.add(name)
        named.append(replace(rung, name=name))
    return tuple(named)
