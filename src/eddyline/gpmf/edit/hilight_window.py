"""Cuts the HiLights of a time range: those within it, relative to its start.

All other bytes of moov/udta are unchanged; boxes keep their lengths. Layouts: see `hilights`.
"""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np

from eddyline.gpmf.format.builder import leaf
from eddyline.gpmf.format.klv import FILL, Klv, serialize
from eddyline.gpmf.format.reader import parse
from eddyline.gpmf.format.types import element_types
from eddyline.mp4.boxes import iter_boxes

_TIMES = 3  # the time of the HiLight, and the start and end of its range, in ms


def cut_hilights(udta: bytes, start_ms: float, end_ms: float) -> bytes:
    """The udta payload with the HiLights in [start_ms, end_ms), relative to the start."""
    out, at = [], 0
    for box in iter_boxes(udta):
        body = bytes(box.body)
        if box.kind == "HMMT":
            body = _cut_hmmt(body, start_ms, end_ms)
        elif box.kind == "GPMF":
            body = _cut_settings(body, start_ms, end_ms)
        out.append(udta[at : box.offset] + body)
        at = box.offset + len(box.body)
    return b"".join(out) + udta[at:]


def _cut_hmmt(body: bytes, start_ms: float, end_ms: float) -> bytes:
    """HMMT: a count, then that many times in ms."""
    count = max(min(int.from_bytes(body[:4], "big"), len(body) // 4 - 1), 0)
    hilights = struct.unpack_from(f">{count}I", body, 4) if count else ()
    kept = [round(hilight - start_ms) for hilight in hilights if start_ms <= hilight < end_ms]
    if len(body) < 4:  # noqa: PLR2004 - the count
        return body
    return struct.pack(f">{1 + len(kept)}I", len(kept), *kept).ljust(len(body), b"\0")


def _cut_settings(body: bytes, start_ms: float, end_ms: float) -> bytes:
    """The settings block with the kept rows of HLMT; unchanged if it has no HiLights."""
    nodes = parse(body, lenient=True).nodes
    changed = [_cut_node(node, start_ms, end_ms) for node in nodes]
    if all(new is old for new, old in zip(changed, nodes, strict=True)):
        return body
    while changed and changed[-1].key == FILL and not changed[-1].data.strip(b"\0"):
        changed.pop()
    return serialize(changed).ljust(len(body), b"\0")


def _cut_node(node: Klv, start_ms: float, end_ms: float) -> Klv:
    if not node.is_nest:
        return node
    hilights = node.child("HLMT")
    children = tuple(_cut_node(child, start_ms, end_ms) for child in node.children)
    if hilights is not None and not hilights.is_nest:
        type_node = node.child("TYPE")
        elements = element_types(hilights.type, hilights.size, type_node.text if type_node else "")
        if elements is None or elements[:_TIMES] != "L" * _TIMES or not hilights.repeat:
            return node
        cut = _cut_rows(hilights, start_ms, end_ms)
        children = tuple(
            cut if child is hilights else leaf("TSMP", "L", cut.repeat) if child.key == "TSMP" else child
            for child in node.children
        )
    same = all(new is old for new, old in zip(children, node.children, strict=True))
    return node if same else replace(node, children=children, padding=b"")


def _cut_rows(hilights: Klv, start_ms: float, end_ms: float) -> Klv:
    rows = np.frombuffer(hilights.data, np.uint8).reshape(-1, hilights.size).copy()
    width = 4 * _TIMES
    times = np.frombuffer(rows[:, :width].tobytes(), ">u4").reshape(-1, _TIMES).astype(np.float64)
    kept = (times[:, 0] >= start_ms) & (times[:, 0] < end_ms)
    moved = np.clip(times[kept], start_ms, end_ms) - start_ms
    # Unknown ranges are 0 and remain 0.
    words = np.where(times[kept] == 0, 0, np.rint(moved)).astype(">u4")
    words[:, 0] = np.rint(moved[:, 0])
    rows = rows[kept]
    rows[:, :width] = np.frombuffer(words.tobytes(), np.uint8).reshape(-1, width)
    return replace(hilights, data=rows.tobytes(), repeat=len(rows), padding=b"")
