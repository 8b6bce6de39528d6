"""Selects the rungs of a profile for a source, with the size and bitrate of each rendition."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from eddyline.core.errors import UnsupportedError
from eddyline.media.ladder.crop import Crop, cropped_facts, decoded_crop, exact_size
from eddyline.media.ladder.encoders import DEFAULT_ENCODERS, ENCODERS, Encoder
from eddyline.media.ladder.families import family_name, ordered_families
from eddyline.media.ladder.frame_steps import fields_per_frame, frame_step, thinned_count
from eddyline.media.ladder.profile import Profile, RungSettings
from eddyline.media.source.source import VideoFacts

# A rung is a box with this aspect ratio; the long side of a wider video fits it ("1080p" of 2.39:1 is
# 1920x804).
_BOX = Fraction(16, 9)
# A source slightly smaller than a rung (1072 lines) gets that rung at its own size, not the next lower one.
_TOLERANCE = Fraction(105, 100)
# (frames/s, factor): twice the frames need 1.5 times the bits, because adjacent frames differ less.
_RATE_FACTORS = ((30, Fraction(1)), (60, Fraction(3, 2)), (120, Fraction(9, 4)), (240, Fraction(27, 8)))
_FULL_HD = 1920 * 1080
_MIN_KBPS = 50
_MIN_SIDE = 16  # pixels
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

    `width` and `height` are even numbers of square pixels of the upright frame. `maxrate_kbps` and
    `bufsize_kbps` are already scaled with the frame rate of the rung. `level` is the H.264 level ("4.2"),
    or None to let the encoder choose it. With `keep_hdr` an HDR source stays HDR (otherwise it is
    tone-mapped); it has no effect on SDR. `frame_step`: it shows every `frame_step`-th frame of the source,
    beginning with the first; `fields`: each source frame counts as so many frames (2: its two fields).
    `family` is the name of its codec family. `crop` is the part of the decoded frame that it shows (None: all
    of it), the same for all rungs of a source.
    """

    name: str
    codec: str
    encoder: str
    width: int
    height: int
    crf: float
    preset: str
    maxrate_kbps: int
    bufsize_kbps: int
    pixel_format: str
    level: str | None = None
    keep_hdr: bool = False
    frame_step: int = 1
    fields: int = 1
    family: str = ""
    crop: Crop | None = None

    @property
    def source_step(self) -> int:
        """It shows every `source_step`-th frame of the source itself, not only a second field."""
        return self.frame_step // math.gcd(self.frame_step, self.fields)

    def frame_count(self, frames: int) -> int:
        """The number of frames that it shows of `frames` source frames."""
        return thinned_count(frames * self.fields, self.frame_step)

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Rung:
        """Return the rung from `to_json`'s output."""
        crop = plain.get("crop")
        return cls(**{**plain, "crop": None if crop is None else Crop(*crop)})


@dataclass(frozen=True, kw_only=True, order=True)
class EncoderRequirement:
    """What a rung requires of a worker: a codec, and an encoder by FFmpeg's name if the profile names one."""

    codec: str
    encoder: str = ""


def required_encoders(profile: Profile, facts: VideoFacts) -> frozenset[EncoderRequirement]:
    """Return the requirements of all rungs that this source gets.

    One worker must meet those of a codec; another one may meet those of another codec.
    """
    facts = cropped_facts(decoded_crop(profile.crop, facts), facts)
    return frozenset(
        EncoderRequirement(codec=settings.codec, encoder=settings.encoder or "")
        for selected in _select_families(profile, facts).values()
        for settings, _ in selected
    )


def rungs(
    profile: Profile, facts: VideoFacts, encoders: Mapping[str, str] = DEFAULT_ENCODERS
) -> tuple[Rung, ...]:
    """Return the rungs of the profile that are not larger than the source, by family, largest first.

    A source smaller than every rung of a family gets one rung of the same size, with the settings of the
    lowest. `encoders` has the encoder of each codec for rungs that do not name one. Raises `UnsupportedError`
    if an encoder does not accept the frame size or a variable frame rate.
    """
    crop = decoded_crop(profile.crop, facts)
    facts = cropped_facts(crop, facts)
    families = _select_families(profile, facts)
    ladder: list[Rung] = []
    for family, selected in families.items():
        sizes: dict[tuple[int, int], Rung] = {}
        for settings, scale in selected:
            rung = _rung(settings, facts, scale or Fraction(1), encoders, profile=profile, family=family)
            rung = replace(rung, crop=crop)
            if scale is None:
                rung = replace(rung, name=f"{min(rung.width, rung.height)}p")
            if ladder and not settings.name:
                rung = replace(rung, name=f"{rung.name}-{family}")
            sizes.setdefault((rung.width, rung.height), rung)
        ladder += sorted(sizes.values(), key=lambda rung: -rung.width * rung.height)
    return _with_unique_names(ladder)


