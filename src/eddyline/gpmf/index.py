"""Where every KLV of a recording lies: one table for all payloads, built without a Python loop over KLVs.

An hour of telemetry is some 430,000 KLVs. Devices (DEVC) are independent of each other, so that one cursor
walks each of them and all cursors take a step at once, as NumPy arrays. A device that is in any way out of
the ordinary (deeper nests, zero words, a length that lies) leaves the crowd and is read by the strict
`klv.Reader`, which alone decides what is an error: both ways give the same table (see
tests/unit/gpmf/test_index.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from eddyline.gpmf.errors import WarningCollector
from eddyline.gpmf.klv import FILL, HEADER, Klv, is_key
from eddyline.gpmf.payloads import DEVICE, ZERO_WORD, Int64s, Payloads
from eddyline.gpmf.reader import Limits, Reader, skip_zeros

Words = npt.NDArray[np.uint32]
Bools = npt.NDArray[np.bool_]
_DEVICE_LIMITS = Limits(nodes=1 << 16)
_FEW = 48  # below this many cursors a step costs more than reading the rest one by one
_COLUMNS = ("lane", "word", "strm", "key", "head")
_STRM = int.from_bytes(b"STRM", "big")
_SPACES, _ONES, _TOP_BITS = np.uint32(0x20202020), np.uint32(0x01010101), np.uint32(0x80808080)


def key_code(key: str) -> int:
    """A key as the number that the table holds."""
    return int.from_bytes(key.encode("latin-1"), "big")


def key_name(number: int) -> str:
    """The key that a number of the table stands for."""
    return int(number).to_bytes(4, "big").decode("latin-1")


@dataclass(frozen=True, kw_only=True, eq=False)
class Index:
    """The KLVs directly inside devices and streams, in file order; one row each.

    `at` is the byte of the value in `Payloads.data`; `key` the key as a number; `head` type << 24 | size <<
    16 | repeat. `device` is the row's DEVC, `stream` its STRM, counted over the whole recording (-1:
    directly in the DEVC). `payload_of` gives each DEVC's payload.
    """

    at: Int64s
    key: Words
    head: Words
    device: Int64s
    stream: Int64s
    payload_of: Int64s

    @property
    def length(self) -> Int64s:
        """Bytes of each value, without padding."""
        return self.size * self.repeat

    @property
    def size(self) -> Int64s:
        """Bytes of one structure."""
        return (self.head >> 16 & 0xFF).astype(np.int64)

    @property
    def repeat(self) -> Int64s:
        """Number of structures."""
        return (self.head & 0xFFFF).astype(np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Table:
    """Rows in the making.

    The DEVC, the word of the header, the word of its STRM's header (-1: none), and the header's two words.
    """

    lane: Int64s
    word: Int64s
    strm: Int64s
    key: Words
    head: Words

    def only(self, rows: Bools) -> _Table:
        return _Table(**{column: getattr(self, column)[rows] for column in _COLUMNS})


def build_index(payloads: Payloads, collector: WarningCollector) -> Index:
    """The table of these payloads; what breaks the format goes to the collector."""
    devices = _devices(payloads, collector)
    words = np.frombuffer(payloads.data, dtype=">u4")
    start, end = devices[:, 1] // 4, devices[:, 2] // 4
    lane, word, odd = _walk(words, start, end, devices[:, 2] % 4 != 0)
    table = _checked(words, lane, word, end, odd)
    if odd.any():
        table = table.only(~odd[table.lane])
        table = _merged([table, _slowly(payloads, words, np.flatnonzero(odd).tolist(), devices, collector)])
    return _numbered(table, devices[:, 0])


def _devices(payloads: Payloads, collector: WarningCollector) -> Int64s:
    """Every DEVC: its payload, the bytes [first, end) of its contents, and its place in the payload."""
    data, found, unpack = payloads.data, [], HEADER.unpack_from
    bounds = payloads.at.tolist()
    for number, (at, end) in enumerate(pairwise(bounds)):
        here, order = at, 0
        while here + HEADER.size <= end:
            key, char, size, repeat = unpack(data, here)
            if key == ZERO_WORD:
                here = skip_zeros(data, here, end)
                continue
            stop = here + HEADER.size + size * repeat
            if stop > end or (key != DEVICE and not is_key(key)):
                what, path = f"{key!r} is not a key", f"payload[{number}]"
                if is_key(key):
                    what = f"its value of {size * repeat} bytes ends {stop - end} bytes after the payload"
                    path += "/" + (f"DEVC[{order}]" if key == DEVICE else key.decode("latin-1"))
                collector.error(what, path=path, offset=int(payloads.offset[number]) + here - at)
                if key == DEVICE:
                    found.append((number, here + HEADER.size, end, order))
                break
            if key == DEVICE and char == b"\0":
                found.append((number, here + HEADER.size, stop, order))
                order += 1
            here = stop + -stop % 4
    return np.array(found, dtype=np.int64).reshape(-1, 4)


def _walk(words: Words, start: Int64s, end: Int64s, ragged: Bools) -> tuple[Int64s, Int64s, Bools]:
    """All cursors in step: every header's lane and word, in file order; and the lanes to be read slowly."""
    odd = ragged | (end < start)
    count = np.zeros(len(start), dtype=np.int64)
    lane = np.flatnonzero((start < end) & ~odd)
    cursor, last = start[lane], end[lane]
    steps: list[tuple[Int64s, Int64s]] = []
    while len(lane) >= _FEW:
        fits = cursor + 2 <= last
        if not fits.all():
            odd[lane[~fits]] = True
            lane, cursor, last = lane[fits], cursor[fits], last[fits]
        steps.append((lane, cursor))
        head = words[cursor + 1].astype(np.int64)
        length = (head >> 16 & 0xFF) * (head & 0xFFFF) + 3 >> 2
        cursor = cursor + 2 + np.where(head >> 24 == 0, 0, length)
        going = cursor < last
        if not going.all():
            stopped = lane[~going]
            count[stopped] = len(steps)
            odd[lane[cursor > last]] = True
            lane, cursor, last = lane[going], cursor[going], last[going]
    odd[lane] = True
    count[odd] = 0
    place = np.cumsum(count) - count
    flat = np.empty(int(count.sum()), dtype=np.int64)
    for number, (lanes, cursors) in enumerate(steps):
        if odd.any():
            sound = ~odd[lanes]
            flat[place[lanes[sound]] + number] = cursors[sound]
        else:
            flat[place[lanes] + number] = cursors
    return np.repeat(np.arange(len(start)), count), flat, odd


