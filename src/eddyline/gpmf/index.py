"""The index of all KLVs of a recording: one table for all payloads, built without a Python loop over KLVs.

An hour of telemetry has about 430,000 KLVs. Devices (DEVC) are independent of each other, so one cursor
walks each device, and all cursors advance together as NumPy arrays. A device that is irregular in any way
(deeper nests, zero words, an impossible length) leaves this group and is read by the strict `reader.Reader`,
which alone decides what is an error. Both ways give the same table (see tests/unit/gpmf/test_index.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from eddyline.gpmf.errors import WarningCollector
from eddyline.gpmf.format.klv import FILL, HEADER, Klv, is_key
from eddyline.gpmf.format.reader import Limits, Reader, skip_zeros
from eddyline.gpmf.payloads import DEVICE, ZERO_WORD, Int64s, Payloads

Words = npt.NDArray[np.uint32]
Bools = npt.NDArray[np.bool_]
_DEVICE_LIMITS = Limits(nodes=1 << 16)
_MIN_LANES = 48  # with fewer cursors, a vectorised step is slower than reading the devices individually
_COLUMNS = ("lane", "word", "strm", "key", "head")
_STRM = int.from_bytes(b"STRM", "big")
_SPACES, _ONES, _TOP_BITS = np.uint32(0x20202020), np.uint32(0x01010101), np.uint32(0x80808080)


def key_code(key: str) -> int:
    """A key as a number in the table."""
    return int.from_bytes(key.encode("latin-1"), "big")


def key_name(number: int) -> str:
    """The key of a number in the table."""
    return int(number).to_bytes(4, "big").decode("latin-1")


@dataclass(frozen=True, kw_only=True, eq=False)
class Index:
    """The KLVs directly inside devices and streams, in file order, one row each.

    `at` is the byte offset of the value in `Payloads.data`; `key` the key as a number; `head` type << 24 |
    size << 16 | repeat. `device` is the number of the row's DEVC, `stream` that of its STRM, counted over
    the recording (-1: directly in the DEVC). `payload_of` gives each DEVC's payload.
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
    """Rows under construction.

    `lane` is the DEVC, `word` the position of the header in 32-bit words, `strm` that of the STRM's header
    (-1: none), `key` and `head` the two words of the header.
    """

    lane: Int64s
    word: Int64s
    strm: Int64s
    key: Words
    head: Words

    def only(self, rows: Bools) -> _Table:
        return _Table(**{column: getattr(self, column)[rows] for column in _COLUMNS})


def build_index(payloads: Payloads, collector: WarningCollector) -> Index:
    """The index of these payloads; defects are reported to `collector`."""
    devices = _devices(payloads, collector)
    words = np.frombuffer(payloads.data, dtype=">u4")
    start, end = devices[:, 1] // 4, devices[:, 2] // 4
    lane, word, irregular = _walk(words, start, end, devices[:, 2] % 4 != 0)
    table = _validate(words, lane, word, end, irregular)
    if irregular.any():
        table = table.only(~irregular[table.lane])
        table = _merge(
            [table, _read_irregular(payloads, words, np.flatnonzero(irregular).tolist(), devices, collector)]
        )
    return _to_index(table, devices[:, 0])


def _devices(payloads: Payloads, collector: WarningCollector) -> Int64s:
    """Every DEVC: its payload, the bytes [start, end) of its contents, and its number in the payload."""
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
                what, path = f"{key!r} is not a valid key", f"payload[{number}]"
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


def _walk(words: Words, start: Int64s, end: Int64s, unaligned: Bools) -> tuple[Int64s, Int64s, Bools]:
    """Advance all cursors together: every header's lane and word in file order, and the irregular lanes."""
    irregular = unaligned | (end < start)
    count = np.zeros(len(start), dtype=np.int64)
    lane = np.flatnonzero((start < end) & ~irregular)
    cursor, lane_end = start[lane], end[lane]
    steps: list[tuple[Int64s, Int64s]] = []
    while len(lane) >= _MIN_LANES:
        fits = cursor + 2 <= lane_end
        if not fits.all():
            irregular[lane[~fits]] = True
            lane, cursor, lane_end = lane[fits], cursor[fits], lane_end[fits]
        steps.append((lane, cursor))
        head = words[cursor + 1].astype(np.int64)
        length = (head >> 16 & 0xFF) * (head & 0xFFFF) + 3 >> 2
        cursor = cursor + 2 + np.where(head >> 24 == 0, 0, length)
        active = cursor < lane_end
        if not active.all():
            stopped = lane[~active]
            count[stopped] = len(steps)
            irregular[lane[cursor > lane_end]] = True
            lane, cursor, lane_end = lane[active], cursor[active], lane_end[active]
    irregular[lane] = True
    count[irregular] = 0
    place = np.cumsum(count) - count
    flat = np.empty(int(count.sum()), dtype=np.int64)
    for number, (lanes, cursors) in enumerate(steps):
        if irregular.any():
            regular = ~irregular[lanes]
            flat[place[lanes[regular]] + number] = cursors[regular]
        else:
            flat[place[lanes] + number] = cursors
    return np.repeat(np.arange(len(start)), count), flat, irregular


def _validate(words: Words, lane: Int64s, word: Int64s, end: Int64s, irregular: Bools) -> _Table:
    """The rows with their STRMs; lanes with inconsistent lengths or keys are marked as irregular."""
    key = words[word].astype(np.uint32)
    head = words[word + 1].astype(np.uint32)
    if not len(word):
        return _Table(lane=lane, word=word, strm=word, key=key, head=head)
    size = ((head >> 16 & 0xFF) * (head & 0xFFFF)).astype(np.int64)
    stop = word + 2 + (size + 3 >> 2)
    nest = head >> 24 == 0
    # The nearest preceding nest of each row, if it contains the row.
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
    irregular[lane[bad]] = True
    strm = np.where(nest, word, np.where(within, word[near], -1))
    return _Table(lane=lane, word=word, strm=strm, key=key, head=head)


def _read_irregular(
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
                    for at, strm in _header_offsets(node)
                )
    lane_of, word, strm_of = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return _Table(
        lane=lane_of,
        word=word,
        strm=strm_of,
        key=words[word].astype(np.uint32),
        head=words[word + 1].astype(np.uint32),
    )


def _header_offsets(node: Klv) -> Iterator[tuple[int, int]]:
    """The word of a child of a device and of its STRM (-1: none); then those of the STRM's children."""
    inside = node.offset if node.is_nest else -1
    yield node.offset, inside
    if node.is_nest and node.key == "STRM":
        yield from ((child.offset, inside) for child in node.children if child.key != FILL)


def _merge(tables: list[_Table]) -> _Table:
    """All rows in file order."""
    joined = _Table(**{each: np.concatenate([getattr(table, each) for table in tables]) for each in _COLUMNS})
    order = np.argsort(joined.word, kind="stable")
    return _Table(**{each: getattr(joined, each)[order] for each in _COLUMNS})


def _to_index(table: _Table, payload_of: Int64s) -> Index:
    """Rows without the STRM headers, with streams numbered from 0."""
    is_head = table.strm == table.word
    ordinal = np.cumsum(is_head) - 1
    ordinal[table.strm < 0] = -1
    kept = np.flatnonzero(~is_head)
    return Index(
        at=table.word[kept] * 4 + HEADER.size,
        key=table.key[kept],
        head=table.head[kept],
        device=table.lane[kept],
        stream=ordinal[kept],
        payload_of=payload_of,
    )
