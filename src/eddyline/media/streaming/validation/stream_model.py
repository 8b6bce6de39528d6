"""A stream as the rules see it: playlists, MPD, and what was measured in the segments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from eddyline.media.streaming.validation.codec_strings import Codec, parse_codecs
from eddyline.media.streaming.validation.hls_model import (
    MediaPlaylist,
    MultivariantPlaylist,
    Playlist,
    Reference,
)
from eddyline.media.streaming.validation.mpd_model import Mpd

_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A reference that was not read: the file that has it, the place, and why. `leads_out`: of the stream."""

    file: str
    place: str
    reason: str
    leads_out: bool = False
    segment: bool = False


@dataclass(frozen=True, kw_only=True)
class MeasuredSegment:
    """One opened segment, times in seconds on the track's timeline.

    `start` and `end` are of presentation, `decode_start` and `decode_end` of decoding. `keyframe`: it starts
    with a random access point. `frame` is the duration of each frame, 0 if it varies; `longest` that of the
    longest one. `problem` says why it cannot be read; the other fields are then 0.
    """

    index: int
    frames: int = 0
    start: Fraction = Fraction(0)
    end: Fraction = Fraction(0)
    decode_start: Fraction = Fraction(0)
    decode_end: Fraction = Fraction(0)
    keyframe: bool = True
    keyframe_interval: Fraction = Fraction(0)
    frame: Fraction = Fraction(0)
    longest: Fraction = Fraction(0)
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class SampleEntry:
    """The initialization segment: its first sample entry, and how many tracks and entries it has.

    `transfer` is the transfer characteristics of its colr box (ISO/IEC 23091-2; None: unstated). `display` is
    the size in tkhd. `static_hdr`: it has mastering display and content light metadata. `layout` is its
    REQ-VIDEO-LAYOUT if it is spherical. `scheme` and `key_id` (hex) are those of Common Encryption, "" if its
    only entry is in the clear.
    """

    codec: str = ""
    kind: str = ""
    width: int = 0
    height: int = 0
    display: tuple[int, int] = (0, 0)
    transfer: int | None = None
    encrypted: bool = False
    scheme: str = ""
    key_id: str = ""
    tracks: int = 1
    entries: int = 1
    static_hdr: bool = False
    layout: str = ""


