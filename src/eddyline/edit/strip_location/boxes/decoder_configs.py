"""Decoder configuration boxes rebuilt from the parts that decoders need.

Parameter sets, stream headers and decoder-specific information are kept; SEI messages, comments, images,
unknown descriptors and trailing bytes are removed. References: ISO/IEC 14496-15 (avcC, hvcC), 14496-1 (esds),
the AV1 and FLAC mappings into ISO BMFF.
"""

from __future__ import annotations

import struct
from typing import Final

from eddyline.core.coordinates import contains_location, is_ascii_text
from eddyline.edit.strip_location.report import UNKNOWN, Report
from eddyline.edit.strip_location.samples.bitstreams import ObuCleaner, UserDataCleaner
from eddyline.edit.strip_location.samples.nal_units import NalUnitCleaner
from eddyline.mp4.boxes import Box, make_box

_ES, _CONFIG, _SPECIFIC, _SYNC = 3, 4, 5, 6
_CONFIG_FIELDS: Final = 13
_LONGEST_DESCRIPTOR: Final = 1 << 16
_MPEG_VIDEO: Final = frozenset({0x20, *range(0x60, 0x66), 0x6A})
_HVCC_ARRAYS, _LHVC_ARRAYS = 22, 5
_STREAM_INFO: Final = 34
_PLAIN_PROFILES: Final = frozenset({66, 77, 88})  # all others state their chroma format and bit depths


class ConfigError(ValueError):
    """An invalid decoder configuration."""


def rewrite_config(source: Box, report: Report) -> bytes:
    """Returns the rebuilt configuration box. Raises `ConfigError` if it is invalid."""
    body = bytes(source.body)
    try:
        match source.kind:
            case "avcC":
                made = _avc(body)
            case "hvcC":
                made = _hevc(body, _HVCC_ARRAYS, source.path, report)
            case "lhvC":
                made = _hevc(body, _LHVC_ARRAYS, source.path, report)
            case "av1C":
                clean = ObuCleaner(what=source.path, report=report)
                made = body[:4] + clean(body[4:])
            case "esds":
                made = body[:4] + _es(body[4:], source.path, report)
            case "dfLa":
                made = _flac(body)
            case _:
                raise ConfigError(source.kind)
    except (IndexError, struct.error) as error:
        raise ConfigError(f"{source.kind} is truncated") from error
    if contains_location(made):
        raise ConfigError(f"{source.kind} contains coordinates")
    if len(made) < len(body) and body[len(made) :].strip(b"\0") and source.kind != "esds":
        report.record_removed(f"{source.path} (trailing data)", UNKNOWN, len(body) - len(made), body)
    return make_box(source.kind, made)


def _avc(body: bytes) -> bytes:
    at = 5
    for mask in (31, 255):
        count = body[at] & mask
        at = _units_end(body, at + 1, count)
    if body[1] not in _PLAIN_PROFILES and at + 4 <= len(body):
        at = _units_end(body, at + 4, body[at + 3])
    return body[:at]


def _units_end(body: bytes, at: int, count: int) -> int:
    """Returns the end of `count` parameter sets, each preceded by its 16-bit length."""
    for _ in range(count):
        (length,) = struct.unpack_from(">H", body, at)
        at += 2 + length
        if at > len(body):
            raise ConfigError("a parameter set is longer than its box")
    return at


def _hevc(body: bytes, at: int, what: str, report: Report) -> bytes:
    clean = NalUnitCleaner(codec="hevc", length_size=2, what=what, report=report)
    arrays: list[bytes] = []
    count, header = body[at], body[:at]
    at += 1
    for _ in range(count):
        kind, units = struct.unpack_from(">BH", body, at)
        end = _units_end(body, at + 3, units)
        kept = []
        at += 3
        while at < end:
            (length,) = struct.unpack_from(">H", body, at)
            unit = clean.unit(body[at + 2 : at + 2 + length])
            kept += [struct.pack(">H", len(unit)) + unit] if unit else []
            at += 2 + length
        if kept:
            arrays.append(struct.pack(">BH", kind, len(kept)) + b"".join(kept))
    return header + bytes([len(arrays)]) + b"".join(arrays)


def _descriptors(data: bytes) -> list[tuple[int, bytes]]:
    """Returns (tag, body) of each descriptor (ISO/IEC 14496-1 section 8.3.3); lengths take up to 4 bytes."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at + 2 <= len(data):
        tag, length, at = data[at], 0, at + 1
        for _ in range(4):
            length = length << 7 | data[at] & 127
            at += 1
            if not data[at - 1] & 128:
                break
        if length > min(_LONGEST_DESCRIPTOR, len(data) - at):
            raise ConfigError("a descriptor is longer than its box")
        found.append((tag, data[at : at + length]))
        at += length
    return found


def _descriptor(tag: int, body: bytes) -> bytes:
    size = bytes(len(body) >> shift & 127 | (128 if shift else 0) for shift in (21, 14, 7, 0))
    return bytes([tag]) + size + body


def _es(data: bytes, what: str, report: Report) -> bytes:
    """Returns the elementary stream descriptor with its decoder and sync layer configuration only."""
    first = next((body for tag, body in _descriptors(data) if tag == _ES), b"")
    flags = first[2]
    if flags & 0x40:
        raise ConfigError("the elementary stream is at a URL")
    at = 3 + (2 if flags & 0x80 else 0) + (2 if flags & 0x20 else 0)
    made = first[:at]
    for tag, body in _descriptors(first[at:]):
        if tag == _CONFIG:
            made += _descriptor(tag, _decoder(body, what, report))
        elif tag == _SYNC and len(body) == 1:
            made += _descriptor(tag, body)
        else:
            report.record_removed(f"{what} (descriptor {tag})", UNKNOWN, len(body), body)
    return _descriptor(_ES, made)


def _decoder(data: bytes, what: str, report: Report) -> bytes:
    made = data[:_CONFIG_FIELDS]
    for tag, body in _descriptors(data[_CONFIG_FIELDS:]):
        if (
            tag != _SPECIFIC
            or contains_location(body)
            or (is_ascii_text(body) and data[0] not in _MPEG_VIDEO)
        ):
            report.record_removed(f"{what} (descriptor {tag})", UNKNOWN, len(body), body)
            continue
        clean = UserDataCleaner(what=what, report=report)
        made += _descriptor(tag, clean(body) if data[0] in _MPEG_VIDEO else body)
    return made


def _flac(body: bytes) -> bytes:
    """Keeps only STREAMINFO, the first metadata block; removes tags and images."""
    if body[4] & 127 or body[5:8] != b"\0\0\x22" or len(body) < 8 + _STREAM_INFO:
        raise ConfigError("STREAMINFO is missing")
    return body[:4] + bytes([128]) + body[5 : 8 + _STREAM_INFO]
