"""Reads the sample tables of finished copies; shares no code with the writer."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

_COMPRESSED_AUDIO: Final = frozenset({"mp4a", "ac-3", "ec-3", ".mp3", "Opus", "fLaC", "alac"})


@dataclass(kw_only=True, eq=False)
class TrackTables:
    """Values read from the tables of one trak."""

    number: int = 0
    handler: str = ""
    format: str = ""
    entry: bytes = b""
    chunks: list[int] = field(default_factory=list)
    runs: list[tuple[int, int]] = field(default_factory=list)
    size: int = 0
    count: int = 0
    sizes: tuple[int, ...] = ()
    default_size: int = 0


def read_table(track: TrackTables, kind: str, body: bytes) -> None:
    """Reads one table of a trak into `track`."""
    count = int.from_bytes(body[4:8], "big")
    match kind:
        case "tkhd":
            at = 20 if body[0] == 1 else 12
            track.number = int.from_bytes(body[at : at + 4], "big")
        case "hdlr":
            track.handler = body[8:12].decode("latin-1")
        case "stsd":
            track.format = body[12:16].decode("latin-1")
            track.entry = body[16:]
        case "stsc":
            rows = struct.unpack_from(f">{3 * count}I", body, 8)
            track.runs = list(zip(rows[0::3], rows[1::3], strict=True))
        case "stsz":
            track.size, track.count = struct.unpack_from(">II", body, 4)
            track.sizes = () if track.size else struct.unpack_from(f">{track.count}I", body, 12)
        case "stz2":
            bits, track.count = body[7], int.from_bytes(body[8:12], "big")
            track.sizes = _compact(body[12:], bits, track.count)
        case _:
            track.chunks = list(struct.unpack_from(f">{count}{'Q' if kind == 'co64' else 'I'}", body, 8))


def _compact(body: bytes, bits: int, count: int) -> tuple[int, ...]:
    if bits == 4:  # noqa: PLR2004 - two sizes in a byte
        return tuple(part for byte in body for part in (byte >> 4, byte & 15))[:count]
    return struct.unpack_from(f">{count}{'B' if bits == 8 else 'H'}", body)  # noqa: PLR2004


def constant_size(track: TrackTables, count: int) -> int:
    """Returns the bytes of `count` samples of constant size.

    For QuickTime audio, samples are frames whose size is given by the sample entry.
    """
    if track.handler != "soun" or len(track.entry) < 28 or track.size > 1:  # noqa: PLR2004 - an audio entry
        pcm = track.handler == "soun" and track.format not in _COMPRESSED_AUDIO
        if not pcm or len(track.entry) < 28:  # noqa: PLR2004
            return track.size * count
    version, channels, bits = struct.unpack_from(">H6xHH", track.entry, 8)
    if version == 1 and len(track.entry) >= 44:  # noqa: PLR2004 - version 1 entry
        per_packet, _, per_frame = struct.unpack_from(">III", track.entry, 28)
        return -(-count // per_packet) * per_frame if per_packet and per_frame else track.size * count
    if version == 2 and len(track.entry) >= 64:  # noqa: PLR2004 - version 2 entry
        per_packet, frames = struct.unpack_from(">II", track.entry, 56)
        return -(-count // frames) * per_packet if per_packet and frames else track.size * count
    if track.size > 1:
        return track.size * count
    width = {"in24": 3, "in32": 4, "fl32": 4, "fl64": 8, "ulaw": 1, "alaw": 1}.get(track.format, bits // 8)
    return int(count * channels * width)
