"""Frame ranges and whole tracks as small local files, read by ranges.

A slice decodes by itself, to exactly the frames asked for: it begins where a decoder can begin, leaves out
what cannot be decoded there, and carries frames before and behind the wanted ones only where decoding needs
them. The wanted ones are told by their times.
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

# Sync samples that are looked at before decoding from the very first one, which is always right.
_MOST_TRIED = 256


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A written slice: frames whose time lies in [start_pts, end_pts) are the wanted ones, `frames` of them.

    Times are in ticks of 1/timescale s. `samples` is how many the file holds, `bytes_read` what was read of
    the source for it.
    """

    path: Path
    start_pts: int
    end_pts: int
    frames: int
    timescale: int
    samples: int
    bytes_read: int


def write_slice(
    src: ByteRanges,
    movie: Movie,
    track: Track,
    first: int,
    last: int,
    out: Path,
    *,
    shown: Presentation | None = None,
) -> Slice:
    """Write the presentation frames [first, last) of a video track as a progressive MP4 with one track.

    No edit list, and the source's timescale. `ffmpeg -copyts -i OUT -vf trim=start_pts=S:end_pts=E` decodes
    to exactly these frames. `shown` is `build_presentation(movie, track)` where the caller has it already.
    Raises `UsageError` (an empty range or one outside the track), `UnsupportedError` (frames that no
    range of times can tell apart).
    """
    shown = build_presentation(movie, track) if shown is None else shown
    if not 0 <= first < last <= len(shown):
        raise UsageError(f"frames [{first}, {last}) wanted of a track that shows {len(shown)}")
    samples = track.samples
    wanted = shown.sample[first:last]
    counted = CountingRanges(src)
    kept = _needed(counted, track, wanted)
    times = _slice_times(samples, kept)
    start, end = _bounds(track, shown, kept, times, first, last)
    write_mp4(
        out,
        [_slice_track(counted, track, kept, times)],
        timescale=track.timescale,
        durable=False,  # a slice lives as long as its encode
        **_like(movie),
    )
    return Slice(
        path=out,
        start_pts=start,
        end_pts=end,
        frames=last - first,
        timescale=track.timescale,
        samples=len(kept),
        bytes_read=counted.bytes_read,
    )


def require_separable(track: Track, shown: Presentation) -> None:
    """Raise `UnsupportedError` where an edit hides frames between shown ones: no slice can leave them out."""
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
            remedy="export the clip from the program that edited it, as a plain file without edits",
            reason="edit-list",
        )


def _needed(src: ByteRanges, track: Track, wanted: Ints) -> Ints:
    """The samples to write, in decode order: from where decoding can begin to the last one wanted."""
    samples = track.samples
    earliest = int(samples.pts[wanted].min())
    final = int(wanted.max())
    # Decoding begins at the last sync sample that is neither shown nor decoded after the first wanted one.
    starts = np.flatnonzero(samples.sync[: int(wanted.min()) + 1])
    usable = starts[samples.pts[starts] <= earliest]
    tried = usable[: -_MOST_TRIED - 1 : -1].tolist()
    begin = next((at for at in tried if is_random_access_point(src, track, at)), None)
    if begin is None:
        return _readable(track, np.arange(int(starts[0]) if len(starts) else 0, final + 1, dtype=np.int64))
    numbers: Ints = np.arange(begin, final + 1, dtype=np.int64)
    # Leading pictures of an open GOP refer to the GOP before, which is not here; nothing refers to them.
    return _readable(track, numbers[samples.pts[numbers] >= samples.pts[begin]])


def _readable(track: Track, numbers: Ints) -> Ints:
    """The samples that a decoder takes: an empty one would end its input."""
    kept: Ints = numbers[track.samples.size[numbers] > 0]
    return kept


@dataclass(frozen=True, kw_only=True)
class _Times:
    """Decode and presentation times in the slice (from 0), and what was taken off the media's."""

    dts: Ints
    pts: Ints
    base: int


def _slice_times(samples: Samples, kept: Ints) -> _Times:
    """Decode times from 0 and no negative composition offset, so that every reader agrees on the times."""
    dts, pts = samples.dts[kept], samples.pts[kept]
    base = int(dts[0]) + min(int((pts - dts).min()), 0)
    return _Times(dts=dts - dts[0], pts=pts - base, base=base)


def _bounds(
    track: Track, shown: Presentation, kept: Ints, times: _Times, first: int, last: int
) -> tuple[int, int]:
    """[start, end) of the wanted frames in the slice's times; no other frame of it may lie in there."""
    samples = track.samples
    pts = samples.pts[shown.sample[first:last]] - times.base
    start, final = int(pts[0]), int(pts[-1])
    frames = times.pts[~np.isin(kept, track.frameless_samples)]
    inside = int(np.count_nonzero((frames >= start) & (frames <= final)))
    if inside != last - first or int(pts.min()) != start or int(pts.max()) != final:
        raise UnsupportedError(
            f"frames [{first}, {last}) cannot be told from others by their times: an edit hides frames"
            " between them, or frames share one time",
            remedy="export the clip from the program that edited it, as a plain file without edits",
            reason="frame-times",
        )
    later = frames[frames > final]
    length = max(int(samples.duration[shown.sample[last - 1]]), 1)
    return start, min(final + length, int(later.min())) if len(later) else final + length


def _slice_track(src: ByteRanges, track: Track, kept: Ints, times: _Times) -> OutputTrack:
    samples = track.samples
    return replace(
        without_samples(track),
        enabled=True,  # or decoders pass it over
        # Frames are wanted as they are decoded. Of st3d, FFmpeg makes a message in what it encodes, and
        # then gives no frame of a file that has both that message and st3d.
        matrix=IDENTITY_MATRIX,
        stsd=without_v2(track.stsd),
        boxes=(),
        pieces=(Piece(source=src, offset=samples.offset[kept], size=samples.size[kept]),),
        duration=np.append(np.diff(times.dts), samples.duration[kept[-1:]]),
        cts_offset=times.pts - times.dts,
        sync=samples.sync[kept],
        description=samples.description[kept],
    )


def copy_tracks(src: ByteRanges, movie: Movie, tracks: Sequence[Track], out: Path) -> None:
    """Write whole tracks, with their edit lists and the references among them, as a local MP4."""
    copies = link_references(tracks, [passthrough(movie, track, src) for track in tracks])
    write_mp4(
        out,
        copies,
        timescale=movie.timescale,
        creation_time=movie.creation_time,
        matrix=movie.matrix,
        **_like(movie),
    )


class _Brands(TypedDict, total=False):
    brand: str
    compatible: Sequence[str]


def _like(movie: Movie) -> _Brands:
    """QuickTime's sample entries for sound are laid out differently, and readers go by the brand."""
    return {"brand": "qt  ", "compatible": ("qt  ",)} if movie.quicktime else {}


def iter_samples(src: ByteRanges, track: Track) -> Iterator[bytes]:
    """Each sample's bytes, in decode order, with few requests."""
    return read_ranges(src, track.samples.offset, track.samples.size)
