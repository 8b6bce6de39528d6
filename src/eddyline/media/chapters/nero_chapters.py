"""Nero's chapter list in moov/udta, cut or joined with its recording; every other byte of udta stays."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction

from eddyline.media.chapters.source_chapters import ChapterTimes, boxes, read_nero_list, remove_nero_lists
from eddyline.mp4.boxes import make_full_box

_NERO = b"chpl"
_MOST = 255  # its count has one byte
_TICKS = 10_000_000  # a second
_HEADER = 8


def trim_nero_list(udta: bytes, start: Fraction, end: Fraction) -> bytes:
    """The udta of a stretch [start, end) in seconds, with the chapters that last into it."""
    found = read_nero_list(udta)
    if not found:
        return udta
    ends = [time for time, _ in found[1:]] + [end]
    inside = [
        (max(time - start, Fraction(0)), title)
        for (time, title), stop in zip(found, ends, strict=True)
        if time < end and stop > start
    ]
    return _with(udta, inside)


def merge_nero_lists(udta: bytes, sources: Sequence[tuple[bytes | None, Fraction]]) -> bytes:
    """`udta` with the chapters of all recordings as one list: their udta, and when each begins (s)."""
    found = [(time + begin, title) for source, begin in sources for time, title in read_nero_list(source)]
    return _with(udta, found) if found else udta


def _with(udta: bytes, chapters: ChapterTimes) -> bytes:
    """`udta` with this list where its own was, or in front of all."""
    rows = [
        struct.pack(">QB", int(time * _TICKS), len(text)) + text
        for time, title in chapters[:_MOST]
        for text in [title.encode()[:_MOST].decode("utf-8", "ignore").encode()]
    ]
    made = make_full_box("chpl", 1, 0, struct.pack(">IB", 0, len(rows)), *rows) if rows else b""
    at = 0
    for kind, body in boxes(udta):
        if kind == _NERO:
            return udta[:at] + made + (remove_nero_lists(udta[at:]) or b"")
        at += _HEADER + len(body)
    return made + udta
