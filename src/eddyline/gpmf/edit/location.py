"""Telemetry without its positions; motion, exposure and everything else keep their bytes.

| key | what | done |
|---|---|---|
| GPS5, GPS9, GPRI, GLPI, BPOS | positions of camera, drone, controller | the whole STRM is removed |
| GPSU, GPSF, GPSP, GPSA, any GPS? | time, fix, precision, altitude reference | removed wherever found |
| HLMT | HiLights, with where they were marked | latitude, longitude, altitude become 0 |

Removing is safer than overwriting: no reader takes 0, 0 for a place, and nothing tells how much there was. A
payload without a stream is nothing new to readers: cameras without GPS write such payloads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from eddyline.gpmf.klv import FILL, Klv, write
from eddyline.gpmf.reader import parse
from eddyline.gpmf.types import COMPLEX, elements_of, structure

POSITIONS = frozenset({"GPS5", "GPS9", "GPRI", "GLPI", "BPOS"})
_PREFIX = "GPS"  # every such key concerns a position, those of cameras to come as well
HILIGHT = "HLMT"
_HILIGHT_PLACE = (3, 6)  # elements [3, 6) of TYPE LLLllfFff: latitude, longitude, altitude
_HILIGHT_TYPES = ("LLLllf", "LLLfff", "LLLddd", "LLLddf")


def is_location(key: str) -> bool:
    """Whether a KLV of this key says where, or belongs to what does."""
    return key in POSITIONS or key.startswith(_PREFIX)


def without_location(payload: bytes, *, offset: int = 0, path: str = "") -> bytes:
    """The payload without its positions; the very same bytes where it has none.

    `offset` and `path` say where it lay, for errors. Raises `GpmfError` for telemetry that is broken: what
    cannot be read could hold a position.
    """
    nodes = parse(payload, offset=offset, path=path).nodes
    kept = tuple(_kept(nodes))
    return payload if kept == nodes else write(kept)


def block_without_location(block: bytes, *, offset: int = 0, path: str = "") -> bytes:
    """The same for a settings block (udta), whose length is kept: zeros follow, as cameras write it."""
    return without_location(block, offset=offset, path=path).ljust(len(block), b"\0")


def locations(payload: bytes, *, path: str = "") -> Iterator[str]:
    """The paths of everything in a payload or settings block that says where: nothing once it is stripped.

    Raises `GpmfError` for telemetry that is broken.
    """
    document = parse(payload, path=path)
    for name, node in document.walk():
        if is_location(node.key):
            yield name
        elif node.is_nest and any(_unplaced(node, child) != child for child in node.children):
            yield f"{name}/{HILIGHT}"


def _kept(nodes: Iterable[Klv]) -> Iterator[Klv]:
    for node in nodes:
        if node.key == FILL:
            yield node
        elif node.is_nest:
            if not _is_position(node):
                yield _thinned(node)
        elif not is_location(node.key):
            yield node


def _is_position(stream: Klv) -> bool:
    """Whether what the nest is for, the last of its KLVs, is a position."""
    inner = [child for child in stream.children if child.key != FILL]
    return is_location(stream.key) or (bool(inner) and not inner[-1].is_nest and is_location(inner[-1].key))


def _thinned(nest: Klv) -> Klv:
    children = tuple(made for child in _kept(nest.children) if (made := _unplaced(nest, child)) is not None)
    return nest if children == nest.children else replace(nest, children=children, padding=b"")


def _unplaced(stream: Klv, node: Klv) -> Klv | None:
    """A HiLight without its place; None, to be removed, where nothing tells which bytes are its place."""
    if node.key != HILIGHT or node.is_nest or not node.data:
        return node
    described = stream.child("TYPE")
    elements = elements_of(node.type, node.size, described.text if described else "")
    if node.type != COMPLEX or elements is None or not elements.startswith(_HILIGHT_TYPES):
        return None
    first, end = (structure(elements[:at]).itemsize for at in _HILIGHT_PLACE)
    data = bytearray(node.data)
    for row in range(0, len(data), node.size):
        data[row + first : row + end] = bytes(end - first)
    return node if data == node.data else replace(node, data=bytes(data))
