"""Writes frame ranges and complete tracks as small local files, reading the source by ranges.

A slice decodes on its own to exactly the requested frames. It starts at a random access point, omits what
cannot be decoded from there, and contains frames before and after the requested ones only if decoding needs
them. The requested frames are identified by their times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

import numpy as np

from eddyline.core.errors import UnsupportedError, UsageError
from eddyline.mp4.byte_ranges import ByteRanges, CountingRanges, Ints, read_ranges
from eddyline.mp4.entries.spherical import without_v2
from eddyline.mp4.movie import IDENTITY_MATRIX, Movie, Samples, Track
from eddyline.mp4.presentation import Presentation, build_presentation
from eddyline.mp4.samples.random_access import is_random_access_point
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack, Piece, link_references, passthrough, without_samples

# Sync samples to test before falling back to the first one, which is always valid.
_MAX_TRIED = 256


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A written slice. The requested `frames` frames are those whose time is in [start_pts, end_pts).

    Times are in ticks of 1/timescale s. `samples` is the number of samples in the file, `bytes_read` the
    bytes read from the source. `second` are the same frames of another track that is decoded with this one.
    """

    path: Path
    start_pts: int
    end_pts: int
    frames: int
    timescale: int
    samples: int
    bytes_read: int
    second: Slice | None = None

    @property
    def tracks(self) -> tuple[Slice, ...]:
        """The slices of all tracks: this one, and the second."""
        return (self,) if self.second is None else (self, self.second)


def write_slice(
    src: ByteRanges,
    movie: Movie,
    track: Track,
    start: int,
    stop: int,
    out: Path,
    *,
    shown: Presentation | None = None,
    with_metadata: bool = False,
) -> Slice:
    """Write the presented frames [start, stop) of a video track as a progressive MP4 with one track.

    The file has no edit list and the source's timescale. `ffmpeg -copyts -i OUT -vf
    trim=start_pts=S:end_pts=E` decodes to exactly these frames. `shown` is `build_presentation(movie,
    track)` if the caller has it already. `with_metadata`: with the movie's creation time, udta and meta.

    Raises `UsageError` (an empty range or one outside the track), `UnsupportedError` (frames that a time
    range cannot isolate).
    """
    shown = build_presentation(movie, track) if shown is None else shown
    if not 0 <= start < stop <= len(shown):
        raise UsageError(f"frames [{start}, {stop}) are outside of a track of {len(shown)} frames")
    samples = track.samples
    wanted = shown.sample[start:stop]
    counting = CountingRanges(src)
    numbers = samples_to_decode(counting, track, wanted)
    times = _slice_times(samples, numbers)
    start_pts, end_pts = _bounds(track, shown, numbers, times, start, stop)
    write_mp4(
        out,
        [_slice_track(counting, track, numbers, times)],
        timescale=track.timescale,
        durable=False,  # a slice is needed only during its encode
        **_brands(movie),
        **(_metadata(movie) if with_metadata else {}),
    )
    return Slice(
        path=out,
        start_pts=start_pts,
        end_pts=end_pts,
        frames=stop - start,
        timescale=track.timescale,
        samples=len(numbers),
        bytes_read=counting.bytes_read,
    )


def require_separable(track: Track, shown: Presentation) -> None:
    """Raise `UnsupportedError` if an edit hides frames between presented ones: a slice cannot omit them."""
    if not len(shown):
        return
    samples = track.samples
    frames = np.ones(len(samples), np.bool_)
    frames[track.frameless_samples] = False
    frames[list(track.undecodable)] = False
    pts = samples.pts[shown.sample]
    inside = frames & (samples.pts >= int(pts.min())) & (samples.pts <= int(pts.max()))
    if int(np.count_nonzero(inside)) != len(shown):
        raise UnsupportedError(
            f"an edit list hides frames in the middle of the video (track {track.number})",
            remedy="export the clip as a file without an edit list from the program that edited it",
            reason="edit-list",
        )


