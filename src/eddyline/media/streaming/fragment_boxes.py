"""Reads the boxes of packaged fragments: moof with one traf (ISO/IEC 14496-12 section 8.8).

With Common Encryption, the boxes saiz, saio and senc follow the samples (ISO/IEC 23001-7 section 7).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from eddyline.core.errors import ProofError

_HEADER = 8
_REQUIRED = frozenset({b"tfhd", b"tfdt", b"trun"})
# Flags of trun; per sample: duration, size, flags, composition offset.
DATA_OFFSET, FIRST_FLAGS, COMPOSITION_OFFSET = 0x1, 0x4, 0x800
_PER_SAMPLE = _DURATION, _SIZE, _, _ = 0x100, 0x200, 0x400, COMPOSITION_OFFSET
# Flags of tfhd, and the bytes of their fields: base offset, description, duration, size.
_DEFAULT_DURATION, _DEFAULT_SIZE = 0x8, 0x10
_DEFAULTS = ((0x1, 8), (0x2, 4), (_DEFAULT_DURATION, 4), (_DEFAULT_SIZE, 4))


@dataclass(frozen=True, kw_only=True)
class Fragment:
    """One moof: the types of the boxes in traf, the sequence number, the body of tfhd, and the samples.

    `rows` has the fields of each sample in trun, `sizes` its bytes. `auxiliary` has the entry of each sample
    in senc, with the flags of that box; None for a fragment in the clear.
    """

    kinds: tuple[str, ...]
    number: int
    tfhd: bytes
    tfdt_version: int
    time: int
    flags: int
    first_flags: bytes
    rows: tuple[bytes, ...]
    duration: int
    sizes: tuple[int, ...]
    auxiliary: tuple[bytes, ...] | None
    auxiliary_flags: int


def split_boxes(data: bytes, name: str) -> Iterator[tuple[bytes, bytes]]:
    """The type and the body of each box. Raises `ProofError` for a size that does not fit."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if not _HEADER <= size <= len(data) - at:
            raise ProofError(f"{name}: the box at byte {at} has an invalid size of {size}")
        yield data[at + 4 : at + _HEADER], data[at + _HEADER : at + size]
        at += size


def read_fragment(moof: bytes, name: str) -> Fragment:
    """The fragment in the body of a moof box with one traf. Raises `ProofError` if it has another form."""
    outer = list(split_boxes(moof, name))
    inner = list(split_boxes(outer[-1][1], name)) if outer else []
    boxes = dict(inner)
    kinds = tuple(kind.decode("latin-1") for kind, _ in inner)
    if (
        [kind for kind, _ in outer] != [b"mfhd", b"traf"]
        or len(boxes) != len(inner)
        or not {*boxes} >= _REQUIRED
    ):
        raise ProofError(f"{name}: a fragment has unexpected boxes {kinds}")
    tfhd, tfdt, trun = boxes[b"tfhd"], boxes[b"tfdt"], boxes[b"trun"]
    time = int.from_bytes(tfdt[4:], "big")
    flags, count = int.from_bytes(trun[1:4], "big"), int.from_bytes(trun[4:8], "big")
    fields = [bit for bit in _PER_SAMPLE if flags & bit]
    at = 8 + 4 * bool(flags & DATA_OFFSET)
    first_flags = trun[at : at + 4] if flags & FIRST_FLAGS else b""
    at += len(first_flags)
    width = 4 * len(fields)
    rows = tuple(trun[at + n * width : at + (n + 1) * width] for n in range(count))
    if not count or len(trun) != at + count * width:
        raise ProofError(f"{name}: a trun box of {len(trun)} bytes has an invalid count of {count} samples")
    sizes = _column(rows, fields, _SIZE) or [_default(tfhd, _DEFAULT_SIZE, name)] * count
    durations = _column(rows, fields, _DURATION) or [_default(tfhd, _DEFAULT_DURATION, name)]
    senc = boxes.get(b"senc")
    return Fragment(
        kinds=kinds,
        number=int.from_bytes(outer[0][1][4:], "big"),
        tfhd=tfhd,
        tfdt_version=tfdt[0],
        time=time,
        flags=flags,
        first_flags=first_flags,
        rows=rows,
        duration=durations[0],
        sizes=tuple(sizes),
        auxiliary=None if senc is None else _auxiliary(boxes.get(b"saiz"), senc, count, name),
        auxiliary_flags=0 if senc is None else int.from_bytes(senc[1:4], "big"),
    )


def _auxiliary(saiz: bytes | None, senc: bytes, samples: int, name: str) -> tuple[bytes, ...]:
    """The entry of each sample in senc, whose sizes are in saiz; without saiz all entries are empty."""
    sizes = [0] * samples if saiz is None else _auxiliary_sizes(saiz, samples)
    table = senc[8:]
    if int.from_bytes(senc[4:8], "big") != samples or len(sizes) != samples or sum(sizes) != len(table):
        raise ProofError(f"{name}: a fragment lacks the encryption of some samples")
    ends = list(accumulate(sizes, initial=0))
    return tuple(table[start:end] for start, end in pairwise(ends))


def _auxiliary_sizes(saiz: bytes, samples: int) -> list[int]:
    """The bytes of each entry (ISO/IEC 14496-12 section 8.7.8)."""
    at = 4 + 8 * (saiz[3] & 1)
    default, count = saiz[at], int.from_bytes(saiz[at + 1 : at + 5], "big")
    if count != samples:
        return []
    return [default] * count if default else list(saiz[at + 5 : at + 5 + count])


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
