"""Splits the fragments of a packaged stream so that each keyframe is a separate fragment.

The packager starts a fragment at each keyframe. Its I-frame playlists reference the bytes from the start of
such a fragment to the end of its first sample, but the fragment lists all samples of the GOP, so readers that
rely on the list (FFmpeg) report the others as missing. Each fragment is therefore split into one with the
keyframe alone and one with the rest, so that an I-frame is a complete fragment. This costs about 150 bytes
per GOP, whereas separate trick-play files would repeat every keyframe.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from eddyline.core.errors import ProofError
from eddyline.media.streaming.fragment_boxes import (
    COMPOSITION_OFFSET,
    DATA_OFFSET,
    FIRST_FLAGS,
    Fragment,
    read_fragment,
    split_boxes,
)
from eddyline.mp4.boxes import make_box, make_full_box

_SIDX_ENTRY, _SAIO = 12, 20  # bytes
_PLAIN, _ENCRYPTED = ("tfhd", "tfdt", "trun"), ("saiz", "saio", "senc")

Range = tuple[int, int]


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
    fragment: Fragment | None = None
    for kind, body in split_boxes(data, segment.name):
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
    found = list(split_boxes(data, name))
    if [kind for kind, _ in found] != [b"moof", b"mdat"]:
        raise ProofError(f"{name}: an I-frame is not a complete fragment")
    fragment = _read(found[0][1], name)
    if sum(fragment.sizes) != len(found[1][1]):
        raise ProofError(f"{name}: a fragment lists samples that it does not contain")
    return len(fragment.rows)


def _read(moof: bytes, name: str) -> Fragment:
    """The fragment; raises `ProofError` if it has boxes that `_moof` would not write."""
    fragment = read_fragment(moof, name)
    kinds = fragment.kinds
    if kinds[:3] != _PLAIN or kinds[3:] not in {(), _ENCRYPTED}:
        raise ProofError(f"{name}: a fragment has unexpected boxes {kinds}")
    return fragment


def _split(fragment: Fragment, media: bytes) -> tuple[bytes, bytes]:
    """The fragment of the first sample, and that of the others (empty if there are none)."""
    size = fragment.sizes[0]
    number = 2 * fragment.number
    head = _moof(fragment, number - 1, fragment.time, slice(0, 1), fragment.first_flags)
    first = head + make_box("mdat", media[:size])
    if len(fragment.rows) == 1:
        return first, b""
    head = _moof(fragment, number, fragment.time + fragment.duration, slice(1, None), b"")
    return first, head + make_box("mdat", media[size:])


def _moof(fragment: Fragment, number: int, time: int, part: slice, first_flags: bytes) -> bytes:
    """The moof box of the samples `part`, whose media data follow it."""
    rows = fragment.rows[part]
    flags = fragment.flags & ~FIRST_FLAGS | DATA_OFFSET | FIRST_FLAGS * bool(first_flags)
    run = struct.pack(">I", len(rows)), first_flags + b"".join(rows)
    length = 8 + 16 + 8 + 8 + len(fragment.tfhd) + 12 + (8 if fragment.tfdt_version else 4) + 12 + 8
    length += len(run[1])
    protection = b""
    if fragment.auxiliary is not None:
        protection = _protection(fragment, fragment.auxiliary[part], at=length)
        length += len(protection)
    traf = make_box(
        "traf",
        make_box("tfhd", fragment.tfhd),
        make_full_box(
            "tfdt", fragment.tfdt_version, 0, time.to_bytes(8 if fragment.tfdt_version else 4, "big")
        ),
        make_full_box(
            "trun",
            1 if fragment.flags & COMPOSITION_OFFSET else 0,
            flags,
            run[0],
            struct.pack(">i", length + 8),
            run[1],
        ),
        protection,
    )
    moof = make_box("moof", make_full_box("mfhd", 0, 0, struct.pack(">I", number)), traf)
    if len(moof) != length:
        raise ProofError("a moof box does not have its computed length")
    return moof


def _protection(fragment: Fragment, entries: Sequence[bytes], *, at: int) -> bytes:
    """The boxes saiz, saio and senc of these samples, at byte `at` of the moof box.

    ISO/IEC 14496-12 sections 8.7.8 and 8.7.9, ISO/IEC 23001-7 section 7.2.
    """
    sizes = [len(each) for each in entries]
    equal = min(sizes) == max(sizes)
    table = b"" if equal else bytes(sizes)
    saiz = make_full_box("saiz", 0, 0, struct.pack(">BI", sizes[0] if equal else 0, len(sizes)), table)
    # Version, flags and number of entries come before the first entry of senc.
    first = at + len(saiz) + _SAIO + 8 + 8
    saio = make_full_box("saio", 0, 0, struct.pack(">II", 1, first))
    senc = make_full_box(
        "senc", 0, fragment.auxiliary_flags, struct.pack(">I", len(entries)), b"".join(entries)
    )
    return saiz + saio + senc


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
