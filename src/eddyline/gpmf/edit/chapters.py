"""Joins the telemetry of several chapters: TSMP and STMP continue where cameras restart them.

TSMP counts a stream's samples from the start of the recording; all readers derive rates from it. STMP is the
camera's clock. A chapter that continues from the previous one is unchanged; only the values of TSMP and STMP
change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from eddyline.gpmf.errors import GpmfError, WarningCollector
from eddyline.gpmf.format.types import COMPRESSED
from eddyline.gpmf.index import Index, build_index, key_code
from eddyline.gpmf.payloads import Int64s, Payloads

_TOTAL = ord("L") << 24 | 4 << 16 | 1  # type, size and repeat of TSMP
_STAMP = ord("J") << 24 | 8 << 16 | 1
_MICROSECONDS = 6  # the power of ten of STMP's ticks, unless the payloads' times say otherwise
_CONTINUES_S = 0.5  # a camera's clock does not drift by more within a chapter
_LARGEST_TOTAL, _LARGEST_STAMP = (1 << 32) - 1, (1 << 64) - 1


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """One chapter's payloads (with the chapter's own times) and its start in the recording (s)."""

    payloads: Payloads
    start_s: float


Identity = tuple[bytes, int, int]  # device (DVID), key, which of several such streams of the device


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """One stream in one payload: the offsets of the values of TSMP and STMP (-1: none), and its samples."""

    identity: Identity
    total_at: int
    stamp_at: int
    samples: int
    payload: int


def merge_chapters(chapters: Sequence[Chapter]) -> list[bytes]:
    """The `data` of each chapter's payloads in order, of the same lengths, with continuous counts and times.

    Raises `GpmfError` if a count exceeds 32 bits.
    """
    totals: dict[Identity, int] = {}
    clock: _Clock | None = None
    out = []
    for chapter in chapters:
        data = bytearray(chapter.payloads.data)
        pieces = list(_pieces(build_index(chapter.payloads, WarningCollector(lenient=True)), data))
        _continue_counts(data, pieces, totals)
        clock = _continue_stamps(data, pieces, chapter, clock)
        out.append(bytes(data))
    return out


def _continue_counts(data: bytearray, pieces: Sequence[_Piece], totals: dict[Identity, int]) -> None:
    """Add the previous totals if the chapter counts from 0; `totals` are updated to its end."""
    counted = [piece for piece in pieces if piece.total_at >= 0]
    before = dict(totals) if _restarts(data, counted, totals) else {}
    for piece in counted:
        total = _read_number(data, piece.total_at, 4) + before.get(piece.identity, 0)
        if total > _LARGEST_TOTAL:
            raise GpmfError("TSMP would exceed 32 bits", path=f"payload[{piece.payload}]")
        data[piece.total_at : piece.total_at + 4] = total.to_bytes(4, "big")
        totals[piece.identity] = total


def _restarts(data: bytearray, pieces: Sequence[_Piece], totals: dict[Identity, int]) -> bool:
    """Whether the chapter counts from 0, decided by the stream with the most samples."""
    first_pieces: dict[Identity, _Piece] = {}
    for piece in pieces:
        if piece.identity in totals:
            first_pieces.setdefault(piece.identity, piece)
    if not first_pieces:
        return True
    longest = max(first_pieces, key=lambda identity: totals[identity])
    first = _read_number(data, first_pieces[longest].total_at, 4)
    samples = first_pieces[longest].samples
    return abs(first - samples) <= abs(first - samples - totals[longest])


@dataclass(frozen=True, kw_only=True)
class _Clock:
    """A chapter's clock: its zero in ticks, the ticks added to its stamps, and its start (s)."""

    zero: int
    added: int
    start_s: float


