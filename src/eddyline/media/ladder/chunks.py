"""Splits a source: a grid of frames for keyframes and segments, and chunks of whole segments.

All positions are frame numbers, not seconds (at 59.94 frames/s, int(4 * fps) is one frame short of a
segment). They depend only on the source and the profile, so that every machine splits a source equally.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from eddyline.core.errors import UnsupportedError
from eddyline.core.timebase import round_half_up
from eddyline.media.ladder.cost import estimate_cpu_s
from eddyline.media.ladder.ladder import Rung

# The target cost of a chunk. Each chunk has an overhead of 0.4 CPU s (starting FFmpeg, filling the lookahead
# of the encoders) and decodes the frames between the previous keyframe and its first frame; a longer chunk
# loses more work when a worker is interrupted.
_TARGET_CPU_S = 40.0
# A source of more than `_MIN_CHUNKS` segments gets at least this number of chunks, so that several cores work
# on it. A shorter one gets chunks of at least `_MIN_CPU_S`, of which the overhead is 5 %: otherwise a kill
# would cost all of its encoding.
_MIN_CHUNKS = 4
_MIN_CPU_S = 8.0
_MAX_CHUNKS = 20_000


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The length of a GOP and of a segment (a multiple of `gop`) in frames, and the nominal frame rate."""

    gop: int
    segment: int
    fps: Fraction

    @property
    def encoder_fps(self) -> Fraction:
        """The frame rate passed to encoders: at least one frame in 20 s.

        x264 multiplies the maximum rate by the duration of a frame in 32-bit integers: at a lower frame rate,
        107 Mbit/s would overflow. `assemble` writes the actual times.
        """
        return max(self.fps, Fraction(1, 20))

    @property
    def segment_s(self) -> Fraction:
        """The exact length of a segment in seconds."""
        return self.segment / self.fps

    def thinned(self, step: int) -> Grid:
        """The same grid in frames of a rung that shows every `step`-th frame: the same times.

        `step` divides `gop`.
        """
        return Grid(gop=self.gop // step, segment=self.segment // step, fps=self.fps / step)


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """The presented frames [start, stop) of a source for the rungs of one family.

    `start` is on the segment grid. `index` is the number among the chunks of all families of the asset. If
    `fields` is 2, numbers count the fields of the source's frames.
    `rung`: the chunk is encoded for the rung of this name only, and replaces the same frames of the family's
    first chunk ("": all rungs).
    """

    index: int
    start: int
    stop: int
    family: str = ""
    rung: str = ""
    fields: int = 1

    @property
    def source_range(self) -> tuple[int, int]:
        """The source frames [start, stop)."""
        return self.start // self.fields, -(-self.stop // self.fields)

    @property
    def frames(self) -> int:
        """The number of frames."""
        return self.stop - self.start


def frame_grid(*, gop_s: float, segment_s: float, fps: Fraction, steps: Iterable[int] = ()) -> Grid:
    """Return the grid with GOPs of about `gop_s` seconds and segments of about `segment_s` seconds at `fps`.

    Lengths are whole numbers of frames: 2 s at 30000/1001 frames/s are 60 frames (2.002 s). They are
    multiples of the frame steps of all rungs (`steps`), whose keyframes are then at equal times.
    """
    unit = math.lcm(1, *steps)
    gop = unit * max(1, round_half_up(Fraction(str(gop_s)) * fps / unit))
    # Divide by the actual GOP length: a single frame may last longer than `segment_s`.
    per_segment = max(1, round_half_up(Fraction(str(segment_s)) * fps / gop))
    return Grid(gop=gop, segment=gop * per_segment, fps=fps)


def plan_families(frames: int, grid: Grid, rungs: Sequence[Rung]) -> tuple[Chunk, ...]:
    """The chunks of all families of `rungs`, family by family, in the order of the rungs.

    `frames` is the number of source frames. Raises `UnsupportedError` if it is 0.
    """
    chunks: list[Chunk] = []
    for family in dict.fromkeys(rung.family for rung in rungs):
        members = [rung for rung in rungs if rung.family == family]
        fields = members[0].fields
        chunks += [
            replace(each, index=len(chunks) + each.index, family=family, fields=fields)
            for each in plan_chunks(frames * fields, grid, members)
        ]
    return tuple(chunks)


def plan_chunks(frames: int, grid: Grid, rungs: Sequence[Rung]) -> tuple[Chunk, ...]:
    """Split `frames` frames into chunks of whole segments, of about equal length, each about 40 CPU s.

    A source of more than four segments becomes at least four chunks; one of two to four segments becomes up
    to one chunk per segment, if each takes at least 8 CPU s. Deterministic: the result depends only on the
    arguments. Raises `UnsupportedError` if `frames` is 0.
    """
    if frames < 1:
        raise UnsupportedError("the source has no frame to encode")
    segments = -(-frames // grid.segment)
    # Round the segments of a chunk first: with 1.7, every other chunk would be twice as long as the next one.
    segment_cpu_s = max(_cpu_s(grid.segment, rungs), _TARGET_CPU_S / 10**6)
    segments_per_chunk = max(1, round(_TARGET_CPU_S / segment_cpu_s))
    count = min(-(-segments // segments_per_chunk), _MAX_CHUNKS)
    if segments > _MIN_CHUNKS:
        count = max(count, _MIN_CHUNKS)
    else:
        count = max(count, min(segments, int(_cpu_s(frames, rungs) / _MIN_CPU_S)))
    cuts = (*chunk_starts(frames, grid.segment, count), frames)
    return tuple(Chunk(index=index, start=cuts[index], stop=cuts[index + 1]) for index in range(count))


def chunk_starts(frames: int, segment: int, count: int) -> tuple[int, ...]:
    """The first frames of `count` chunks of `frames` frames in segments of `segment` frames.

    Chunk i starts at segment i*segments//count, so that lengths differ by at most one segment.
    """
    segments = -(-frames // segment)
    return tuple(index * segments // count * segment for index in range(count))


def _cpu_s(frames: int, rungs: Sequence[Rung]) -> float:
    """The estimated CPU seconds of `frames` frames, which may be fields of source frames."""
    return estimate_cpu_s(frames, rungs) / max((rung.fields for rung in rungs), default=1)
