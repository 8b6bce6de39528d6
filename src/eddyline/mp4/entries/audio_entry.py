"""The sample entry of an audio track: channels, sample rate, and the bytes of one audio unit.

QuickTime File Format, "Sound Sample Descriptions" (versions 0 to 2); ISO/IEC 14496-12 section 12.2.3;
ISO/IEC 23003-5 (PCM in MP4).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from eddyline.core.errors import FormatError
from eddyline.mp4.boxes import Box, FieldReader
from eddyline.mp4.errors import LimitError

# Bits of one sample of one channel; 0: use the field of the entry.
_BITS = {
    "sowt": 0,
    "twos": 0,
    "raw ": 0,
    "NONE": 0,
    "lpcm": 0,
    "in24": 24,
    "in32": 32,
    "fl32": 32,
    "fl64": 64,
    "ipcm": 0,
    "fpcm": 0,
    "alaw": 8,
    "ulaw": 8,
    "ms\0\x06": 8,
    "ms\0\x07": 8,
}
_IMA4_BYTES, _IMA4_SAMPLES = 34, 64  # a packet of one channel (QuickTime's IMA ADPCM)
_FIELDS = 28  # bytes of an entry of version 0, and of every version in MP4
_MAX_CHANNELS = 1024
_MAX_UNIT_BYTES = 1 << 16
_MAX_UNIT_SAMPLES = 1 << 16


@dataclass(frozen=True, kw_only=True)
class AudioEntry:
    """The properties of the audio.

    `unit_bytes` is the size of one unit: a frame (one sample of each channel) of PCM, A-law or mu-law, or a
    packet of `unit_samples` samples per channel of a codec with constant packets (IMA ADPCM). 0: unknown, as
    for every other codec.
    """

    channels: int
    sample_rate: int
    unit_bytes: int = 0
    unit_samples: int = 1


def read_audio_entry(entry: Box) -> AudioEntry:
    """The fields of one audio sample entry. Raises `LimitError`, `Mp4Error`."""
    fields = entry.fields()
    fields.skip(8)
    version = fields.read_number("H")
    fields.skip(6)
    channels, bits = fields.unpack("HH")
    fields.skip(4)
    rate = fields.read_number("I") >> 16
    unit_bytes = 0
    unit_samples = 1
    if version == 1 and entry.kind not in _BITS and fields.remaining >= 16:  # noqa: PLR2004 - four numbers
        unit_samples, _, unit_bytes, _ = fields.unpack("IIII")
    elif version == 2:  # noqa: PLR2004 - QuickTime's third layout, with further fields
        rate, channels, bits, unit_bytes, unit_samples = _version_2(fields)
    if entry.kind in _BITS:
        width = _BITS[entry.kind] or _configured_bits(entry) or bits
        unit_bytes, unit_samples = channels * -(-width // 8), 1
    elif entry.kind == "ima4" and not unit_bytes:
        unit_bytes, unit_samples = _IMA4_BYTES * channels, _IMA4_SAMPLES
    if channels > _MAX_CHANNELS:
        raise LimitError(
            f"{channels} audio channels are more than {_MAX_CHANNELS}", path=entry.path, offset=entry.offset
        )
    if not 0 < unit_bytes <= _MAX_UNIT_BYTES or not 0 < unit_samples <= _MAX_UNIT_SAMPLES:
        unit_bytes, unit_samples = 0, 1
    return AudioEntry(channels=channels, sample_rate=rate, unit_bytes=unit_bytes, unit_samples=unit_samples)


def _version_2(fields: FieldReader) -> tuple[int, int, int, int, int]:
    """(sample rate, channels, bits, bytes and samples of a packet) of version 2."""
    fields.skip(4)
    rate = _read_count(fields.read(8))
    channels = fields.read_number("I")
    fields.skip(4)
    bits, _flags, unit_bytes, unit_samples = fields.unpack("IIII")
    return rate, channels, bits, unit_bytes, unit_samples


def _read_count(raw: memoryview) -> int:
    """A 64-bit float that holds a count, as an integer; 0 if it is invalid."""
    (value,) = struct.unpack(">d", raw)
    return round(value) if math.isfinite(value) and 0 <= value < 1 << 32 else 0


def _configured_bits(entry: Box) -> int:
    """The sample size of the `pcmC` box, which takes precedence if present; else 0."""
    if entry.kind not in {"ipcm", "fpcm"}:
        return 0
    try:
        config = entry.find("pcmC", _FIELDS)
    except FormatError:
        return 0
    return int(config.body[5]) if config is not None and len(config.body) > 5 else 0  # noqa: PLR2004
