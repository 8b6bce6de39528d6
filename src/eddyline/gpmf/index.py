"""Where every KLV of a recording lies: one table for all payloads, built without a Python loop over KLVs.

An hour of telemetry is some 430,000 KLVs. Devices (DEVC) are independent of each other, so that one cursor
walks each of them and all cursors take a step at once, as NumPy arrays. A device that is in any way out of
the ordinary (deeper nests, zero words, a length that lies) leaves the crowd and is read by the strict
`klv.Reader`, which alone decides what is an error: both ways give the same table (see
tests/unit/gpmf/test_index.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from eddyline.gpmf.errors import Judge
from eddyline.gpmf.klv import FILL, HEADER, Klv, Limits, Reader, is_key
from eddyline.gpmf.payloads import Int64s, Payloads

Words = npt.NDArray[np.uint32]
_DEVICE_LIMITS = Limits(nodes=1 << 16)
_FEW = 48  # below this many cursors a step costs more than reading the rest one by one
_DEVC, _STRM = (int.from_bytes(key, "big") for key in (b"DEVC", b"STRM"))


def code(key: str) -> int:
    """A key as the number that the table holds."""
    return int.from_bytes(key.encode("latin-1"), "big")


def name(number: int) -> str:
    """The key that a number of the table stands for."""
    return int(number).to_bytes(4, "big").decode("latin-1")


@dataclass(frozen=True, kw_only=True, eq=False)
class Index:
    """The KLVs directly inside devices and streams, in file order; one row each.

    `at` is the byte of the value in `Payloads.data`; `key` the key as a number; `head` type << 24 | size <<
    16 | repeat. `device` is the row's DEVC, `stream` its STRM, counted over the whole recording (-1:
    directly in the DEVC). `payload_of` gives each DEVC's payload, `device_of` each STRM's DEVC.
    """

    at: Int64s
    key: Words
    head: Words
    device: Int64s
    stream: Int64s
    payload_of: Int64s
    device_of: Int64s

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


def build(payloads: Payloads, judge: Judge) -> Index:
    """The table of these payloads; what breaks the format goes to the judge."""
    devices = _devices(payloads, judge)
    words = np.frombuffer(payloads.data, dtype=">u4")
    start, end = devices[:, 1] // 4, devices[:, 2] // 4
    steps, odd = _walk(words, start, end)
    rows, bad = _rows(words, steps, end)
    odd |= bad
    strange = np.flatnonzero(odd)
    table = rows[~odd[rows[:, 0]]]
    extra = [_slowly(payloads, int(lane), devices[lane], judge) for lane in strange]
    if extra:
        table = np.concatenate([table, *extra])
        table = table[np.lexsort((table[:, 1], table[:, 0]))]
    return _numbered(table, words, devices[:, 0])


def _devices(payloads: Payloads, judge: Judge) -> Int64s:
    """Every DEVC: its payload, and the bytes [first, end) of its contents in the joined data."""
    data, found, unpack = payloads.data, [], HEADER.unpack_from
    bounds = payloads.at.tolist()
    for number, (at, end) in enumerate(pairwise(bounds)):
        here = at
        while here + HEADER.size <= end:
            key, char, size, repeat = unpack(data, here)
            if key == b"\0\0\0\0":
                here += 4
                continue
            stop = here + HEADER.size + size * repeat
            if not is_key(key) or stop > end:
                what = (
                    f"its {size * repeat} bytes end after the payload"
                    if is_key(key)
                    else f"{key!r} is not a key"
                )
                path = f"payload[{number}]" + (f"/{key.decode('latin-1')}" if is_key(key) else "")
                judge.fault(what, path=path, offset=int(payloads.offset[number]) + here - at)
                if is_key(key) and key == b"DEVC":
                    found.append((number, here + HEADER.size, end))
                break
            if key == b"DEVC" and char == b"\0":
                found.append((number, here + HEADER.size, stop))
            here = stop + -stop % 4
    return np.array(found, dtype=np.int64).reshape(-1, 3)


def _walk(
    words: Words, start: Int64s, end: Int64s
) -> tuple[list[tuple[Int64s, Int64s]], npt.NDArray[np.bool_]]:
    """All cursors in step: of each step (lane, word of the header); and which lanes must be read slowly."""
    odd = (end - start) < 0
    lane = np.flatnonzero(start < end)
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
            odd[lane[cursor > last]] = True
            lane, cursor, last = lane[going], cursor[going], last[going]
    odd[lane] = True
    return steps, odd


def _rows(
    words: Words, steps: list[tuple[Int64s, Int64s]], end: Int64s
) -> tuple[Int64s, npt.NDArray[np.bool_]]:
    """Rows (lane, header word, end word, STRM's header word or -1), and the lanes that don't add up."""
    odd = np.zeros(len(end), dtype=bool)
    if not steps:
        return np.empty((0, 4), dtype=np.int64), odd
    lane = np.concatenate([each for each, _ in steps])
    word = np.concatenate([each for _, each in steps])
    order = np.argsort(word, kind="stable")
    lane, word = lane[order], word[order]
    head = words[word + 1]
    size = (head >> 16 & 0xFF).astype(np.int64) * (head & 0xFFFF)
    stop = word + 2 + (size + 3 >> 2)
    nest = head >> 24 == 0
    # Each row's nearest nest before it, if that nest still contains it.
    number = np.arange(len(word))
    inside = np.maximum.accumulate(np.where(nest, number, -1))
    previous = np.concatenate([[-1], inside[:-1]])
    safe = np.maximum(previous, 0)
    within = (previous >= 0) & (lane[safe] == lane) & (word < stop[safe])
    bad = (within & (stop > stop[safe])) | (nest & within) | (stop > end[lane]) | (nest & (size % 4 != 0))
    key = words[word]
    bad |= (key & 0xE0E0E0E0 == 0) | (nest & (key != _STRM)) | ~_keys(key)
    odd[lane[bad]] = True
    stream = np.where(nest, word, np.where(within, word[safe], -1))
    return np.stack([lane, word, stop, stream], axis=1), odd


def _keys(key: Words) -> npt.NDArray[np.bool_]:
    """Which of these are ordinary keys: each of the four characters printable ASCII."""
    distinct, which = np.unique(key, return_inverse=True)
    plain = [name(one).isascii() and name(one).isprintable() for one in distinct]
    return np.array(plain, dtype=bool)[which]


def _slowly(payloads: Payloads, lane: int, device: Int64s, judge: Judge) -> Int64s:
    """The rows of one device, read by the strict reader."""
    number, start, end = (int(value) for value in device)
    offset = int(payloads.offset[number]) - int(payloads.at[number])
    reader = Reader(payloads.data, judge, offset=offset, limits=_DEVICE_LIMITS)
    rows: list[tuple[int, int, int, int]] = []

    def add(node: Klv, stream: int) -> None:
        word = (node.offset - offset) // 4
        rows.append((lane, word, word + 2, stream))

    for node in reader.nest(start, end, f"payload[{number}]/DEVC", 1):
        if node.key == FILL:
            continue
        inside = (node.offset - offset) // 4 if node.is_nest else -1
        add(node, inside)
        for child in node.children if node.is_nest and node.key == "STRM" else ():
            if child.key != FILL:
                add(child, inside)
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


def _numbered(table: Int64s, words: Words, payload_of: Int64s) -> Index:
    """Rows without the STRM headers themselves, streams counted from 0."""
    lane, word, strm = table[:, 0], table[:, 1], table[:, 3]
    is_head = strm == word
    key = words[word].astype(np.uint32)
    ordinal = np.cumsum(is_head) - 1
    keep = ~is_head
    return Index(
        at=word[keep] * 4 + HEADER.size,
        key=key[keep],
        head=words[word[keep] + 1].astype(np.uint32),
        device=lane[keep],
        stream=np.where(strm[keep] >= 0, ordinal[keep], -1),
        payload_of=payload_of,
        device_of=lane[is_head],
    )
