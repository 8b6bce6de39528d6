"""Adds boxes that the packager drops to initialization segments."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eddyline.mp4.boxes import Box, make_box

_CONTAINERS = frozenset({"moov", "trak", "mdia", "minf", "stbl"})


def with_boxes(init: bytes, change_stsd: Callable[[bytes], bytes], trak: Sequence[bytes] = ()) -> bytes:
    """The initialization segment of one track with a changed stsd box, and boxes appended to its trak."""
    data = memoryview(init)
    return b"".join(
        _rewrite_box(box, change_stsd, trak)
        for box in Box(kind="init", raw=data, body=data, offset=0, path="init").children()
    )


def _rewrite_box(box: Box, change_stsd: Callable[[bytes], bytes], trak: Sequence[bytes]) -> bytes:
    if box.kind == "stsd":
        return change_stsd(bytes(box.raw))
    if box.kind not in _CONTAINERS:
        return bytes(box.raw)
    inner = [_rewrite_box(child, change_stsd, trak) for child in box.children()]
    return make_box(box.kind, b"".join([*inner, *(trak if box.kind == "trak" else ())]))
