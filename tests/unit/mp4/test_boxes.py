"""Boxes and fields are read within their bounds."""

from __future__ import annotations

import struct

import pytest

from eddyline.mp4.boxes import Box, find_box, iter_boxes, make_box
from eddyline.mp4.errors import Mp4Error


def _parent(body: bytes, offset: int = 100) -> Box:
    return Box(kind="moov", raw=memoryview(body), body=memoryview(body), offset=offset, path="moov")


def test_children_have_a_path_and_an_offset() -> None:
    parent = _parent(make_box("trak", b"abc") + make_box("free") + make_box("trak", b"de"))
    found = [(child.path, child.offset, bytes(child.body)) for child in parent.children()]
    assert found == [
        ("moov/trak[0]", 108, b"abc"),
        ("moov/free", 119, b""),
        ("moov/trak[1]", 127, b"de"),
    ]


def test_a_size_of_zero_extends_to_the_end_of_the_parent() -> None:
    parent = _parent(make_box("free") + struct.pack(">I4s", 0, b"udta") + b"rest")
    assert bytes(parent.require("udta").body) == b"rest"


def test_a_size_of_one_has_64_bits() -> None:
    parent = _parent(struct.pack(">I4sQ", 1, b"udta", 19) + b"abc" + make_box("free"))
    assert [bytes(child.body) for child in parent.children()] == [b"abc", b""]


def test_the_header_of_a_uuid_box_contains_the_uuid() -> None:
    (child,) = _parent(make_box("uuid", b"0123456789abcdef", b"payload")).children()
    assert bytes(child.body) == b"payload"


@pytest.mark.parametrize("tail", [b"\0\0\0\0", bytes(8), b"\0\0\0"])
def test_zeros_after_the_last_box_end_a_container(tail: bytes) -> None:
    assert [child.kind for child in _parent(make_box("name", b"x") + tail).children()] == ["name"]


def test_a_missing_box_is_reported_with_its_path_and_offset() -> None:
    with pytest.raises(Mp4Error, match="moov at byte 100: the 'mvhd' box is missing"):
        _parent(b"").require("mvhd")


def test_box_types_in_paths_are_escaped() -> None:
    (child,) = _parent(make_box("\x1b[2J", b"")).children()
    assert child.path == "moov/\\x1b[2J"


def test_fields_end_with_their_box() -> None:
    fields = _parent(b"\0\1\2").fields()
    assert fields.unpack("BH") == (0, 258)
    with pytest.raises(Mp4Error, match="a field of 1 bytes, but the box ends after 0") as raised:
        fields.skip(1)
    assert raised.value.offset == 103


def test_boxes_of_a_payload_end_before_the_first_invalid_one() -> None:
    first, second = make_box("FIRM", b"HD9"), make_box("MUID", bytes(8))
    assert [box.kind for box in iter_boxes(first + second + b"\0\0\0\x03abcd")] == ["FIRM", "MUID"]
    assert [box.kind for box in iter_boxes(first + struct.pack(">I4s", 0, b"open") + second)] == ["FIRM"]
    assert b"".join(bytes(box.raw) for box in iter_boxes(first + second)) == first + second


def test_the_body_of_a_missing_box_is_empty() -> None:
    payload = make_box("FIRM", b"HD9") + make_box("FIRM", b"HD8")
    assert (find_box(payload, "FIRM"), find_box(payload, "MUID")) == (b"HD9", b"")
