"""Reads a track's sample tables (stbl) into arrays (ISO/IEC 14496-12 sections 8.6 and 8.7)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import TruncatedError
from eddyline.mp4.boxes import Box
from eddyline.mp4.byte_ranges import Ints
from eddyline.mp4.errors import LimitError, Mp4Error
from eddyline.mp4.movie import AudioUnit, Limits, Samples
from eddyline.mp4.samples.audio_units import read_blocks
from eddyline.mp4.samples.sample_times import correct_deltas

_MAX_DESCRIPTIONS = 10_000


def read_samples(stbl: Box, *, file_size: int, units: AudioUnit | None, limits: Limits) -> Samples:
    """The samples that `stbl` describes; none for the empty tables of a fragmented file.

    `units` is the unit of audio of constant unit size (None: any other track). If the tables count units,
    the track is read as blocks of up to 1,024 frames (see `read_blocks`).

    Raises `TruncatedError` for samples after the end of the file, `LimitError`, `Mp4Error`.
    """
    chunk, per_chunk, description = _chunks(stbl)
    blocks = None if units is None else read_blocks(stbl, units, per_chunk, limits)
    if blocks is not None:
        size, duration, per_chunk = blocks.size, blocks.duration, blocks.per_chunk
    else:
        size = _sizes(stbl, file_size, limits)
        duration = _durations(stbl, len(size))
    count = len(size)
    per_chunk = _limit_to(stbl, per_chunk, count)
    used = len(per_chunk)
    before = np.concatenate(([0], np.cumsum(size)))
    first = np.concatenate(([0], np.cumsum(per_chunk)))[:-1]
    offset = np.repeat(chunk[:used] - before[first], per_chunk)
    offset += before[:-1]
    dts = np.concatenate(([0], np.cumsum(duration)))[:-1]
    shift = _composition(stbl, count)
    samples = Samples(
        offset=offset,
        size=size,
        dts=dts,
        pts=dts if shift is None else dts + shift,
        duration=duration,
        sync=_sync(stbl, count),
        description=_rows(description[:used], per_chunk, count),
    )
    check_samples(samples, path=stbl.path, file_size=file_size, limits=limits)
    return samples


def _rows(description: Ints, per_chunk: Ints, count: int) -> npt.NDArray[np.int32]:
    """Each sample's description row. Almost every file has only one, for which no memory is allocated."""
    if count == 0 or bool(np.all(description == description[0])):
        return np.broadcast_to(np.int32(description[0] if count else 1), (count,))
    return np.repeat(description, per_chunk).astype(np.int32)


def check_description(row: int, *, path: str) -> None:
    """Reject a row number larger than any sample description table."""
    if row > _MAX_DESCRIPTIONS:
        raise LimitError(f"samples refer to the sample description {row}", path=path)


def check_samples(samples: Samples, *, path: str, file_size: int, limits: Limits) -> None:
    """Reject samples outside of the file, or samples that together declare far more bytes than it has."""
    if not len(samples):
        return
    if int(samples.size.max()) > limits.sample:
        raise LimitError(f"a sample declares {int(samples.size.max())} bytes", path=path)
    ends = samples.offset + samples.size
    outside = np.flatnonzero((ends > file_size) | (samples.offset < 0) | (samples.offset > file_size))
    if len(outside):
        first = int(outside[0])
        raise TruncatedError(
            f"{len(outside)} of {len(samples)} samples, starting with sample {first}, are located after"
            f" the end of the file at {file_size}",
            path=path,
            offset=int(samples.offset[first]),
        )
    # A few samples may share their bytes; a table that refers to the same bytes many times is an attack.
    if int(samples.size.sum()) > 2 * file_size:
        raise LimitError(
            "the samples overlap: their total size is more than twice that of the file", path=path
        )


def _chunks(stbl: Box) -> tuple[Ints, Ints, Ints]:
    """(offset, samples, description row) of each chunk, from stco or co64 and stsc."""
    large = stbl.find("co64")
    box = large or stbl.require("stco")
    fields = box.fields()
    fields.read_version()
    offset = fields.read_table(fields.read_number("I"), 1, ">u8" if large else ">u4")[:, 0]
    fields = stbl.require("stsc").fields()
    fields.read_version()
    runs = fields.read_table(fields.read_number("I"), 3)
    count = len(offset)
    if count == 0:
        empty = np.zeros(0, np.int64)
        return empty, empty, empty
    if len(runs) == 0 or runs[0, 0] != 1 or np.any(np.diff(runs[:, 0]) <= 0):
        raise Mp4Error("the first chunks of the runs do not increase from 1", path=f"{stbl.path}/stsc")
    check_description(int(runs[:, 2].max()), path=f"{stbl.path}/stsc")
    starts = np.minimum(runs[:, 0] - 1, count)
    lengths = np.diff(np.append(starts, count))
    return offset, np.repeat(runs[:, 1], lengths), np.repeat(runs[:, 2], lengths)


