"""Merges the subtitle tracks of chapters; gaps are empty samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from eddyline.core.timebase import rescale
from eddyline.media.subtitles.cues import MAX_TEXT_BYTES
from eddyline.media.subtitles.source_tracks import is_subtitle
from eddyline.mp4.byte_ranges import ByteRanges, Ints
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.slice import iter_samples
from eddyline.mp4.write.memory_samples import MemorySamples
from eddyline.mp4.write.output_track import Piece

_EMPTY: Final = {"tx3g": bytes(2), "text": bytes(2), "wvtt": b"\0\0\0\x08vtte"}
"""The empty sample, by format."""


@dataclass(frozen=True, kw_only=True)
class MergedSubtitles:
    """The samples of a merged track, contiguous from time 0, and their durations in ticks."""

    piece: Piece
    duration: Ints


def is_subtitle_track(movie: Movie, track: Track) -> bool:
    """Return whether the track holds subtitles whose gaps are samples."""
    small = len(track.samples) == 0 or int(track.samples.size.sum()) <= MAX_TEXT_BYTES
    return track.format in _EMPTY and is_subtitle(movie, track) and small


def is_gap(track: Track, sample: bytes) -> bool:
    """Return whether a sample is a gap."""
    return sample == _EMPTY.get(track.format)


def merge_subtitle_tracks(
    sources: Sequence[tuple[ByteRanges, Movie, Track]], starts: Sequence[int]
) -> MergedSubtitles:
    """Merge the tracks of all chapters; `starts` are the chapter starts and the end, in ticks of the track.

    A text that exceeds its chapter ends with it.
    """
    first = sources[0][2]
    empty = _EMPTY[first.format]
    data: list[bytes] = []
    duration: list[int] = []
    now = 0
    for number, (src, movie, track) in enumerate(sources):
        shift = rescale(
            movie.time_offset(track).numerator, movie.time_offset(track).denominator, track.timescale
        )
        chapter_start, stop = starts[number], starts[number + 1]
        times = zip(track.samples.pts.tolist(), track.samples.duration.tolist(), strict=True)
        for (pts, length), sample in zip(times, iter_samples(src, track), strict=True):
            start = max(pts + shift + chapter_start, now, 0)
            end = min(pts + shift + chapter_start + length, stop)
            if end <= start or sample == empty:
                continue
            if start > now:
                data.append(empty)
                duration.append(start - now)
            data.append(sample)
            duration.append(end - start)
            now = end
    data.append(empty)
    duration.append(max(starts[-1] - now, 0))
    size = np.array([len(each) for each in data], np.int64)
    piece = Piece(source=MemorySamples(b"".join(data)), offset=np.cumsum(size) - size, size=size)
    return MergedSubtitles(piece=piece, duration=np.array(duration, np.int64))
