"""A second encoder's parameter sets beside the camera's, in one sample entry.

Pictures name their parameter sets by number. Encoded stretches get numbers that the camera does not use, and
avcC or hvcC holds both: every decoder is told of all of them before the first picture, nothing changes on
the way, and the camera's own samples stay byte for byte what they are (ISO/IEC 14496-15 sections 5.3.3.1 and
8.3.3.1; ITU-T H.264 section 7.3.2, H.265 section 7.3.2).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from eddyline.core.errors import InputError, UnsupportedError
from eddyline.mp4.boxes import Box

_VISUAL_FIELDS = 78
_ENTRY_AT = 8  # of stsd's body: version, flags and the count of entries
_AVC_SPS, _AVC_PPS = 7, 8
HEVC_VPS, HEVC_SPS, HEVC_PPS = 32, 33, 34
# Numbers for which a slice header grows by 8 bits exactly: all behind it, the coded data, is moved by a byte.
_HEVC_PPS_NUMBERS = range(15, 31)
_MOST_SETS = 31


@dataclass(frozen=True, kw_only=True)
class Sets:
    """The parameter sets of a sample entry: NAL units by type, in order, and bytes of a NAL unit's length."""

    codec: str
    units: tuple[bytes, ...]
    length_size: int
    profile: int
    level: int

    def of(self, kind: int) -> tuple[bytes, ...]:
        """Those of one NAL unit type."""
        return tuple(unit for unit in self.units if _kind(self.codec, unit) == kind)


def read_sets(stsd: bytes, row: int = 1) -> Sets:
    """The sets of a stsd box's row. Raises `UnsupportedError` for other codecs than H.264 and HEVC."""
    entry = _rows(stsd)[row - 1]
    config = _config(entry)
    body = bytes(config.body)
    try:
        if config.kind == "avcC":
            units = tuple(_avc_units(body))
            return Sets(
                codec="h264", units=units, length_size=(body[4] & 3) + 1, profile=body[1], level=body[3]
            )
        units = tuple(unit for _, unit in _hevc_units(body))
        return Sets(
            codec="hevc", units=units, length_size=(body[21] & 3) + 1, profile=body[1] & 31, level=body[12]
        )
    except (IndexError, struct.error) as error:
        raise InputError(f"the {config.kind} box ends too early", remedy="copy the file again") from error


def with_sets(stsd: bytes, row: int, added: Sequence[bytes]) -> bytes:
    """A stsd box of this row alone, its configuration holding the `added` sets behind its own."""
    entry = _rows(stsd)[row - 1]
    config = _config(entry)
    body = _avc_with if config.kind == "avcC" else _hevc_with
    made = body(bytes(config.body), added)
    raw = bytes(entry.raw)
    begin = config.offset - entry.offset + (len(entry.raw) - len(entry.body)) - 8
    whole = raw[:begin] + _box(config.kind, made) + raw[begin + len(config.raw) :]
    whole = struct.pack(">I", len(whole)) + whole[4:]
    return _box("stsd", bytes(4) + struct.pack(">I", 1) + whole)


def free_number(sets: Sets) -> int:
    """A number that neither an SPS nor a PPS of H.264 uses here."""
    used = {_ue(_bits(unit[4:]), 0)[0] for unit in sets.of(_AVC_SPS)}
    used |= {_ue(_bits(unit[1:]), 0)[0] for unit in sets.of(_AVC_PPS)}
    return next(number for number in range(1, 32) if number not in used)


@dataclass(frozen=True, kw_only=True)
class Renumbering:
    """The numbers that HEVC sets and slices of a second encoder get, all of whose own are 0."""

    vps: int
    sps: int
    pps: int

    @classmethod
    def beside(cls, sets: Sets) -> Renumbering:
        """Numbers that the camera's sets do not use. Raises `UnsupportedError` if it uses all."""
        vps = {unit[2] >> 4 for unit in sets.of(HEVC_VPS)}
        sps = {_hevc_sps_number(_bits(unit[2:]))[0] for unit in sets.of(HEVC_SPS)}
        pps = {_ue(_bits(unit[2:]), 0)[0] for unit in sets.of(HEVC_PPS)}
        try:
            return cls(
                vps=next(number for number in range(1, 16) if number not in vps),
                sps=next(number for number in range(1, 16) if number not in sps),
                pps=next(number for number in _HEVC_PPS_NUMBERS if number not in pps),
            )
        except StopIteration:
            raise UnsupportedError(
                "the camera uses every number of parameter sets", remedy="cut with --keyframes"
            ) from None

    def unit(self, unit: bytes) -> bytes:
        """A NAL unit with the new numbers."""
        kind, head = unit[0] >> 1 & 63, unit[:2]
        if kind == HEVC_VPS:
            return head + bytes([self.vps << 4 | unit[2] & 15]) + unit[3:]
        if kind == HEVC_SPS:
            bits = _bits(unit[2:])
            _, begin, end = _hevc_sps_number(bits)
            return head + _packed(f"{self.vps:04b}" + bits[4:begin] + _coded(self.sps) + bits[end:])
        if kind == HEVC_PPS:
            bits = _bits(unit[2:])
            _, end = _ue(bits, 0)
            _, end = _ue(bits, end)
            return head + _packed(_coded(self.pps) + _coded(self.sps) + bits[end:])
        if kind < 32:  # noqa: PLR2004 - a slice (table 7-1)
            return head + self._slice(unit[2:], beginning=16 <= kind <= 23)  # noqa: PLR2004 - IRAP
        return unit

    def _slice(self, data: bytes, *, beginning: bool) -> bytes:
        """The slice with slice_pic_parameter_set_id 0, one bit, made nine: all behind it moves by a byte."""
        raw = _unescaped(data)
        at = 2 if beginning else 1  # first_slice_segment_in_pic_flag, no_output_of_prior_pics_flag
        lead = raw[0] >> 8 - at
        if not raw[0] >> 7 - at & 1:
            raise UnsupportedError("an encoder numbered its parameter sets", remedy="cut with --keyframes")
        rest = raw[0] & (1 << 7 - at) - 1
        word = (lead << 9 | int(_coded(self.pps), 2)) << 7 - at | rest
        return _escaped(word.to_bytes(2, "big") + raw[1:])


