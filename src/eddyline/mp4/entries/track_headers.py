"""Reads a track's headers and its sample entry (ISO/IEC 14496-12 sections 8.3 to 8.5 and 12)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from eddyline.mp4.boxes import Box
from eddyline.mp4.entries.audio_entry import read_audio_entry
from eddyline.mp4.entries.macintosh_languages import LANGUAGE_CODES
from eddyline.mp4.errors import LimitError, Mp4Error
from eddyline.mp4.movie import Edit

_KINDS = {"vide": "video", "soun": "audio"}
_KINDS_BY_FORMAT = {"gpmd": "telemetry", "tmcd": "timecode"}
_ENCRYPTED = frozenset({"encv", "enca", "enct", "encs", "drmi", "drms"})
_MAX_SIDE = 32_768  # pixels; more than any camera or codec level
_MAX_EDITS = 10_000
_MAX_TICKS = 1 << 60  # sums of such numbers do not overflow int64
_UNITY = 0x10000
_FIRST_PACKED = (
    0x400  # lower language codes are Macintosh numbers (QuickTime File Format, "Language Code Values")
)
_VISUAL_FIELDS = 78


@dataclass(frozen=True, kw_only=True)
class SampleEntry:
    """The first sample entry: fourcc, coded size, pixel aspect, audio properties (see `AudioEntry`)."""

    format: str
    width: int = 0
    height: int = 0
    pixel_aspect: Fraction = Fraction(1)
    channels: int = 0
    sample_rate: int = 0
    unit_bytes: int = 0
    unit_samples: int = 1

    @property
    def encrypted(self) -> bool:
        """Whether the samples are encrypted."""
        return self.format in _ENCRYPTED


@dataclass(frozen=True, kw_only=True)
class TrackHeader:
    """The track header (tkhd)."""

    number: int
    enabled: bool
    volume: int
    matrix: tuple[int, ...]
    display_size: tuple[Fraction, Fraction]


def track_kind(handler: str, format_: str) -> str:
    """The kind of a track: by its sample entry first, because gpmd has the generic metadata handler."""
    return _KINDS_BY_FORMAT.get(format_, _KINDS.get(handler, "other"))


def read_entry(stsd: Box, handler: str) -> SampleEntry:
    """The first row of the sample description table."""
    fields = stsd.fields()
    fields.read_version()
    fields.skip(4)
    entry = next(stsd.children(8), None)
    if entry is None:
        raise Mp4Error("the codec of the track is missing (empty stsd)", path=stsd.path, offset=stsd.offset)
    if handler == "vide":
        return _visual(entry)
    if handler == "soun":
        audio = read_audio_entry(entry)
        return SampleEntry(format=entry.kind, **vars(audio))
    return SampleEntry(format=entry.kind)


def _visual(entry: Box) -> SampleEntry:
    fields = entry.fields()
    fields.skip(24)
    width, height = fields.unpack("HH")
    if max(width, height) > _MAX_SIDE:
        raise LimitError(
            f"frames of {width}x{height} pixels are larger than {_MAX_SIDE}",
            path=entry.path,
            offset=entry.offset,
        )
    aspect = Fraction(1)
    if len(entry.body) > _VISUAL_FIELDS:
        pasp = entry.find("pasp", _VISUAL_FIELDS)
        if pasp is not None:
            across, down = pasp.fields().unpack("II")
            aspect = Fraction(across, down) if across and down else aspect
    return SampleEntry(format=entry.kind, width=width, height=height, pixel_aspect=aspect)


def read_track_header(tkhd: Box) -> TrackHeader:
    """The tkhd box (section 8.3.2)."""
    fields = tkhd.fields()
    version, flags = fields.read_version()
    fields.skip(16 if version == 1 else 8)
    number = fields.read_number("I")
    fields.skip(4 + (8 if version == 1 else 4) + 8 + 4)
    volume = fields.read_number("H")
    fields.skip(2)
    matrix = fields.unpack("9i")
    width, height = fields.unpack("II")
    if number == 0:
        raise Mp4Error("a track has the number 0", path=tkhd.path, offset=tkhd.offset)
    return TrackHeader(
        number=number,
        enabled=bool(flags & 1),
        volume=volume,
        matrix=matrix,
        display_size=(Fraction(width, _UNITY), Fraction(height, _UNITY)),
    )


def read_movie_matrix(mvhd: Box) -> tuple[int, ...]:
    """The matrix of mvhd (section 8.2.2)."""
    fields = mvhd.fields()
    version, _ = fields.read_version()
    fields.skip((28 if version == 1 else 16) + 4 + 2 + 10)
    return fields.unpack("9i")


def read_time_header(box: Box) -> tuple[int, int, int]:
    """(creation time, timescale, duration) of mvhd or mdhd; an unknown duration (all ones) becomes 0."""
    fields = box.fields()
    version, _ = fields.read_version()
    created, _, timescale, duration = fields.unpack("QQIQ" if version == 1 else "IIII")
    if timescale == 0:
        raise Mp4Error("the timescale is 0", path=box.path, offset=box.offset)
    unknown = (1 << 64) - 1 if version == 1 else (1 << 32) - 1
    return created, timescale, 0 if duration == unknown else duration


def read_language(mdhd: Box, *, quicktime: bool = False) -> str:
    """The ISO 639-2 code of mdhd; in `quicktime` files also that of a Macintosh language number."""
    fields = mdhd.fields()
    version, _ = fields.read_version()
    fields.skip(28 if version == 1 else 16)
    packed = fields.read_number("H")
    if packed < _FIRST_PACKED:
        return LANGUAGE_CODES[packed] if quicktime and packed < len(LANGUAGE_CODES) else "und"
    letters = [(packed >> shift & 31) + 0x60 for shift in (10, 5, 0)]
    text = "".join(map(chr, letters))
    return text if text.isalpha() else "und"


def read_handler(hdlr: Box) -> tuple[str, str]:
    """(handler, name). QuickTime writes the name with a length prefix, ISO files with a terminating zero."""
    fields = hdlr.fields()
    fields.read_version()
    component = fields.read_fourcc()
    handler = fields.read_fourcc()
    fields.skip(min(12, fields.remaining))
    raw = bytes(fields.read(fields.remaining))
    if raw and (component == "mhlr" or raw[0] < ord(" ")) and raw[0] < len(raw):
        raw = raw[1 : 1 + raw[0]]
    name = raw.split(b"\0")[0].decode("utf-8", "replace")
    return handler, "".join(char for char in name if char.isprintable()).rstrip()


def read_edits(elst: Box) -> tuple[Edit, ...]:
    """The edit list (section 8.6.6)."""
    fields = elst.fields()
    version, _ = fields.read_version()
    count = fields.read_number("I")
    width = 20 if version == 1 else 12
    if count * width > fields.remaining or count > _MAX_EDITS:
        raise Mp4Error(f"the edit list declares {count} rows", path=elst.path, offset=elst.offset)
    edits = []
    for _ in range(count):
        duration, media_time, rate = fields.unpack("Qqi" if version == 1 else "Iii")
        if not -1 <= media_time < _MAX_TICKS or duration >= _MAX_TICKS:
            raise Mp4Error(
                f"an edit starts at {media_time} and lasts {duration}", path=elst.path, offset=elst.offset
            )
        edits.append(Edit(media_time=media_time, duration=duration, rate=Fraction(rate, _UNITY)))
    return tuple(edits)


def read_references(tref: Box) -> dict[str, tuple[int, ...]]:
    """The tracks that this one refers to, by reference type (section 8.3.3)."""
    return {
        child.kind: child.fields().unpack(f"{min(len(child.body) // 4, 1024)}I") for child in tref.children()
    }
