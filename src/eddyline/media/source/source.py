"""The facts of one source: the result of its inspection, and the input of planning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any

from eddyline.core.numbers import parse_rational
from eddyline.media.left_out.report import LeftOut
from eddyline.mp4.bitstream.hdr_metadata import NO_HDR_METADATA, HdrMetadata

_FULL_CIRCLE = 360  # degrees
# The transfer functions of high dynamic range (ITU-R BT.2100): PQ and HLG.
_HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})


@dataclass(frozen=True, kw_only=True)
class View:
    """A flat view into spherical video, in degrees.

    `yaw` turns it to the right, `pitch` up, `roll` clockwise; `fov` is its horizontal field of view.
    """

    yaw: float
    pitch: float
    roll: float
    fov: float


@dataclass(frozen=True, kw_only=True)
class SphereFacts:
    """Spherical video whose decoded frames are projected before anything else is done with them.

    `width` and `height` are those of a decoded frame. `second_track` is the track_ID of the second track of
    an equi-angular cube map (`eac_layout`); 0: the frames are equirectangular. `view` is the flat view to
    show; None: the whole sphere as an equirectangular frame.
    """

    width: int
    height: int
    second_track: int = 0
    view: View | None = None

    @property
    def is_eac(self) -> bool:
        """Whether the frames are an equi-angular cube map in two tracks."""
        return bool(self.second_track)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> SphereFacts:
        """Return the facts from JSON values; raises `TypeError` or `ValueError` for other values."""
        view = plain.get("view")
        return cls(
            width=int(plain["width"]),
            height=int(plain["height"]),
            second_track=int(plain["second_track"]),
            view=None if view is None else View(**{name: _degrees(value) for name, value in view.items()}),
        )


@dataclass(frozen=True, kw_only=True)
class VideoFacts:
    """The video track that is processed.

    `width` and `height` are pixels as decoded, inside the clean aperture, before the display transformation:
    `mirrored` left to right, then rotated by `rotation` degrees clockwise (0 to 359; at angles other than
    multiples of 90 the frame keeps its size). `pixel_aspect` is the width of a pixel over its height. `fps`
    is the nominal rate, `frames` the number of presented frames, `timescale` the track's ticks per second.
    Colors have FFmpeg's names ("bt709", "smpte2084", "unknown"). Without `full_range`, black is 16 and white
    235 (8 bits). `chroma_location` is where chroma samples are among those of luma ("left", "center").
    `projection` is the projection of spherical video that renditions carry ("equirectangular"), "" for other
    video, and `stereo` its stereo mode as in st3d (0: mono). `hdr_metadata` is the static HDR metadata, as
    far as it is valid. If `sphere` is given, all other facts describe the frames after projection.
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
    chroma_location: str = "unknown"
    interlaced: bool = False
    projection: str = ""
    hdr_metadata: HdrMetadata = NO_HDR_METADATA
    stereo: int = 0
    timescale: int
    sphere: SphereFacts | None = None

    @property
    def display_width(self) -> int:
        """Width of the displayed frame in square pixels."""
        return self._display()[0]

    @property
    def display_height(self) -> int:
        """Height of the displayed frame in square pixels."""
        return self._display()[1]

    @property
    def hdr(self) -> bool:
        """Whether the video is high dynamic range (PQ or HLG)."""
        return self.transfer in _HDR_TRANSFERS

    def _display(self) -> tuple[int, int]:
        # The pixel aspect changes the width, as in every player; the number of lines does not change.
        wide = max(1, round(self.width * self.pixel_aspect))
        return (self.height, wide) if self.rotation in {90, 270} else (wide, self.height)


