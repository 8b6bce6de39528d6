"""What is known about one piece of footage before any of it is encoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any

from eddyline.core.numbers import rational
from eddyline.media.left_out.report import LeftOut

# The transfer functions of high dynamic range (ITU-R BT.2100): PQ and HLG.
_HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})


@dataclass(frozen=True, kw_only=True)
class VideoFacts:
    """The video track that is processed.

    `width` and `height` are pixels as decoded, inside the clean aperture, before the frame is turned for
    display: `mirrored` left to right, then rotated by `rotation` degrees clockwise (0 to 359; at angles that
    are no multiple of 90 the frame keeps its size). `pixel_aspect` is the width of a pixel over its height.
    `fps` is the nominal rate, `frames` the number of presented frames, `timescale` the track's ticks per
    second. Colours are named as FFmpeg does ("bt709", "smpte2084", "unknown"). Where not `full_range`, black
    is 16 and white 235 (8 bits).
    `projection` is what spherical metadata says and renditions carry ("equirectangular"); empty for ordinary
    video.
    """

    codec: str
    width: int
    height: int
    rotation: int = 0
    mirrored: bool = False
    pixel_aspect: Fraction = Fraction(1)
    fps: Fraction
    frames: int
    variable_rate: bool = False
    pixel_format: str
    bit_depth: int = 8
    transfer: str = "unknown"
    primaries: str = "unknown"
    matrix: str = "unknown"
    full_range: bool = False
    interlaced: bool = False
    projection: str = ""
    timescale: int

    @property
    def display_width(self) -> int:
        """Width in square pixels as the viewer sees it."""
        return self._display()[0]

    @property
    def display_height(self) -> int:
        """Height in square pixels as the viewer sees it."""
        return self._display()[1]

    @property
    def hdr(self) -> bool:
        """Whether the picture is high dynamic range (PQ or HLG)."""
        return self.transfer in _HDR_TRANSFERS

    def _display(self) -> tuple[int, int]:
        # Pixel aspect stretches or squeezes the width, as every player does; the lines stay as they are.
        wide = max(1, round(self.width * self.pixel_aspect))
        return (self.height, wide) if self.rotation in {90, 270} else (wide, self.height)


@dataclass(frozen=True, kw_only=True)
class AudioFacts:
    """One audio track: `track` is its track_ID, `language` ISO 639-2 ("und" where unknown).

    `layout` is FFmpeg's name of the channel layout ("5.1", "ambisonic 1"; "": FFmpeg's guess).
    """

    track: int
    codec: str
    channels: int
    sample_rate: int
    language: str = "und"
    title: str = ""
    layout: str = ""


@dataclass(frozen=True, kw_only=True)
class TelemetryFacts:
    """The camera's gpmd track: payloads, bytes and the SHA-256 (hex) of all of them in decode order."""

    payloads: int
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class SubtitleFacts:
    """One subtitle track that is carried.

    `track` is its track_ID, or its index among the streams of another container; `codec` as FFmpeg names it,
    `language` ISO 639-2 ("und" where unknown). `default` and `forced` are the track's own flags.
    """

    track: int
    codec: str
    language: str = "und"
    title: str = ""
    default: bool = False
    forced: bool = False


@dataclass(frozen=True, kw_only=True)
class ChapterFacts:
    """One chapter of the source's own: it begins at `time_s` (movie seconds), with frame number `frame`."""

    time_s: float
    frame: int
    title: str


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where a recording was made: degrees (north and east are positive), and metres above sea level."""

    latitude: float
    longitude: float
    altitude_m: float | None = None


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a container says of its recording; empty, or None, where it says nothing.

    `created` is an ISO 8601 time, with the offset from UTC if that is known; `make` and `model` are those of
    the device.
    """

    created: str = ""
    title: str = ""
    make: str = ""
    model: str = ""
    location: Location | None = None


@dataclass(frozen=True, kw_only=True)
class SourceFacts:
    """One source: its size in bytes, content fingerprint (hex), duration in seconds and tracks.

    `left_out` is everything of it that an asset does not carry.
    """

    bytes: int
    fingerprint: str
    duration_s: float
    container: str
    video: VideoFacts
    audio: tuple[AudioFacts, ...] = ()
    telemetry: TelemetryFacts | None = None
    left_out: tuple[LeftOut, ...] = ()
    subtitles: tuple[SubtitleFacts, ...] = ()
    chapters: tuple[ChapterFacts, ...] = ()
    description: Description = field(default_factory=Description)

    def to_json(self) -> dict[str, Any]:
        """A plain dict of JSON values; fractions read "30000/1001"."""
        plain = asdict(self)
        plain["audio"] = [asdict(track) for track in self.audio]
        plain["subtitles"] = [asdict(each) for each in self.subtitles]
        plain["chapters"] = [asdict(each) for each in self.chapters]
        plain["left_out"] = [each.to_json() for each in self.left_out]
        for name in ("pixel_aspect", "fps"):
            plain["video"][name] = _spelled(plain["video"][name])
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> SourceFacts:
        """The facts that `to_json` wrote; other keys than its own raise `TypeError`."""
        video = dict(plain["video"])
        video.update({name: rational(video[name]) for name in ("pixel_aspect", "fps")})
        telemetry = plain["telemetry"]
        values = {
            **plain,
            "video": VideoFacts(**video),
            "audio": tuple(AudioFacts(**track) for track in plain["audio"]),
            "telemetry": None if telemetry is None else TelemetryFacts(**telemetry),
            "subtitles": tuple(SubtitleFacts(**each) for each in plain.get("subtitles", ())),
            "description": _description(plain.get("description") or {}),
            "chapters": tuple(ChapterFacts(**each) for each in plain.get("chapters", ())),
            # Plans written before there was such a list have none.
            "left_out": tuple(LeftOut.from_json(each) for each in plain.get("left_out", ())),
        }
        return cls(**values)


def _description(plain: Mapping[str, Any]) -> Description:
    place = plain.get("location")
    return Description(**{**plain, "location": None if place is None else Location(**place)})


def _spelled(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"
