"""The boxes inside visual sample entries of stsd (ISO/IEC 14496-12 section 12.1.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eddyline.mp4.boxes import Box, make_box, sample_entries
from eddyline.mp4.errors import Mp4Error

_FIELDS = 78  # bytes of a visual sample entry before its boxes
_TABLE_FIELDS = 8  # bytes of stsd before its entries


def entry_boxes(stsd: bytes) -> tuple[Box, ...]:
    """The boxes of the first visual sample entry of a complete stsd box.

    Empty if the entry has none, or if its fields are followed by bytes that are not boxes, as QuickTime
    permits.
    """
    entry = next(sample_entries(stsd), None)
    if entry is None or len(entry.body) <= _FIELDS:
        return ()
    try:
        return tuple(entry.children(_FIELDS))
    except Mp4Error:
        return ()


def entry_kinds(stsd: bytes) -> frozenset[str]:
    """The types of the boxes of the first visual sample entry."""
    return frozenset(box.kind for box in entry_boxes(stsd))


def with_entry_boxes(stsd: bytes, boxes: Sequence[bytes], *, without: Callable[[str], bool]) -> bytes:
    """A complete stsd box with `boxes` appended to its visual sample entries, and some types removed."""
    entries = []
    for entry in sample_entries(stsd):
        kept = [bytes(box.raw) for box in entry.children(_FIELDS) if not without(box.kind)]
        body = b"".join((bytes(entry.body[:_FIELDS]), *kept, *boxes))
        entries.append(make_box(entry.kind, body))
    return make_box("stsd", b"".join((stsd[8 : 8 + _TABLE_FIELDS], *entries)))