@dataclass(frozen=True, kw_only=True)
class MeasuredTrack:
    """The segments of a media playlist or representation: sizes in bytes (None: unknown) and contents.

    `entries` are those of the distinct initialization segments, in order. `text_map`: whether WebVTT segments
    map their times (None: no WebVTT). `problem` says why nothing could be opened.
    """

    sizes: tuple[int | None, ...] = ()
    entries: tuple[SampleEntry, ...] = ()
    segments: tuple[MeasuredSegment, ...] = ()
    text_map: bool | None = None
    problem: str = ""

    @property
    def entry(self) -> SampleEntry | None:
        """The first sample entry."""
        return self.entries[0] if self.entries else None

    @property
    def readable(self) -> tuple[MeasuredSegment, ...]:
        """The segments that could be read."""
        return tuple(each for each in self.segments if not each.problem)

    @property
    def known_sizes(self) -> tuple[int, ...] | None:
        """The sizes of all segments, None unless all are known."""
        known = tuple(size for size in self.sizes if size is not None)
        return known if known and len(known) == len(self.sizes) else None

    @property
    def frame(self) -> Fraction:
        """The duration of a frame if it is constant in all opened segments, else 0."""
        found = {each.frame for each in self.readable}
        return found.pop() if len(found) == 1 else Fraction(0)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A variant or I-frame playlist with what it references; `playlist` is None if it could not be read."""

    reference: Reference
    playlist: MediaPlaylist | None
    codecs: tuple[Codec, ...]

    def get(self, name: str) -> str:
        """The value of an attribute; "" if it is missing."""
        return self.reference.get(name)

    @property
    def place(self) -> str:
        """Where it is in the multivariant playlist."""
        return f"{self.reference.tag.place} ({self.reference.uri})"

    @property
    def video(self) -> Codec | None:
        """The video codec that CODECS states."""
        return next((each for each in self.codecs if each.kind == "video"), None)

    @property
    def has_video(self) -> bool:
        """Whether it has video, by CODECS or RESOLUTION."""
        return self.video is not None or bool(self.get("RESOLUTION"))

    @property
    def video_range(self) -> str:
        """VIDEO-RANGE; SDR if it is missing (draft-pantos-hls-rfc8216bis section 4.4.6.2)."""
        return self.get("VIDEO-RANGE") or "SDR"

    @property
    def family(self) -> tuple[str, str]:
        """What a client does not change during playback: the codec and the dynamic range."""
        return self.video.family if self.video else "", self.video_range

    @property
    def size(self) -> tuple[int, int] | None:
        """RESOLUTION as width and height; None if it is missing or invalid."""
        found = _SIZE.fullmatch(self.get("RESOLUTION"))
        size = (int(found[1]), int(found[2])) if found else (0, 0)
        return size if all(size) else None

    @property
    def rate(self) -> float:
        """FRAME-RATE; 0 if it is missing or invalid."""
        return _number(self.get("FRAME-RATE"))

    @property
    def bandwidth(self) -> float:
        """BANDWIDTH in bit/s; 0 if it is missing or invalid."""
        return _number(self.get("BANDWIDTH"))

    @property
    def average(self) -> float:
        """AVERAGE-BANDWIDTH in bit/s, or else BANDWIDTH."""
        return _number(self.get("AVERAGE-BANDWIDTH")) or self.bandwidth


def _number(text: str) -> float:
    try:
        return float(text) if len(text) < 24 and text[:1].isdigit() else 0.0  # noqa: PLR2004 - digits
    except ValueError:
        return 0.0


@dataclass(frozen=True, kw_only=True)
class Stream:
    """All of a stream; media playlists by name, their URIs resolved by `names` (file, URI)."""

    master: MultivariantPlaylist | None = None
    media: Mapping[str, MediaPlaylist] = field(default_factory=dict)
    names: Mapping[tuple[str, str], str] = field(default_factory=dict)
    mpd: Mpd | None = None
    tracks: Mapping[str, MeasuredTrack] = field(default_factory=dict)
    unreadable: tuple[Unreadable, ...] = ()
    undecodable: tuple[str, ...] = ()  # names of playlists that are not UTF-8

    @property
    def playlists(self) -> Iterator[Playlist]:
        """All playlists, the multivariant playlist first."""
        if self.master is not None:
            yield self.master
        yield from self.media.values()

    def playlist_of(self, reference: Reference) -> MediaPlaylist | None:
        """The media playlist that a reference of the multivariant playlist names."""
        if self.master is None:
            return None
        return self.media.get(self.names.get((self.master.name, reference.uri), ""))

    @property
    def variants(self) -> list[Variant]:
        """The variants of the multivariant playlist."""
        return [self._variant(each) for each in (self.master.variants if self.master else ())]

    @property
    def video_variants(self) -> list[Variant]:
        """The variants with video."""
        return [each for each in self.variants if each.has_video]

    @property
    def iframes(self) -> list[Variant]:
        """The I-frame playlists of the multivariant playlist."""
        return [self._variant(each) for each in (self.master.iframes if self.master else ())]

    def renditions(self, kind: str) -> list[Reference]:
        """The renditions of one TYPE."""
        found = self.master.renditions if self.master else ()
        return [each for each in found if each.get("TYPE") == kind]

    def _variant(self, reference: Reference) -> Variant:
        return Variant(
            reference=reference,
            playlist=self.playlist_of(reference),
            codecs=parse_codecs(reference.get("CODECS")),
        )

    @property
    def av_playlists(self) -> list[MediaPlaylist]:
        """The media playlists of variants and audio renditions, without repetition."""
        references = [*(each.reference for each in self.variants), *self.renditions("AUDIO")]
        found = [self.playlist_of(each) for each in references if each.uri]
        unique = {each.name: each for each in found if each is not None}
        if self.master is None:
            unique = {each.name: each for each in self.media.values() if not each.iframes_only}
        return list(unique.values())