def samples_to_decode(src: ByteRanges, track: Track, wanted: Ints) -> Ints:
    """The samples that show the `wanted` ones, in decode order: from a random access point to the last.

    `wanted` are sample numbers (decode order), at least one.
    """
    samples = track.samples
    earliest = int(samples.pts[wanted].min())
    final = int(wanted.max())
    # Decoding starts at the last sync sample not presented or decoded after the first requested frame.
    starts = np.flatnonzero(samples.sync[: int(wanted.min()) + 1])
    usable = starts[samples.pts[starts] <= earliest]
    tried = usable[: -_MAX_TRIED - 1 : -1].tolist()
    first = next((number for number in tried if is_random_access_point(src, track, number)), None)
    if first is None:
        return _without_empty(
            track, np.arange(int(starts[0]) if len(starts) else 0, final + 1, dtype=np.int64)
        )
    numbers: Ints = np.arange(first, final + 1, dtype=np.int64)
    # Leading frames of an open GOP refer to the omitted previous GOP; no other frame refers to them.
    return _without_empty(track, numbers[samples.pts[numbers] >= samples.pts[first]])


def _without_empty(track: Track, numbers: Ints) -> Ints:
    """The samples without empty ones: an empty sample would end a decoder's input."""
    kept: Ints = numbers[track.samples.size[numbers] > 0]
    return kept


@dataclass(frozen=True, kw_only=True)
class _Times:
    """Decode and presentation times in the slice (from 0), and what was subtracted from the media times."""

    dts: Ints
    pts: Ints
    base: int


def _slice_times(samples: Samples, numbers: Ints) -> _Times:
    """Decode times from 0 and no negative composition offset, so that all readers agree on the times."""
    dts, pts = samples.dts[numbers], samples.pts[numbers]
    base = int(dts[0]) + min(int((pts - dts).min()), 0)
    return _Times(dts=dts - dts[0], pts=pts - base, base=base)


def _bounds(
    track: Track, shown: Presentation, numbers: Ints, times: _Times, start: int, stop: int
) -> tuple[int, int]:
    """[start, end) of the requested frames in the slice's times; no other frame may be within."""
    samples = track.samples
    pts = samples.pts[shown.sample[start:stop]] - times.base
    first, final = int(pts[0]), int(pts[-1])
    frames = times.pts[~np.isin(numbers, track.frameless_samples)]
    inside = int(np.count_nonzero((frames >= first) & (frames <= final)))
    if inside != stop - start or int(pts.min()) != first or int(pts.max()) != final:
        raise UnsupportedError(
            f"frames [{start}, {stop}) cannot be isolated by their times: an edit hides frames between them,"
            " or frames share one time",
            remedy="export the clip as a file without an edit list from the program that edited it",
            reason="frame-times",
        )
    later = frames[frames > final]
    length = max(int(samples.duration[shown.sample[stop - 1]]), 1)
    return first, min(final + length, int(later.min())) if len(later) else final + length


def _slice_track(src: ByteRanges, track: Track, numbers: Ints, times: _Times) -> OutputTrack:
    samples = track.samples
    return replace(
        without_samples(track),
        enabled=True,  # decoders ignore disabled tracks
        # The frames are used as decoded, without display rotation. FFmpeg turns st3d into an SEI message when
        # it encodes, and then outputs no frames from a file that has both that message and st3d.
        matrix=IDENTITY_MATRIX,
        stsd=without_v2(track.stsd),
        boxes=(),
        pieces=(Piece(source=src, offset=samples.offset[numbers], size=samples.size[numbers]),),
        duration=np.append(np.diff(times.dts), samples.duration[numbers[-1:]]),
        cts_offset=times.pts - times.dts,
        sync=samples.sync[numbers],
        description=samples.description[numbers],
    )


def copy_tracks(src: ByteRanges, movie: Movie, tracks: Sequence[Track], out: Path) -> None:
    """Write complete tracks, with their edit lists and the references between them, as a local MP4."""
    copies = link_references(tracks, [passthrough(movie, track, src) for track in tracks])
    write_mp4(
        out,
        copies,
        timescale=movie.timescale,
        creation_time=movie.creation_time,
        matrix=movie.matrix,
        **_brands(movie),
    )


class _Brands(TypedDict, total=False):
    brand: str
    compatible: Sequence[str]


class _Metadata(TypedDict, total=False):
    creation_time: int
    udta: bytes | None
    meta: bytes | None


def _metadata(movie: Movie) -> _Metadata:
    return {"creation_time": movie.creation_time, "udta": movie.udta, "meta": movie.meta}


def _brands(movie: Movie) -> _Brands:
    """The source's brand: audio sample entries of QuickTime differ, and readers decide by the brand."""
    return {"brand": "qt  ", "compatible": ("qt  ",)} if movie.quicktime else {}


def iter_samples(src: ByteRanges, track: Track) -> Iterator[bytes]:
    """Each sample's bytes in decode order, read with few requests."""
    return read_ranges(src, track.samples.offset, track.samples.size)
