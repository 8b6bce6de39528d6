"""HiLights: the moments that the user or the camera marked.

HERO6 and later: a device "HLMT" in the settings block, TYPE `LLLllfFff` with SCAL. Older cameras: the udta
box HMMT, 404 bytes, a count and that many times in milliseconds. Each may be present and empty.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from eddyline.gpmf.format.klv import Document, Klv, unpack_values
from eddyline.gpmf.format.types import element_types
from eddyline.mp4.boxes import Box

KINDS = {
    "MANL": "manual",
    "AIMU": "motion",
    "AACD": "audio",
    "FUSE": "combined",
    "VOIC": "voice",
}
_FIELDS = 9


@dataclass(frozen=True, kw_only=True)
class Hilight:
    """One HiLight: its movie time and, if known, its range [start_s, end_s), position and kind."""

    time_s: float
    start_s: float | None = None
    end_s: float | None = None
    lat: float | None = None
    lon: float | None = None
    alt_m: float | None = None
    kind: str = "MANL"
    confidence: float | None = None
    score: float | None = None


def read_hilights(udta: Iterable[Box], settings: Document) -> tuple[Hilight, ...]:
    """All HiLights by time: those of HLMT, else of HMMT (cameras that write both write the same ones)."""
    hilights = [hilight for stream in settings.find("STRM") for hilight in _read_stream(stream)]
    if not hilights:
        hilights = [hilight for box in udta if box.kind == "HMMT" for hilight in _read_hmmt(bytes(box.body))]
    return tuple(sorted(hilights, key=lambda hilight: hilight.time_s))


def _read_stream(stream: Klv) -> Iterable[Hilight]:
    type_node, scale_node = stream.child("TYPE"), stream.child("SCAL")
    for node in stream.children:
        elements = element_types(node.type, node.size, type_node.text if type_node else "")
        if node.key != "HLMT" or elements is None or len(elements) < _FIELDS:
            continue
        scale = [1.0] * len(elements)
        if scale_node is not None and element_types(scale_node.type, scale_node.size):
            given = np.ravel(scale_node.array()).astype(float).tolist()
            scale[: len(given)] = given[: len(scale)]
        for row in unpack_values(node.data, node.type, node.size, elements).tolist():
            yield _hilight_from_row(row, scale)


def _hilight_from_row(row: tuple[object, ...], scale: list[float]) -> Hilight:
    def number(at: int) -> float:
        value = row[at]
        return float(value) / (scale[at] or 1.0) if isinstance(value, int | float) else 0.0

    kind = row[6]
    lat, lon = number(3), number(4)
    has_position = (lat, lon) != (0.0, 0.0)
    return Hilight(
        time_s=number(0) / 1000,
        start_s=number(1) / 1000,
        end_s=number(2) / 1000,
        lat=lat if has_position else None,
        lon=lon if has_position else None,
        alt_m=number(5) if has_position else None,
        kind=kind.rstrip(b"\0").decode("latin-1") if isinstance(kind, bytes) else "MANL",
        confidence=number(7),
        score=number(8),
    )


def _read_hmmt(body: bytes) -> Iterable[Hilight]:
    if len(body) < 4:  # noqa: PLR2004 - the count
        return
    count = min(int.from_bytes(body[:4], "big"), len(body) // 4 - 1)
    for milliseconds in struct.unpack_from(f">{count}I", body, 4):
        yield Hilight(time_s=milliseconds / 1000)
