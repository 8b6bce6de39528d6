"""Where a source is cut: a grid of frames for keyframes and segments, and chunks made of whole segments.

Everything here counts frames, never seconds (facts: at 59.94 frames/s, int(4 * fps) is one frame short of a
segment), and follows from the source and the profile alone: the same footage is cut the same way everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from eddyline.core.errors import UnsupportedError
from eddyline.media.ladder.cost import estimate_cpu_s
from eddyline.media.ladder.ladder import Rung

# What one chunk should take. Each costs 0.4 CPU s of its own (starting FFmpeg, filling the encoders'
# lookahead), and what leads up to its first frame is decoded as well; longer ones lose more when a worker is
# taken away.
_TARGET_CPU_S = 40.0
# A clip this long or longer is worth at least so many chunks, so that every core has something to do.
_SHORTEST_SPLIT_SEGMENTS = 4
_FEWEST_CHUNKS = 4
_MOST_CHUNKS = 20_000


@dataclass(frozen=True, kw_only=True)
class Grid:
    """`gop` and `segment` in frames (`segment` is a multiple of `gop`), `fps` the nominal rate."""

    gop: int
    segment: int
    fps: Fraction

    @property
    def encoder_fps(self) -> Fraction:
        """The rate that encoders are given: at least a frame in 20 s.

        x264 multiplies its cap by a frame's duration in 32-bit integers: 107 Mbit/s would overflow beyond
        that. The true times are written by `assemble`.
        """
        return max(self.fps, Fraction(1, 20))

    @property
    def segment_s(self) -> Fraction:
        """The length of a segment in seconds, exactly."""
        return self.segment / self.fps


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """The presented frames [start, stop) of a source; `start` is on the segment grid."""

    index: int
    start: int
    stop: int

    @property
    def frames(self) -> int:
        """The number of frames."""
        return self.stop - self.start


def frame_grid(*, gop_s: float, segment_s: float, fps: Fraction) -> Grid:
    """The grid whose GOPs last about `gop_s` seconds, and whose segments about `segment_s`, at `fps`.

    2 s at 30000/1001 frames/s are 60 frames (2.002 s): a whole number of frames, always.
    """
    gop = max(1, _nearest(Fraction(str(gop_s)) * fps))
    # By the GOP's true length: a single frame may last longer than a whole segment was to.
    per_segment = max(1, _nearest(Fraction(str(segment_s)) * fps / gop))
    return Grid(gop=gop, segment=gop * per_segment, fps=fps)


def plan_chunks(frames: int, grid: Grid, rungs: Sequence[Rung]) -> tuple[Chunk, ...]:
    """Cut `frames` frames into chunks of whole segments, about equally long, each about 40 CPU s of work.

    A clip of more than four segments becomes at least four chunks. Deterministic: it looks at nothing but its
    arguments. Raises `UnsupportedError` for more frames than any asset can have.
    """
    if frames < 1:
        raise UnsupportedError("there is no frame to encode")
    segments = -(-frames // grid.segment)
    # Whole segments a chunk first: 1.7 of them would make every other chunk twice as long as its neighbour.
    together = max(1, round(_TARGET_CPU_S / max(estimate_cpu_s(grid.segment, rungs), _TARGET_CPU_S / 10**6)))
    count = min(-(-segments // together), _MOST_CHUNKS)
    if segments > _SHORTEST_SPLIT_SEGMENTS:
        count = max(count, _FEWEST_CHUNKS)
    # Chunk i begins at segment i*segments//count: lengths differ by one segment at most.
    cuts = [index * segments // count * grid.segment for index in range(count)] + [frames]
    return tuple(Chunk(index=index, start=cuts[index], stop=cuts[index + 1]) for index in range(count))


def _nearest(value: Fraction) -> int:
    """Halves up: `round` would send 2.5 to 2 and 3.5 to 4."""
    return int((2 * value + 1) // 2)