_Selected = Sequence[tuple[RungSettings, Fraction | None]]


def _select_families(profile: Profile, facts: VideoFacts) -> dict[str, _Selected]:
    """Return the rungs of each family with their scale factors, in the order of playlists.

    If another family fits, a family is omitted whose rungs are all larger than the source, or whose codec
    does not support so small a frame.
    """
    by_family: dict[str, list[RungSettings]] = {}
    for each in profile.rungs:
        hdr = facts.hdr and _keeps_hdr(profile, each)
        by_family.setdefault(family_name(each.codec, hdr=hdr), []).append(each)
    selected = {family: _select_rungs(by_family[family], facts) for family in ordered_families(by_family)}
    fitting = {
        family: each
        for family, each in selected.items()
        if all(scale is not None for _, scale in each) and _is_large_enough(each, facts)
    }
    supported = {family: each for family, each in selected.items() if _is_large_enough(each, facts)}
    return fitting or supported or selected


def _is_large_enough(selected: _Selected, facts: VideoFacts) -> bool:
    short = min(facts.display_width, facts.display_height)
    return all(
        _even_size(short, scale or Fraction(1)) >= ENCODERS[DEFAULT_ENCODERS[each.codec]].min_side
        for each, scale in selected
    )


def _keeps_hdr(profile: Profile, settings: RungSettings) -> bool:
    return profile.hdr == "keep" and settings.pixel_format.endswith("10le")  # 8-bit HDR shows banding


def _select_rungs(rungs_of_family: Sequence[RungSettings], facts: VideoFacts) -> _Selected:
    """Return the rungs to encode and their scale factors; for a smaller source the lowest and None."""
    scales = [(each, _scale(each, facts)) for each in rungs_of_family]
    fitting = [(each, scale) for each, scale in scales if scale is not None]
    if fitting:
        # Small rungs of very wide or tall video would have a few lines, and so lose its colors and aspect.
        short = min(facts.display_width, facts.display_height)
        least = min(Fraction(_MIN_SIDE, short), max(scale for _, scale in fitting))
        return [(each, scale) for each, scale in fitting if scale >= least]
    lowest = min(rungs_of_family, key=lambda each: each.height if isinstance(each.height, int) else 0)
    return [(lowest, None)]


def _scale(settings: RungSettings, facts: VideoFacts) -> Fraction | None:
    """Return the scale factor of the displayed frame (at most 1); None if it is smaller than the rung."""
    if settings.height == "source":
        return Fraction(1)
    short, long = sorted((facts.display_width, facts.display_height))
    scale = min(Fraction(settings.height, short), settings.height * _BOX / long)
    return None if scale > _TOLERANCE else min(scale, Fraction(1))


