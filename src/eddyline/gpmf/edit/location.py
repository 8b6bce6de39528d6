"""Telemetry without its positions: motion, exposure and everything else that is known keep their bytes.

| key | what | done |
|---|---|---|
| those of `HARMLESS_STREAMS` | motion, exposure, audio, faces, scenes | kept |
| those of `MODIFIERS` and `SETTINGS` | scale, unit, time, camera settings | kept |
| GPS5, GPS9, GPRI, GLPI, BPOS | positions of camera, drone, controller | the whole STRM is removed |
| GPSU, GPSF, GPSP, GPSA, any GPS? | time, fix, precision, altitude reference | removed wherever found |
| HLMT | HiLights, with where they were marked | latitude, longitude, altitude become 0 |
| any other key | a key of a future camera or a third party | removed, a stream whole, and named |

Text values are kept only where they hold no coordinates. Removing is safer than overwriting: no reader takes
0, 0 for a place, and nothing tells how much there was. A payload without a stream is nothing new to readers:
cameras without GPS write such payloads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from eddyline.core.coordinates import contains_location, is_ascii_text
from eddyline.gpmf.klv import FILL, Klv, serialize
from eddyline.gpmf.reader import parse
from eddyline.gpmf.types import COMPLEX, element_types, structure_dtype

POSITIONS = frozenset({"GPS5", "GPS9", "GPRI", "GLPI", "BPOS"})
_PREFIX = "GPS"  # every such key concerns a position, those of cameras to come as well
HILIGHT = "HLMT"
_HILIGHT_PLACE = (3, 6)  # elements [3, 6) of TYPE LLLllfFff: latitude, longitude, altitude
_HILIGHT_TYPES = ("LLLllf", "LLLfff", "LLLddd", "LLLddf")


def _keys(words: str) -> frozenset[str]:
    return frozenset(words.split())


NESTS = frozenset({"DEVC", "STRM"})
# What describes a stream or a device (the GPMF introduction, "GPMF Timing and Clocks" and "Modifiers").
MODIFIERS = _keys(
    "DVID DVNM STNM RMRK SCAL SIUN UNIT TYPE TSMP STMP TICK TOCK TIMO EMPT TMPC ORIN ORIO MTRX QUAN VERS"
    " STPS VPTS FWVS"
)
# Streams of cameras from HERO5 on, of Fusion and MAX, and of the Karma drone but for its positions.
HARMLESS_STREAMS = _keys(
    "ACCL GYRO MAGN GRAV CORI IORI SHUT ISOG ISOE WBAL WRGB UNIF YAVG HUES SCEN FACE FCNM"
    " AALP WNDM MWET MSKP LSKP LRVO LRVS DISP SROT MFGI SPED"
    " ATTD ATTR VFRH SYST KBAT ESCS SCPR SIMU LNED CYTS CSEN HLMT HMMT"
)
# Settings of the camera (udta/GPMF), as the exposure metadata documentation and its readers list them.
SETTINGS = _keys(
    "APTO AUBT AUDO AUPT BITR BRID BROD CASN CDAT CDTM CINF CMOD CPID CPIN CTRL DUST DZMX DZOM DZST"
    " EISA EISE ESEN EXPT FMWR HCTL HDRV HLVL HSGT LINF LOGO MINF MTYP MUID MXCF MAPX MAPY MXPX OREN"
    " PHDR PIMD PIMN PIMX POLY PRCN PRJT PRNA PRNU PRTN PRXC PRXF PTCL PTEV PTSH PTWB PVUL PWPR PYCF RAMP"
    " RATE SCAP SCTM SMTR SOFF SROT TAMP VERS VFOV VFPS VITR VLTA VLTE VRES ZFOV ZMPL ARUW ARWA SCHD"
    " STMV STCK ACRS MMOD EVT1 DIFI ORDP CLDP ABSC MYCF CLKS CLKC"
)  # without TZON, the time zone that the camera was set to
_KNOWN = NESTS | MODIFIERS | HARMLESS_STREAMS | SETTINGS
_TEXT_TYPES = frozenset("cUFG")
_NUMBERS = frozenset("bBdfjJlLqQsS?#")


@dataclass(kw_only=True)
class RemovedKeys:
    """How often each key was removed: `positions` because it says where, `unknown` because no one knows."""

    positions: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)

    def add(self, node: Klv, key: str = "") -> None:
        """Note a node that is removed; `key` names what a nest holds."""
        name = key or node.key
        (self.positions if is_location_key(name) else self.unknown)[name] += 1


def is_location_key(key: str) -> bool:
    """Whether a KLV of this key says where, or belongs to what does."""
    return key in POSITIONS or key.startswith(_PREFIX)


def remove_location(
    payload: bytes, *, offset: int = 0, path: str = "", removed: RemovedKeys | None = None
) -> bytes:
    """The payload with what is known to be harmless; the very same bytes where that is all of it.

    `offset` and `path` say where it lay, for errors; `removed` counts the keys taken out. Raises `GpmfError`
    for telemetry that is broken: what cannot be read could hold a position.
    """
    nodes = parse(payload, offset=offset, path=path).nodes
    kept = tuple(_kept(nodes, RemovedKeys() if removed is None else removed))
    return payload if kept == nodes else serialize(kept)


def remove_settings_location(
    block: bytes, *, offset: int = 0, path: str = "", removed: RemovedKeys | None = None
) -> bytes:
    """The same for a settings block (udta), whose length is kept: zeros follow, as cameras write it."""
    return remove_location(block, offset=offset, path=path, removed=removed).ljust(len(block), b"\0")


def find_locations(payload: bytes, *, path: str = "") -> Iterator[str]:
    """The paths of everything in a payload or settings block that says where: nothing once it is stripped.

    Raises `GpmfError` for telemetry that is broken.
    """
    document = parse(payload, path=path)
    for name, node in document.walk():
        if is_location_key(node.key):
            yield name
        elif node.is_nest and any(_unplaced(node, child) != child for child in node.children):
            yield f"{name}/{HILIGHT}"


def find_unknown_keys(payload: bytes, *, path: str = "") -> Iterator[str]:
    """The paths of everything in a payload that is not known to be harmless. Raises `GpmfError`."""
    for name, node in parse(payload, path=path).walk():
        if not _is_harmless(node):
            yield name


def _kept(nodes: Iterable[Klv], removed: RemovedKeys) -> Iterator[Klv]:
    for node in nodes:
        if node.key == FILL:
            yield node
        elif node.is_nest:
            subject = _subject(node)
            if node.key in NESTS and (subject is None or _is_harmless(subject)):
                yield _thinned(node, removed)
            else:
                removed.add(node, node.key if subject is None or node.key not in NESTS else subject.key)
        elif _is_harmless(node):
            yield node
        else:
            removed.add(node)


def _is_harmless(node: Klv) -> bool:
    """Whether the key is known, and the value is what such a key holds."""
    if node.key == FILL:
        return True
    if node.is_nest:
        return node.key in NESTS
    if node.key not in _KNOWN or node.key in NESTS:
        return False
    if node.type in _TEXT_TYPES:
        return not contains_location(node.data)
    return node.type in _NUMBERS and not (node.key in MODIFIERS and is_ascii_text(node.data))


def _subject(nest: Klv) -> Klv | None:
    """What a stream is for, the last of its KLVs; None for other nests, and streams without data."""
    if nest.key != "STRM":
        return None
    inner = [child for child in nest.children if child.key != FILL]
    return inner[-1] if inner and not inner[-1].is_nest else None


def _thinned(nest: Klv, removed: RemovedKeys) -> Klv:
    kept: list[Klv] = []
    for child in _kept(nest.children, removed):
        made = _unplaced(nest, child)
        if made is None:
            removed.unknown[HILIGHT] += 1
            continue
        if made is not child:
            removed.positions[f"{HILIGHT} (latitude, longitude, altitude)"] += 1
        kept.append(made)
    children = tuple(kept)
    return nest if children == nest.children else replace(nest, children=children, padding=b"")


def _unplaced(stream: Klv, node: Klv) -> Klv | None:
    """A HiLight without its place; None, to be removed, where nothing tells which bytes are its place."""
    if node.key != HILIGHT or node.is_nest or not node.data:
        return node
    described = stream.child("TYPE")
    elements = element_types(node.type, node.size, described.text if described else "")
    if node.type != COMPLEX or elements is None or not elements.startswith(_HILIGHT_TYPES):
        return None
    first, end = (structure_dtype(elements[:at]).itemsize for at in _HILIGHT_PLACE)
    data = bytearray(node.data)
    for row in range(0, len(data), node.size):
        data[row + first : row + end] = bytes(end - first)
    return node if data == node.data else replace(node, data=bytes(data))
