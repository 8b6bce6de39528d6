"""Parameter sets of the camera and of a second encoder in one sample entry.

Frames reference their parameter sets by id. Encoded frames get ids that the camera does not use, and avcC or
hvcC contains both: every decoder gets all of them before the first frame, nothing changes in mid-stream, and
the camera's own samples stay byte-identical (ISO/IEC 14496-15 sections 5.3.3.1 and 8.3.3.1; ITU-T H.264
section 7.3.2, H.265 section 7.3.2).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eddyline.core.errors import InputError, UnsupportedError
from eddyline.mp4.bitstream.nal_units import (
    AVC_PPS,
    AVC_SPS,
    HEVC_PPS,
    HEVC_SPS,
    HEVC_VPS,
    nal_unit_type,
)
from eddyline.mp4.boxes import Box, make_box, make_full_box

_VISUAL_FIELDS = 78
_ENTRY_AT = 8  # in the body of stsd: after version, flags and entry count
_MAX_SETS = 31
_SETS = frozenset({HEVC_VPS, HEVC_SPS, HEVC_PPS})


@dataclass(frozen=True, kw_only=True)
class ParameterSets:
    """The parameter sets (NAL units in order) of a sample entry; `length_size` of its NAL units in bytes."""

    codec: str
    units: tuple[bytes, ...]
    length_size: int
    profile: int
    level: int

    def of(self, kind: int) -> tuple[bytes, ...]:
        """The units of one NAL unit type."""
        return tuple(unit for unit in self.units if nal_unit_type(self.codec, unit) == kind)


def read_parameter_sets(stsd: bytes, entry_number: int = 1) -> ParameterSets:
    """The sets of a sample entry (from 1). Raises `UnsupportedError` for codecs other than H.264 and HEVC."""
    entry = _entries(stsd)[entry_number - 1]
    config = _config(entry)
    body = bytes(config.body)
    try:
        if config.kind == "avcC":
            units = tuple(_avc_units(body))
            return ParameterSets(
                codec="h264", units=units, length_size=(body[4] & 3) + 1, profile=body[1], level=body[3]
            )
        units = tuple(unit for _, unit in _hevc_units(body))
        return ParameterSets(
            codec="hevc", units=units, length_size=(body[21] & 3) + 1, profile=body[1] & 31, level=body[12]
        )
    except (IndexError, struct.error) as error:
        raise InputError(f"the {config.kind} box is truncated", remedy="copy the file again") from error


def with_parameter_sets(stsd: bytes, entry_number: int, added: Sequence[bytes]) -> bytes:
    """A stsd box with this sample entry alone, whose configuration has the `added` sets after its own."""
    entry = _entries(stsd)[entry_number - 1]
    config = _config(entry)
    build = _avc_with if config.kind == "avcC" else _hevc_with
    configuration = build(bytes(config.body), added)
    raw = bytes(entry.raw)
    start = config.offset - entry.offset + (len(entry.raw) - len(entry.body)) - 8
    whole = raw[:start] + make_box(config.kind, configuration) + raw[start + len(config.raw) :]
    whole = struct.pack(">I", len(whole)) + whole[4:]
    return make_full_box("stsd", 0, 0, struct.pack(">I", 1), whole)


def _entries(stsd: bytes) -> list[Box]:
    view = memoryview(stsd)
    return list(Box(kind="stsd", raw=view, body=view[8:], offset=8, path="stsd").children(_ENTRY_AT))


def _config(entry: Box) -> Box:
    for box in entry.children(_VISUAL_FIELDS):
        if box.kind in {"avcC", "hvcC"} and entry.kind[:3] in {"avc", "hvc", "hev"}:
            return box
    raise UnsupportedError(
        f"{entry.kind!r} video cannot be cut between keyframes", remedy="cut with --keyframes"
    )


def _avc_units(body: bytes) -> Iterator[bytes]:
    at, count = 6, body[5] & 31
    for _ in range(2):
        for _ in range(count):
            (length,) = struct.unpack_from(">H", body, at)
            yield body[at + 2 : at + 2 + length]
            at += 2 + length
        count, at = (body[at] if at < len(body) else 0), at + 1


def _avc_with(body: bytes, added: Sequence[bytes]) -> bytes:
    units = list(_avc_units(body))
    end = 7 + sum(2 + len(unit) for unit in units)
    out = [body[:5]]
    for kind, mark in ((AVC_SPS, 0xE0), (AVC_PPS, 0)):
        # SPS extensions follow both lists; other units belong to neither.
        own = [u for u in (*units, *added) if u and u[0] & 31 == kind]
        out.append(bytes([mark | min(len(own), _MAX_SETS)]))
        out += [struct.pack(">H", len(unit)) + unit for unit in own[:_MAX_SETS]]
    return b"".join(out) + body[end:]


def _hevc_units(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 23
    for _ in range(body[22]):
        kind = body[at] & 63
        (count,) = struct.unpack_from(">H", body, at + 1)
        at += 3
        for _ in range(count):
            (length,) = struct.unpack_from(">H", body, at)
            yield kind, body[at + 2 : at + 2 + length]
            at += 2 + length


def _hevc_with(body: bytes, added: Sequence[bytes]) -> bytes:
    complete: dict[int, int] = {}
    at = 23
    for _ in range(body[22]):
        kind, (count,) = body[at], struct.unpack_from(">H", body, at + 1)
        complete[kind & 63] = kind & 0x80
        at += 3
        for _ in range(count):
            at += 2 + struct.unpack_from(">H", body, at)[0]
    arrays: dict[int, list[bytes]] = {}
    for kind, unit in [*_hevc_units(body), *((nal_unit_type("hevc", unit), unit) for unit in added)]:
        arrays.setdefault(kind, []).append(unit)
    out = [body[:22], bytes([len(arrays)])]
    for kind, units in sorted(arrays.items()):
        whole = complete.get(kind, 0x80 if kind in _SETS else 0)  # samples may have further SEI units
        out.append(struct.pack(">BH", whole | kind, len(units)))
        out += [struct.pack(">H", len(unit)) + unit for unit in units]
    return b"".join(out) + body[at:]
