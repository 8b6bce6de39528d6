"""Sample entries: codec strings, transfer characteristics and static HDR metadata."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from eddyline.media.streaming.validation.sample_entry import codec_string, read_sample_entry
from eddyline.mp4.boxes import Box, iter_boxes, make_box, make_full_box
from eddyline.mp4.entries.object_type import read_audio_object_type
from eddyline.mp4.movie import Movie, Samples, Track

NO_SAMPLES = Samples(
    **{name: np.zeros(0, np.int64) for name in ("offset", "size", "dts", "pts", "duration")},
    sync=np.zeros(0, np.bool_),
    description=np.zeros(0, np.int32),
)
HEVC = bytes([1, 0x02, *bytes.fromhex("20000000"), *bytes.fromhex("900000000000"), 93]) + bytes(9)


def boxes(*parts: bytes) -> dict[str, Box]:
    return {box.kind: box for box in iter_boxes(b"".join(parts))}


def movie(kind: str, *inside: bytes) -> Movie:
    fields = bytes(78)
    stsd = make_full_box("stsd", 0, 0, struct.pack(">I", 1), make_box(kind, fields, *inside))
    track = Track(
        number=1,
        kind="video",
        handler="vide",
        name="",
        timescale=30,
        duration=0,
        format=kind,
        stsd=stsd,
        media_header=b"",
        width=640,
        height=360,
        samples=NO_SAMPLES,
    )
    return Movie(
        timescale=30,
        duration=0,
        creation_time=0,
        brand="iso6",
        tracks=(track,),
        udta=None,
        fragmented=True,
        size=0,
        bytes_read=0,
    )


@pytest.mark.parametrize(
    ("kind", "config", "expected"),
    [
        ("avc1", make_box("avcC", bytes.fromhex("0164001fff")), "avc1.64001f"),
        ("hvc1", make_box("hvcC", HEVC), "hvc1.2.4.L93.90"),
        ("hvc1", make_box("hvcC", b"\1\2"), "hvc1."),
        ("av01", make_box("av1C", bytes([0x81, 0x05, 0x4C, 0])), "av01.0.05M.10"),
        ("av01", make_box("av1C", bytes([0x81, 0x2C, 0xEC, 0])), "av01.1.12H.12"),
        ("wvtt", b"", "wvtt"),
        ("avc1", b"", "avc1"),
    ],
)
def test_the_codec_string_of_a_configuration(kind: str, config: bytes, expected: str) -> None:
    assert codec_string(kind, boxes(config), b"") == expected


def descriptor(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes([tag, len(body)]) + body


def test_the_audio_object_type_is_in_the_decoder_configuration() -> None:
    def stsd(info: bytes) -> bytes:
        config = descriptor(4, bytes([0x40]) + bytes(12), descriptor(5, info))
        return make_full_box("esds", 0, 0, descriptor(3, b"\0\1\0", config))

    assert read_audio_object_type(stsd(b"\x12\x10")) == 2
    assert read_audio_object_type(stsd(b"\xf9\x40")) == 42  # xHE-AAC, an escaped type
    assert read_audio_object_type(stsd(b"")) == read_audio_object_type(b"esds") == -1
    assert codec_string("mp4a", {}, stsd(b"\x12\x10")) == "mp4a.40.2"
    assert codec_string("mp4a", {}, b"") == "mp4a"


def sei(*messages: tuple[int, bytes]) -> bytes:
    unit = b"\x4e\1" + b"".join(bytes([kind, len(body)]) + body for kind, body in messages) + b"\x80"
    array = bytes([39]) + struct.pack(">HH", 1, len(unit)) + unit
    return make_box("hvcC", HEVC + bytes([1]) + array)


def test_transfer_characteristics_and_static_metadata_are_read() -> None:
    colr = make_box("colr", b"nclx", struct.pack(">HHH", 9, 16, 9), b"\0")
    entry = read_sample_entry(movie("hvc1", sei((137, bytes(24)), (144, bytes(4))), colr))
    assert (entry.codec, entry.transfer, entry.static_hdr) == ("hvc1.2.4.L93.90", 16, True)
    assert (entry.width, entry.height, entry.tracks, entry.entries) == (640, 360, 1, 1)
    encoder = read_sample_entry(movie("hvc1", sei((5, b"x265"))))
    assert (encoder.transfer, encoder.static_hdr) == (None, False)
    both = read_sample_entry(movie("av01", make_box("mdcv", bytes(24)), make_box("clli", bytes(4))))
    assert both.static_hdr
