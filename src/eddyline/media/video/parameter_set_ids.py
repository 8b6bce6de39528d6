"""Unused parameter set ids for a second encoder, and renumbering of its NAL units.

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

# Ids that extend a slice header by exactly 8 bits, so that the coded data after it moves by one byte.
_HEVC_PPS_IDS = range(15, 31)


def unused_id(sets: ParameterSets) -> int:
    """An id that neither an SPS nor a PPS of these H.264 sets uses."""
    used = {read_exp_golomb(payload_bits(unit[4:]), 0)[0] for unit in sets.of(AVC_SPS)}
    used |= {read_exp_golomb(payload_bits(unit[1:]), 0)[0] for unit in sets.of(AVC_PPS)}
    return next(number for number in range(1, 32) if number not in used)


@dataclass(frozen=True, kw_only=True)
class HevcSetIds:
    """The new ids of a second encoder's HEVC parameter sets, whose own ids are all 0."""

    vps: int
    sps: int
    pps: int

    @classmethod
    def unused(cls, sets: ParameterSets) -> HevcSetIds:
        """Ids that the camera's sets do not use. Raises `UnsupportedError` if all are in use."""
        vps = {unit[2] >> 4 for unit in sets.of(HEVC_VPS)}
        sps = {_hevc_sps_id(payload_bits(unit[2:]))[0] for unit in sets.of(HEVC_SPS)}
        pps = {read_exp_golomb(payload_bits(unit[2:]), 0)[0] for unit in sets.of(HEVC_PPS)}
        try:
            return cls(
                vps=next(number for number in range(1, 16) if number not in vps),
                sps=next(number for number in range(1, 16) if number not in sps),
                pps=next(number for number in _HEVC_PPS_IDS if number not in pps),
            )
        except StopIteration:
            raise UnsupportedError(
                "the camera uses all parameter set ids", remedy="cut with --keyframes"
            ) from None

    def renumber(self, unit: bytes) -> bytes:
        """The NAL unit with the new ids."""
        kind, head = nal_unit_type("hevc", unit), unit[:2]
        if kind == HEVC_VPS:
            return head + bytes([self.vps << 4 | unit[2] & 15]) + unit[3:]
        if kind == HEVC_SPS:
            bits = payload_bits(unit[2:])
            _, begin, end = _hevc_sps_id(bits)
            return head + pack_bits(
                f"{self.vps:04b}" + bits[4:begin] + encode_exp_golomb(self.sps) + bits[end:]
            )
        if kind == HEVC_PPS:
            bits = payload_bits(unit[2:])
            _, end = read_exp_golomb(bits, 0)
            _, end = read_exp_golomb(bits, end)
            return head + pack_bits(encode_exp_golomb(self.pps) + encode_exp_golomb(self.sps) + bits[end:])
        if kind in SLICES["hevc"]:
            return head + self._renumber_slice(unit[2:], irap=kind in HEVC_IRAP)
        return unit

    def _renumber_slice(self, data: bytes, *, irap: bool) -> bytes:
        """Replace slice_pic_parameter_set_id 0, one bit, with nine bits; later data moves by one byte."""
        raw = remove_emulation_prevention(data)
        at = 2 if irap else 1  # first_slice_segment_in_pic_flag, no_output_of_prior_pics_flag
        lead = raw[0] >> 8 - at
        if not raw[0] >> 7 - at & 1:
            raise UnsupportedError(
                "the encoder uses parameter set ids other than 0", remedy="cut with --keyframes"
            )
        rest = raw[0] & (1 << 7 - at) - 1
        word = (lead << 9 | int(encode_exp_golomb(self.pps), 2)) << 7 - at | rest
        return add_emulation_prevention(word.to_bytes(2, "big") + raw[1:])


def _hevc_sps_id(bits: str) -> tuple[int, int, int]:
    """(sps_seq_parameter_set_id, its first bit, the bit after it); it follows profile_tier_level (7.3.3)."""
    layers = int(bits[4:7], 2)
    at = 8 + 96
    if layers:
        flags = [bits[at + 2 * i : at + 2 * i + 2] for i in range(layers)]
        at += 16
        at += sum(88 * (flag[0] == "1") + 8 * (flag[1:] == "1") for flag in flags)
    value, end = read_exp_golomb(bits, at)
    return value, at, end
