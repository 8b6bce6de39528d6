"""Static HDR metadata: boxes and messages are read as written, within bounds."""

from __future__ import annotations

import json
import struct
from dataclasses import asdict
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.mp4.bitstream.hdr_messages import (
    DOLBY_VISION,
    HDR10_PLUS,
    HdrMessages,
    hdr_obus,
    hdr_sei_units,
    read_hdr_messages,
)
from eddyline.mp4.bitstream.hdr_metadata import NO_HDR_METADATA, HdrMetadata, fixed_point_display_bytes
from eddyline.mp4.bitstream.nal_units import join_nal_units
from eddyline.mp4.bitstream.obu import make_metadata_obu, split_obus
from eddyline.mp4.bitstream.rbsp import add_emulation_prevention
from eddyline.mp4.bitstream.sei import encode_sei_messages
from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.entries.hdr_boxes import read_hdr_boxes, with_hdr_boxes
from eddyline.mp4.entries.visual_entry import entry_kinds

POINTS = (13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450)
METADATA = HdrMetadata(mastering_display=(*POINTS, 10_000_000, 50), content_light=(1000, 400))
displays = st.tuples(
    *[st.integers(5, 37_000), st.integers(5, 42_000)] * 4, st.integers(50_000, 10**8), st.integers(0, 50_000)
)
lights = st.tuples(st.integers(0, 65_535), st.integers(0, 65_535)).filter(any)
metadata = st.builds(HdrMetadata, mastering_display=st.none() | displays, content_light=st.none() | lights)


def stsd(*boxes: bytes) -> bytes:
    return make_full_box(
        "stsd", 0, 0, struct.pack(">I", 1), make_box("hvc1", bytes(78), make_box("hvcC", b"\1"), *boxes)
    )


@given(metadata)
def test_boxes_and_messages_are_read_as_written(given: HdrMetadata) -> None:
    table = with_hdr_boxes(stsd(make_box("clli", bytes(4)), make_box("mdcv", bytes(24))), given)
    assert read_hdr_boxes(table) == given == given.valid_part()
    assert entry_kinds(table) >= {"hvcC"}
    sei = join_nal_units([*hdr_sei_units(given), b"\x26\x01\xff"], 4)
    assert read_hdr_messages("hevc", sei) == HdrMessages(static=given)
    slices = join_nal_units([b"\x26\x01\xff", *hdr_sei_units(given)], 4)
    assert not read_hdr_messages("hevc", slices)  # a suffix message belongs to the next frame
    coded = read_hdr_messages("av1", hdr_obus(given) + b"\x32\1\0")
    assert coded == HdrMessages(static=given.as_fixed_point())
    if given.mastering_display and coded.static.mastering_display:
        steps = zip(given.mastering_display, coded.static.mastering_display, strict=True)
        assert [a == b for a, b in steps] == [True] * 8 + [ANY, True]
        assert abs(given.mastering_display[8] - coded.static.mastering_display[8]) <= 20  # 0.002 cd/m2
    assert not read_hdr_messages("av1", b"\x32\1\0" + hdr_obus(given))
    assert HdrMetadata.from_json(json.loads(json.dumps(asdict(given)))) == given


def test_a_table_without_metadata_is_returned_unchanged() -> None:
    table = stsd()
    assert with_hdr_boxes(table, NO_HDR_METADATA) is table


def test_vp9_has_its_own_boxes() -> None:
    assert METADATA.mastering_display is not None
    display = make_full_box("SmDm", 0, 0, fixed_point_display_bytes(METADATA.mastering_display))
    light = make_full_box("CoLL", 0, 0, struct.pack(">2H", 1000, 400))
    assert read_hdr_boxes(stsd(display, light)) == METADATA


@pytest.mark.parametrize("cut", range(24))
def test_cut_boxes_and_messages_are_ignored(cut: int) -> None:
    assert not read_hdr_boxes(stsd(make_box("mdcv", bytes(range(cut))), make_box("clli", bytes(min(cut, 3)))))
    unit = b"\x4e\x01" + add_emulation_prevention(encode_sei_messages([(137, b"\x7f" * cut)]))
    assert not read_hdr_messages("hevc", join_nal_units([unit], 4))
    assert not read_hdr_messages("av1", make_metadata_obu(2, b"\x7f" * (cut - 1)))


@given(st.binary(max_size=300), st.sampled_from(["h264", "hevc", "av1", "vp9"]), st.integers(1, 4))
def test_any_bytes_are_read_within_bounds(data: bytes, codec: str, length_size: int) -> None:
    read_hdr_messages(codec, data, length_size)
    assert sum(len(payload) for _, payload in split_obus(data)) <= len(data)


def test_dynamic_metadata_is_recognized() -> None:
    t35 = bytes.fromhex("b5003c00010400") + bytes(20)
    unit = b"\x4e\x01" + add_emulation_prevention(encode_sei_messages([(4, t35)]))
    assert read_hdr_messages("hevc", join_nal_units([unit], 4)).other == {HDR10_PLUS}
    assert read_hdr_messages("av1", make_metadata_obu(4, t35)).other == {HDR10_PLUS}
    assert read_hdr_messages("hevc", join_nal_units([b"\x7c\x01\x19"], 4)).other == {DOLBY_VISION}
    captions = bytes.fromhex("b50031") + b"GA94" + bytes(8)
    assert not read_hdr_messages("av1", make_metadata_obu(4, captions))


@pytest.mark.parametrize(
    "invalid",
    [
        (*POINTS[:-1], 0, 10_000_000, 50),  # no white point
        (37_001, *POINTS[1:], 10_000_000, 50),
        (*POINTS, 0, 50),
        (*POINTS, 10_000_000, 50_001),
        (0,) * 10,
        POINTS,
    ],
)
def test_values_out_of_range_mean_unknown(invalid: tuple[int, ...]) -> None:
    found = HdrMetadata(mastering_display=invalid, content_light=(1000, 400))
    assert found.valid_part() == HdrMetadata(content_light=(1000, 400))
    with pytest.raises(ValueError, match="invalid HDR metadata"):
        HdrMetadata.from_json(asdict(found))


@pytest.mark.parametrize(
    "hostile", [(1000,), (1000, 400, 3), (1 << 70, 1), (-1, 5), "ab", (True, 5), (1.5, 2)]
)
def test_hostile_json_is_rejected(hostile: object) -> None:
    with pytest.raises(ValueError, match="invalid HDR metadata"):
        HdrMetadata.from_json({"mastering_display": None, "content_light": hostile})
