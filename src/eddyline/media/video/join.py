"""Joins encoded chunks to one sequence of samples with the source's presentation times."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import ProofError
from eddyline.core.timebase import rescale
from eddyline.mp4.byte_ranges import Ints
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Edit, Track
from eddyline.mp4.presentation import Presentation
from eddyline.mp4.write.output_track import Piece
from eddyline.store.ranges import FileRanges

_MAX_TIMESCALE = (1 << 32) - 1


@dataclass(frozen=True, kw_only=True)
class JoinedChunks:
    """All chunks of one rung, in order.

    `rank` is int64[n]: the frame number in the rendition of each sample in decode order. `sync` is bool[n].
    `stsd` and `media_header` are whole boxes, the same in every chunk.
    """

    stsd: bytes
    media_header: bytes
    width: int
    height: int
    pieces: tuple[Piece, ...]
    rank: Ints
    sync: npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class SampleTimes:
    """Sample times in the source track's ticks: int64[n] `duration` and `cts_offset`, and the edit list."""

    duration: Ints
    cts_offset: Ints
    edits: tuple[Edit, ...]


def join_chunks(chunks: Sequence[Path]) -> JoinedChunks:
    """Read the indexes of the chunks, in this order, and concatenate their samples.

    Raises `ProofError` if a chunk has no video or two frames with the same time, or if its parameter sets
    differ from those of the first chunk, with which a decoder is configured.
    """
    pieces, ranks, syncs = [], [], []
    first: Track | None = None
    done = 0
    for path in chunks:
        track = _video(path)
        first = first or track
        if track.stsd != first.stsd:
            raise ProofError(
                f"{path.name} of {path.parent.name} has different parameter sets than the first chunk"
            )
        samples = track.samples
        order = np.argsort(samples.pts, kind="stable")
        if np.any(np.diff(samples.pts[order]) <= 0):
            raise ProofError(f"{path.name} of {path.parent.name} has two frames with the same time")
        rank = np.empty(len(samples), np.int64)
        rank[order] = np.arange(len(samples), dtype=np.int64)
        pieces.append(Piece(source=path, offset=samples.offset, size=samples.size))
        ranks.append(rank + done)
        syncs.append(samples.sync)
        done += len(samples)
    if first is None:
        raise ProofError("no chunks to join")
    return JoinedChunks(
        stsd=first.stsd,
        media_header=first.media_header,
        width=first.width,
        height=first.height,
        pieces=tuple(pieces),
        rank=np.concatenate(ranks),
        sync=np.concatenate(syncs),
    )


def sample_times(
    rank: Ints, shown: Presentation, *, timescale: int, movie_timescale: int, reorder: int = 0
) -> SampleTimes:
    """Decode times and edits that show frame k at exactly `shown.pts[k]`, in the source's ticks.

    Sample j is decoded when frame j is shown, less the largest delay that reordering requires. The edit list
    removes that delay, and an empty edit keeps a late start (ISO/IEC 14496-12 sections 8.6.1, 8.6.6). `rank`
    has as many values as `shown` has frames.

    With `reorder` the delay is that of an encoder that reorders frames by up to this number, whether these
    frames require it or not: it then depends on the source alone. `rank` may be that of the first frames
    only: their times are then the same as in the whole.
    """
    frames = len(rank)
    pts = shown.pts[:frames]
    end = shown.end if frames == len(shown) else int(shown.pts[frames])
    duration = np.append(np.diff(pts), end - pts[-1])
    start = int(pts[0])
    delay = int((pts - pts[rank]).max())
    if 0 < reorder < len(shown):
        delay = max(delay, int((shown.pts[reorder:] - shown.pts[:-reorder]).max()))
    if start < 0:
        # A source without edits may show frames before zero: negative offsets express that, an edit cannot.
        return SampleTimes(duration=duration, cts_offset=pts[rank] - (pts - start), edits=())
    length = rescale(shown.end - start, timescale, movie_timescale)
    edits = [Edit(media_time=delay, duration=length)]
    if start:
        edits.insert(0, Edit(media_time=-1, duration=rescale(start, timescale, movie_timescale)))
    return SampleTimes(duration=duration, cts_offset=pts[rank] - pts + delay, edits=tuple(edits))


def movie_timescale(video: int, others: Iterable[int]) -> int:
    """A timescale exact for edits of `video` and of as many `others` as 32 bits allow."""
    scale = video
    for other in others:
        both = math.lcm(scale, other)
        scale = both if both <= _MAX_TIMESCALE else scale
    return scale


def _video(path: Path) -> Track:
    with FileRanges(path) as source:
        track = read_movie(source).first_track("video")
    if track is None or not len(track.samples):
        raise ProofError(f"{path.name} of {path.parent.name} has no video")
    return track
