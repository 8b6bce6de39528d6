"""Writes an MP4: index first, one pass, the same bytes every time, hashed on the way.

Samples come from where they already lie (`Piece`), so a track can be joined from many files without
holding any of them.
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

_LARGEST_NUMBER: Final = (1 << 32) - 1
_LARGEST_OFFSET: Final = (1 << 31) - 1
COMPATIBLE_BRANDS: Final = ("isom", "iso2", "mp41")


@dataclass(frozen=True, kw_only=True)
class WrittenFile:
    """What was written: its length and SHA-256 (hex)."""

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
    """Write a progressive MP4 with its index first; if `durable`, it is on the disk when this returns.

    Media is interleaved in stretches of `interleave_s` seconds. `udta` and `meta` are the payloads of
    moov/udta and moov/meta, `matrix` that of mvhd. The bytes depend on nothing but the arguments and the
    samples. Write to a temporary name and rename.
    Raises `UsageError` for arguments that do not fit together, `TransientError` if the disk is full or in
    the way, and whatever the sources raise.
    """
    timings = [_timing(at, track, len(tracks)) for at, track in enumerate(tracks, 1)]
    chunks = plan_chunks(timings, interleave_s)
    media = sum(int(timing.size.sum()) for timing in timings)
    head = ftyp_box(brand, tuple(compatible))
    lead = mdat_header(media)
    moov = moov_box(
        tracks,
        timings,
        chunks,
        timescale=timescale,
        creation_time=creation_time,
        udta=udta,
        meta=meta,
        before=len(head),
        lead=len(lead),
        matrix=matrix,
    )
    try:
        return _store(out, chain((head, moov, lead), _media(tracks, timings, chunks)), durable=durable)
    except OSError as error:
        raise TransientError(
            f"cannot write {out}: {error.strerror}", remedy="free some disk space, then run it again"
        ) from error


def _store(out: Path, parts: Iterable[bytes], *, durable: bool) -> WrittenFile:
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


def _timing(place: int, track: OutputTrack, count: int) -> TrackTiming:
    """One track's arrays, checked and put together."""
    nothing = np.zeros(0, np.int64)
    size = np.concatenate([nothing, *(piece.size for piece in track.pieces)]).astype(np.int64)
    duration = np.asarray(track.duration, np.int64)
    samples = len(size)
    for name, values in (
        ("duration", duration),
        ("cts_offset", track.cts_offset),
        ("sync", track.sync),
        ("description", track.description),
    ):
        if values is not None and len(values) != samples:
            raise UsageError(f"track {place}: {samples} samples, but {len(values)} values of {name}")
    if any(len(piece.offset) != len(piece.size) for piece in track.pieces):
        raise UsageError(f"track {place}: a piece has as many offsets as sizes")
    if samples and (_out_of(size) or _out_of(duration)):
        raise UsageError(f"track {place}: sizes and durations are neither negative nor beyond 32 bits")
    shift = track.cts_offset
    if shift is not None and samples and int(np.abs(shift).max()) > _LARGEST_OFFSET:
        raise UsageError(f"track {place}: composition offsets do not go beyond 31 bits")
    if any(not 1 <= target <= count for targets in track.references.values() for target in targets):
        raise UsageError(f"track {place} refers to a track that is not written")
    description = np.ones(samples, np.int32) if track.description is None else track.description
    return TrackTiming(
        size=size,
        duration=duration,
        description=description,
        timescale=track.timescale,
        units=_units(place, track, size, duration),
    )


def _units(place: int, track: OutputTrack, size: Ints, duration: Ints) -> Ints | None:
    """How many units each sample is, where the track's tables are to count units."""
    shifted = track.cts_offset is not None and bool(np.any(track.cts_offset))
    if not track.unit_bytes or shifted or track.sync is not None:
        return None
    units = size // track.unit_bytes
    if np.any(units * track.unit_bytes != size) or np.any(units == 0) or np.any(duration % units):
        return None  # blocks with times of their own: each is written as one sample
    if int(units.sum()) > _LARGEST_NUMBER:
        raise UsageError(f"track {place}: more than {_LARGEST_NUMBER} frames of audio")
    return units


def _out_of(values: Ints) -> bool:
    return int(values.min()) < 0 or int(values.max()) > _LARGEST_NUMBER


def _media(
    tracks: Sequence[OutputTrack], timings: Sequence[TrackTiming], chunks: Sequence[Chunk]
) -> Iterator[bytes]:
    """All samples' bytes in the order of the chunks."""
    feeds = [_Feed(track) for track in tracks]
    try:
        for chunk in chunks:
            yield from feeds[chunk.track].take(int(timings[chunk.track].size[chunk.first : chunk.last].sum()))
    finally:
        for feed in feeds:
            feed.close()


class _Feed:
    """A track's bytes, from one sample to the next through all pieces, a block in memory at a time."""

    def __init__(self, track: OutputTrack) -> None:
        self._stretches = _stretches(track.pieces)
        self._opened: FileRanges | None = None
        self._rest = memoryview(b"")

    def take(self, count: int) -> Iterator[bytes]:
        while count:
            if not self._rest:
                self._rest = memoryview(next(self._stretches))
            part, self._rest = self._rest[:count], self._rest[count:]
            count -= len(part)
            yield bytes(part)

    def close(self) -> None:
        self._stretches.close()  # type: ignore[attr-defined]  # a generator, which closes its file


def _stretches(pieces: Sequence[Piece]) -> Iterator[bytes]:
    for piece in pieces:
        if isinstance(piece.source, Path):
            with FileRanges(piece.source) as source:
                yield from _of_piece(source, piece)
        else:
            yield from _of_piece(piece.source, piece)


def _of_piece(source: ByteRanges, piece: Piece) -> Iterator[bytes]:
    """The samples' bytes without what lies between them, block by block."""
    ends, most = piece.offset + piece.size, max_request_bytes(source)
    runs: list[tuple[int, int]] = []
    spans: list[tuple[int, int]] = []
    for first, last in pairwise(coalesce_for(source, piece.offset, piece.size).tolist()):
        begin, end = int(piece.offset[first]), int(ends[last - 1])
        parts = [(at, min(most, end - at)) for at in range(begin, end, most)]  # several: one huge sample
        spans += parts
        runs += [(first, last)] if len(parts) == 1 else [(0, 0)] * len(parts)
    for (first, last), data in zip(runs, read_spans(source, spans), strict=True):
        if first == last:
            yield data
            continue
        begin = int(piece.offset[first])
        breaks = np.flatnonzero(piece.offset[first + 1 : last] != ends[first : last - 1]) + first + 1
        for left, right in pairwise([first, *breaks.tolist(), last]):
            part = data[int(piece.offset[left]) - begin : int(ends[right - 1]) - begin]
            if part:
                yield part
