"""The codec of an "mp4v" or "mp4a" sample entry: the object types in its esds box."""

from __future__ import annotations

from typing import Final

# Descriptor tags, ISO/IEC 14496-1 table 1.
_ES, _DECODER_CONFIG, _SPECIFIC_INFO = 0x03, 0x04, 0x05
_CONFIG_FIELDS: Final = 13  # bytes of a decoder configuration before its descriptors
_ESCAPE: Final = 31  # an audio object type of more than five bits
_LENGTH_BYTES: Final = 4
_VERSION_AND_FLAGS: Final = 4


def read_object_type(stsd: bytes) -> int:
    """The objectTypeIndication (ISO/IEC 14496-1, table 5) of the first esds in a sample description table.

    -1 if there is none or it is truncated.
    """
    body = _decoder_config(stsd)
    return stsd[body] if 0 <= body < len(stsd) else -1


def read_audio_object_type(stsd: bytes) -> int:
    """The audioObjectType (ISO/IEC 14496-3, table 1.17) of the first esds: 2 for AAC-LC; -1 as above."""
    body = _decoder_config(stsd)
    info = _descriptor_body(stsd, body + _CONFIG_FIELDS, _SPECIFIC_INFO) if body >= 0 else -1
    if info < 0 or info + 2 > len(stsd):
        return -1
    kind = stsd[info] >> 3
    return 32 + ((stsd[info] & 7) << 3 | stsd[info + 1] >> 5) if kind == _ESCAPE else kind


def _decoder_config(stsd: bytes) -> int:
    """The offset of the body of the decoder configuration; -1 if it is missing."""
    at = stsd.find(b"esds")
    if at < 0:
        return -1
    es = _descriptor_body(stsd, at + 4 + _VERSION_AND_FLAGS, _ES)
    if es < 0 or es + 3 > len(stsd):
        return -1
    flags = stsd[es + 2]
    config = es + 3 + (2 if flags & 0x80 else 0)  # streamDependenceFlag
    if flags & 0x40:  # URL_Flag
        config += 1 + (stsd[config] if config < len(stsd) else 0)
    config += 2 if flags & 0x20 else 0  # OCRstreamFlag
    return _descriptor_body(stsd, config, _DECODER_CONFIG)


def _descriptor_body(data: bytes, at: int, tag: int) -> int:
    """The offset of the body of the descriptor at `at`; -1 if that tag is missing."""
    if at >= len(data) or data[at] != tag:
        return -1
    for place in range(at + 1, min(at + 1 + _LENGTH_BYTES, len(data))):
        if not data[place] & 0x80:
            return place + 1
    return -1
