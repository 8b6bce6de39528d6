"""What is compared: the source's frames as an encoder received them, and the frames of encoded files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.ladder import Rung
from eddyline.media.source.source import VideoFacts
from eddyline.media.video.hdr_metadata import keeps_hdr
from eddyline.mp4.slice import Slice


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The frames of `pieces`, one slice after the other, as the encoders of `rungs` receive them.

    A rung is scaled from the larger ones of its family, so `rungs` are all that are encoded, not only those
    that are measured.
    """

    pieces: Sequence[Slice]
    facts: VideoFacts
    rungs: Sequence[Rung]
    grid: Grid

    @property
    def frames(self) -> int:
        """The number of source frames."""
        return sum(piece.frames for piece in self.pieces)


@dataclass(frozen=True, kw_only=True)
class Distorted:
    """An encoded file whose frames are those of the reference, in order, compared by number.

    `rung` is the rung of the reference that it is compared with; if the file has another frame size, it is
    scaled to that of the rung. `ranges` are the timestamps [start, stop) of the frames to compare (None:
    all). Its frame j shows the source's frame (or field, see `Rung`) j times `rung.frame_step`.

    `encoded_size` are its own width and height if it is scaled.

    `wanted` are the numbers of the frames whose values are returned, from 0; they must be multiples of
    `interval`, and other metrics than those that need neighbouring frames are computed only there.
    """

    name: str
    rung: Rung
    path: Path
    wanted: Sequence[int]
    ranges: Sequence[tuple[int, int]] | None = None
    interval: int = 1
    encoded_size: tuple[int, int] | None = None


def is_measurable(facts: VideoFacts, rung: Rung) -> bool:
    """Whether the rung is measured: the metrics are not defined for HDR.

    A sphere in two tracks is not measured either, because its reference would be a single slice.
    """
    return facts.sphere is None and not keeps_hdr(facts, rung)
