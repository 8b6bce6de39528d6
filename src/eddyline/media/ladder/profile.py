"""The schema of a profile: rungs, audio, images and packaging of an asset, read from a YAML file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from eddyline.core.errors import UsageError
from eddyline.core.identity import digest
from eddyline.core.settings_file import Section, read_settings
from eddyline.media.ladder.encoders import find_encoder
from eddyline.media.ladder.reframe import ReframeSettings
from eddyline.media.ladder.smart_settings import SmartSettings

_BUILT_IN = Path(__file__).parent / "profiles"
_REMEDY = "correct it; `eddyline profiles show default` prints a complete example"
Codec = Literal["h264", "hevc", "av1"]
_OPTIONAL = frozenset({"encoder", "max_fps"})
# YAML parses `preset: 8` as a number, although it is a name.
_Name = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]


_DEFAULT_MAX_FPS = 60.0
_MAX_RATIO = 4  # of a crop
_ADDED = {
    "max_fps": _DEFAULT_MAX_FPS,
    "hdr_max_fps": None,
    "deinterlace": "frames",
    "highlights": None,
    "quality": "sampled",
    "encryption": None,
    "crop": None,
    "max_bytes": None,
    "max_duration_s": None,
    "reframe": None,
    "smart": None,
}


class RungSettings(Section):
    """The settings of one rung.

    `height` is the length of the shorter side in lines; "source" is the size of the source. `encoder` is
    FFmpeg's name (None: the encoder of the pool); `preset` and `crf` (NVENC: CQ) are values of that encoder.
    `maxrate_kbps` and `bufsize_kbps` limit the bitrate of CRF at 30 frames/s, and grow with the frame rate;
    for "source" they apply to 1920x1080, and grow with the number of pixels. `max_fps` limits the frame rate
    of this rung further than that of the profile (None: it does not).
    """

    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")
    height: Annotated[int, Field(ge=16, le=8640, multiple_of=2)] | Literal["source"]
    codec: Codec = "h264"
    encoder: _Name | None = None
    crf: int
    preset: _Name
    maxrate_kbps: int = Field(ge=50, le=2_000_000)
    bufsize_kbps: int = Field(ge=50, le=4_000_000)
    pixel_format: Literal["yuv420p", "yuv420p10le"] = "yuv420p"
    max_fps: Annotated[float, Field(ge=1, le=1000)] | None = None

    @model_validator(mode="after")
    def _check_encoder_limits(self) -> Self:
        if self.name is not None and ".." in self.name:
            raise ValueError(f"name must not contain '..', because it is part of paths: {self.name!r}")
        encoder = find_encoder(self.codec, self.encoder)
        what, (low, high) = self.encoder or self.codec, encoder.quality
        if not low <= self.crf <= high:
            raise ValueError(f"crf of {what} must be between {low} and {high}, not {self.crf}")
        if self.preset not in encoder.presets:
            allowed = ", ".join(encoder.presets)
            raise ValueError(f"preset of {what} must be one of {allowed}, not {self.preset!r}")
        if self.pixel_format not in encoder.pixel_formats:
            allowed = ", ".join(encoder.pixel_formats)
            raise ValueError(f"pixel_format of {what} must be {allowed} (browsers show no other)")
        return self

    @model_serializer(mode="wrap")
    def _omit_missing(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Omit `encoder` and `max_fps` if they are None: the digests of such profiles stay the same."""
        plain: dict[str, Any] = serialize(self)
        return {key: value for key, value in plain.items() if value is not None or key not in _OPTIONAL}


class LoudnessSettings(Section):
    """Normalize to `target_lufs` (EBU R128), with true peaks of at most `true_peak_dbtp`."""

    target_lufs: float = Field(ge=-40, le=-5)
    true_peak_dbtp: float = Field(default=-1.0, ge=-9, le=0)


