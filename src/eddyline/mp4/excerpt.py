"""Writes several ranges of frames of a track to one small local file, whose timestamps count its frames.

For tracks whose GOPs are closed, such as renditions: a decoder must be able to continue with another GOP. Of
the frames before a range, those that no other frame refers to are omitted: half of the frames of usual H.264.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from eddyline.core.errors import UnsupportedError, UsageError
from eddyline.mp4.bitstream.nal_units import SLICES, leading_nal_units, nal_unit_type
from eddyline.mp4.byte_ranges import ByteRanges, Ints, read_ranges
from eddyline.mp4.errors import LimitError
from eddyline.mp4.movie import IDENTITY_MATRIX, Track
from eddyline.mp4.presentation import Presentation
from eddyline.mp4.samples.random_access import AVC, nal_length_size
from eddyline.mp4.slice import samples_to_decode
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import Piece, without_samples

_MAX_BYTES: Final = 1024**3


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """A written file: the frames of range k have the timestamps `ranges[k]`, [start, stop) in its ticks."""

    path: Path
    ranges: tuple[tuple[int, int], ...]
    samples: int

    @property
    def frames(self) -> int:
        """The number of frames in all ranges."""
        return sum(stop - start for start, stop in self.ranges)


def write_excerpt(
    src: ByteRanges,
    track: Track,
    shown: Presentation,
    ranges: Sequence[tuple[int, int]],
    out: Path,
    *,
    rate: int = 30,
) -> Excerpt:
    """Write the presented frames of `ranges` ([start, stop), ascending, apart) as an MP4 with one track.

    Frames that only decoding needs are between the ranges. A tick is one frame, `rate` of them last a second.
    Raises `UsageError` for ranges outside of the track, `UnsupportedError` for frames that a time range
    cannot isolate, `LimitError` for more than a gigabyte.
    """
    bounds = [0, *(bound for each in ranges for bound in each)]
    if not ranges or bounds != sorted(bounds) or bounds[-1] > len(shown) or any(a == b for a, b in ranges):
        raise UsageError(f"{list(ranges)} are not ranges of a track of {len(shown)} frames")
    wanted = [shown.sample[start:stop] for start, stop in ranges]
    numbers, media = _required_samples(src, track, wanted)
    samples = track.samples
    rank = np.empty(len(numbers), np.int64)
    rank[np.argsort(samples.pts[numbers], kind="stable")] = np.arange(len(numbers))
    ticks = np.arange(len(numbers))
    rank += max(int((ticks - rank).max()), 0)  # a frame is presented after it is decoded
    found = [rank[np.searchsorted(numbers, each)] for each in wanted]
    if any(np.any(np.diff(each) != 1) for each in found):
        raise UnsupportedError("frames cannot be isolated by their times: others are shown between them")
    copy = replace(
        without_samples(track),
        timescale=rate,
        enabled=True,
        matrix=IDENTITY_MATRIX,
        boxes=(),
        pieces=(
            Piece(source=_Memory(media), offset=_starts(samples.size[numbers]), size=samples.size[numbers]),
        ),
        duration=np.ones(len(numbers), np.int64),
        cts_offset=rank - ticks,
        sync=samples.sync[numbers],
        description=samples.description[numbers],
    )
    write_mp4(out, [copy], timescale=rate, durable=False)
    return Excerpt(
        path=out,
        ranges=tuple((int(each[0]), int(each[-1]) + 1) for each in found),
        samples=len(numbers),
    )


def _required_samples(src: ByteRanges, track: Track, wanted: Sequence[Ints]) -> tuple[Ints, bytes]:
    """The samples that show the wanted ones, int64[n] in decode order, and their bytes."""
    # Not numpy.unique, which imports masked arrays.
    union = set().union(*(samples_to_decode(src, track, each).tolist() for each in wanted))
    numbers = np.array(sorted(union), np.int64)
    offset, size = track.samples.offset[numbers], track.samples.size[numbers]
    if int(size.sum()) > _MAX_BYTES:
        raise LimitError(f"the frames of an excerpt have {int(size.sum())} bytes")
    shown = set(np.concatenate(wanted).tolist())
    length_size = nal_length_size(track.stsd)
    kept: list[int] = []
    media: list[bytes] = []
    for number, data in zip(numbers.tolist(), read_ranges(src, offset, size), strict=True):
        if number in shown or track.format not in AVC or not _is_disposable(data, length_size):
            kept.append(number)
            media.append(data)
    return np.array(kept, np.int64), b"".join(media)


def _is_disposable(sample: bytes, length_size: int) -> bool:
    """Whether no other frame refers to an H.264 frame: nal_ref_idc is 0 (ITU-T H.264 section 7.4.1)."""
    for unit in leading_nal_units(sample, length_size):
        if nal_unit_type("h264", unit) in SLICES["h264"]:
            return unit[0] >> 5 & 3 == 0
    return False


def _starts(size: Ints) -> Ints:
    starts: Ints = np.cumsum(size) - size
    return starts


@dataclass(frozen=True)
class _Memory:
    """Bytes in memory that are read by ranges."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]
