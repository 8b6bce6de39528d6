"""What an MP4 says about itself: the movie, its tracks, their samples and edits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from eddyline.mp4.byte_ranges import Ints

IDENTITY_MATRIX = (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on what one file may claim; generous for cameras, small for memory.

    `index` bounds the bytes of moov and all moof together, `samples` those of all tracks together (a day of
    60 fps video with sound has 9 million, a 12-hour one 4.6), `sample` the bytes of one sample.
    """

    index: int = 128 * 1024 * 1024
    boxes: int = 200_000
    tracks: int = 64
    samples: int = 5_000_000
    sample: int = 512 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One row of an edit list (section 8.6.6).

    `media_time` is in the track's ticks (-1: nothing is shown), `duration` in the MOVIE's ticks (0: to the
    end), `rate` how fast the media runs (0: a frozen frame).
    """

    media_time: int
    duration: int
    rate: Fraction = Fraction(1)


@dataclass(frozen=True, kw_only=True)
class Samples:
    """All samples of a track, in decode order: int64[n] arrays, times in the track's ticks.

    `pts` is dts plus the composition offset: media time, before edits. `description` is the 1-based row of
    the sample description table. Arrays may be read-only. A "sample" of uncompressed audio is a block of it.
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


@dataclass(frozen=True, kw_only=True)
class AudioUnit:
    """Audio in units of constant size, as its sample entry says: bytes of one, samples a channel in one.

    A unit is a frame (one sample of each channel) of PCM, A-law or mu-law, or a packet of QuickTime's codecs
    of constant packets (64 samples of IMA ADPCM).
    """

    bytes: int
    samples: int = 1


@dataclass(frozen=True, kw_only=True)
class Track:
    """One track. `kind` is video, audio, telemetry (gpmd), timecode (tmcd) or other.

    `width` and `height` are coded pixels, `display_size` the width and height of tkhd, in pixels. `matrix` is
    that of tkhd; `rotation` (degrees clockwise) and `mirrored` (left to right, before it is rotated) are what
    it and the movie's matrix do to the frame together (`display_matrix.orientation`).
    `stsd` and `media_header` are whole boxes as they are in the file, `format` the fourcc of the first sample
    entry. `spherical` has the uuid boxes of the track that hold spherical metadata (V1), whole.
    `undecodable` lists samples (decode order) whose references are not in the file: no decoder shows them.
    `units` is what the sample entry says of audio in units of constant size; `unit_bytes` the bytes of a unit
    where each sample is a whole number of units of one duration (0: it is not), so that it can be cut there.
    `frameless_samples` are those that hold no picture at all: int64[n], ascending.
    `duration` is in the track's ticks. `references` maps a kind of reference ("tmcd") to track numbers.
    `name` is that of its handler, `title` and `roles` are its labels (see `track_labels`).
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
    """A file's index. `duration` is in movie ticks, `creation_time` in seconds since 1904 (0: unknown).

    `matrix` is that of mvhd, which applies to all tracks after their own. `udta` and `meta` are the payloads
    of moov/udta and moov/meta as they are in the file; `size` is the file's bytes, `bytes_read` those that
    were read for this index. `unread` are boxes in moov that nothing here reads: (type, bytes).
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
        """Whether it is a QuickTime file: it says so, or has no ftyp, which QuickTime did without."""
        return self.brand in {"qt  ", ""}

    def tracks_of_kind(self, kind: str) -> tuple[Track, ...]:
        """The tracks of this kind, in file order."""
        return tuple(track for track in self.tracks if track.kind == kind)

    def first_track(self, kind: str) -> Track | None:
        """The first track of this kind, or None."""
        return next(iter(self.tracks_of_kind(kind)), None)

    def time_offset(self, track: Track) -> Fraction:
        """What to add to a track's own time to get movie time (s): its delay, less what its edit list skips.

        For tracks of one continuous edit at most: an empty edit delays them (a later start), a media time
        skips into them (a trim).
        """
        delay = 0
        for edit in track.edits:
            if edit.media_time >= 0:
                return Fraction(delay, self.timescale) - Fraction(edit.media_time, track.timescale)
            delay += edit.duration
        return Fraction(0)