class AudioSettings(Section):
    """The settings of all audio tracks; loudness is always measured, and changed only with `normalise`.

    `codec`: "opus" adds Opus to AAC, which every asset has.
    """

    codec: Literal["aac", "opus"] = "aac"
    kbps_per_channel: int = Field(default=64, ge=16, le=256)
    normalise: LoudnessSettings | None = None


class StoryboardSettings(Section):
    """Preview images for seeking: one of `width` pixels every `interval_s`, columns x rows per sheet."""

    width: int = Field(default=160, ge=32, le=640, multiple_of=2)
    columns: int = Field(default=10, ge=1, le=20)
    rows: int = Field(default=10, ge=1, le=20)
    interval_s: float = Field(default=2.0, ge=0.1, le=600)
    most: int = Field(default=300, ge=1, le=3000)


class PictureSettings(Section):
    """The poster, `thumbs` thumbnails at equal intervals, and the storyboard (null: none)."""

    poster_width: int = Field(default=1280, ge=16, le=8192, multiple_of=2)
    thumbs: int = Field(default=6, ge=0, le=200)
    thumb_width: int = Field(default=320, ge=16, le=2048, multiple_of=2)
    storyboard: StoryboardSettings | None = StoryboardSettings()


class HighlightSettings(Section):
    """List the highlights for a reel of at most `duration_s`, in segments of up to `max_segment_s`."""

    duration_s: float = Field(default=30.0, ge=2, le=600)
    max_segment_s: float = Field(default=5.0, ge=2, le=60)


class EncryptionSettings(Section):
    """How HLS and DASH are encrypted. `key` is the name of a key, which a key file or key command has.

    "cbcs": HLS and DASH; "cenc": DASH alone; "aes-128": HLS alone. Renditions stay in the clear.
    """

    scheme: Literal["cbcs", "cenc", "aes-128"]
    key: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")


class CropSettings(Section):
    """Renditions show the largest part of the frame with this aspect ratio (width:height, "9:16").

    `x` and `y` place it: 0 is left and top, 0.5 the centre, 1 right and bottom.
    """

    aspect: str = Field(pattern=r"^[1-9]\d{0,3}:[1-9]\d{0,3}$")
    x: float = Field(default=0.5, ge=0, le=1)
    y: float = Field(default=0.5, ge=0, le=1)

    @property
    def ratio(self) -> Fraction:
        """Width over height."""
        width, _, height = self.aspect.partition(":")
        return Fraction(int(width), int(height))

    @model_validator(mode="after")
    def _check_ratio(self) -> Self:
        if not 1 / _MAX_RATIO <= self.ratio <= _MAX_RATIO:
            raise ValueError(f"aspect must be between 1:{_MAX_RATIO} and {_MAX_RATIO}:1")
        return self


def _without_yaml_boolean(value: object) -> object:
    """YAML 1.1 reads an unquoted `off` as false."""
    return "off" if value is False else value


