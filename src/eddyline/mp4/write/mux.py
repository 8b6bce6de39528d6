"""Writes an MP4 file in one pass: index first, deterministic bytes, hashed while writing.

Samples are copied from their sources (`Piece`), so that a track can be joined from many files without
holding any of them in memory.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Final

import numpy as np

from eddyline.core.errors import TransientError, UsageError
from eddyline.mp4.byte_ranges import ByteRanges, Ints, coalesce_for, max_request_bytes, read_spans
from eddyline.mp4.movie import IDENTITY_MATRIX
from eddyline.mp4.write.box_writer import ftyp_box, mdat_header, moov_box
from eddyline.mp4.write.interleave import Chunk, TrackTiming, plan_chunks
from eddyline.mp4.write.output_track import OutputTrack, Piece
from eddyline.store.ranges import FileRanges

_MAX_U32: Final = (1 << 32) - 1
_MAX_CTS_OFFSET: Final = (1 << 31) - 1
COMPATIBLE_BRANDS: Final = ("isom", "iso2", "mp41")


@dataclass(frozen=True, kw_only=True)
class WrittenFile:
    """The length and the SHA-256 (hex) of the written file."""

    bytes: int
    sha256: str


def write_mp4(
    out: Path,
    tracks: Sequence[OutputTrack],
    *,
    timescale: int,
    creation_time: int = 0,
    udta: bytes | None = None,
    meta: bytes | None = None,
    brand: str = "isom",
    compatible: Sequence[str] = COMPATIBLE_BRANDS,
    interleave_s: float = 0.5,
    matrix: tuple[int, ...] = IDENTITY_MATRIX,
    durable: bool = True,
) -> WrittenFile:
    """Write a progressive MP4 with its index first; if `durable`, the data is on the disk when this returns.

    Media is interleaved in chunks of `interleave_s` seconds. `udta` and `meta` are the payloads of moov/udta
    and moov/meta, `matrix` is that of mvhd. The bytes depend only on the arguments and the samples. Write to
    a temporary name and rename the file.

    Raises `UsageError` for inconsistent arguments, `TransientError` if the file cannot be written (the disk
    is full), and the errors of the sources.
    """
    timings = [_timing(number, track, len(tracks)) for number, track in enumerate(tracks, 1)]
    chunks = plan_chunks(timings, interleave_s)
    media = sum(int(timing.size.sum()) for timing in timings)
    head = ftyp_box(brand, tuple(compatible))
    media_header = mdat_header(media)
    moov = moov_box(
        tracks,
        timings,
        chunks,
        timescale=timescale,
        creation_time=creation_time,
        udta=udta,
        meta=meta,
        before=len(head),
        media_header=len(media_header),
        matrix=matrix,
    )
    try:
        return _write_parts(
            out, chain((head, moov, media_header), _media(tracks, timings, chunks)), durable=durable
        )
    except OSError as error:
        raise TransientError(
            f"cannot write {out}: {error.strerror}", remedy="free some disk space, then run it again"
        ) from error


def _write_parts(out: Path, parts: Iterable[bytes], *, durable: bool) -> WrittenFile:
    digest = hashlib.sha256()
    total = 0
    with out.open("wb", buffering=1 << 20) as file:
        for part in parts:
            digest.update(part)
            total += file.write(part)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    return WrittenFile(bytes=total, sha256=digest.hexdigest())


def _timing(number: int, track: OutputTrack, count: int) -> TrackTiming:
    """One track's arrays, validated and concatenated."""
    empty = np.zeros(0, np.int64)
    size = np.concatenate([empty, *(piece.size for piece in track.pieces)]).astype(np.int64)
    duration = np.asarray(track.duration, np.int64)
    samples = len(size)
    for name, values in (
        ("duration", duration),
        ("cts_offset", track.cts_offset),
        ("sync", track.sync),
        ("description", track.description),
    ):
        if values is not None and len(values) != samples:
            raise UsageError(f"track {number}: {samples} samples, but {len(values)} values of {name}")
    if any(len(piece.offset) != len(piece.size) for piece in track.pieces):
        raise UsageError(f"track {number}: a piece has different numbers of offsets and sizes")
    if samples and (_exceeds_u32(size) or _exceeds_u32(duration)):
        raise UsageError(f"track {number}: sizes and durations must be unsigned 32-bit numbers")
    shift = track.cts_offset
    if shift is not None and samples and int(np.abs(shift).max()) > _MAX_CTS_OFFSET:
        raise UsageError(f"track {number}: composition offsets must be signed 32-bit numbers")
    if any(not 1 <= target <= count for targets in track.references.values() for target in targets):
        raise UsageError(f"track {number} refers to a track that is not written")
    description = np.ones(samples, np.int32) if track.description is None else track.description
    return TrackTiming(
        size=size,
        duration=duration,
        description=description,
        timescale=track.timescale,
        units=_units(number, track, size, duration),
    )