def _rung(
    settings: RungSettings,
    facts: VideoFacts,
    scale: Fraction,
    encoders: Mapping[str, str],
    *,
    profile: Profile,
    family: str,
) -> Rung:
    width = _even_size(facts.display_width, scale)
    height = _even_size(facts.display_height, scale)
    width, height = exact_size(profile.crop, width, height)
    encoder = _encoder(settings.encoder or encoders[settings.codec], settings.codec, facts, width, height)
    keep_hdr = _keeps_hdr(profile, settings)
    hdr_limit = profile.hdr_max_fps if keep_hdr and facts.hdr else None
    limits = [each for each in (profile.max_fps, settings.max_fps, hdr_limit) if each is not None]
    fields = fields_per_frame(profile, facts)
    step = frame_step(facts.fps * fields, min(limits, default=None))
    fps = facts.fps * fields / step
    rate_factor = _rate_factor(fps)
    if settings.height == "source":
        rate_factor *= Fraction(width * height, _FULL_HD)
    max_kbps = encoder.max_kbps
    maxrate = min(max_kbps, max(_MIN_KBPS, round(settings.maxrate_kbps * rate_factor)))
    short = min(width, height) if settings.height == "source" else settings.height
    return Rung(
        name=settings.name or f"{short}p",
        codec=settings.codec,
        encoder=encoder.name,
        width=width,
        height=height,
        crf=encoder.quality_of(settings.crf),
        preset=encoder.preset(settings.preset),
        maxrate_kbps=maxrate,
        bufsize_kbps=min(2 * max_kbps, max(_MIN_KBPS, round(settings.bufsize_kbps * rate_factor))),
        pixel_format=settings.pixel_format,
        level=_h264_level(width, height, fps, maxrate) if settings.codec == "h264" else None,
        keep_hdr=keep_hdr,
        frame_step=step,
        fields=fields,
        family=family,
    )


def _encoder(name: str, codec: str, facts: VideoFacts, width: int, height: int) -> Encoder:
    """Return the encoder; raises `UnsupportedError` if it does not accept this video."""
    encoder = ENCODERS.get(name)
    if encoder is None or encoder.codec != codec:
        known = sorted(each.name for each in ENCODERS.values() if each.codec == codec)
        raise UnsupportedError(
            f"{name} is not a supported encoder of {codec}",
            remedy=f"set one of {', '.join(known)} in pools.yaml",
        )
    if min(width, height) < encoder.min_side:
        raise UnsupportedError(
            f"a frame of {width}x{height} is too small for {name}: the minimum is {encoder.min_side} pixels",
            remedy="encode it without a GPU"
            if encoder.hardware
            else "use a profile with H.264 rungs, such as default",
            reason="too-small",
        )
    if max(width, height) > encoder.max_side:
        raise UnsupportedError(
            f"a frame of {width}x{height} is too large for {name}: the maximum is {encoder.max_side} pixels",
            remedy="use a profile with smaller rungs or another codec",
            reason="too-large",
        )
    if encoder.counts_ticks and facts.variable_rate:
        raise UnsupportedError(
            f"{name} cannot limit the bitrate of a source with a variable frame rate",
            remedy="encode sources with a variable frame rate without a GPU",
            reason="variable-rate",
        )
    return encoder


def _even_size(side: int, scale: Fraction) -> int:
    """Return the nearest even number of pixels, at most those of the source (4:2:0 halves both sides)."""
    return max(2, min(2 * round(side * scale / 2), side - side % 2))


def _rate_factor(fps: Fraction) -> Fraction:
    """Interpolate the factor linearly in `_RATE_FACTORS`; constant outside the table."""
    if fps <= _RATE_FACTORS[0][0]:
        return _RATE_FACTORS[0][1]
    for (low, at_low), (high, at_high) in pairwise(_RATE_FACTORS):
        if fps <= high:
            return at_low + (at_high - at_low) * (fps - low) / (high - low)
    return _RATE_FACTORS[-1][1]


def _h264_level(width: int, height: int, fps: Fraction, kbps: int) -> str | None:
    """Return the lowest sufficient level, at least 3.0; None if the table has none."""
    columns, rows = -(-width // 16), -(-height // 16)
    for level, per_second, per_frame, max_kbps in _H264_LEVELS:
        # A.3.1: a side has at most sqrt(8 x MaxFS) macroblocks.
        fits = columns * rows <= per_frame and max(columns, rows) ** 2 <= 8 * per_frame
        if fits and columns * rows * fps <= per_second and kbps * 4 <= max_kbps * 5:
            return level
    return None


def _with_unique_names(ladder: list[Rung]) -> tuple[Rung, ...]:
    """Make names unique: append the codec to a duplicate; use size and codec if that is a duplicate too."""
    names: set[str] = set()
    renamed = []
    for rung in ladder:
        candidates = (rung.name, f"{rung.name}-{rung.codec}", f"{rung.width}x{rung.height}-{rung.codec}")
        name = next(each for each in candidates if each not in names)
        names.add(name)
        renamed.append(replace(rung, name=name))
    return tuple(renamed)
