"""Samples of H.264 and HEVC as length-prefixed NAL units (ISO/IEC 14496-15 sections 5.3 and 8.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eddyline.core.errors import InputError, UnsupportedError

# NAL unit types (ITU-T H.264 table 7-1, H.265 table 7-1).
AVC_SPS, AVC_PPS = 7, 8
HEVC_VPS, HEVC_SPS, HEVC_PPS = 32, 33, 34
HEVC_IRAP = range(16, 24)
SLICES = {"h264": range(1, 6), "hevc": range(32)}
IDR = {"h264": frozenset({5}), "hevc": frozenset({19, 20})}


def nal_unit_type(codec: str, unit: bytes) -> int:
    """nal_unit_type of a NAL unit of "h264" or "hevc"; -1 if it is empty."""
    if not unit:
        return -1
    return unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63


def split_nal_units(sample: bytes, length_size: int) -> Iterator[bytes]:
    """The NAL units of a sample. Raises `InputError` if their lengths exceed the sample."""
    at = 0
    while at < len(sample):
        length = int.from_bytes(sample[at : at + length_size], "big")
        at += length_size
        if length > len(sample) - at:
            raise InputError("a NAL unit is longer than its sample", remedy="copy the file again")
        yield sample[at : at + length]
        at += length


def leading_nal_units(data: bytes, length_size: int) -> Iterator[bytes]:
    """The NAL units at the start of a sample, without empty ones; the last may be truncated."""
    at = 0
    while at + length_size < len(data):
        length = int.from_bytes(data[at : at + length_size], "big")
        at += length_size
        if length:
            yield data[at : at + length]
        at += length


def join_nal_units(units: Iterable[bytes], length_size: int) -> bytes:
    """A sample of these NAL units."""
    try:
        return b"".join(len(unit).to_bytes(length_size, "big") + unit for unit in units)
    except OverflowError as error:
        raise UnsupportedError(
            f"a frame is too large for NAL units with lengths of {length_size} bytes",
            remedy="cut with --keyframes",
        ) from error
