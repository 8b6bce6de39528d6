"""The index of an MP4 as values: the movie, its tracks, their samples and edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from eddyline.mp4.byte_ranges import Ints

IDENTITY_MATRIX = (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits on what one file may declare: generous for cameras, small for memory.

    `index` limits the bytes of moov and all moof boxes together, `samples` the samples of all tracks
    together (a day of 60 fps video with audio has 9 million, a 12-hour one 4.6 million), `sample` the bytes
    of one sample.
    """

    index: int = 128 * 1024 * 1024
    boxes: int = 200_000
    tracks: int = 64
    samples: int = 5_000_000
    sample: int = 512 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One row of an edit list (section 8.6.6).

    `media_time` is in the track's ticks (-1: an empty edit, which presents nothing). `duration` is in the
    MOVIE's ticks (0: to the end). `rate` is the playback rate of the media (0: a frozen frame).
    """

    media_time: int
    duration: int
    rate: Fraction = Fraction(1)


@dataclass(frozen=True, kw_only=True)
class Samples:
    """All samples of a track in decode order: int64[n] arrays, times in the track's ticks.

    `pts` is dts plus the composition offset: media time, before edits. `description` is the 1-based row of
    the sample description table. Arrays may be read-only. A sample of uncompressed audio is a block of audio
    units.
    """

    offset: Ints
    size: Ints
    dts: Ints
    pts: Ints
    duration: Ints
    sync: npt.NDArray[np.bool_]
    description: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.offset)

    @classmethod
    def join(cls, parts: Sequence[Samples]) -> Samples:
        """The samples of all parts in their order."""
        names = [each.name for each in fields(cls)]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


@dataclass(frozen=True, kw_only=True)
class AudioUnit:
    """A unit of audio of constant size, as its sample entry declares it: bytes, and samples per channel.

    A unit is a frame (one sample of each channel) of PCM, A-law or mu-law, or a packet of a QuickTime codec
    with constant packets (64 samples of IMA ADPCM).
    """

    bytes: int
    samples: int = 1


@dataclass(frozen=True, kw_only=True)
class Track:
    """One track. `kind` is video, audio, telemetry (gpmd), timecode (tmcd) or other.

    `width` and `height` are coded pixels; `display_size` is the width and height of tkhd, in pixels.
    `matrix` is that of tkhd. `rotation` (degrees clockwise) and `mirrored` (left to right, before the
    rotation) are the combined effect of this matrix and the movie's (`display_matrix.orientation`).

    `stsd` and `media_header` are complete boxes as in the file; `format` is the fourcc of the first sample
    entry. `spherical` holds the complete uuid boxes of the track with spherical metadata (V1).

    `undecodable` lists samples (decode order) whose references are missing from the file: decoders do not
    output them. `frameless_samples`, int64[n] ascending, are the samples without a coded frame.

    `units` is the audio unit that the sample entry declares. `unit_bytes` is the size of a unit if each
    sample is an integral number of units of equal duration, so that the track can be cut between units;
    otherwise 0.

    `duration` is in the track's ticks. `references` maps a reference type ("tmcd") to track numbers. `name`
    is that of the handler; `title` and `roles` are the labels (see `track_labels`).
    """

    number: int
    kind: str
    handler: str
    name: str
    timescale: int
    duration: int
    format: str
    stsd: bytes
    media_header: bytes
    width: int = 0
    height: int = 0
    pixel_aspect: Fraction = Fraction(1)
    display_size: tuple[Fraction, Fraction] = (Fraction(0), Fraction(0))
    rotation: int = 0
    mirrored: bool = False
    matrix: tuple[int, ...] = IDENTITY_MATRIX
    spherical: tuple[bytes, ...] = ()
    language: str = "und"
    channels: int = 0
    sample_rate: int = 0
    units: AudioUnit | None = None
    unit_bytes: int = 0
    volume: int = 0
    edits: tuple[Edit, ...] = ()
    samples: Samples
    references: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    encrypted: bool = False
    enabled: bool = True
    undecodable: tuple[int, ...] = ()
    title: str = ""
    roles: tuple[str, ...] = ()
    frameless_samples: Ints = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True, kw_only=True)
class Movie:
    """The index of a file. `duration` is in movie ticks, `creation_time` in seconds since 1904 (0: unknown).

    `matrix` is that of mvhd, which applies to all tracks after their own. `udta` and `meta` are the payloads
    of moov/udta and moov/meta as in the file. `size` is the size of the file in bytes, `bytes_read` the
    bytes read for this index. `unread` lists the boxes of moov that the reader ignores: (type, bytes).
    """

    timescale: int
    duration: int
    creation_time: int
    brand: str
    tracks: tuple[Track, ...]
    udta: bytes | None
    fragmented: bool
    size: int
    bytes_read: int
    meta: bytes | None = None
    unread: tuple[tuple[str, int], ...] = ()
    matrix: tuple[int, ...] = IDENTITY_MATRIX

    @property
    def quicktime(self) -> bool:
        """Whether this is a QuickTime file: its brand is `qt`, or it has no ftyp box (old files)."""
        return self.brand in {"qt  ", ""}

    def tracks_of_kind(self, kind: str) -> tuple[Track, ...]:
        """The tracks of this kind, in file order."""
        return tuple(track for track in self.tracks if track.kind == kind)

    def first_track(self, kind: str) -> Track | None:
        """The first track of this kind, or None."""
        return next(iter(self.tracks_of_kind(kind)), None)

    def time_offset(self, track: Track) -> Fraction:
        """Seconds to add to a track's media time to get movie time: its delay minus what its edit list skips.

        For tracks with at most one continuous edit. An empty edit delays the track (a later start); a media
        time skips into it (a trim).
        """
        delay = 0
        for edit in track.edits:
            if edit.media_time >= 0:
                return Fraction(delay, self.timescale) - Fraction(edit.media_time, track.timescale)
            delay += edit.duration
        return Fraction(0)
