"""Splits the fragments of a packaged stream so that each keyframe is a separate fragment.

The packager starts a fragment at each keyframe. Its I-frame playlists reference the bytes from the start of
such a fragment to the end of its first sample, but the fragment lists all samples of the GOP, so readers that
rely on the list (FFmpeg) report the others as missing. Each fragment is therefore split into one with the
keyframe alone and one with the rest, so that an I-frame is a complete fragment. This costs about 150 bytes
per GOP, whereas separate trick-play files would repeat every keyframe.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.errors import ProofError
from eddyline.mp4.boxes import make_box, make_full_box

_HEADER = 8
# Flags of trun; per sample: duration, size, flags, composition offset.
_DATA_OFFSET, _FIRST_FLAGS = 0x1, 0x4
_PER_SAMPLE = _DURATION, _SIZE, _, _COMPOSITION_OFFSET = 0x100, 0x200, 0x400, 0x800
# Flags of tfhd, and the bytes of their fields: base offset, description, duration, size.
_DEFAULT_DURATION, _DEFAULT_SIZE = 0x8, 0x10
_DEFAULTS = ((0x1, 8), (0x2, 4), (_DEFAULT_DURATION, 4), (_DEFAULT_SIZE, 4))
_SIDX_ENTRY = 12  # bytes

Range = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class _Fragment:
    """One moof: its sequence number, the header of its traf, its start, and its samples."""

    number: int
    tfhd: bytes
    tfdt_version: int
    time: int
    flags: int
    first_flags: bytes
    rows: tuple[bytes, ...]
    duration: int
    sizes: tuple[int, ...]


def split_keyframes(segment: Path) -> list[Range]:
    """Rewrite a media segment; returns the byte range [start, stop) of each keyframe's fragment.

    Raises `ProofError` if the segment does not have the structure that the packager writes.
    """
    data = segment.read_bytes()
    parts: list[bytes] = []
    ranges: list[Range] = []
    sizes: list[int] = []
    index: tuple[int, bytes] | None = None
    at = 0
    fragment: _Fragment | None = None
    for kind, body in _boxes(data, segment.name):
        if kind == b"moof":
            fragment = _read(body, segment.name)
            continue
        if kind == b"mdat" and fragment is not None:
            first, rest = _split(fragment, body)
            ranges.append((at, at + len(first)))
            sizes.append(len(first) + len(rest))
            written, fragment = first + rest, None
        else:
            written = make_box(kind.decode("latin-1"), body)
            if kind == b"sidx":
                index = (len(parts), body)
        parts.append(written)
        at += len(written)
    if fragment is not None or not ranges:
        raise ProofError(f"{segment.name}: a fragment has no media data")
    if index is not None:
        parts[index[0]] = make_box("sidx", _updated_index(index[1], sizes, segment.name))
    segment.write_bytes(b"".join(parts))
    return ranges


def with_byte_ranges(text: str, ranges: Sequence[tuple[str, Range]]) -> str:
    """The I-frame playlist `text` with its byte ranges replaced by these (URL, byte range), in order."""
    remaining = iter(ranges)
    lines = []
    uri = ""
    for line in text.splitlines():
        if line.startswith("#EXT-X-BYTERANGE:"):
            uri, (start, stop) = next(remaining)
            lines.append(f"#EXT-X-BYTERANGE:{stop - start}@{start}")
        elif line and not line.startswith("#"):
            if line != uri:
                raise ProofError(f"an I-frame playlist references {line} instead of {uri}")
            lines.append(line)
        else:
            lines.append(line)
    if next(remaining, None) is not None:
        raise ProofError("an I-frame playlist references fewer keyframes than the stream has")
    return "\n".join(lines) + "\n"


def count_fragment_samples(data: bytes, name: str) -> int:
    """The number of samples of a fragment. Raises `ProofError` unless it is exactly one moof and one mdat."""
    found = list(_boxes(data, name))
    if [kind for kind, _ in found] != [b"moof", b"mdat"]:
        raise ProofError(f"{name}: an I-frame is not a complete fragment")
    fragment = _read(found[0][1], name)
    if sum(fragment.sizes) != len(found[1][1]):
        raise ProofError(f"{name}: a fragment lists samples that it does not contain")
    return len(fragment.rows)


def _boxes(data: bytes, name: str) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if not _HEADER <= size <= len(data) - at:
            raise ProofError(f"{name}: the box at byte {at} has an invalid size of {size}")
        yield data[at + 4 : at + _HEADER], data[at + _HEADER : at + size]
        at += size


def _read(moof: bytes, name: str) -> _Fragment:
    outer = dict(_boxes(moof, name))
    inner = list(_boxes(outer.get(b"traf", b""), name))
    kinds = [kind for kind, _ in inner]
    if sorted(outer) != [b"mfhd", b"traf"] or kinds != [b"tfhd", b"tfdt", b"trun"]:
        raise ProofError(f"{name}: a fragment has unexpected boxes {kinds}")
    tfhd, tfdt, trun = (body for _, body in inner)
    time = int.from_bytes(tfdt[4:], "big")
    flags, count = int.from_bytes(trun[1:4], "big"), int.from_bytes(trun[4:8], "big")
    fields = [bit for bit in _PER_SAMPLE if flags & bit]
    at = 8 + 4 * bool(flags & _DATA_OFFSET)
    first_flags = trun[at : at + 4] if flags & _FIRST_FLAGS else b""
    at += len(first_flags)
    width = 4 * len(fields)
    rows = tuple(trun[at + n * width : at + (n + 1) * width] for n in range(count))
    if not count or len(trun) != at + count * width:
        raise ProofError(f"{name}: a trun box of {len(trun)} bytes has an invalid count of {count} samples")
    sizes = _column(rows, fields, _SIZE) or [_default(tfhd, _DEFAULT_SIZE, name)] * count
    durations = _column(rows, fields, _DURATION) or [_default(tfhd, _DEFAULT_DURATION, name)]
    return _Fragment(
        number=int.from_bytes(outer[b"mfhd"][4:], "big"),
        tfhd=tfhd,
        tfdt_version=tfdt[0],
        time=time,
        flags=flags,
        first_flags=first_flags,
        rows=rows,
        duration=durations[0],
        sizes=tuple(sizes),
    )


def _column(rows: Sequence[bytes], fields: Sequence[int], wanted: int) -> list[int]:
    """One field of all samples; empty if the trun box does not have it."""
    if wanted not in fields:
        return []
    place = 4 * fields.index(wanted)
    return [int.from_bytes(row[place : place + 4], "big") for row in rows]


def _default(tfhd: bytes, wanted: int, name: str) -> int:
    """A default value for all samples of the fragment (ISO/IEC 14496-12 section 8.8.7)."""
    flags, at = int.from_bytes(tfhd[1:4], "big"), 8
    for bit, size in _DEFAULTS:
        if flags & bit and bit == wanted:
            return int.from_bytes(tfhd[at : at + size], "big")
        at += size * bool(flags & bit)
    raise ProofError(f"{name}: the samples of a fragment have no size or no duration")


def _split(fragment: _Fragment, media: bytes) -> tuple[bytes, bytes]:
    """The fragment of the first sample, and that of the others (empty if there are none)."""
    size = fragment.sizes[0]
    number = 2 * fragment.number
    head = _moof(fragment, number - 1, fragment.time, fragment.rows[:1], fragment.first_flags)
    first = head + make_box("mdat", media[:size])
    if len(fragment.rows) == 1:
        return first, b""
    head = _moof(fragment, number, fragment.time + fragment.duration, fragment.rows[1:], b"")
    return first, head + make_box("mdat", media[size:])


def _moof(fragment: _Fragment, number: int, time: int, rows: Sequence[bytes], first_flags: bytes) -> bytes:
    flags = fragment.flags & ~_FIRST_FLAGS | _DATA_OFFSET | _FIRST_FLAGS * bool(first_flags)
    run = struct.pack(">I", len(rows)), first_flags + b"".join(rows)
    length = 8 + 16 + 8 + 8 + len(fragment.tfhd) + 12 + (8 if fragment.tfdt_version else 4) + 12 + 8
    length += len(run[1])
    traf = make_box(
        "traf",
        make_box("tfhd", fragment.tfhd),
        make_full_box(
            "tfdt", fragment.tfdt_version, 0, time.to_bytes(8 if fragment.tfdt_version else 4, "big")
        ),
        make_full_box(
            "trun",
            1 if fragment.flags & _COMPOSITION_OFFSET else 0,
            flags,
            run[0],
            struct.pack(">i", length + 8),
            run[1],
        ),
    )
    moof = make_box("moof", make_full_box("mfhd", 0, 0, struct.pack(">I", number)), traf)
    if len(moof) != length:
        raise ProofError("a moof box does not have its computed length")
    return moof


def _updated_index(body: bytes, sizes: Sequence[int], name: str) -> bytes:
    """The segment index with the new sizes of its fragments (ISO/IEC 14496-12 section 8.16.3)."""
    at = 4 + 8 + (16 if body[0] else 8) + 2
    count = int.from_bytes(body[at : at + 2], "big")
    at += 2
    if len(body) != at + count * _SIDX_ENTRY or count != len(sizes):
        raise ProofError(f"{name}: the segment index has {count} entries for {len(sizes)} fragments")
    rows = [body[at + n * _SIDX_ENTRY : at + (n + 1) * _SIDX_ENTRY] for n in range(count)]
    updated = [struct.pack(">I", size) + row[4:] for size, row in zip(sizes, rows, strict=True)]
    return body[:at] + b"".join(updated)