@dataclass(frozen=True, kw_only=True)
class AudioFacts:
    """One audio track: `track` is its track_ID, `language` ISO 639-2 ("und" if unknown).

    `layout` is FFmpeg's name of the channel layout ("5.1", "ambisonic 1"); "" is FFmpeg's default. `title` is
    the name of the handler, `label` the title that users see ("" without one). `ambisonic` has the component
    of each channel (see `mp4.entries.ambisonic`); empty for other audio.
    """

    track: int
    codec: str
    channels: int
    sample_rate: int
    language: str = "und"
    title: str = ""
    layout: str = ""
    label: str = ""
    ambisonic: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TelemetryFacts:
    """The camera's gpmd track: number of payloads, total bytes, SHA-256 (hex) in decode order."""

    payloads: int
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class SubtitleFacts:
    """One subtitle track that renditions carry.

    `track` is its track_ID, or its stream index in another container; `codec` is FFmpeg's name, `language`
    ISO 639-2 ("und" if unknown). `default` and `forced` are flags of the track.
    """

    track: int
    codec: str
    language: str = "und"
    title: str = ""
    default: bool = False
    forced: bool = False


@dataclass(frozen=True, kw_only=True)
class ChapterFacts:
    """One chapter of the source: it starts at `time_s` (movie seconds), with frame number `frame`."""

    time_s: float
    frame: int
    title: str


@dataclass(frozen=True, kw_only=True)
class Location:
    """The location of a recording: degrees (north and east are positive), and meters above sea level."""

    latitude: float
    longitude: float
    altitude_m: float | None = None


@dataclass(frozen=True, kw_only=True)
class Description:
    """The descriptive metadata of a container; "" or None if absent.

    `created` is an ISO 8601 time, with the offset from UTC if known; `make` and `model` are those of the
    device.
    """

    created: str = ""
    title: str = ""
    make: str = ""
    model: str = ""
    location: Location | None = None


@dataclass(frozen=True, kw_only=True)
class SourceFacts:
    """One source: its size in bytes, content fingerprint (hex), duration in seconds and tracks.

    `left_out` lists everything that its asset omits.
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
        """Return JSON values; a fraction is a string such as "30000/1001"."""
        plain = asdict(self)
        plain["audio"] = [asdict(track) for track in self.audio]
        plain["subtitles"] = [asdict(each) for each in self.subtitles]
        plain["chapters"] = [asdict(each) for each in self.chapters]
        plain["left_out"] = [each.to_json() for each in self.left_out]
        for name in ("pixel_aspect", "fps"):
            value = plain["video"][name]
            plain["video"][name] = f"{value.numerator}/{value.denominator}"
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> SourceFacts:
        """Return the facts from `to_json`'s output; unknown keys raise `TypeError`."""
        video = dict(plain["video"])
        video.update({name: parse_rational(video[name]) for name in ("pixel_aspect", "fps")})
        # Plans of older releases have none.
        video["hdr_metadata"] = HdrMetadata.from_json(video.get("hdr_metadata") or {})
        sphere = video.get("sphere")
        video["sphere"] = None if sphere is None else SphereFacts.from_json(sphere)
        telemetry = plain["telemetry"]
        values = {
            **plain,
            "video": VideoFacts(**video),
            "audio": tuple(
                AudioFacts(**{**track, "ambisonic": tuple(track.get("ambisonic", ()))})
                for track in plain["audio"]
            ),
            "telemetry": None if telemetry is None else TelemetryFacts(**telemetry),
            "subtitles": tuple(SubtitleFacts(**each) for each in plain.get("subtitles", ())),
            "description": _description(plain.get("description") or {}),
            "chapters": tuple(ChapterFacts(**each) for each in plain.get("chapters", ())),
            # Plans of older releases have no such list.
            "left_out": tuple(LeftOut.from_json(each) for each in plain.get("left_out", ())),
        }
        return cls(**values)


def _degrees(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _FULL_CIRCLE:
        raise ValueError(f"{value!r} is not an angle")
    return float(value)


def _description(plain: Mapping[str, Any]) -> Description:
    location = plain.get("location")
    return Description(**{**plain, "location": None if location is None else Location(**location)})
