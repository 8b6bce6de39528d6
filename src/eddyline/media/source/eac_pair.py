"""Finds the two video tracks of a GoPro MAX `.360` file, and checks that they show the same frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from eddyline.core.errors import InputError
from eddyline.media.source.eac_layout import find_layout
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation, build_presentation
from eddyline.mp4.samples.sample_formats import require_one_format
from eddyline.mp4.slice import Slice, require_separable, write_slice

_FORMATS: Final = frozenset({"hvc1", "hev1"})
_MAKER: Final = "GoPro"  # the handler of both tracks is named "GoPro H.265"
_REMEDY: Final = "copy the file from the card again, or export it as equirectangular MP4 with GoPro Player"


@dataclass(frozen=True, kw_only=True)
class SecondTrack:
    """The second track of a pair (down, back, up) and its frames, which are those of the first track."""

    track: Track
    shown: Presentation


def find_pair(movie: Movie) -> tuple[Track, Track] | None:
    """The tracks of an EAC pair in file order: (left, front, right) and (down, back, up); else None.

    They are the only two HEVC tracks of the file, of equal size, and a GoPro's by their names or their size.
    """
    videos = [track for track in movie.tracks_of_kind("video") if track.format in _FORMATS]
    if len(videos) != 2:  # noqa: PLR2004 - a pair
        return None
    first, second = videos
    size = first.width, first.height
    if size != (second.width, second.height):
        return None
    named = all(_MAKER in track.name for track in videos)
    return (first, second) if named or find_layout(*size) else None


def read_second_track(movie: Movie, track: Track, shown: Presentation) -> SecondTrack | None:
    """The other track if `track` is the first one of a pair, else None. `shown` are the frames of `track`.

    Raises `InputError` unless both tracks can be read and show the same number of frames at the same times.
    """
    pair = find_pair(movie)
    if pair is None or pair[0].number != track.number:
        return None
    other = pair[1]
    if other.encrypted or not len(other.samples):
        what = "encrypted" if other.encrypted else "empty"
        raise InputError(
            f"the second video track of this 360-degree recording (track {other.number}) is {what}",
            remedy=_REMEDY,
            reason="eac-frames",
        )
    require_one_format(other)
    frames = build_presentation(movie, other)
    require_separable(other, frames)
    _require_equal_times(track, shown, other, frames)
    return SecondTrack(track=other, shown=frames)


def write_video_slice(
    src: ByteRanges,
    movie: Movie,
    track: Track,
    shown: Presentation,
    second: SecondTrack | None,
    *,
    start: int,
    stop: int,
    out: Path,
) -> Slice:
    """Write the frames [start, stop) of a video to `out`; those of a second track to a file beside it.

    Raises as `write_slice` does.
    """
    piece = write_slice(src, movie, track, start, stop, out, shown=shown)
    if second is None:
        return piece
    beside = out.with_name(f"{out.stem}-second{out.suffix}")
    other = write_slice(src, movie, second.track, start, stop, beside, shown=second.shown)
    return replace(piece, second=other)


def _require_equal_times(track: Track, shown: Presentation, other: Track, frames: Presentation) -> None:
    name = f"the video tracks of this 360-degree recording (tracks {track.number} and {other.number})"
    if len(shown) != len(frames):
        raise InputError(
            f"{name} have different numbers of frames: {len(shown)} and {len(frames)}",
            remedy=_REMEDY,
            reason="eac-frames",
        )
    # Times in ticks of both clocks; they may differ by one tick of the slower clock.
    apart = np.abs(shown.pts * other.timescale - frames.pts * track.timescale)
    wrong = np.flatnonzero(apart > max(track.timescale, other.timescale))
    if len(wrong):
        at = int(wrong[0])
        times = f"{shown.pts[at] / track.timescale:.3f} and {frames.pts[at] / other.timescale:.3f} s"
        raise InputError(
            f"{name} show frame {at} at different times: {times}", remedy=_REMEDY, reason="eac-frames"
        )