def units_of(sample: bytes, length_size: int) -> Iterator[bytes]:
    """The NAL units of a sample. Raises `InputError` where their lengths do not fit it."""
    at = 0
    while at < len(sample):
        length = int.from_bytes(sample[at : at + length_size], "big")
        at += length_size
        if length > len(sample) - at:
            raise InputError("a picture's NAL unit is longer than the picture", remedy="copy the file again")
        yield sample[at : at + length]
        at += length


def sample_of(units: Iterable[bytes], length_size: int) -> bytes:
    """A sample of these NAL units."""
    try:
        return b"".join(len(unit).to_bytes(length_size, "big") + unit for unit in units)
    except OverflowError as error:
        raise UnsupportedError(
            f"a picture is too large for NAL units with lengths of {length_size} bytes",
            remedy="cut with --keyframes",
        ) from error


def _kind(codec: str, unit: bytes) -> int:
    if not unit:
        return -1
    return unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63


def _rows(stsd: bytes) -> list[Box]:
    view = memoryview(stsd)
    return list(Box(kind="stsd", raw=view, body=view[8:], offset=8, path="stsd").children(_ENTRY_AT))


def _config(entry: Box) -> Box:
    for box in entry.children(_VISUAL_FIELDS):
        if box.kind in {"avcC", "hvcC"} and entry.kind[:3] in {"avc", "hvc", "hev"}:
            return box
    raise UnsupportedError(
        f"frames of {entry.kind!r} cannot be cut between its keyframes", remedy="cut with --keyframes"
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
    for kind, mark in ((_AVC_SPS, 0xE0), (_AVC_PPS, 0)):
        # SPS extensions lie behind all of it; what is neither is no part of these two lists.
        own = [u for u in (*units, *added) if u and u[0] & 31 == kind]
        out.append(bytes([mark | min(len(own), _MOST_SETS)]))
        out += [struct.pack(">H", len(unit)) + unit for unit in own[:_MOST_SETS]]
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
    for kind, unit in [*_hevc_units(body), *((unit[0] >> 1 & 63, unit) for unit in added)]:
        arrays.setdefault(kind, []).append(unit)
    out = [body[:22], bytes([len(arrays)])]
    for kind, units in sorted(arrays.items()):
        out.append(struct.pack(">BH", complete.get(kind, 0x80) | kind, len(units)))
        out += [struct.pack(">H", len(unit)) + unit for unit in units]
    return b"".join(out) + body[at:]


def _hevc_sps_number(bits: str) -> tuple[int, int, int]:
    """(sps_seq_parameter_set_id, where it begins, where it ends): behind profile_tier_level (7.3.3)."""
    layers = int(bits[4:7], 2)
    at = 8 + 96
    if layers:
        flags = [bits[at + 2 * i : at + 2 * i + 2] for i in range(layers)]
        at += 16
        at += sum(88 * (flag[0] == "1") + 8 * (flag[1:] == "1") for flag in flags)
    value, end = _ue(bits, at)
    return value, at, end


def _ue(bits: str, at: int) -> tuple[int, int]:
    """(value, end) of an Exp-Golomb number."""
    one = bits.find("1", at)
    if one < 0 or 2 * one - at + 1 > len(bits):
        raise InputError("a parameter set is broken", remedy="copy the file again")
    zeros = one - at
    return int(bits[one : one + zeros + 1], 2) - 1, one + zeros + 1


def _coded(value: int) -> str:
    word = f"{value + 1:b}"
    return "0" * (len(word) - 1) + word


def _bits(data: bytes) -> str:
    return "".join(f"{byte:08b}" for byte in _unescaped(data))


def _packed(bits: str) -> bytes:
    """RBSP bits, trailing bits included, aligned anew and escaped."""
    body = bits[: bits.rindex("1") + 1]
    body += "0" * (-len(body) % 8)
    return _escaped(int(body, 2).to_bytes(len(body) // 8, "big"))


def _unescaped(data: bytes) -> bytes:
    return data.replace(b"\0\0\3", b"\0\0")


def _escaped(data: bytes) -> bytes:
    """With emulation prevention bytes (section 7.4.2)."""
    out = bytearray()
    at = 0
    while True:
        zeros = data.find(b"\0\0", at)
        if zeros < 0 or zeros + 2 >= len(data):
            out += data[at:]
            return bytes(out)
        out += data[at : zeros + 2]
        at = zeros + 2
        if data[at] <= 3:  # noqa: PLR2004 - 00 00 0x would read as a start code or an escape
            out.append(3)


def _box(kind: str, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind.encode("latin-1") + body
