"""HDR metadata in the bitstream: SEI messages of H.264 and HEVC, metadata OBUs of AV1.

ITU-T H.265 sections D.2.28 and D.2.35 (H.264: the same payloads); AV1 bitstream specification, sections 5.8.3
and 5.8.4. Dynamic metadata, which changes from frame to frame, is recognized but not parsed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from eddyline.mp4.bitstream.hdr_metadata import (
    NO_HDR_METADATA,
    HdrMetadata,
    fixed_point_display_bytes,
    mastering_display_bytes,
    parse_content_light,
    parse_fixed_point_display,
    parse_mastering_display,
)
from eddyline.mp4.bitstream.nal_units import SLICES, leading_nal_units, nal_unit_type
from eddyline.mp4.bitstream.obu import FRAMES, METADATA, make_metadata_obu, split_obus
from eddyline.mp4.bitstream.rbsp import add_emulation_prevention, remove_emulation_prevention
from eddyline.mp4.bitstream.sei import SEI, SEI_HEADER, encode_sei_messages, parse_sei_messages

HDR10_PLUS, DOLBY_VISION, AMBIENT = "HDR10+", "Dolby Vision", "ambient viewing environment"
_MASTERING_SEI, _LIGHT_SEI, _AMBIENT_SEI, _T35_SEI = 137, 144, 148, 4
_LIGHT_OBU, _MASTERING_OBU, _T35_OBU = 1, 2, 4
_PREFIX_SEI_HEADER: Final = b"\x4e\x01"  # HEVC NAL unit type 39
_DOLBY_VISION_UNIT: Final = 62
# Country and provider codes of ITU-T T.35, and what follows them.
_T35: Final = {bytes.fromhex("b5003c0001"): HDR10_PLUS, bytes.fromhex("b5003b"): DOLBY_VISION}
_MAX_UNITS: Final = 64


@dataclass(frozen=True, kw_only=True)
class HdrMessages:
    """The HDR metadata of a part of a bitstream; `other` names metadata that is not static."""

    static: HdrMetadata = NO_HDR_METADATA
    other: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.static or self.other)


def read_hdr_messages(codec: str, sample: bytes, length_size: int = 4) -> HdrMessages:
    """The messages before the first frame in the bytes of a sample, whose end may be missing.

    `codec` is "h264", "hevc" or "av1"; other codecs have no such messages. The first one of a kind counts;
    unreadable ones are ignored.
    """
    if codec == "av1":
        return _from_obus(split_obus(sample))
    if codec not in SEI:
        return HdrMessages()
    units = (unit for _, unit in zip(range(_MAX_UNITS), leading_nal_units(sample, length_size), strict=False))
    return read_hdr_units(codec, units)


def read_hdr_units(codec: str, units: Iterable[bytes]) -> HdrMessages:
    """The messages in NAL units of "h264" or "hevc", up to the first slice."""
    found = HdrMessages()
    for unit in units:
        kind = nal_unit_type(codec, unit)
        if kind in SLICES[codec]:
            break
        if codec == "hevc" and kind == _DOLBY_VISION_UNIT:
            found = _with(found, other=DOLBY_VISION)
        if kind in SEI[codec]:
            with suppress(ValueError):
                data = remove_emulation_prevention(unit[SEI_HEADER[codec] :])
                for payload_type, payload in parse_sei_messages(data):
                    found = _add_sei(found, payload_type, payload)
    return found


def hdr_sei_units(metadata: HdrMetadata) -> tuple[bytes, ...]:
    """HEVC prefix SEI units of this metadata, one for each message."""
    messages = []
    if metadata.content_light:
        messages.append((_LIGHT_SEI, struct.pack(">2H", *metadata.content_light)))
    if metadata.mastering_display:
        messages.append((_MASTERING_SEI, mastering_display_bytes(metadata.mastering_display)))
    return tuple(
        _PREFIX_SEI_HEADER + add_emulation_prevention(encode_sei_messages([each])) for each in messages
    )


def hdr_obus(metadata: HdrMetadata) -> bytes:
    """Metadata OBUs of this metadata."""
    found = b""
    if metadata.content_light:
        found += make_metadata_obu(_LIGHT_OBU, struct.pack(">2H", *metadata.content_light))
    if metadata.mastering_display:
        found += make_metadata_obu(_MASTERING_OBU, fixed_point_display_bytes(metadata.mastering_display))
    return found


def _from_obus(obus: Iterable[tuple[int, bytes]]) -> HdrMessages:
    found = HdrMessages()
    for _, (kind, payload) in zip(range(_MAX_UNITS), obus, strict=False):
        if kind in FRAMES:
            break
        if kind == METADATA and payload:
            found = _add_obu(found, payload[0], payload[1:])
    return found


def _add_sei(found: HdrMessages, kind: int, payload: bytes) -> HdrMessages:
    with suppress(struct.error):
        if kind == _MASTERING_SEI:
            return _with(found, parse_mastering_display(payload))
        if kind == _LIGHT_SEI:
            return _with(found, parse_content_light(payload))
    if kind == _AMBIENT_SEI:
        return _with(found, other=AMBIENT)
    return _with(found, other=_t35_name(payload)) if kind == _T35_SEI else found


def _add_obu(found: HdrMessages, kind: int, payload: bytes) -> HdrMessages:
    with suppress(struct.error):
        if kind == _MASTERING_OBU:
            return _with(found, parse_fixed_point_display(payload))
        if kind == _LIGHT_OBU:
            return _with(found, parse_content_light(payload))
    return _with(found, other=_t35_name(payload)) if kind == _T35_OBU else found


def _t35_name(payload: bytes) -> str:
    return next((name for start, name in _T35.items() if payload.startswith(start)), "")


def _with(found: HdrMessages, static: HdrMetadata | None = None, other: str = "") -> HdrMessages:
    return replace(
        found,
        static=found.static if static is None else found.static.or_else(static),
        other=found.other | {other} if other else found.other,
    )
