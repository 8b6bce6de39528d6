"""The chunks of a track: their offsets in the source and their tables in the copy."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from eddyline.core.errors import UnsupportedError
from eddyline.mp4.boxes import Box, make_full_box
from eddyline.mp4.byte_ranges import Ints
from eddyline.mp4.movie import Samples


@dataclass(frozen=True, kw_only=True, eq=False)
class Chunks:
    """Chunks of one track in table order: int64[n] arrays.

    `offset` and `size` are bytes in the source; [first, stop) are indexes into `mp4.movie.Samples`; `count`
    is the number of samples in stsc, which for uncompressed audio is frames.
    """

    offset: Ints
    size: Ints
    first: Ints
    stop: Ints
    count: Ints
    description: Ints


def read_chunks(stbl: Box, samples: Samples, most: int) -> Chunks:
    """Reads the chunks of a track with these `samples`, of which the first `most` are in moov.

    Raises `UnsupportedError` if chunks of uncompressed audio overlap, because they cannot be separated.
    """
    large = stbl.find("co64")
    fields = (large or stbl.require("stco")).fields()
    fields.read_version()
    offset = fields.read_table(fields.read_number("I"), 1, ">u8" if large else ">u4")[:, 0]
    fields = stbl.require("stsc").fields()
    fields.read_version()
    runs = fields.read_table(fields.read_number("I"), 3)
    if not len(offset) or not len(runs):
        none = np.zeros(0, np.int64)
        return Chunks(offset=none, size=none, first=none, stop=none, count=none, description=none)
    lengths = np.diff(np.append(np.minimum(runs[:, 0] - 1, len(offset)), len(offset)))
    count = np.repeat(runs[:, 1], lengths)
    description = np.repeat(runs[:, 2], lengths)
    frames = stbl.require("stz2" if stbl.find("stz2") else "stsz").fields()
    frames.read_version()
    _, listed = frames.unpack("II")
    if most < listed:  # `samples` are blocks of audio frames, the tables list frames
        offset, description, count = (each[count > 0] for each in (offset, description, count))
        first, stop = _by_offset(offset, samples.offset[:most])
    else:
        ends = np.cumsum(count)
        used = int(np.searchsorted(ends, listed)) + 1 if listed else 0
        offset, count, description, ends = offset[:used], count[:used].copy(), description[:used], ends[:used]
        count[-1:] -= np.maximum(ends[-1:] - listed, 0)
        stop = np.cumsum(count)
        first = stop - count
    before = np.concatenate(([0], np.cumsum(samples.size)))
    return Chunks(
        offset=offset,
        size=before[stop] - before[first],
        first=first,
        stop=stop,
        count=count,
        description=description,
    )


def _by_offset(offset: Ints, blocks: Ints) -> tuple[Ints, Ints]:
    """Returns the blocks [first, stop) of each chunk, found by their offsets."""
    starts = np.flatnonzero(np.isin(blocks, offset))
    if not np.array_equal(blocks[starts], offset):
        raise UnsupportedError(
            "chunks of uncompressed audio overlap, so they cannot be copied one by one",
            remedy="remux the file first: ffmpeg -i IN -map 0:v? -map 0:a -c copy OUT.mov",
        )
    return starts.astype(np.int64), np.append(starts[1:], len(blocks)).astype(np.int64)


def stsc(chunks: Chunks) -> bytes:
    """Returns the sample-to-chunk table, run-length coded."""
    changes = (np.diff(chunks.count) != 0) | (np.diff(chunks.description) != 0)
    starts = np.flatnonzero(np.concatenate(([len(chunks.count) > 0], changes)))
    rows = np.stack((starts + 1, chunks.count[starts], chunks.description[starts]), axis=1)
    return make_full_box("stsc", 0, 0, struct.pack(">I", len(rows)), rows.astype(">u4").tobytes())


def stsz(sizes: Ints) -> bytes:
    """Returns the sample size table, one row per sample."""
    return make_full_box("stsz", 0, 0, struct.pack(">II", 0, len(sizes)), sizes.astype(">u4").tobytes())


def stco(offsets: Ints, *, wide: bool) -> bytes:
    """Returns the chunk offset table, with 64-bit offsets if `wide`."""
    table = offsets.astype(">u8" if wide else ">u4").tobytes()
    return make_full_box("co64" if wide else "stco", 0, 0, struct.pack(">I", len(offsets)), table)
