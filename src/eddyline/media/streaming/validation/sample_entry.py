"""Sample entries of initialization segments: codec strings, sizes, transfer characteristics."""

from __future__ import annotations

from collections.abc import Iterator

from eddyline.core.errors import EddylineError
from eddyline.media.streaming.validation.stream_model import SampleEntry
from eddyline.media.video.spherical import read_spherical, video_layout
from eddyline.mp4.bitstream.rbsp import remove_emulation_prevention
from eddyline.mp4.boxes import Box, sample_entries
from eddyline.mp4.entries.object_type import read_audio_object_type, read_object_type
from eddyline.mp4.entries.protection import read_protection
from eddyline.mp4.errors import Mp4Error
from eddyline.mp4.movie import Movie, Track

_VISUAL_FIELDS, _AUDIO_FIELDS = 78, 28
_SEI = 39  # NAL unit type of prefix SEI in HEVC
_MASTERING_DISPLAY, _LIGHT_LEVEL = 137, 144  # payload types of SEI messages
_NCLX = 10  # bytes of colr up to its transfer characteristics, and matrix


def read_sample_entry(movie: Movie) -> SampleEntry:
    """The first sample entry of the first track of an initialization segment. Raises `Mp4Error`."""
    track = movie.tracks[0]
    entries = list(sample_entries(track.stsd))
    if not entries:
        raise Mp4Error("the initialization segment has no sample entry", path="stsd")
    boxes = {box.kind: box for box in _boxes(entries[0], track)}
    protection = read_protection(track.stsd)
    return SampleEntry(
        codec=codec_string(entries[0].kind, boxes, track.stsd),
        kind={"text": "text", "subt": "text", "sbtl": "text"}.get(track.handler, track.kind),
        width=track.width,
        height=track.height,
        display=(round(track.display_size[0]), round(track.display_size[1])),
        transfer=_transfer(boxes.get("colr")),
        encrypted=track.encrypted,
        scheme=protection.scheme if protection else "",
        key_id=protection.key_id.hex() if protection else "",
        tracks=len(movie.tracks),
        entries=len(entries),
        static_hdr=_has_static_hdr(boxes),
        layout=_layout(track),
    )


def _boxes(entry: Box, track: Track) -> Iterator[Box]:
    fields = {"video": _VISUAL_FIELDS, "audio": _AUDIO_FIELDS}.get(track.kind, 8)
    try:
        yield from entry.children(min(fields, len(entry.body)))
    except Mp4Error:
        return  # bytes that are not boxes may end an entry


def codec_string(kind: str, boxes: dict[str, Box], stsd: bytes) -> str:
    """The codec string of a sample entry (RFC 6381; ISO/IEC 14496-15 annex E; AV1-ISOBMFF section 5)."""
    if kind in {"avc1", "avc3"} and "avcC" in boxes:
        return f"{kind}.{bytes(boxes['avcC'].body[1:4]).hex()}"
    if kind in {"hvc1", "hev1"} and "hvcC" in boxes:
        return f"{kind}.{_hevc(bytes(boxes['hvcC'].body))}"
    if kind == "av01" and "av1C" in boxes:
        return f"{kind}.{_av1(bytes(boxes['av1C'].body))}"
    if kind == "mp4a":
        object_type = read_object_type(stsd)
        audio = read_audio_object_type(stsd)
        suffix = f".{audio}" if audio > 0 else ""
        return f"{kind}.{object_type:x}{suffix}" if object_type > 0 else kind
    return kind


def _hevc(config: bytes) -> str:
    if len(config) < 13:  # noqa: PLR2004 - profile, tier, level
        return ""
    space = ("", "A", "B", "C")[config[1] >> 6]
    flags = f"{int.from_bytes(config[2:6], 'big'):032b}"[::-1]
    constraints = ".".join(f"{byte:x}" for byte in config[6:12].rstrip(b"\0"))
    tier = "H" if config[1] & 0x20 else "L"
    text = f"{space}{config[1] & 31}.{int(flags, 2):x}.{tier}{config[12]}"
    return f"{text}.{constraints}" if constraints else text


def _av1(config: bytes) -> str:
    if len(config) < 3:  # noqa: PLR2004 - profile, level, tier and depth
        return ""
    high, twelve = config[2] & 0x40, config[2] & 0x20
    depth = 12 if high and twelve else 10 if high else 8
    tier = "H" if config[2] & 0x80 else "M"
    return f"{config[1] >> 5}.{config[1] & 31:02}{tier}.{depth:02}"


def _transfer(colr: Box | None) -> int | None:
    """The transfer characteristics of a colr box of type nclx (ISO/IEC 14496-12 section 12.1.5)."""
    body = b"" if colr is None else bytes(colr.body[:_NCLX])
    if len(body) < _NCLX or body[:4] not in {b"nclx", b"nclc"}:
        return None
    return int.from_bytes(body[6:8], "big")


def _has_static_hdr(boxes: dict[str, Box]) -> bool:
    """Whether mastering display and content light level are stated, in boxes or SEI of the configuration."""
    if {"mdcv", "clli"} <= boxes.keys():
        return True
    messages = {kind for unit in _sei_units(boxes.get("hvcC")) for kind in _sei_messages(unit)}
    return {_MASTERING_DISPLAY, _LIGHT_LEVEL} <= messages


def _sei_units(config: Box | None) -> Iterator[bytes]:
    """The SEI NAL units of an HEVC configuration (ISO/IEC 14496-15 section 8.3.3.1)."""
    body = b"" if config is None else bytes(config.body)
    at = 23  # of the first array
    for _ in range(body[22] if len(body) >= at else 0):
        kind, count, at = body[at : at + 1], int.from_bytes(body[at + 1 : at + 3], "big"), at + 3
        for _ in range(count):
            size = int.from_bytes(body[at : at + 2], "big")
            if at + 2 + size > len(body):
                return
            if kind and kind[0] & 63 == _SEI:
                yield body[at + 2 : at + 2 + size]
            at += 2 + size


def _sei_messages(unit: bytes) -> Iterator[int]:
    """The payload types of an SEI NAL unit (ITU-T H.265 section 7.3.5)."""
    data = remove_emulation_prevention(unit[2:])
    at = 0
    while at + 2 <= len(data) and data[at] != 0x80:  # noqa: PLR2004 - trailing bits
        numbers = []
        for _ in range(2):  # type and size, each as a sum of bytes up to one that is less than 255
            number = 0
            while at < len(data) and data[at] == 0xFF:  # noqa: PLR2004 - as above
                number, at = number + 0xFF, at + 1
            numbers.append(number + (data[at] if at < len(data) else 0))
            at += 1
        yield numbers[0]
        at += numbers[1]


def _layout(track: Track) -> str:
    try:
        found = read_spherical(track) if track.kind == "video" else None
    except EddylineError:
        return ""
    return (video_layout(found) or "") if found else ""