def _checked(words: Words, lane: Int64s, word: Int64s, end: Int64s, odd: Bools) -> _Table:
    """The rows with their STRMs; lanes whose lengths or keys don't add up are marked as odd."""
    key = words[word].astype(np.uint32)
    head = words[word + 1].astype(np.uint32)
    if not len(word):
        return _Table(lane=lane, word=word, strm=word, key=key, head=head)
    size = ((head >> 16 & 0xFF) * (head & 0xFFFF)).astype(np.int64)
    stop = word + 2 + (size + 3 >> 2)
    nest = head >> 24 == 0
    # Each row's nearest nest before it, if that one still contains it.
    place = np.where(nest, np.arange(len(word)), -1)
    before = np.maximum.accumulate(place)
    before[1:] = before[:-1]
    before[0] = -1
    near = np.maximum(before, 0)
    limit = stop[near]
    within = (before >= 0) & (lane[near] == lane) & (word < limit)
    # The top bit of some byte is set where a character is below " " or above "~".
    strange = ((key - _SPACES) | (key + _ONES) | key) & _TOP_BITS != 0
    bad = (within & ((stop > limit) | nest)) | (stop > end[lane]) | strange
    bad |= nest & ((size & 3 != 0) | (key != _STRM))
    odd[lane[bad]] = True
    strm = np.where(nest, word, np.where(within, word[near], -1))
    return _Table(lane=lane, word=word, strm=strm, key=key, head=head)


def _slowly(
    payloads: Payloads, words: Words, lanes: list[int], devices: Int64s, collector: WarningCollector
) -> _Table:
    """The rows of the devices of these lanes, read by the strict reader."""
    rows: list[tuple[int, int, int]] = []
    for lane in lanes:
        number, start, end, order = devices[lane].tolist()
        offset = int(payloads.offset[number]) - int(payloads.at[number])
        reader = Reader(payloads.data, collector, offset=offset, limits=_DEVICE_LIMITS)
        for node in reader.nest(start, end, f"payload[{number}]/DEVC[{order}]", 1):
            if node.key != FILL:
                rows.extend(
                    (lane, (at - offset) // 4, (strm - offset) // 4 if strm >= 0 else -1)
                    for at, strm in _places(node)
                )
    lane_of, word, strm_of = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return _Table(
        lane=lane_of,
        word=word,
        strm=strm_of,
        key=words[word].astype(np.uint32),
        head=words[word + 1].astype(np.uint32),
    )


def _places(node: Klv) -> Iterator[tuple[int, int]]:
    """Where a child of a device began, and its STRM (-1: none); then the same for all directly in it."""
    inside = node.offset if node.is_nest else -1
    yield node.offset, inside
    if node.is_nest and node.key == "STRM":
        yield from ((child.offset, inside) for child in node.children if child.key != FILL)


def _merged(tables: list[_Table]) -> _Table:
    """All rows in file order."""
    joined = _Table(**{each: np.concatenate([getattr(table, each) for table in tables]) for each in _COLUMNS})
    order = np.argsort(joined.word, kind="stable")
    return _Table(**{each: getattr(joined, each)[order] for each in _COLUMNS})


def _numbered(table: _Table, payload_of: Int64s) -> Index:
    """Rows without the STRM headers themselves, streams counted from 0."""
    is_head = table.strm == table.word
    ordinal = np.cumsum(is_head) - 1
    ordinal[table.strm < 0] = -1
    keep = np.flatnonzero(~is_head)
    return Index(
        at=table.word[keep] * 4 + HEADER.size,
        key=table.key[keep],
        head=table.head[keep],
        device=table.lane[keep],
        stream=ordinal[keep],
        payload_of=payload_of,
    )