def _continue_stamps(
    data: bytearray, pieces: Sequence[_Piece], chapter: Chapter, last: _Clock | None
) -> _Clock | None:
    stamped = [piece for piece in pieces if piece.stamp_at >= 0]
    if not stamped:
        return last
    zero = _zero(data, stamped)
    if last is None:
        return _Clock(zero=zero, added=0, start_s=chapter.start_s)
    scale = _scale(data, stamped, chapter.payloads)
    expected = last.zero + round((chapter.start_s - last.start_s) * scale)
    jump = expected - zero
    added = last.added if abs(jump) < _CONTINUES_S * scale else last.added + jump
    for piece in stamped if added else ():
        stamp = _read_number(data, piece.stamp_at, 8) + added
        stamp = min(max(stamp, 0), _LARGEST_STAMP)
        data[piece.stamp_at : piece.stamp_at + 8] = stamp.to_bytes(8, "big")
    return _Clock(zero=zero, added=added, start_s=chapter.start_s)


def _zero(data: bytearray, stamped: Sequence[_Piece]) -> int:
    """The stamp of the first frame: SHUT's first, else the smallest of the first payload (see `timing`)."""
    shutter = next((piece for piece in stamped if piece.identity[1] == key_code("SHUT")), None)
    if shutter is not None:
        return _read_number(data, shutter.stamp_at, 8)
    first = stamped[0].payload
    return min(_read_number(data, piece.stamp_at, 8) for piece in stamped if piece.payload == first)


def _scale(data: bytearray, stamped: Sequence[_Piece], payloads: Payloads) -> float:
    """Ticks per second: a power of ten, estimated from the payloads' times."""
    same = [piece for piece in stamped if piece.identity == stamped[0].identity]
    span = float(payloads.start_s[same[-1].payload] - payloads.start_s[same[0].payload])
    ticks = _read_number(data, same[-1].stamp_at, 8) - _read_number(data, same[0].stamp_at, 8)
    if span <= 0 or ticks <= 0:
        return 10.0**_MICROSECONDS
    return 10.0 ** round(float(np.log10(ticks / span)))


def _pieces(index: Index, data: bytearray) -> Iterator[_Piece]:
    """Every stream of every payload, in file order."""
    inside = np.flatnonzero(index.stream >= 0)
    if not len(inside):
        return
    stream = index.stream[inside]
    ends = np.append(np.flatnonzero(np.diff(stream)) + 1, len(stream))
    devices = _identities(index, data)
    first_pieces: dict[tuple[int, int], int] = {}
    start = 0
    for end in ends.tolist():
        rows = inside[start:end]
        start = end
        device, key = int(index.device[rows[0]]), int(index.key[rows[-1]])
        place = first_pieces[device, key] = first_pieces.get((device, key), -1) + 1
        steps = int((index.key[rows] == index.key[rows[-1]]).sum())
        yield _Piece(
            identity=(devices.get(device, b""), key, place),
            total_at=_value_offset(index, rows, "TSMP", _TOTAL),
            stamp_at=_value_offset(index, rows, "STMP", _STAMP),
            samples=steps if steps > 1 else _samples(index, int(rows[-1]), data),
            payload=int(index.payload_of[device]),
        )


def _samples(index: Index, row: int, data: bytearray) -> int:
    """The number of samples of a KLV, compressed or not."""
    head, at = int(index.head[row]), int(index.at[row])
    if head >> 24 == ord(COMPRESSED) and int(index.length[row]) >= 4:  # noqa: PLR2004 - the announced shape
        return _read_number(data, at + 2, 2)
    return head & 0xFFFF


def _identities(index: Index, data: bytearray) -> dict[int, bytes]:
    """Each DEVC's DVID."""
    rows = np.flatnonzero((index.key == key_code("DVID")) & (index.stream < 0))
    at, length = index.at[rows], index.length[rows]
    return {
        device: bytes(data[start : start + size])
        for device, start, size in zip(index.device[rows].tolist(), at.tolist(), length.tolist(), strict=True)
    }


def _value_offset(index: Index, rows: Int64s, key: str, shape: int) -> int:
    found = rows[(index.key[rows] == key_code(key)) & (index.head[rows] == shape)]
    return int(index.at[found[0]]) if len(found) else -1


def _read_number(data: bytearray, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")