class Profile(Section):
    """All settings of a profile; `digest()` is part of every output's key.

    `gop_s` and `segment_s` (a multiple of `gop_s`) are in seconds. `hdr`: "tonemap" makes all rungs SDR,
    "keep" keeps HDR in rungs of 10 bits. `max_fps`: rungs of a faster source show every second, third, ...
    frame, so that their rate is at most this (None: all frames); `hdr_max_fps`: those that are HDR, in
    addition. `deinterlace`: interlaced frames become one frame each ("frames"), or two ("fields": 30
    interlaced frames/s become 60 frames/s). `package`: whether HLS and DASH are written. `highlights`: which
    segments the list of highlights has (None: the asset has no such list). `quality`: whether VMAF, PSNR and
    SSIM of a sample of frames are measured. `encryption`: how HLS and DASH are encrypted. `crop`: the part of
    the frame that renditions show. `max_bytes`: the largest size of a rendition, to which its bitrate is
    limited. `max_duration_s`: longer sources are refused. `reframe` makes flat video of spherical sources;
    other sources ignore it. `smart`: the CRFs are found for each source, rung and chunk (None: those of the
    rungs are used).
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")
    description: str = ""
    rungs: tuple[RungSettings, ...] = Field(min_length=1, max_length=16, strict=False)
    audio: AudioSettings = AudioSettings()
    gop_s: float = Field(default=2.0, ge=0.1, le=20)
    segment_s: float = Field(default=4.0, ge=0.1, le=60)
    hdr: Literal["tonemap", "keep"] = "tonemap"
    max_fps: Annotated[float, Field(ge=1, le=1000)] | None = _DEFAULT_MAX_FPS
    hdr_max_fps: Annotated[float, Field(ge=1, le=1000)] | None = None
    deinterlace: Literal["frames", "fields"] = "frames"
    pictures: PictureSettings = PictureSettings()
    package: bool = True
    highlights: HighlightSettings | None = None
    quality: Annotated[Literal["sampled", "off"], BeforeValidator(_without_yaml_boolean)] = "sampled"
    encryption: EncryptionSettings | None = None
    crop: CropSettings | None = None
    max_bytes: Annotated[int, Field(ge=100_000, le=10**13)] | None = None
    max_duration_s: Annotated[float, Field(ge=1, le=10**6)] | None = None
    reframe: ReframeSettings | None = None
    smart: SmartSettings | None = None

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if (Fraction(str(self.segment_s)) / Fraction(str(self.gop_s))).denominator != 1:
            raise ValueError("segment_s must be a multiple of gop_s: segments start at keyframes")
        sizes = [(rung.height, rung.codec, rung.pixel_format) for rung in self.rungs]
        if len(set(sizes)) < len(sizes):
            raise ValueError("rungs must differ in height, codec or pixel_format")
        names = [rung.name for rung in self.rungs if rung.name]
        if len(set(names)) < len(names):
            raise ValueError("rungs must have different names")
        if self.encryption is not None and not self.package:
            raise ValueError("encryption needs package: true, because renditions are not encrypted")
        if self.hdr == "keep" and not any(rung.pixel_format.endswith("10le") for rung in self.rungs):
            raise ValueError(
                "hdr: keep needs a rung with pixel_format: yuv420p10le (8-bit HDR shows banding)"
            )
        if self.hdr == "keep" and self.package and not any(rung.codec == "h264" for rung in self.rungs):
            raise ValueError(
                "hdr: keep with package: true needs rungs of codec h264, for players that do not show HDR"
            )
        return self

    @model_serializer(mode="wrap")
    def _omit_defaults(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Omit later additions that have their defaults: the digests of such profiles stay the same."""
        plain: dict[str, Any] = serialize(self)
        return {key: value for key, value in plain.items() if key not in _ADDED or value != _ADDED[key]}

    def digest(self) -> str:
        """Return the SHA-256 (hex) of all settings except name and description."""
        return digest(self.model_dump(mode="json", exclude={"name", "description"}))


def profile_names() -> tuple[str, ...]:
    """Return the names of the built-in profiles, in alphabetical order."""
    return tuple(sorted(path.stem for path in _BUILT_IN.glob("*.yaml")))


def load_profile(name_or_path: str) -> Profile:
    """Return a built-in profile, or one from a YAML file (a path with a slash, or ending in .yaml or .yml).

    Raises `UsageError` with the file, the key and its allowed values.
    """
    is_path = "/" in name_or_path or name_or_path.endswith((".yaml", ".yml"))
    if not is_path and name_or_path not in profile_names():
        raise UsageError(
            f"unknown profile {name_or_path!r}",
            remedy=f"choose one of {', '.join(profile_names())}, or pass the path of a YAML file",
        )
    path = Path(name_or_path) if is_path else _BUILT_IN / f"{name_or_path}.yaml"
    file = read_settings(path, remedy=_REMEDY, label="profile ")
    plain = file.value
    if is_path and isinstance(plain, dict):
        plain = {"name": path.stem, **plain}
    return file.validate(Profile, plain)
