"""The HDR metadata of a source: the bitstream first, then the boxes; what renditions omit is listed."""

from __future__ import annotations

from eddyline.media.source.hdr_metadata import left_out_hdr, read_messages
from eddyline.mp4.bitstream.hdr_messages import AMBIENT, HDR10_PLUS, HdrMessages, hdr_sei_units
from eddyline.mp4.bitstream.hdr_metadata import HdrMetadata
from eddyline.mp4.bitstream.nal_units import join_nal_units
from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.entries.hdr_boxes import with_hdr_boxes

POINTS = (13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450)
METADATA = HdrMetadata(mastering_display=(*POINTS, 10_000_000, 50), content_light=(1000, 400))
OTHER = HdrMetadata(mastering_display=(*POINTS, 40_000_000, 50), content_light=(4000, 100))


def stsd(length_size: int = 4) -> bytes:
    config = make_box("hvcC", bytes(21) + bytes([length_size - 1, 0]))
    return make_full_box("stsd", 0, 0, b"\0\0\0\1", make_box("hvc1", bytes(78), config))


def test_the_bitstream_takes_precedence_over_the_boxes() -> None:
    light = HdrMetadata(content_light=METADATA.content_light)
    for length_size in (2, 4):
        keyframe = join_nal_units(hdr_sei_units(light), length_size)
        found = read_messages("hvc1", with_hdr_boxes(stsd(length_size), OTHER), keyframe)
        assert found.static == HdrMetadata(
            mastering_display=OTHER.mastering_display, content_light=METADATA.content_light
        )


def test_a_damaged_keyframe_leaves_the_boxes() -> None:
    keyframe = b"\0\0\0\x08\x4e\x01\x89\xff\xff\xff\xff\xff"
    assert read_messages("hvc1", with_hdr_boxes(stsd(), OTHER), keyframe).static == OTHER
    assert read_messages("apcn", with_hdr_boxes(stsd(), OTHER), b"icpf").static == OTHER


def test_dynamic_and_invalid_metadata_is_listed() -> None:
    assert left_out_hdr(HdrMessages(static=METADATA)) == []
    dynamic = left_out_hdr(HdrMessages(other=frozenset({HDR10_PLUS, AMBIENT})))
    assert [each.what for each in dynamic] == [
        "dynamic HDR metadata (HDR10+)",
        "dynamic HDR metadata (ambient viewing environment)",
    ]
    invalid = left_out_hdr(HdrMessages(static=HdrMetadata(mastering_display=(0,) * 10)))
    assert [each.what for each in invalid] == ["invalid static HDR metadata"]
