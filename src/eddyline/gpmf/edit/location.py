"""Removes positions from telemetry; motion, exposure and all other known keys keep their bytes.

| key | what | action |
|---|---|---|
| those of `HARMLESS_STREAMS` | motion, exposure, audio, faces, scenes | kept |
| those of `HARMLESS_MODIFIERS` and `SETTINGS` | scale, unit, time, camera settings | kept |
| GPS5, GPS9, GPRI, GLPI, BPOS | positions of camera, drone, controller | the whole STRM is removed |
| GPSU, GPSF, GPSP, GPSA, any GPS? | time, fix, precision, altitude reference | removed everywhere |
| HLMT | HiLights, with their positions | latitude, longitude, altitude become 0 |
| any other key | a key of a future camera or a third party | removed, with its stream, and reported |

Text values are kept only if they contain no coordinates. Removing is safer than overwriting: no reader takes
0, 0 for a position, and the amount of data is not revealed. Payloads without such streams are valid: cameras
without GPS write them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from eddyline.core.coordinates import contains_location, is_ascii_text
from eddyline.gpmf.format.klv import FILL, Klv, serialize
from eddyline.gpmf.format.reader import parse
from eddyline.gpmf.format.types import COMPLEX, element_types, structure_dtype
from eddyline.gpmf.keys import MODIFIERS, POSITION_KEYS, SETTINGS, STREAMS

_PREFIX = "GPS"  # all such keys concern positions, including those of future cameras
HILIGHT = "HLMT"
_HILIGHT_POSITION = (3, 6)  # elements [3, 6) of TYPE LLLllfFff: latitude, longitude, altitude
_HILIGHT_TYPES = ("LLLllf", "LLLfff", "LLLddd", "LLLddf")


NESTS = frozenset({"DEVC", "STRM"})
HARMLESS_MODIFIERS = frozenset(
    key
    for key in (MODIFIERS.keys() | {"VPTS", "FWVS"}) - {"PFRM", "FREE", "MFGI"}
    if not key.startswith(_PREFIX)
)
HARMLESS_STREAMS = frozenset(STREAMS.keys() - POSITION_KEYS)
_KNOWN = NESTS | HARMLESS_MODIFIERS | HARMLESS_STREAMS | SETTINGS
_TEXT_TYPES = frozenset("cUFG")
_NUMBERS = frozenset("bBdfjJlLqQsS?#")


@dataclass(kw_only=True)
class RemovedKeys:
    """How often each key was removed: `positions` contain a location, `unknown` may contain one."""

    positions: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)

    def add(self, node: Klv, key: str = "") -> None:
        """Count a removed node; `key` is the subject of a nest."""
        name = key or node.key
        (self.positions if is_location_key(name) else self.unknown)[name] += 1


def is_location_key(key: str) -> bool:
    """Whether a KLV of this key contains or describes a position."""
    return key in POSITION_KEYS or key.startswith(_PREFIX)


def remove_location(
    payload: bytes, *, offset: int = 0, path: str = "", removed: RemovedKeys | None = None
) -> bytes:
    """The payload with only harmless keys; the same bytes if nothing is removed.

    `offset` and `path` are its position, for errors; `removed` counts the removed keys. Raises `GpmfError`
    for damaged telemetry: an unreadable part could contain a position.
    """
    nodes = parse(payload, offset=offset, path=path).nodes
    kept = tuple(_filter_nodes(nodes, RemovedKeys() if removed is None else removed))
    return payload if kept == nodes else serialize(kept)


def remove_settings_location(
    block: bytes, *, offset: int = 0, path: str = "", removed: RemovedKeys | None = None
) -> bytes:
    """`remove_location` for a settings block (udta); zeros keep its length, as cameras do."""
    return remove_location(block, offset=offset, path=path, removed=removed).ljust(len(block), b"\0")


def find_locations(payload: bytes, *, path: str = "") -> Iterator[str]:
    """The paths of all positions in a payload or settings block; none after removal.

    Raises `GpmfError` for damaged telemetry.
    """
    document = parse(payload, path=path)
    for name, node in document.walk():
        if is_location_key(node.key):
            yield name
        elif node.is_nest and any(_without_position(node, child) != child for child in node.children):
            yield f"{name}/{HILIGHT}"


def find_unknown_keys(payload: bytes, *, path: str = "") -> Iterator[str]:
    """The paths of all KLVs in a payload that are not known to be harmless. Raises `GpmfError`."""
    for name, node in parse(payload, path=path).walk():
        if not _is_harmless(node):
            yield name


def _filter_nodes(nodes: Iterable[Klv], removed: RemovedKeys) -> Iterator[Klv]:
    for node in nodes:
        if node.key == FILL:
            yield node
        elif node.is_nest:
            subject = _subject(node)
            if node.key in NESTS and (subject is None or _is_harmless(subject)):
                yield _filter_nest(node, removed)
            else:
                removed.add(node, node.key if subject is None or node.key not in NESTS else subject.key)
        elif _is_harmless(node):
            yield node
        else:
            removed.add(node)


def _is_harmless(node: Klv) -> bool:
    """Whether the key is known and its value has the expected type."""
    if node.key == FILL:
        return True
    if node.is_nest:
        return node.key in NESTS
    if node.key not in _KNOWN or node.key in NESTS:
        return False
    if node.type in _TEXT_TYPES:
        return not contains_location(node.data)
    return node.type in _NUMBERS and not (node.key in HARMLESS_MODIFIERS and is_ascii_text(node.data))


def _subject(nest: Klv) -> Klv | None:
    """The last KLV of a stream, which names it; None for other nests and streams without data."""
    if nest.key != "STRM":
        return None
    inner = [child for child in nest.children if child.key != FILL]
    return inner[-1] if inner and not inner[-1].is_nest else None


def _filter_nest(nest: Klv, removed: RemovedKeys) -> Klv:
    kept: list[Klv] = []
    for child in _filter_nodes(nest.children, removed):
        changed = _without_position(nest, child)
        if changed is None:
            removed.unknown[HILIGHT] += 1
            continue
        if changed is not child:
            removed.positions[f"{HILIGHT} (latitude, longitude, altitude)"] += 1
        kept.append(changed)
    children = tuple(kept)
    return nest if children == nest.children else replace(nest, children=children, padding=b"")


def _without_position(stream: Klv, node: Klv) -> Klv | None:
    """A HiLight without its position; None, to be removed, if the bytes of the position are unknown."""
    if node.key != HILIGHT or node.is_nest or not node.data:
        return node
    type_node = stream.child("TYPE")
    elements = element_types(node.type, node.size, type_node.text if type_node else "")
    if node.type != COMPLEX or elements is None or not elements.startswith(_HILIGHT_TYPES):
        return None
    first, end = (structure_dtype(elements[:at]).itemsize for at in _HILIGHT_POSITION)
    data = bytearray(node.data)
    for row in range(0, len(data), node.size):
        data[row + first : row + end] = bytes(end - first)
    return node if data == node.data else replace(node, data=bytes(data))
