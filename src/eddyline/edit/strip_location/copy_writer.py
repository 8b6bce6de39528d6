"""Writes the copy: ftyp and moov, then the samples of the kept tracks with nothing between them.

moov precedes the media. Its length is known before the samples are cleaned, so space is reserved for it; it
is written once the sizes of the cleaned samples are known.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np

from eddyline.edit.strip_location.boxes.track_boxes import TrackBoxes
from eddyline.mp4.boxes import make_box
from eddyline.mp4.byte_ranges import ByteRanges, Ints

_BLOCK: Final = 4 << 20
_LARGE_HEADER: Final = 16
_U32: Final = (1 << 32) - 1


@dataclass(kw_only=True, eq=False)
class WrittenTrack:
    """Sizes and checksum of the samples written for one track.

    `sizes` of cleaned samples (int64[n], decode order); `total` bytes and their CRC-32, in file order.
    """

    sizes: Ints
    total: int = 0
    crc: int = 0

    @classmethod
    def empty_for(cls, track: TrackBoxes) -> WrittenTrack:
        """Returns the state before any sample is written."""
        return cls(sizes=np.zeros(len(track.selected.track.samples), np.int64))

    def add(self, data: bytes) -> bytes:
        """Adds these bytes to the totals and returns them."""
        self.total += len(data)
        self.crc = zlib.crc32(data, self.crc)
        return data


@dataclass(kw_only=True, eq=False)
class IndexWriter:
    """Writes ftyp, moov and mdat; moov consists of `head`, the tracks and `tail`."""

    first: bytes
    head: bytes
    tail: bytes
    tracks: Sequence[TrackBoxes]

    def write(self, file: BinaryIO, src: ByteRanges, written: Sequence[WrittenTrack]) -> None:
        """Writes ftyp, moov and an mdat with the chunks that moov lists, in source order."""
        wide = src.size + self._length() + len(self.first) + _LARGE_HEADER > _U32
        start = len(self.first) + self._length(wide=wide)
        file.write(self.first)
        file.seek(start + _LARGE_HEADER)
        offsets = [np.zeros(len(track.chunks.offset), np.int64) for track in self.tracks]
        at = start + _LARGE_HEADER
        for number, chunk in self._order():
            offsets[number][chunk] = at
            for data in _chunk(src, self.tracks[number], chunk, written[number]):
                at += file.write(data)
        file.seek(len(self.first))
        sizes = [each.sizes[: track.listed] for each, track in zip(written, self.tracks, strict=True)]
        file.write(self._moov(sizes, offsets, wide=wide))
        file.write(_mdat_header(at - start))
        file.seek(at)

    def _order(self) -> Iterator[tuple[int, int]]:
        """Yields (track index, chunk index), ordered by the chunk's offset in the source."""
        starts = [track.chunks.offset for track in self.tracks]
        owner = np.concatenate([np.full(len(each), at) for at, each in enumerate(starts)])
        chunk = np.concatenate([np.arange(len(each)) for each in starts])
        order = np.lexsort((chunk, owner, np.concatenate(starts)))
        return zip(owner[order].tolist(), chunk[order].tolist(), strict=True)

    def _moov(self, sizes: Sequence[Ints], offsets: Sequence[Ints], *, wide: bool) -> bytes:
        traks = [
            track.trak(size, offset, wide=wide)
            for track, size, offset in zip(self.tracks, sizes, offsets, strict=True)
        ]
        return make_box("moov", self.head, *traks, self.tail)

    def _length(self, *, wide: bool = True) -> int:
        sizes = [np.zeros(track.listed, np.int64) for track in self.tracks]
        offsets = [np.zeros(len(track.chunks.offset), np.int64) for track in self.tracks]
        return len(self._moov(sizes, offsets, wide=wide))


def _mdat_header(size: int) -> bytes:
    """Returns the header of an mdat of `size` bytes, including the 16-byte header; always a 64-bit size."""
    return (1).to_bytes(4, "big") + b"mdat" + size.to_bytes(8, "big")


def _chunk(src: ByteRanges, track: TrackBoxes, chunk: int, written: WrittenTrack) -> Iterator[bytes]:
    chunks, clean = track.chunks, track.selected.clean
    if clean is None:
        start = int(chunks.offset[chunk])
        end = start + int(chunks.size[chunk])
        for at in range(start, end, _BLOCK):
            yield written.add(src.read(at, min(_BLOCK, end - at)))
        return
    samples = track.selected.track.samples
    first, stop = int(chunks.first[chunk]), int(chunks.stop[chunk])
    read = read_samples(src, samples.offset[first:stop], samples.size[first:stop])
    for number, data in enumerate(read, first):
        kept = clean(data)
        written.sizes[number] = len(kept)
        yield written.add(kept)


def read_samples(src: ByteRanges, offsets: Ints, sizes: Ints) -> Iterator[bytes]:
    """Yields contiguous samples, reading about 4 MiB at a time."""
    ends = np.cumsum(sizes)
    at = 0
    while at < len(sizes):
        before = int(ends[at]) - int(sizes[at])
        stop = max(int(np.searchsorted(ends, before + _BLOCK, side="right")), at + 1)
        data = memoryview(src.read(int(offsets[at]), int(ends[stop - 1]) - before))
        offset = 0
        for size in sizes[at:stop].tolist():
            yield bytes(data[offset : offset + size])
            offset += size
        at = stop