def _limit_to(stbl: Box, per_chunk: Ints, count: int) -> Ints:
    """The chunks' sample counts, limited to `count` samples in total; fewer is an error."""
    ends = np.cumsum(per_chunk)
    total = int(ends[-1]) if len(ends) else 0
    if total < count:
        raise Mp4Error(f"{count} samples have sizes, but the chunks contain only {total}", path=stbl.path)
    used = int(np.searchsorted(ends, count)) + 1 if count else 0
    fitted = per_chunk[:used].copy()
    if used:
        fitted[-1] -= int(ends[used - 1]) - count
    return fitted


def _sizes(stbl: Box, file_size: int, limits: Limits) -> Ints:
    compact = stbl.find("stz2")
    box = compact or stbl.require("stsz")
    fields = box.fields()
    fields.read_version()
    word, count = fields.unpack("II")
    if count > limits.samples:
        raise LimitError(f"a track declares {count} samples", path=box.path)
    if compact is None and word * count > 2 * file_size:
        raise LimitError(
            f"a track declares {count} samples of {word} bytes in a file of {file_size} bytes", path=box.path
        )
    if compact is None:
        return fields.read_table(count, 1)[:, 0] if word == 0 else np.full(count, word, np.int64)
    match word & 0xFF:
        case 4:
            pairs = fields.read_table((count + 1) // 2, 1, ">u1")[:, 0]
            return np.stack((pairs >> 4, pairs & 15), axis=1).reshape(-1)[:count]
        case 8:
            return fields.read_table(count, 1, ">u1")[:, 0]
        case 16:
            return fields.read_table(count, 1, ">u2")[:, 0]
        case bits:
            raise Mp4Error(f"sample sizes of {bits} bits are invalid", path=box.path)


def _expand_runs(box: Box, count: int, column: str) -> Ints:
    """Run-length rows (count, value) expanded to `count` samples; excess rows are ignored."""
    fields = box.fields()
    fields.read_version()
    rows = fields.read_table(fields.read_number("I"), 2)
    if column == "unsigned":
        rows = correct_deltas(rows)
    ends = np.cumsum(rows[:, 0])
    used = int(np.searchsorted(ends, count)) + 1
    rows, ends = rows[:used], ends[:used]
    repeats = rows[:, 0].copy()
    if len(ends) and ends[-1] > count:
        repeats[-1] -= int(ends[-1]) - count
    values = (
        rows[:, 1].astype(np.uint32).astype(np.int32).astype(np.int64) if column == "signed" else rows[:, 1]
    )
    return np.repeat(values, repeats)


def _durations(stbl: Box, count: int) -> Ints:
    """Ticks of each sample (stts). A table that ends early continues with its last value, as in players."""
    box = stbl.require("stts")
    values = _expand_runs(box, count, "unsigned")
    if len(values) < count:
        if len(values) == 0:
            raise Mp4Error(
                f"the durations of all {count} samples are missing", path=box.path, offset=box.offset
            )
        values = np.concatenate((values, np.full(count - len(values), values[-1], np.int64)))
    return values


def _composition(stbl: Box, count: int) -> Ints | None:
    """Composition offsets (ctts), if any. Readers treat version 0, unsigned in the standard, as signed."""
    box = stbl.find("ctts")
    if box is None:
        return None
    values = _expand_runs(box, count, "signed")
    return np.concatenate((values, np.zeros(count - len(values), np.int64)))


def _sync(stbl: Box, count: int) -> npt.NDArray[np.bool_]:
    """The sync samples: stss, and QuickTime's stps (open GOP); without stss, all samples."""
    box = stbl.find("stss")
    if box is None:
        return np.broadcast_to(np.True_, (count,))
    sync = np.zeros(count, np.bool_)
    for table in (box, stbl.find("stps")):
        if table is None:
            continue
        fields = table.fields()
        fields.read_version()
        numbers = fields.read_table(fields.read_number("I"), 1)[:, 0]
        sync[numbers[(numbers >= 1) & (numbers <= count)] - 1] = True
    return sync
