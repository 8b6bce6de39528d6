"""Nero's chapter list, the box `chpl` in moov/udta: reading, writing, trimming and merging.

All functions take and return the payload of moov/udta, and keep every byte of it outside the list.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from eddyline.core.formatting import printable_line
from eddyline.mp4.boxes import find_box, iter_boxes, make_full_box

TICKS_PER_SECOND: Final = 10_000_000
MAX_ENTRIES: Final = 255  # the number of entries has one byte
_MAX_TITLE: Final = 255  # bytes; the length has one byte
MAX_READ_TITLE: Final = 200  # characters
_CHPL: Final = "chpl"

ChapterTimes = list[tuple[Fraction, str]]
"""Chapters as (start in seconds, title)."""


def read_nero_list(udta: bytes | None) -> ChapterTimes:
    """Return the chapters of the first list, up to the first truncated entry."""
    body = find_box(udta or b"", _CHPL)
    version = body[0] if body else 0
    at = 9 if version else 5  # version and flags, in version 1 four more bytes, then the number of entries
    found: ChapterTimes = []
    for _ in range(body[at - 1] if len(body) >= at else 0):
        if at + 9 > len(body):
            break
        ticks, length = struct.unpack_from(">QB", body, at)
        title = body[at + 9 : at + 9 + length].decode("utf-8", "replace")
        found.append((Fraction(ticks, TICKS_PER_SECOND), printable_line(title, MAX_READ_TITLE)))
        at += 9 + length
    return found


def make_nero_list(entries: Sequence[tuple[int, str]]) -> bytes:
    """Return the box of a list with the first `MAX_ENTRIES` entries (start in ticks, title)."""
    rows = []
    for start, title in entries[:MAX_ENTRIES]:
        text = title.encode()[:_MAX_TITLE].decode("utf-8", "ignore").encode()  # truncated to whole characters
        rows.append(struct.pack(">QB", start, len(text)) + text)
    return make_full_box("chpl", 1, 0, struct.pack(">IB", 0, len(rows)), *rows)


def remove_nero_lists(udta: bytes | None) -> bytes | None:
    """Return `udta` without its chapter lists."""
    if not udta:
        return udta
    out, at = [], 0
    for box in iter_boxes(udta):
        if box.kind != _CHPL:
            out.append(bytes(box.raw))
        at += len(box.raw)
    return b"".join([*out, udta[at:]])


def trim_nero_list(udta: bytes, start: Fraction, stop: Fraction) -> bytes:
    """Return `udta` with the chapters of the range [start, stop) in seconds, relative to its start."""
    found = read_nero_list(udta)
    if not found:
        return udta
    ends = [time for time, _ in found[1:]] + [stop]
    inside = [
        (max(time - start, Fraction(0)), title)
        for (time, title), end in zip(found, ends, strict=True)
        if time < stop and end > start
    ]
    return _replace_list(udta, inside)


def merge_nero_lists(udta: bytes, sources: Sequence[tuple[bytes | None, Fraction]]) -> bytes:
    """Return `udta` with the chapters of all `sources`: their udta and start times in seconds."""
    found = [(time + start, title) for source, start in sources for time, title in read_nero_list(source)]
    return _replace_list(udta, found) if found else udta


def _replace_list(udta: bytes, chapters: ChapterTimes) -> bytes:
    """Return `udta` with this list at the position of its first list, or else at the start."""
    entries = [(int(time * TICKS_PER_SECOND), title) for time, title in chapters]
    made = make_nero_list(entries) if entries else b""
    at = 0
    for box in iter_boxes(udta):
        if box.kind == _CHPL:
            return udta[:at] + made + (remove_nero_lists(udta[at:]) or b"")
        at += len(box.raw)
    return made + udta
