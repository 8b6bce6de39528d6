"""Selects the tracks to keep and how their samples are cleaned, by the format of their sample entries.

| track | samples |
|---|---|
| H.264, HEVC, AV1, MPEG-2, MPEG-4 video | without user data (SEI messages, metadata units, user data) |
| Motion JPEG, PNG, ProRes | without metadata in the images, without bytes after a frame |
| VP8, VP9, H.263, uncompressed video; audio | unchanged: their formats have no room for text |
| GoPro telemetry (GPMF) | known keys, without positions |
| chapters | titles as returned by `titles` |
| timecode | unchanged, 4 bytes each |
| subtitles, data, metadata, unknown codecs | removed; if video or audio, the file is rejected |
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from eddyline.core.coordinates import Position
from eddyline.core.errors import UnsupportedError
from eddyline.edit.strip_location.boxes.titles import chapter_title
from eddyline.edit.strip_location.boxes.user_data import report_removed_keys
from eddyline.edit.strip_location.report import ENCODE_REMEDY, LOCATION, TEXT, UNKNOWN, Report
from eddyline.edit.strip_location.samples.bitstreams import (
    ImageCleaner,
    ObuCleaner,
    ProResCleaner,
    UserDataCleaner,
)
from eddyline.edit.strip_location.samples.nal_units import NalUnitCleaner
from eddyline.gpmf.edit.location import RemovedKeys, remove_location
from eddyline.gpmf.format.reader import parse
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.entries.object_type import read_object_type
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.samples.random_access import nal_length_size

Clean = Callable[[bytes], bytes]

_H264: Final = frozenset({"avc1", "avc2", "avc3", "avc4", "dva1", "dvav"})
_HEVC: Final = frozenset({"hvc1", "hev1", "dvh1", "dvhe"})
_MPEG2: Final = frozenset({"m2v1", "mp2v", "mpeg", "mpg1", "mpg2"})
_PRORES: Final = frozenset({"apch", "apcn", "apcs", "apco", "ap4h", "ap4x"})
_OPAQUE_VIDEO: Final = frozenset(
    {"vp08", "vp09", "s263", "h263", "H263"}
    | {"raw ", "2vuy", "yuv2", "v210", "v308", "v408", "v410", "r210", "rle "}
)
_AUDIO: Final = frozenset(
    {"mp4a", "alac", "fLaC", "Opus", "ac-3", "ec-3", ".mp3", "samr", "sawb", "ulaw", "alaw", "ima4"}
    | {"sowt", "twos", "raw ", "NONE", "lpcm", "in24", "in32", "fl32", "fl64", "ipcm", "fpcm"}
)
_MP4V_IMAGES: Final = {0x6C: "jpeg", 0x6D: "png"}
_MP4V_CODES: Final = frozenset({0x20, *range(0x60, 0x66), 0x6A})
_TEXT_HANDLERS: Final = frozenset({"text", "sbtl", "subt", "clcp"})
_TEXT_FORMATS: Final = frozenset({"text", "tx3g", "wvtt", "stpp"})
_TIMECODE_BYTES: Final = 4
_SEARCHED: Final = 1 << 20
_ENCODED_UTF8: Final = bytes.fromhex("0000000c656e636400000100")
_UTF16_MARK: Final = b"\xfe\xff"
_UNSUPPORTED: Final = {"audio": "unsupported-audio", "video": "unsupported-video"}


@dataclass(frozen=True, kw_only=True)
class SelectedTrack:
    """A track to keep: `why` it is harmless, and how its samples are cleaned (None: copied)."""

    track: Track
    why: str
    clean: Clean | None = None


@dataclass(frozen=True, kw_only=True)
class TrackSelector:
    """Selects the tracks of a movie to keep; reports the others as removed."""

    src: ByteRanges
    movie: Movie
    report: Report
    keep_titles: bool = False
    _chapters: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        numbers = (n for track in self.movie.tracks for n in track.references.get("chap", ()))
        object.__setattr__(self, "_chapters", frozenset(numbers))

    def select(self) -> tuple[SelectedTrack, ...]:
        """Returns the tracks to keep, in file order.

        Raises `UnsupportedError` if enabled video, or all of the audio, is encrypted or in a format that
        cannot be searched.
        """
        kept = tuple(
            selected for track in self.movie.tracks if (selected := self._select_track(track)) is not None
        )
        for kind in ("video", "audio"):
            kept_of_kind = [selected for selected in kept if selected.track.kind == kind]
            unsupported = [
                t
                for t in self.movie.tracks_of_kind(kind)
                if len(t.samples) and all(t is not c.track for c in kept)
            ]
            if unsupported and (
                not kept_of_kind or any(kind == "video" and track.enabled for track in unsupported)
            ):
                raise self._rejection(unsupported[0])
        if not kept:
            raise UnsupportedError("no track of this file can be kept", remedy=ENCODE_REMEDY)
        return kept

    def _rejection(self, track: Track) -> UnsupportedError:
        what = f"track {track.number} ({_printable(track.format)}, {track.kind})"
        if track.encrypted:
            return UnsupportedError(
                f"{what} is encrypted, so it cannot be searched for a location",
                remedy="strip the file before it is encrypted",
                reason="encrypted",
            )
        reason = _UNSUPPORTED.get(track.kind, "")
        message = f"{what} is in a format that Eddyline cannot search for a location"
        return UnsupportedError(message, remedy=ENCODE_REMEDY, reason=reason)

    def _select_track(self, track: Track) -> SelectedTrack | None:
        what = f"track {track.number}"
        selected: SelectedTrack | None = None
        if track.encrypted or not track.media_header:
            pass
        elif track.handler == "vide":
            selected = self._video(track, what)
        elif track.handler == "soun" and track.format in _AUDIO:
            selected = SelectedTrack(track=track, why="audio, copied")
        elif track.format == "tmcd" and not (track.samples.size != _TIMECODE_BYTES).any():
            selected = SelectedTrack(track=track, why="timecode, copied")
        elif track.format == "gpmd" and self._is_gpmf(track):
            clean = GpmfCleaner(what=what, report=self.report)
            selected = SelectedTrack(track=track, why="telemetry, known keys without positions", clean=clean)
        elif track.format in {"text", "tx3g"} and track.number in self._chapters:
            clean_titles = ChapterTextCleaner(
                what=what, report=self.report, keep=self.keep_titles, encoded=track.format == "text"
            )
            selected = SelectedTrack(track=track, why="chapters", clean=clean_titles)
        if selected is None:
            self._report_removed(track)
        return selected

    def _video(self, track: Track, what: str) -> SelectedTrack | None:
        clean: Clean | None = None
        kind = read_object_type(track.stsd) if track.format == "mp4v" else -1
        if track.format in _H264 | _HEVC:
            clean = NalUnitCleaner(
                codec="h264" if track.format in _H264 else "hevc",
                length_size=nal_length_size(track.stsd),
                what=what,
                report=self.report,
                dolby_vision=any(each in track.stsd for each in (b"dvcC", b"dvvC")),
            )
        elif track.format == "av01":
            clean = ObuCleaner(what=what, report=self.report)
        elif track.format in _MPEG2 or kind in _MP4V_CODES or track.format.startswith(("hdv", "xdv", "mx")):
            clean = UserDataCleaner(what=what, report=self.report)
        elif track.format in {"jpeg", "png "} or kind in _MP4V_IMAGES:
            image = _MP4V_IMAGES.get(kind) or ("jpeg" if track.format == "jpeg" else "png")
            clean = ImageCleaner(kind=image, what=what, report=self.report)
        elif track.format in _PRORES:
            clean = ProResCleaner(what=what, report=self.report)
        elif track.format not in _OPAQUE_VIDEO:
            return None
        return SelectedTrack(
            track=track, why="video, copied" if clean is None else "video, without user data", clean=clean
        )

    def _is_gpmf(self, track: Track) -> bool:
        """Whether the first non-empty sample is GPMF; other makers also use the format gpmd."""
        samples = track.samples
        for at, size in zip(samples.offset.tolist(), samples.size.tolist(), strict=True):
            if size:
                return size >= 8 and self.src.read(at, 4) == b"DEVC"  # noqa: PLR2004 - a KLV's header
        return True

    def _report_removed(self, track: Track) -> None:
        name = f" {ascii(track.name)[1:-1]}" if track.name else ""
        what = f"track {track.number} ({_printable(track.format)}, {_printable(track.handler)}{name})"
        why = UNKNOWN
        if track.handler in _TEXT_HANDLERS or track.format in _TEXT_FORMATS:
            why = TEXT
        elif track.format in {"camm", "gpmd", "gps ", "rtmd"}:
            why = LOCATION
        size = int(track.samples.size.sum())
        self.report.record_removed(what, why, size, track.name.encode() + b" " + track.stsd)
        left = _SEARCHED
        for at, length in zip(track.samples.offset.tolist(), track.samples.size.tolist(), strict=True):
            if length and left > 0:
                self.report.search(self.src.read(at, min(length, left)))
                left -= length


@dataclass(frozen=True, kw_only=True)
class GpmfCleaner:
    """Cleans GPMF payloads."""

    what: str
    report: Report

    def __call__(self, payload: bytes) -> bytes:
        """Returns the payload without positions and unknown keys. Raises `GpmfError` if it is invalid."""
        removed = RemovedKeys()
        kept = remove_location(payload, path=self.what, removed=removed)
        if kept is not payload:
            self.report.payloads += 1
            report_removed_keys(self.report, self.what, removed)
            self.report.add_positions(*_positions(payload))
        return kept


def _positions(payload: bytes) -> Iterable[Position]:
    """Yields the first position of each GPS5 and GPS9 stream, assuming the usual scale."""
    for _, node in parse(payload).walk():
        if node.key in {"GPS5", "GPS9"} and len(node.data) >= 8:  # noqa: PLR2004 - two words
            latitude, longitude = struct.unpack_from(">ii", node.data)
            yield Position(latitude=latitude / 1e7, longitude=longitude / 1e7)


@dataclass(kw_only=True)
class ChapterTextCleaner:
    """Cleans the samples of a chapter track; `encoded` appends the QuickTime box that declares UTF-8."""

    what: str
    report: Report
    keep: bool
    encoded: bool
    _number: int = 0

    def __call__(self, sample: bytes) -> bytes:
        """Returns the title after its length; removes styles and links that follow it."""
        self._number += 1
        length = int.from_bytes(sample[:2], "big")
        text, rest = sample[2 : 2 + length], sample[2 + length :]
        if rest.strip(b"\0") and rest != _ENCODED_UTF8:
            self.report.record_removed(f"{self.what} (styles and links of titles)", UNKNOWN, len(rest), rest)
        if text.startswith(_UTF16_MARK):
            text = text.decode("utf-16", "replace").encode()
        if text:
            text = chapter_title(text, self._number, keep=self.keep, what=self.what, report=self.report)
        return struct.pack(">H", len(text)) + text + (_ENCODED_UTF8 if self.encoded and text else b"")


def _printable(kind: str) -> str:
    return ascii(kind)[1:-1].strip()
