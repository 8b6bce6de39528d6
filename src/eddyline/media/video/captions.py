"""Closed captions inside H.264 and HEVC video (CEA-608 in SEI messages, ANSI/SCTE 128).

FFmpeg extracts them only if it decodes all of the video. Here the messages are read from the samples, and
their byte pairs become a QuickTime caption track ("c608"), which FFmpeg decodes like any other.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from eddyline.core.errors import InputError
from eddyline.media.video.parameter_sets import read_parameter_sets
from eddyline.mp4.bitstream.nal_units import SLICES, leading_nal_units, nal_unit_type
from eddyline.mp4.bitstream.rbsp import remove_emulation_prevention
from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Track
from eddyline.mp4.presentation import Presentation
from eddyline.mp4.slice import iter_samples
from eddyline.mp4.write.memory_samples import MemorySamples
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack, Piece

CAPTION_CODEC: Final = "eia_608"
"""FFmpeg's name of the closed caption codec."""
MAX_FRAMES: Final = 2_000_000
"""Captions of longer videos are not read: nine hours at 60 fps."""

_CODECS = {"avc1": "h264", "avc3": "h264", "hvc1": "hevc", "hev1": "hevc"}
_SEI = {"h264": (6, 1), "hevc": (39, 2)}  # NAL unit type of SEI, and bytes of its header
_REGISTERED = 4  # user_data_registered_itu_t_t35 (H.264 section D.1.6)
_ATSC = b"\xb5\x00\x31GA94\x03"  # country, provider, identifier, and type of cc_data()
_EMPTY_PAIR = b"\x80\x80"  # with parity bits
_FIELD_1 = 0b100  # cc_valid, cc_type 0
_HEAD = 64 * 1024  # bytes of a sample that contain its SEI
_MAX_UNITS = 64


def has_captions(src: ByteRanges, track: Track, shown: Presentation) -> bool:
    """Whether the first frame has captions; in a captioned video every frame has them."""
    if track.format not in _CODECS or not 0 < len(shown) <= MAX_FRAMES:
        return False
    first = int(shown.sample[0])
    size = min(int(track.samples.size[first]), _HEAD)
    try:
        return bool(_pairs(src.read(int(track.samples.offset[first]), size), *_nal_format(track, first)))
    except InputError:
        return False


def write_caption_track(src: ByteRanges, track: Track, shown: Presentation, out: Path) -> None:
    """Write the captions of field 1 (CC1 and CC2) as a MOV with one caption track, in movie time."""
    found = [b""] * len(track.samples)
    for number, data in enumerate(iter_samples(src, track)):
        found[number] = _pairs(data[:_HEAD], *_nal_format(track, number))
    samples = [make_box("cdat", found[number] or _EMPTY_PAIR) for number in shown.sample.tolist()]
    starts = np.maximum(shown.pts, 0)
    if starts[0] > 0:
        samples.insert(0, make_box("cdat", _EMPTY_PAIR))
        starts = np.insert(starts, 0, 0)
    size = np.array([len(each) for each in samples], np.int64)
    captions = OutputTrack(
        handler="clcp",
        name="Captions",
        timescale=track.timescale,
        stsd=make_full_box(
            "stsd", 0, 0, struct.pack(">I", 1), make_box("c608", bytes(6), struct.pack(">H", 1))
        ),
        media_header=make_full_box("nmhd", 0, 0),
        pieces=(Piece(source=MemorySamples(b"".join(samples)), offset=np.cumsum(size) - size, size=size),),
        duration=np.diff(np.append(starts, shown.end)),
    )
    write_mp4(out, [captions], timescale=track.timescale, brand="qt  ", compatible=("qt  ",), durable=False)


def _nal_format(track: Track, sample: int) -> tuple[str, int]:
    """The codec, and the size of a NAL unit length in bytes."""
    return _CODECS[track.format], read_parameter_sets(
        track.stsd, int(track.samples.description[sample])
    ).length_size


def _pairs(sample: bytes, codec: str, length_size: int) -> bytes:
    """The byte pairs of field 1 in the SEI of a frame."""
    wanted, header = _SEI[codec]
    found = b""
    for _, unit in zip(range(_MAX_UNITS), leading_nal_units(sample, length_size), strict=False):
        kind = nal_unit_type(codec, unit)
        if kind == wanted:
            for payload in _messages(remove_emulation_prevention(unit[header:])):
                found += _field_1(payload)
        elif kind in SLICES[codec]:
            break
    return found


def _messages(data: bytes) -> Iterator[bytes]:
    """The registered user data among the messages of an SEI unit (H.264 section 7.3.2.3.1)."""
    at = 0
    while at + 2 < len(data):
        values = []
        for _ in range(2):
            value = 0
            while at < len(data) and data[at] == 0xFF:  # noqa: PLR2004 - ff_byte
                value, at = value + 255, at + 1
            value, at = value + (data[at] if at < len(data) else 0), at + 1
            values.append(value)
        kind, size = values
        if kind == _REGISTERED:
            yield data[at : at + size]
        at += size


def _field_1(payload: bytes) -> bytes:
    """The field 1 pairs of cc_data() (ANSI/CTA-708 section 4.4): a count, then three bytes each."""
    if not payload.startswith(_ATSC) or len(payload) < len(_ATSC) + 2:
        return b""
    at = len(_ATSC)
    rows = payload[at + 2 : at + 2 + 3 * (payload[at] & 31)]
    triplets = (rows[place : place + 3] for place in range(0, len(rows) - 2, 3))
    return b"".join(each[1:] for each in triplets if each[0] & 0b111 == _FIELD_1)
