"""Sample tables of audio in units of constant size: PCM, A-law, mu-law, and QuickTime's constant packets.

Such a track counts every frame (one sample of each channel) as a sample of its own. A row for each of 48,000
frames a second is of no use, so they are read as blocks of up to 1,024 frames, as FFmpeg does.

QuickTime File Format, "Sample Size Atoms" and "Sound Sample Descriptions": where every sample lasts one tick,
the size of a sample in stsz means nothing (many programs write 1): the sample description gives the size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eddyline.mp4.boxes import Box
from eddyline.mp4.byte_ranges import Ints
from eddyline.mp4.errors import LimitError, Mp4Error
from eddyline.mp4.movie import AudioUnit, Limits, Samples, Track

TIME_LIMIT = 1 << 60  # ticks and bytes stay far from where sums of int64 could wrap round
_BLOCK = 1024  # frames
_LONG_PACKET = 160  # samples; FFmpeg reads packets of this length (GSM) one by one


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """int64[n]: bytes and ticks of each block; int64[chunks]: blocks in each chunk."""

    size: Ints
    duration: Ints
    per_chunk: Ints


def read_blocks(stbl: Box, units: AudioUnit, per_chunk: Ints, limits: Limits) -> Blocks | None:
    """The track as blocks, where its tables count in units; None where each sample has a size of its own.

    `per_chunk` is the number of samples in each chunk, as stsc says. Raises `LimitError`, `Mp4Error`.
    """
    rows = _durations(stbl)
    if not len(rows):
        return None
    by_tick = len(rows) == 1 and int(rows[0, 1]) == 1
    if not by_tick and (units.samples > 1 or not _constant(stbl, units)):
        return None
    total = int(per_chunk.sum())
    block = _BLOCK
    if units.samples > 1:
        block = units.samples * max(_BLOCK // units.samples if units.samples < _LONG_PACKET else 1, 1)
    longest = int(rows[:, 1].max())
    if total > TIME_LIMIT // max(longest, units.bytes) or total // block > limits.samples:
        raise LimitError(f"a track says it has {total} frames of audio", path=stbl.path)
    starts = np.concatenate(([0], np.cumsum(rows[:, 0])))[:-1]  # the first frame of each row of durations
    ends = np.cumsum(per_chunk)
    # A block ends with its chunk, and where the duration of a frame changes.
    edges = np.unique(np.concatenate(([0], ends, starts[starts < total])))
    lengths = np.diff(edges)
    counts = -(-lengths // block)
    if int(counts.sum()) > limits.samples:
        raise LimitError(f"a track says it has {total} frames of audio", path=stbl.path)
    frames = np.full(int(counts.sum()), block, np.int64)
    last = np.cumsum(counts) - 1
    frames[last] = lengths - (counts - 1) * block
    first = np.concatenate(([0], np.cumsum(frames)))[:-1]
    ticks = rows[np.searchsorted(starts, first, side="right") - 1, 1] if len(first) else first
    held = np.searchsorted(first, ends)
    return Blocks(
        size=frames // units.samples * units.bytes,
        duration=frames * ticks,
        per_chunk=np.diff(np.concatenate(([0], held))),
    )


def unit_bytes(samples: Samples, units: AudioUnit | None) -> int:
    """The bytes of a unit, if the samples are whole numbers of units of one duration each; else 0."""
    if units is None or not len(samples):
        return 0
    count, rest = np.divmod(samples.size, units.bytes)
    if np.any(rest) or np.any(count == 0) or np.any(samples.duration % count):
        return 0
    return units.bytes


@dataclass(frozen=True, kw_only=True)
class UnitRange:
    """Blocks (int64[n]: where their bytes lie, how many, ticks); `start` is the media tick of the first."""

    offset: Ints
    size: Ints
    duration: Ints
    description: npt.NDArray[np.int32]
    start: int


def slice_units(track: Track, start: int, stop: int) -> UnitRange:
    """The blocks of a track in units from media tick `start` to `stop`, both rounded to whole units.

    A unit that is only partly inside is kept.
    """
    samples = track.samples
    count = samples.size // track.unit_bytes
    ticks = samples.duration // count
    inside = np.flatnonzero((samples.dts + samples.duration > start) & (samples.dts < stop))
    if not len(inside):
        inside = np.flatnonzero(samples.dts <= start)[-1:]
    begins, step, units = samples.dts[inside], np.maximum(ticks[inside], 1), count[inside]
    first = np.clip((start - begins) // step, 0, units - 1)
    end = np.clip(-((begins - stop) // step), first + 1, units)
    return UnitRange(
        offset=samples.offset[inside] + first * track.unit_bytes,
        size=(end - first) * track.unit_bytes,
        duration=(end - first) * ticks[inside],
        description=samples.description[inside],
        start=int(begins[0] + first[0] * step[0]),
    )


def _durations(stbl: Box) -> Ints:
    """int64[n, 2]: runs of (samples, ticks of each) of stts, without empty runs."""
    box = stbl.require("stts")
    fields = box.fields()
    fields.read_version()
    rows = fields.read_table(fields.read_number("I"), 2)
    return rows[rows[:, 0] > 0]


def _constant(stbl: Box, units: AudioUnit) -> bool:
    """Whether stsz says that each sample is one frame (or 1, as QuickTime's quirk has it)."""
    box = stbl.find("stsz")
    if box is None:
        return False
    fields = box.fields()
    fields.read_version()
    word, count = fields.unpack("II")
    if word:
        return word in {1, units.bytes}
    if count * 4 > fields.remaining:
        raise Mp4Error(f"the sizes of {count} samples do not fit into their box", path=box.path)
    return count > 0 and bool(np.all(fields.read_table(count, 1) == units.bytes))
