"""Merges the HiLights of several chapters: each is shifted by the length of the previous chapters.

Cameras store them in moov/udta: HMMT (404 bytes: a count, then times in ms) and, since HERO6, a device HLMT
in the settings block (rows of TYPE `LLLllfFff`; the first three elements are the time and its range in ms).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from eddyline.core.errors import UnsupportedError
from eddyline.gpmf.format.builder import leaf
from eddyline.gpmf.format.klv import FILL, Klv, serialize
from eddyline.gpmf.format.reader import parse
from eddyline.gpmf.format.types import element_types
from eddyline.mp4.boxes import find_box, iter_boxes, make_box

_HMMT, _HLMT, _SETTINGS = "HMMT", "HLMT", "GPMF"
_HMMT_BYTES = 404
_TIMES = "LLL"
_LARGEST = (1 << 32) - 1


@dataclass(frozen=True, kw_only=True)
class HilightChapter:
    """One chapter's udta payload and its start in the recording, in ms."""

    udta: bytes
    start_ms: int


def merge_hilights(chapters: Sequence[HilightChapter]) -> bytes:
    """The first chapter's udta with the HiLights of all chapters; unchanged if the others have none.

    Raises `UnsupportedError` if two chapters describe HiLights in different ways.
    """
    first, *others = chapters
    replacements = {_HMMT: _merge_hmmt(chapters), _SETTINGS: _merge_settings(chapters)}
    out, at = [], 0
    for box in iter_boxes(first.udta):
        body = replacements.pop(box.kind, None)
        end = box.offset + len(box.body)
        out.append(first.udta[at : end - len(box.raw)])
        out.append(bytes(box.raw) if body is None else make_box(box.kind, body))
        at = end
    added = [make_box(kind, body) for kind, body in replacements.items() if body is not None and others]
    return b"".join((*out, *added, first.udta[at:]))


def _merge_hmmt(chapters: Sequence[HilightChapter]) -> bytes | None:
    """HMMT with all HiLights; None if the first chapter's is unchanged."""
    times: list[int] = []
    changed = False
    for number, chapter in enumerate(chapters):
        body = find_box(chapter.udta, _HMMT) or bytes(4)
        count = min(int.from_bytes(body[:4], "big"), len(body) // 4 - 1)
        hilights = struct.unpack_from(f">{max(count, 0)}I", body, 4) if count > 0 else ()
        times.extend(min(hilight + chapter.start_ms, _LARGEST) for hilight in hilights)
        changed |= bool(number and hilights)
    if not changed:
        return None
    length = max(_HMMT_BYTES, len(find_box(chapters[0].udta, _HMMT)))
    return struct.pack(f">{1 + len(times)}I", len(times), *times).ljust(length, b"\0")


def _merge_settings(chapters: Sequence[HilightChapter]) -> bytes | None:
    """The settings block with all HiLights; None if the first chapter's is unchanged."""
    documents = [parse(find_box(chapter.udta, _SETTINGS), lenient=True).nodes for chapter in chapters]
    streams = [_hilight_stream(nodes) for nodes in documents]
    if not any(streams[1:]):
        return None
    model = next(each for each in streams if each)
    rows, total = [], 0
    for chapter, stream in zip(chapters, streams, strict=True):
        if stream is None:
            continue
        if _layout(stream) != _layout(model):
            raise UnsupportedError(
                "the chapters describe their HiLights in different ways",
                remedy="merge chapters of one recording, as the camera wrote them",
            )
        node = _hilight_node(stream)
        rows.append(_shift_rows(node, chapter.start_ms))
        total += node.repeat
    node = _hilight_node(model)
    data = b"".join(rows)
    merged = replace(node, data=data, repeat=len(data) // node.size, padding=b"")
    stream = replace(
        model,
        children=tuple(
            merged if child is node else leaf("TSMP", "L", total) if child.key == "TSMP" else child
            for child in model.children
        ),
    )
    number = next(at for at, each in enumerate(streams) if each)
    device = next(each for each in documents[number] if _is_hilight_device(each))
    device = replace(
        device, children=tuple(stream if child is model else child for child in device.children), padding=b""
    )
    kept = [each for each in documents[0] if not _is_hilight_device(each)]
    while kept and kept[-1].key == FILL:
        kept.pop()
    return serialize([*kept, device]).ljust(len(find_box(chapters[0].udta, _SETTINGS)), b"\0")


def _is_hilight_device(device: Klv) -> bool:
    identity = device.child("DVID")
    return identity is not None and identity.data == _HLMT.encode()


def _hilight_stream(nodes: Sequence[Klv]) -> Klv | None:
    """The stream of the device HLMT that contains HiLights."""
    streams = (
        child for device in nodes if _is_hilight_device(device) for child in device.children if child.is_nest
    )
    return next((each for each in streams if _has_hilights(each)), None)


def _has_hilights(stream: Klv) -> bool:
    node, type_node = stream.child(_HLMT), stream.child("TYPE")
    if node is None or not node.repeat or type_node is None:
        return False
    elements = element_types(node.type, node.size, type_node.text)
    return elements is not None and elements.startswith(_TIMES)


def _hilight_node(stream: Klv) -> Klv:
    return next(child for child in stream.children if child.key == _HLMT)


def _layout(stream: Klv) -> tuple[object, ...]:
    type_node, scale_node = stream.child("TYPE"), stream.child("SCAL")
    return (_hilight_node(stream).size, type_node and type_node.text, scale_node and scale_node.data)


def _shift_rows(node: Klv, by_ms: int) -> bytes:
    """The rows of HiLights with their times and ranges shifted by `by_ms`."""
    rows = np.frombuffer(node.data, np.uint8).reshape(-1, node.size).copy()
    width = 4 * len(_TIMES)
    times = np.frombuffer(rows[:, :width].tobytes(), ">u4").reshape(-1, len(_TIMES)).astype(np.int64)
    shifted = np.minimum(times + by_ms, _LARGEST).astype(">u4")
    rows[:, :width] = np.frombuffer(shifted.tobytes(), np.uint8).reshape(-1, width)
    return rows.tobytes()
