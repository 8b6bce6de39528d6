"""Builds the boxes before the media: ftyp, moov with its tables, and the header of mdat."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from eddyline.core.errors import UsageError
from eddyline.core.timebase import rescale
from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.byte_ranges import Ints
from eddyline.mp4.entries.track_labels import labels_payload
from eddyline.mp4.movie import IDENTITY_MATRIX, Edit
from eddyline.mp4.write.interleave import Chunk, TrackTiming
from eddyline.mp4.write.output_track import OutputTrack

_U32 = (1 << 32) - 1
_MAX_DURATION = (1 << 63) - 1
_UNDETERMINED = 0x55C4  # "und", ISO 639-2/T packed into 15 bits
_SELF_CONTAINED = 1
# Groups of tracks of which a player selects one: audio in different languages, and subtitles.
_ALTERNATE_GROUPS = {"soun": 1, "sbtl": 2}


def ftyp_box(brand: str, compatible: tuple[str, ...]) -> bytes:
    """The ftyp box (section 4.3)."""
    names = b"".join(name.encode("latin-1").ljust(4)[:4] for name in compatible)
    return make_box("ftyp", brand.encode("latin-1").ljust(4)[:4], struct.pack(">I", 0x200), names)


def mdat_header(media: int) -> bytes:
    """The header of an mdat box of `media` bytes, with a 64-bit size only if necessary."""
    if media + 8 <= _U32:
        return struct.pack(">I4s", media + 8, b"mdat")
    return struct.pack(">I4sQ", 1, b"mdat", media + 16)


def moov_box(
    tracks: Sequence[OutputTrack],
    timings: Sequence[TrackTiming],
    chunks: Sequence[Chunk],
    *,
    timescale: int,
    creation_time: int,
    udta: bytes | None,
    meta: bytes | None = None,
    before: int,
    media_header: int,
    matrix: tuple[int, ...] = IDENTITY_MATRIX,
) -> bytes:
    """moov, for a file with `before` bytes before it and `media_header` bytes (the header of mdat) after it.

    Chunk offsets depend on the length of moov, which depends on the number of tracks that need 64-bit
    offsets: start with none, and widen offsets until nothing changes.
    """
    chunk_tables = _locate_chunks(timings, chunks)
    rows = [
        _rows(track, timing, table)
        for track, timing, table in zip(tracks, timings, chunk_tables, strict=True)
    ]
    lengths = [
        _presented_ticks(track, timing, timescale) for track, timing in zip(tracks, timings, strict=True)
    ]
    if max(lengths, default=0) > _MAX_DURATION:
        raise UsageError(f"a track of {max(lengths)} ticks of 1/{timescale} s is too long to write")
    header = _mvhd(timescale, creation_time, max(lengths, default=0), len(tracks) + 1, matrix)
    tail = b"" if udta is None else make_box("udta", udta)
    tail += b"" if meta is None else make_box("meta", meta)
    wide = [False] * len(tracks)
    shift = 0
    while True:
        traks = [
            _trak(
                number,
                track,
                timing,
                row,
                table.at + shift,
                wide=wide[number - 1],
                creation_time=creation_time,
                length=lengths[number - 1],
            )
            for number, (track, timing, row, table) in enumerate(
                zip(tracks, timings, rows, chunk_tables, strict=True), 1
            )
        ]
        moov = make_box("moov", header, *traks, tail)
        correct = before + len(moov) + media_header
        needed = [bool(len(table.at)) and int(table.at.max()) + correct > _U32 for table in chunk_tables]
        widened = [old or new for old, new in zip(wide, needed, strict=True)]
        if shift == correct and widened == wide:
            return moov
        shift, wide = correct, widened


@dataclass(frozen=True, kw_only=True)
class _ChunkTable:
    """A track's chunks: samples, sample description and offset in mdat's payload of each."""

    samples: Ints
    description: Ints
    at: Ints


def _locate_chunks(timings: Sequence[TrackTiming], chunks: Sequence[Chunk]) -> list[_ChunkTable]:
    ends = [np.concatenate(([0], np.cumsum(timing.size))) for timing in timings]
    counts = [
        None if each.units is None else np.concatenate(([0], np.cumsum(each.units))) for each in timings
    ]
    rows_by_track: list[list[tuple[int, int, int]]] = [[] for _ in timings]
    at = 0
    for chunk in chunks:
        row = int(timings[chunk.track].description[chunk.start])
        count = counts[chunk.track]
        samples = chunk.stop - chunk.start if count is None else int(count[chunk.stop] - count[chunk.start])
        rows_by_track[chunk.track].append((samples, row, at))
        at += int(ends[chunk.track][chunk.stop] - ends[chunk.track][chunk.start])
    tables = [np.array(rows, np.int64).reshape(-1, 3) for rows in rows_by_track]
    return [_ChunkTable(samples=table[:, 0], description=table[:, 1], at=table[:, 2]) for table in tables]


def _presented_ticks(track: OutputTrack, timing: TrackTiming, timescale: int) -> int:
    """Movie ticks for which the track is presented."""
    media = rescale(timing.length, timing.timescale, timescale)
    if not track.edits:
        return media
    return sum(edit.duration or max(media - max(edit.media_time, 0), 0) for edit in track.edits)


def _mvhd(
    timescale: int, creation_time: int, duration: int, next_track: int, matrix: tuple[int, ...]
) -> bytes:
    return make_full_box(
        "mvhd",
        *_time_fields(creation_time, timescale, duration),
        struct.pack(">iH10x", 0x10000, 0x100),
        struct.pack(">9i24xI", *matrix, next_track),
    )


def _time_fields(creation_time: int, timescale: int, duration: int) -> tuple[int, int, bytes]:
    """(version, flags, fields) that mvhd and mdhd share."""
    if max(creation_time, duration) > _U32:
        return 1, 0, struct.pack(">QQIQ", creation_time, creation_time, timescale, duration)
    return 0, 0, struct.pack(">IIII", creation_time, creation_time, timescale, duration)


def _trak(
    number: int,
    track: OutputTrack,
    timing: TrackTiming,
    rows: bytes,
    offsets: Ints,
    *,
    wide: bool,
    creation_time: int,
    length: int,
) -> bytes:
    large = max(creation_time, length) > _U32
    tkhd = make_full_box(
        "tkhd",
        int(large),
        0x7 if track.enabled else 0x6,
        struct.pack(">QQIIQ" if large else ">IIIII", creation_time, creation_time, number, 0, length),
        struct.pack(">8xhhHH", 0, _ALTERNATE_GROUPS.get(track.handler, 0), track.volume, 0),
        struct.pack(">9i", *track.matrix),
        struct.pack(">II", _fixed(track.width), _fixed(track.height)),
    )
    table = offsets.astype(">u8" if wide else ">u4").tobytes()
    stco = make_full_box("co64" if wide else "stco", 0, 0, struct.pack(">I", len(offsets)), table)
    dref = make_full_box("dref", 0, 0, struct.pack(">I", 1), make_full_box("url ", 0, _SELF_CONTAINED))
    name = track.name.encode() + b"\0"
    mdia = make_box(
        "mdia",
        make_full_box(
            "mdhd",
            *_time_fields(creation_time, track.timescale, timing.length),
            struct.pack(">HH", pack_language(track.language), 0),
        ),
        make_full_box("hdlr", 0, 0, struct.pack(">4x4s12x", track.handler.encode("latin-1")), name),
        make_box(
            "minf", track.media_header, make_box("dinf", dref), make_box("stbl", track.stsd, rows, stco)
        ),
    )
    labels = labels_payload(track.title, track.roles)
    udta = make_box("udta", labels) if labels else b""
    return make_box("trak", tkhd, _tref(track.references), _edts(track.edits), mdia, *track.boxes, udta)


def _fixed(pixels: Fraction | int) -> int:
    """Pixels as a 16.16 fixed-point number."""
    return min(round(pixels * 0x10000), _U32)


def pack_language(code: str) -> int:
    """An ISO 639-2 code in the 15 bits of mdhd (section 8.4.2); "und" for any other text."""
    letters = code.encode("latin-1", "replace")
    if len(letters) != 3 or not letters.isalpha() or not letters.islower():  # noqa: PLR2004 - ISO 639-2
        return _UNDETERMINED
    return (letters[0] - 0x60) << 10 | (letters[1] - 0x60) << 5 | (letters[2] - 0x60)


def _tref(references: Mapping[str, tuple[int, ...]]) -> bytes:
    kinds = [make_box(kind, struct.pack(f">{len(to)}I", *to)) for kind, to in sorted(references.items())]
    return make_box("tref", *kinds) if kinds else b""


def _edts(edits: tuple[Edit, ...]) -> bytes:
    if not edits:
        return b""
    large = any(edit.duration > _U32 or edit.media_time > _U32 >> 1 for edit in edits)
    rows = [
        struct.pack(">Qqi" if large else ">Iii", edit.duration, edit.media_time, round(edit.rate * 0x10000))
        for edit in edits
    ]
    return make_box("edts", make_full_box("elst", int(large), 0, struct.pack(">I", len(rows)), *rows))


def _rows(track: OutputTrack, timing: TrackTiming, table: _ChunkTable) -> bytes:
    """All boxes of stbl except stsd and the chunk offsets."""
    if timing.units is not None:
        return _unit_rows(timing, timing.units, table)
    parts = [_runs_box("stts", 0, timing.duration)]
    if track.cts_offset is not None and np.any(track.cts_offset):
        signed = bool(np.any(track.cts_offset < 0))
        parts.append(_runs_box("ctts", int(signed), np.asarray(track.cts_offset, np.int64)))
    if track.sync is not None and not np.all(track.sync):
        numbers = np.flatnonzero(track.sync) + 1
        parts.append(
            make_full_box("stss", 0, 0, struct.pack(">I", len(numbers)), numbers.astype(">u4").tobytes())
        )
    parts.append(_stsc(table))
    count = len(timing.size)
    same = count > 0 and bool(np.all(timing.size == timing.size[0])) and int(timing.size[0]) > 0
    sizes = b"" if same else timing.size.astype(">u4").tobytes()
    parts.append(
        make_full_box("stsz", 0, 0, struct.pack(">II", int(timing.size[0]) if same else 0, count), sizes)
    )
    return b"".join(parts)


def _unit_rows(timing: TrackTiming, units: Ints, table: _ChunkTable) -> bytes:
    """The same boxes for samples that are blocks of units of one size: the tables count the units."""
    if not len(units):
        sizes = struct.pack(">II", 0, 0)
    else:
        sizes = struct.pack(">II", int(timing.size[0] // units[0]), int(units.sum()))
    durations = _runs_box("stts", 0, timing.duration // units, units)
    return durations + _stsc(table) + make_full_box("stsz", 0, 0, sizes)


def _runs_box(kind: str, version: int, values: Ints, counts: Ints | None = None) -> bytes:
    """Run-length coded rows of stts or ctts; each value repeats `counts` times (default: once)."""
    starts = np.concatenate(([0], np.flatnonzero(np.diff(values)) + 1)) if len(values) else values
    if counts is None:
        lengths = np.diff(np.append(starts, len(values)))
    else:
        lengths = np.add.reduceat(counts, starts) if len(values) else counts
    rows = np.stack((lengths, values[starts]), axis=1)
    return make_full_box(kind, version, 0, struct.pack(">I", len(rows)), _words(rows))


def _stsc(table: _ChunkTable) -> bytes:
    changes = (np.diff(table.samples) != 0) | (np.diff(table.description) != 0)
    starts = np.flatnonzero(np.concatenate(([len(table.samples) > 0], changes)))
    rows = np.stack((starts + 1, table.samples[starts], table.description[starts]), axis=1)
    return make_full_box("stsc", 0, 0, struct.pack(">I", len(rows)), _words(rows))


def _words(rows: Ints) -> bytes:
    """Big-endian 32-bit words, negative numbers in two's complement."""
    return (rows & _U32).astype(">u4").tobytes()
