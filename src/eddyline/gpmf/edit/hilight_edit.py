"""HiLights of several chapters as those of one recording: later by the length of the chapters before.

Cameras keep them in moov/udta: HMMT (404 bytes: a count, then times in ms) and, since HERO6, a device HLMT in
the settings block (rows of TYPE `LLLllfFff`, the first three being the time and its span in ms).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from eddyline.core.errors import UnsupportedError
from eddyline.gpmf.builder import leaf
from eddyline.gpmf.klv import FILL, Klv, serialize
from eddyline.gpmf.reader import parse
from eddyline.gpmf.types import element_types
from eddyline.mp4.boxes import find_box, iter_boxes, make_box

_HMMT, _HLMT, _SETTINGS = "HMMT", "HLMT", "GPMF"
_HMMT_BYTES = 404
_TIMES = "LLL"
_LARGEST = (1 << 32) - 1


@dataclass(frozen=True, kw_only=True)
class HilightChapter:
    """One chapter's udta (raw boxes) and when it begins in the recording, in ms."""

    udta: bytes
    begins_ms: int


def merge_hilights(chapters: Sequence[HilightChapter]) -> bytes:
    """The first chapter's udta with the HiLights of all; its very bytes where the others have none.

    Raises `UnsupportedError` where two chapters describe HiLights in different ways.
    """
    first, *others = chapters
    wanted = {_HMMT: _merge_hmmt(chapters), _SETTINGS: _merge_settings(chapters)}
    out, at = [], 0
    for box in iter_boxes(first.udta):
        body = wanted.pop(box.kind, None)
        end = box.offset + len(box.body)
        out.append(first.udta[at : end - len(box.raw)])
        out.append(bytes(box.raw) if body is None else make_box(box.kind, body))
        at = end
    added = [make_box(kind, body) for kind, body in wanted.items() if body is not None and others]
    return b"".join((*out, *added, first.udta[at:]))


def _merge_hmmt(chapters: Sequence[HilightChapter]) -> bytes | None:
    """HMMT with all marks; None where the first chapter's stands."""
    times: list[int] = []
    changed = False
    for number, chapter in enumerate(chapters):
        body = find_box(chapter.udta, _HMMT) or bytes(4)
        count = min(int.from_bytes(body[:4], "big"), len(body) // 4 - 1)
        marks = struct.unpack_from(f">{max(count, 0)}I", body, 4) if count > 0 else ()
        times.extend(min(mark + chapter.begins_ms, _LARGEST) for mark in marks)
        changed |= bool(number and marks)
    if not changed:
        return None
    length = max(_HMMT_BYTES, len(find_box(chapters[0].udta, _HMMT)))
    return struct.pack(f">{1 + len(times)}I", len(times), *times).ljust(length, b"\0")


def _merge_settings(chapters: Sequence[HilightChapter]) -> bytes | None:
    """The settings block with all marks; None where the first chapter's stands."""
    documents = [parse(find_box(chapter.udta, _SETTINGS), lenient=True).nodes for chapter in chapters]
    found = [_stream(nodes) for nodes in documents]
    if not any(found[1:]):
        return None
    model = next(each for each in found if each)
    rows, total = [], 0
    for chapter, stream in zip(chapters, found, strict=True):
        if stream is None:
            continue
        if _shape(stream) != _shape(model):
            raise UnsupportedError(
                "the chapters describe their HiLights in different ways",
                remedy="merge chapters of one recording, as the camera wrote them",
            )
        node = _marks(stream)
        rows.append(_later(node, chapter.begins_ms))
        total += node.repeat
    node = _marks(model)
    data = b"".join(rows)
    whole = replace(node, data=data, repeat=len(data) // node.size, padding=b"")
    stream = replace(
        model,
        children=tuple(
            whole if child is node else leaf("TSMP", "L", total) if child.key == "TSMP" else child
            for child in model.children
        ),
    )
    place = next(at for at, each in enumerate(found) if each)
    device = next(each for each in documents[place] if _is_marks(each))
    device = replace(
        device, children=tuple(stream if child is model else child for child in device.children), padding=b""
    )
    kept = [each for each in documents[0] if not _is_marks(each)]
    while kept and kept[-1].key == FILL:
        kept.pop()
    return serialize([*kept, device]).ljust(len(find_box(chapters[0].udta, _SETTINGS)), b"\0")


def _is_marks(device: Klv) -> bool:
    identity = device.child("DVID")
    return identity is not None and identity.data == _HLMT.encode()


def _stream(nodes: Sequence[Klv]) -> Klv | None:
    """The stream of the device HLMT that has marks."""
    streams = (child for device in nodes if _is_marks(device) for child in device.children if child.is_nest)
    return next((each for each in streams if _readable(each)), None)


def _readable(stream: Klv) -> bool:
    node, described = stream.child(_HLMT), stream.child("TYPE")
    if node is None or not node.repeat or described is None:
        return False
    elements = element_types(node.type, node.size, described.text)
    return elements is not None and elements.startswith(_TIMES)


def _marks(stream: Klv) -> Klv:
    return next(child for child in stream.children if child.key == _HLMT)


def _shape(stream: Klv) -> tuple[object, ...]:
    described, scaled = stream.child("TYPE"), stream.child("SCAL")
    return (_marks(stream).size, described and described.text, scaled and scaled.data)


def _later(node: Klv, by_ms: int) -> bytes:
    """The rows of marks with their times and spans later by `by_ms`."""
    rows = np.frombuffer(node.data, np.uint8).reshape(-1, node.size).copy()
    width = 4 * len(_TIMES)
    times = np.frombuffer(rows[:, :width].tobytes(), ">u4").reshape(-1, len(_TIMES)).astype(np.int64)
    later = np.minimum(times + by_ms, _LARGEST).astype(">u4")
    rows[:, :width] = np.frombuffer(later.tobytes(), np.uint8).reshape(-1, width)
    return rows.tobytes()