def _units(number: int, track: OutputTrack, size: Ints, duration: Ints) -> Ints | None:
    """How many units each sample is, if the track's tables count units."""
    shifted = track.cts_offset is not None and bool(np.any(track.cts_offset))
    if not track.unit_bytes or shifted or track.sync is not None:
        return None
    units = size // track.unit_bytes
    if np.any(units * track.unit_bytes != size) or np.any(units == 0) or np.any(duration % units):
        return None  # blocks with individual times: each is written as one sample
    if int(units.sum()) > _MAX_U32:
        raise UsageError(f"track {number}: more than {_MAX_U32} frames of audio")
    return units


def _exceeds_u32(values: Ints) -> bool:
    return int(values.min()) < 0 or int(values.max()) > _MAX_U32


def _media(
    tracks: Sequence[OutputTrack], timings: Sequence[TrackTiming], chunks: Sequence[Chunk]
) -> Iterator[bytes]:
    """All samples' bytes in the order of the chunks."""
    readers = [_TrackReader(track) for track in tracks]
    try:
        for chunk in chunks:
            yield from readers[chunk.track].read(
                int(timings[chunk.track].size[chunk.start : chunk.stop].sum())
            )
    finally:
        for reader in readers:
            reader.close()


class _TrackReader:
    """Reads a track's bytes sample by sample through all pieces, with one block in memory."""

    def __init__(self, track: OutputTrack) -> None:
        self._blocks = _read_pieces(track.pieces)
        self._buffer = memoryview(b"")

    def read(self, count: int) -> Iterator[bytes]:
        while count:
            if not self._buffer:
                self._buffer = memoryview(next(self._blocks))
            part, self._buffer = self._buffer[:count], self._buffer[count:]
            count -= len(part)
            yield bytes(part)

    def close(self) -> None:
        self._blocks.close()  # type: ignore[attr-defined]  # a generator, which closes its file


def _read_pieces(pieces: Sequence[Piece]) -> Iterator[bytes]:
    for piece in pieces:
        if isinstance(piece.source, Path):
            with FileRanges(piece.source) as source:
                yield from _read_piece(source, piece)
        else:
            yield from _read_piece(piece.source, piece)


def _read_piece(source: ByteRanges, piece: Piece) -> Iterator[bytes]:
    """The samples' bytes without the gaps between them, block by block."""
    ends, most = piece.offset + piece.size, max_request_bytes(source)
    runs: list[tuple[int, int]] = []
    spans: list[tuple[int, int]] = []
    for first, last in pairwise(coalesce_for(source, piece.offset, piece.size).tolist()):
        start, end = int(piece.offset[first]), int(ends[last - 1])
        parts = [(at, min(most, end - at)) for at in range(start, end, most)]  # more than one: a huge sample
        spans += parts
        runs += [(first, last)] if len(parts) == 1 else [(0, 0)] * len(parts)
    for (first, last), data in zip(runs, read_spans(source, spans), strict=True):
        if first == last:
            yield data
            continue
        start = int(piece.offset[first])
        breaks = np.flatnonzero(piece.offset[first + 1 : last] != ends[first : last - 1]) + first + 1
        for left, right in pairwise([first, *breaks.tolist(), last]):
            part = data[int(piece.offset[left]) - start : int(ends[right - 1]) - start]
            if part:
                yield part
