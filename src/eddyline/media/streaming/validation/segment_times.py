"""Times, frames and keyframes of segments of fragmented MP4, read as a player joins them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from types import TracebackType
from typing import Self

import numpy as np

from eddyline.core.errors import FormatError, TruncatedError
from eddyline.media.streaming.validation.files import StreamFiles
from eddyline.media.streaming.validation.stream_model import MeasuredSegment
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Limits, Movie, Samples, Track
from eddyline.store.ranges import Ranges

_LIMITS = Limits(index=64 * 1024 * 1024, boxes=50_000, samples=2_000_000)


class SplicedFiles:
    """An initialization segment followed by ranges of files, as one file; one file is open at a time."""

    def __init__(
        self, init: bytes, files: StreamFiles, names: Sequence[str], spans: Sequence[tuple[int, int]]
    ) -> None:
        self._init, self._files, self._names, self._spans = init, files, names, spans
        self.starts = list(accumulate((stop - start for start, stop in spans), initial=len(init)))
        self._open: tuple[str, Ranges] | None = None

    @property
    def size(self) -> int:
        """The bytes of all parts together."""
        return self.starts[-1]

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`. Raises `TruncatedError` past the end."""
        if offset < 0 or length < 0 or offset + length > self.size:
            raise TruncatedError("the last segment ends inside a box", offset=offset)
        parts = [self._init[offset : offset + length]]
        offset, left = max(offset, len(self._init)), length - len(parts[0])
        while left:
            place = bisect_right(self.starts, offset) - 1
            count = min(left, self.starts[place + 1] - offset)
            at = self._spans[place][0] + offset - self.starts[place]
            parts.append(self._file(self._names[place]).read(at, count))
            offset, left = offset + count, left - count
        return b"".join(parts)

    def _file(self, name: str) -> Ranges:
        if self._open is None or self._open[0] != name:
            self._close()
            self._open = (name, self._files.open(name))
        return self._open[1]

    def _close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()


def read_init(init: bytes, files: StreamFiles) -> Movie:
    """The index of an initialization segment. Raises `FormatError`, `UnsupportedError`."""
    return read_movie(SplicedFiles(init, files, (), ()), limits=_LIMITS)


def measure_segments(spliced: SplicedFiles, numbers: Sequence[int]) -> list[MeasuredSegment]:
    """The measurements of the spliced segments, which have these `numbers` in the playlist.

    Raises `FormatError` (a segment without media, too) and `UnsupportedError`.
    """
    movie = read_movie(spliced, limits=_LIMITS)
    track = movie.tracks[0]
    first = np.searchsorted(track.samples.offset, spliced.starts)
    if np.any(np.diff(first) == 0) or np.any(np.diff(track.samples.offset) < 0):
        raise FormatError("a segment has no media, or media out of order")
    return [
        _measure(number, movie, track, slice(int(start), int(stop)))
        for number, start, stop in zip(numbers, first, first[1:], strict=False)
    ]


def _measure(number: int, movie: Movie, track: Track, part: slice) -> MeasuredSegment:
    samples: Samples = track.samples
    pts, dts, duration, sync = (
        each[part] for each in (samples.pts, samples.dts, samples.duration, samples.sync)
    )
    scale, offset = track.timescale, movie.time_offset(track)
    start, total = int(pts.min()), int(duration.sum())
    keyframes = np.sort(pts[sync])
    gaps = np.diff(np.append(keyframes, start + total))
    return MeasuredSegment(
        index=number,
        frames=len(pts),
        start=Fraction(start, scale) + offset,
        end=Fraction(start + total, scale) + offset,
        decode_start=Fraction(int(dts[0]), scale),
        decode_end=Fraction(int(dts[-1] + duration[-1]), scale),
        keyframe=bool(sync[0]),
        keyframe_interval=Fraction(int(gaps.max()) if len(gaps) else 0, scale),
        frame=Fraction(int(duration[0]), scale) if duration.min() == duration.max() else Fraction(0),
        longest=Fraction(int(duration.max()), scale),
    )
