"""Filters SEI messages of H.264 and HEVC: those that describe the video are kept, user data is removed.

Dash cams and AVCHD camcorders write positions into `user_data_unregistered`; captions in
`user_data_registered_itu_t_t35` are text. Payload types are those of ITU-T H.264 and H.265 annex D.
"""

from __future__ import annotations

import re
from typing import Final

from eddyline.core.coordinates import contains_location, is_ascii_text
from eddyline.edit.strip_location.report import TEXT, UNKNOWN, Report
from eddyline.mp4.bitstream.rbsp import add_emulation_prevention, remove_emulation_prevention
from eddyline.mp4.bitstream.sei import SEI_HEADER, encode_sei_messages, parse_sei_messages

_REGISTERED, _UNREGISTERED, _FILLER = 4, 5, 3
# buffering period, picture timing, pan-scan, recovery point, scene and picture information, film grain,
# tone mapping, frame packing, display orientation, HDR and colour, 360-degree projections, alpha, depth.
_BOTH: Final = frozenset({0, 1, 2, 6, 9, 10, 15, 16, 17, 19, 22, 23, 45, 47, 137, 144, 147, 148, 149})
_PROJECTIONS: Final = frozenset({150, 151, 154, 155, 156})
_KNOWN: Final = {
    "h264": _BOTH | _PROJECTIONS | {7, 8, 11, 12, 13, 14, 18, 20, 21, 56},
    "hevc": _BOTH | _PROJECTIONS | {128, 129, 130, 131, 132, 135, 136, 157, 160, 161, 165, 176, 177, 178},
}
_LONGEST: Final = 4096  # bytes of one message; tone mapping curves and film grain are far smaller
_UUID: Final = 16
# Encoder descriptions: decoders select workarounds by the x264 build number.
_ENCODERS: Final = {
    bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef"): re.compile(rb"x264 - core \d+[ -~]*\0?"),
    bytes.fromhex("2ca2de09b51747dbbb55a4fe7fc2fc4e"): re.compile(rb"x265 \(build \d+\)[ -~]*\0?"),
}
_HDR10_PLUS: Final = bytes.fromhex("b5003c000104")
_ACTIVE_FORMAT: Final = b"\xb5\x00\x31DTG1"
_CAPTIONS: Final = b"\xb5\x00\x31GA94"
_LONGEST_T35: Final = {_HDR10_PLUS: 1024, _ACTIVE_FORMAT: 16}


def filter_sei_messages(unit: bytes, codec: str, what: str, report: Report) -> bytes:
    """Returns a SEI NAL unit ("h264" or "hevc") with harmless messages only; empty if none is left.

    Removed messages are reported as part of `what`. A unit whose messages cannot be parsed is removed.
    """
    header = SEI_HEADER[codec]
    data = remove_emulation_prevention(unit[header:])
    try:
        found = parse_sei_messages(data)
    except ValueError:
        report.record_removed(f"{what}: SEI unit without readable messages", UNKNOWN, len(unit), data)
        return b""
    kept = [(kind, body) for kind, body in found if _is_harmless(kind, body, codec)]
    if len(kept) == len(found):
        return unit
    for kind, body in found:
        if (kind, body) not in kept:
            name, why = _describe(kind, body)
            report.record_removed(f"{what}: {name}", why, len(body), body)
    if not kept:
        return b""
    return unit[:header] + add_emulation_prevention(encode_sei_messages(kept))


def _is_harmless(kind: int, body: bytes, codec: str) -> bool:
    if kind == _FILLER:
        return not body.strip(b"\xff")
    if kind == _UNREGISTERED:
        text = _ENCODERS.get(body[:_UUID])
        return (
            text is not None
            and text.fullmatch(body[_UUID:]) is not None
            and not contains_location(body[_UUID:])
        )
    if kind == _REGISTERED:
        longest = next((most for start, most in _LONGEST_T35.items() if body.startswith(start)), -1)
        return len(body) <= longest and not contains_location(body)
    return (
        kind in _KNOWN[codec]
        and len(body) <= _LONGEST
        and not is_ascii_text(body)
        and not contains_location(body)
    )


def _describe(kind: int, body: bytes) -> tuple[str, str]:
    if kind == _UNREGISTERED:
        return f"SEI user data {body[:_UUID].hex()}", UNKNOWN
    if kind == _REGISTERED and body.startswith(_CAPTIONS):
        return "captions in SEI messages", TEXT
    if kind == _REGISTERED:
        return f"SEI registered user data {body[:3].hex()}", UNKNOWN
    return f"SEI message {kind}", UNKNOWN
