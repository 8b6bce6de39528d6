"""Numbers for a second encoder's parameter sets that the camera does not use, and its units changed to them.

ITU-T H.264 section 7.3.2, H.265 sections 7.3.2 and 7.3.6.
"""

from __future__ import annotations

from dataclasses import dataclass

from eddyline.core.errors import UnsupportedError
from eddyline.media.video.parameter_sets import ParameterSets
from eddyline.mp4.bitstream.nal_units import (
    AVC_PPS,
    AVC_SPS,
    HEVC_IRAP,
    HEVC_PPS,
    HEVC_SPS,
    HEVC_VPS,
    SLICES,
    nal_unit_type,
)
from eddyline.mp4.bitstream.rbsp import (
    add_emulation_prevention,
    encode_exp_golomb,
    pack_bits,
    payload_bits,
    read_exp_golomb,
    remove_emulation_prevention,
)

# Numbers for which a slice header grows by 8 bits exactly: all behind it, the coded data, is moved by a byte.
_HEVC_PPS_NUMBERS = range(15, 31)


def unused_id(sets: ParameterSets) -> int:
    """A number that neither an SPS nor a PPS of H.264 uses here."""
    used = {read_exp_golomb(payload_bits(unit[4:]), 0)[0] for unit in sets.of(AVC_SPS)}
    used |= {read_exp_golomb(payload_bits(unit[1:]), 0)[0] for unit in sets.of(AVC_PPS)}
    return next(number for number in range(1, 32) if number not in used)


@dataclass(frozen=True, kw_only=True)
class HevcSetIds:
    """The numbers that HEVC sets and slices of a second encoder get, all of whose own are 0."""

    vps: int
    sps: int
    pps: int

    @classmethod
    def beside(cls, sets: ParameterSets) -> HevcSetIds:
        """Numbers that the camera's sets do not use. Raises `UnsupportedError` if it uses all."""
        vps = {unit[2] >> 4 for unit in sets.of(HEVC_VPS)}
        sps = {_hevc_sps_number(payload_bits(unit[2:]))[0] for unit in sets.of(HEVC_SPS)}
        pps = {read_exp_golomb(payload_bits(unit[2:]), 0)[0] for unit in sets.of(HEVC_PPS)}
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
        kind, head = nal_unit_type("hevc", unit), unit[:2]
        if kind == HEVC_VPS:
            return head + bytes([self.vps << 4 | unit[2] & 15]) + unit[3:]
        if kind == HEVC_SPS:
            bits = payload_bits(unit[2:])
            _, begin, end = _hevc_sps_number(bits)
            return head + pack_bits(
                f"{self.vps:04b}" + bits[4:begin] + encode_exp_golomb(self.sps) + bits[end:]
            )
        if kind == HEVC_PPS:
            bits = payload_bits(unit[2:])
            _, end = read_exp_golomb(bits, 0)
            _, end = read_exp_golomb(bits, end)
            return head + pack_bits(encode_exp_golomb(self.pps) + encode_exp_golomb(self.sps) + bits[end:])
        if kind in SLICES["hevc"]:
            return head + self._slice(unit[2:], beginning=kind in HEVC_IRAP)
        return unit

    def _slice(self, data: bytes, *, beginning: bool) -> bytes:
        """The slice with slice_pic_parameter_set_id 0, one bit, made nine: all behind it moves by a byte."""
        raw = remove_emulation_prevention(data)
        at = 2 if beginning else 1  # first_slice_segment_in_pic_flag, no_output_of_prior_pics_flag
        lead = raw[0] >> 8 - at
        if not raw[0] >> 7 - at & 1:
            raise UnsupportedError("an encoder numbered its parameter sets", remedy="cut with --keyframes")
        rest = raw[0] & (1 << 7 - at) - 1
        word = (lead << 9 | int(encode_exp_golomb(self.pps), 2)) << 7 - at | rest
        return add_emulation_prevention(word.to_bytes(2, "big") + raw[1:])


def _hevc_sps_number(bits: str) -> tuple[int, int, int]:
    """(sps_seq_parameter_set_id, where it begins, where it ends): behind profile_tier_level (7.3.3)."""
    layers = int(bits[4:7], 2)
    at = 8 + 96
    if layers:
        flags = [bits[at + 2 * i : at + 2 * i + 2] for i in range(layers)]
        at += 16
        at += sum(88 * (flag[0] == "1") + 8 * (flag[1:] == "1") for flag in flags)
    value, end = read_exp_golomb(bits, at)
    return value, at, end
