"""What to make of footage: the rungs, the sound, the pictures. Written as YAML, read whole and checked."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from eddyline.core.errors import UsageError
from eddyline.core.identity import digest
from eddyline.core.settings_file import describe_errors, parse_settings
from eddyline.media.ladder.encoders import find_encoder

_BUILT_IN = Path(__file__).parent / "profiles"
_REMEDY = "correct it; `eddyline profiles show default` prints a complete example"
Codec = Literal["h264", "hevc", "av1"]
# YAML reads `preset: 8` as a number; it is a name all the same.
_Name = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class RungSettings(_Section):
    """One rendition to make.

    `height` counts lines of the shorter side ("source": as large as the footage). `encoder` is one of
    FFmpeg's (None: as the worker class says); `preset` and `crf` are that encoder's, NVENC's CQ included.
    `maxrate_kbps` and `bufsize_kbps` cap the CRF at 30 frames/s; for "source" they are meant for 1920x1080
    and grow with pixels.
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

    @model_validator(mode="after")
    def _fits_its_codec(self) -> Self:
        if self.name is not None and ".." in self.name:
            raise ValueError(f"name is part of paths, so it has no two dots in a row: {self.name!r}")
        row = find_encoder(self.codec, self.encoder)
        what, (low, high) = self.encoder or self.codec, row.quality
        if not low <= self.crf <= high:
            raise ValueError(f"crf of {what} lies between {low} and {high}, not {self.crf}")
        if self.preset not in row.presets:
            allowed = ", ".join(row.presets)
            raise ValueError(f"preset of {what} is one of {allowed}, not {self.preset!r}")
        if self.pixel_format not in row.pixel_formats:
            allowed = ", ".join(row.pixel_formats)
            raise ValueError(f"pixel_format of {what} is {allowed} (browsers show no other)")
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_not_asked(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """No key for no encoder: a profile that asks for none keeps the digest that it always had."""
        plain: dict[str, Any] = write(self)
        if plain.get("encoder") is None:
            plain.pop("encoder", None)
        return plain


class LoudnessSettings(_Section):
    """Normalise to `target_lufs` (EBU R128), with peaks below `true_peak_dbtp`."""

    target_lufs: float = Field(ge=-40, le=-5)
    true_peak_dbtp: float = Field(default=-1.0, ge=-9, le=0)


class AudioSettings(_Section):
    """Every audio track, whole; loudness is measured always and changed only if `normalise` says so."""

    codec: Literal["aac"] = "aac"
    kbps_per_channel: int = Field(default=64, ge=16, le=256)
    normalise: LoudnessSettings | None = None


class StoryboardSettings(_Section):
    """Sprites for seeking: one picture of `width` pixels each `interval_s`, columns x rows to a sheet."""

    width: int = Field(default=160, ge=32, le=640, multiple_of=2)
    columns: int = Field(default=10, ge=1, le=20)
    rows: int = Field(default=10, ge=1, le=20)
    interval_s: float = Field(default=2.0, ge=0.1, le=600)
    most: int = Field(default=300, ge=1, le=3000)


class PictureSettings(_Section):
    """Poster, `thumbs` thumbnails spread evenly, and the storyboard (null: none)."""

    poster_width: int = Field(default=1280, ge=16, le=8192, multiple_of=2)
    thumbs: int = Field(default=6, ge=0, le=200)
    thumb_width: int = Field(default=320, ge=16, le=2048, multiple_of=2)
    storyboard: StoryboardSettings | None = StoryboardSettings()


class Profile(_Section):
    """Everything asked for; `digest()` is part of every output's key.

    `gop_s` and `segment_s` (a whole multiple of it) in seconds. `hdr`: "tonemap" makes every rung SDR, "keep"
    leaves HDR in rungs of 10 bits. `package`: whether HLS and DASH are made.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")
    description: str = ""
    rungs: tuple[RungSettings, ...] = Field(min_length=1, max_length=16, strict=False)
    audio: AudioSettings = AudioSettings()
    gop_s: float = Field(default=2.0, ge=0.1, le=20)
    segment_s: float = Field(default=4.0, ge=0.1, le=60)
    hdr: Literal["tonemap", "keep"] = "tonemap"
    pictures: PictureSettings = PictureSettings()
    package: bool = True

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if (Fraction(str(self.segment_s)) / Fraction(str(self.gop_s))).denominator != 1:
            raise ValueError("segment_s is a whole multiple of gop_s: segments begin at keyframes")
        wanted = [(rung.height, rung.codec) for rung in self.rungs]
        if len(set(wanted)) < len(wanted):
            raise ValueError("rungs differ in height or codec")
        names = [rung.name for rung in self.rungs if rung.name]
        if len(set(names)) < len(names):
            raise ValueError("rungs have different names")
        if self.hdr == "keep" and not any(rung.pixel_format.endswith("10le") for rung in self.rungs):
            raise ValueError("hdr: keep needs a rung with pixel_format: yuv420p10le (8 bits show bands)")
        return self

    def digest(self) -> str:
        """SHA-256 (hex) of what is asked for; name and description change nothing and are left out."""
        return digest(self.model_dump(mode="json", exclude={"name", "description"}))


def profile_names() -> tuple[str, ...]:
    """The built-in profiles, in alphabetical order."""
    return tuple(sorted(path.stem for path in _BUILT_IN.glob("*.yaml")))


def load_profile(name_or_path: str) -> Profile:
    """A built-in profile by name, or one from a YAML file (a name with a slash or ending .yaml/.yml).

    Raises `UsageError` naming the file, the key and what is allowed there.
    """
    is_path = "/" in name_or_path or name_or_path.endswith((".yaml", ".yml"))
    if not is_path and name_or_path not in profile_names():
        raise UsageError(
            f"there is no profile {name_or_path!r}",
            remedy=f"choose one of {', '.join(profile_names())}, or pass the path of a YAML file",
        )
    path = Path(name_or_path) if is_path else _BUILT_IN / f"{name_or_path}.yaml"
    plain = parse_settings(path, remedy=_REMEDY, called="profile ")
    if is_path and isinstance(plain, dict):
        plain.setdefault("name", path.stem)
    try:
        return Profile.model_validate(plain)
    except ValidationError as error:
        raise UsageError(f"profile {path}: {describe_errors(error)}", remedy=_REMEDY) from error
