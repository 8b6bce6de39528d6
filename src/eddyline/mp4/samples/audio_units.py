"""Sample tables of audio in units of constant size: PCM, A-law, mu-law, QuickTime's constant packets.

Such a track counts every frame (one sample of each channel) as a sample. A table row for each of 48,000
frames a second is wasteful, so frames are read as blocks of up to 1,024, as FFmpeg does.

QuickTime File Format, "Sample Size Atoms" and "Sound Sample Descriptions": if every sample lasts one tick,
the sample size in stsz is meaningless (many programs write 1); the sample description gives the size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eddyline.mp4.boxes import Box
from eddyline.mp4.byte_ranges import Ints
from eddyline.mp4.errors import LimitError, Mp4Error
from eddyline.mp4.movie import AudioUnit, Limits, Samples, Track

TIME_LIMIT = 1 << 60  # ticks and bytes: sums of such numbers do not overflow int64
_BLOCK = 1024  # frames
_LONG_PACKET = 160  # samples; FFmpeg reads packets of this length (GSM) one by one


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """int64[n]: bytes and ticks of each block; int64[chunks]: number of blocks in each chunk."""

    size: Ints
    duration: Ints
    per_chunk: Ints


def read_blocks(stbl: Box, units: AudioUnit, per_chunk: Ints, limits: Limits) -> Blocks | None:
    """The track as blocks if its tables count units; None if each sample has its own size.

    `per_chunk` is the number of samples in each chunk, from stsc. Raises `LimitError`, `Mp4Error`.
    """
    rows = _durations(stbl)
    if not len(rows):
        return None
    by_tick = len(rows) == 1 and int(rows[0, 1]) == 1
    if not by_tick and (units.samples > 1 or not _has_constant_size(stbl, units)):
        return None
    total = int(per_chunk.sum())
    block = _BLOCK
    if units.samples > 1:
        block = units.samples * max(_BLOCK // units.samples if units.samples < _LONG_PACKET else 1, 1)
    longest = int(rows[:, 1].max())
    if total > TIME_LIMIT // max(longest, units.bytes) or total // block > limits.samples:
        raise LimitError(f"a track declares {total} frames of audio", path=stbl.path)
    starts = np.concatenate(([0], np.cumsum(rows[:, 0])))[:-1]  # the first frame of each row of durations
    ends = np.cumsum(per_chunk)
    # A block ends at the end of its chunk and where the duration of a frame changes.
    edges = np.unique(np.concatenate(([0], ends, starts[starts < total])))
    lengths = np.diff(edges)
    counts = -(-lengths // block)
    if int(counts.sum()) > limits.samples:
        raise LimitError(f"a track declares {total} frames of audio", path=stbl.path)
    frames = np.full(int(counts.sum()), block, np.int64)
    last = np.cumsum(counts) - 1
    frames[last] = lengths - (counts - 1) * block
    first = np.concatenate(([0], np.cumsum(frames)))[:-1]
    ticks = rows[np.searchsorted(starts, first, side="right") - 1, 1] if len(first) else first
    first_block = np.searchsorted(first, ends)
    return Blocks(
        size=frames // units.samples * units.bytes,
        duration=frames * ticks,
        per_chunk=np.diff(np.concatenate(([0], first_block))),
    )


def unit_bytes(samples: Samples, units: AudioUnit | None) -> int:
    """The unit size if every sample is an integral number of units of equal duration; otherwise 0."""
    if units is None or not len(samples):
        return 0
    count, remainder = np.divmod(samples.size, units.bytes)
    if np.any(remainder) or np.any(count == 0) or np.any(samples.duration % count):
        return 0
    return units.bytes


@dataclass(frozen=True, kw_only=True)
class UnitRange:
    """Blocks of units: int64[n] byte offsets, sizes and ticks. `start` is the media tick of the first."""

    offset: Ints
    size: Ints
    duration: Ints
    description: npt.NDArray[np.int32]
    start: int


def slice_units(track: Track, start: int, stop: int) -> UnitRange:
    """The blocks of a track between media ticks `start` and `stop`, both rounded to whole units.

    Units that are partly inside are included.
    """
    samples = track.samples
    count = samples.size // track.unit_bytes
    ticks = samples.duration // count
    inside = np.flatnonzero((samples.dts + samples.duration > start) & (samples.dts < stop))
    if not len(inside):
        inside = np.flatnonzero(samples.dts <= start)[-1:]
    block_start, step, units = samples.dts[inside], np.maximum(ticks[inside], 1), count[inside]
    first = np.clip((start - block_start) // step, 0, units - 1)
    end = np.clip(-((block_start - stop) // step), first + 1, units)
    return UnitRange(
        offset=samples.offset[inside] + first * track.unit_bytes,
        size=(end - first) * track.unit_bytes,
        duration=(end - first) * ticks[inside],
        description=samples.description[inside],
        start=int(block_start[0] + first[0] * step[0]),
    )


def _durations(stbl: Box) -> Ints:
    """int64[n, 2]: runs of (samples, ticks of each) from stts, without empty runs."""
    box = stbl.require("stts")
    fields = box.fields()
    fields.read_version()
    rows = fields.read_table(fields.read_number("I"), 2)
    return rows[rows[:, 0] > 0]


def _has_constant_size(stbl: Box, units: AudioUnit) -> bool:
    """Whether stsz declares that each sample is one frame (or has size 1, a quirk of QuickTime)."""
    box = stbl.find("stsz")
    if box is None:
        return False
    fields = box.fields()
    fields.read_version()
    word, count = fields.unpack("II")
    if word:
        return word in {1, units.bytes}
    if count * 4 > fields.remaining:
        raise Mp4Error(f"the table of {count} sample sizes is larger than its box", path=box.path)
    return count > 0 and bool(np.all(fields.read_table(count, 1) == units.bytes))
