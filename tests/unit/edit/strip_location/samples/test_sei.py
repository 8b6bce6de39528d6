"""SEI messages that describe the video are kept byte for byte; user data is removed."""

from __future__ import annotations

import pytest

from eddyline.edit.strip_location.report import Report
from eddyline.edit.strip_location.samples.images import ImageError, remove_image_metadata
from eddyline.edit.strip_location.samples.nal_units import NalUnitCleaner
from eddyline.edit.strip_location.samples.sei import filter_sei_messages
from eddyline.mp4.bitstream.rbsp import add_emulation_prevention, remove_emulation_prevention
from eddyline.mp4.bitstream.sei import parse_sei_messages

TIMING = (1, b"\x04\x08\x20")
RECOVERY = (6, b"\xc4")
USER = (5, bytes(range(16)) + b"+47.3769+008.5417/")
X264 = (5, bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef") + b"x264 - core 164 r3095 - options: crf=23.0\0")
X264_WITH_LOCATION = (
    5,
    bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef") + b"x264 - core 164 at +47.3769+008.5417/\0",
)
HDR10_PLUS = (4, bytes.fromhex("b5003c000104") + bytes(20))
CAPTIONS = (4, b"\xb5\0\x31GA94\x03\xc1\xff\xfc")
LONG = (5, bytes(16) + b"x" * 600)


def unit(*found: tuple[int, bytes], header: bytes = b"\x06") -> bytes:
    body = b""
    for kind, data in found:
        body += bytes([kind]) + b"\xff" * (len(data) // 255) + bytes([len(data) % 255]) + data
    return header + add_emulation_prevention(body + b"\x80")


def test_messages_are_parsed() -> None:
    data = remove_emulation_prevention(unit(TIMING, LONG, USER)[1:])
    assert parse_sei_messages(data) == [TIMING, LONG, USER]


def test_a_unit_without_user_data_is_returned_unchanged() -> None:
    source = unit(TIMING, RECOVERY, X264, HDR10_PLUS)
    report = Report()
    assert filter_sei_messages(source, "h264", "track 1", report) is source
    assert not report.result(0).removed


@pytest.mark.parametrize(
    "bad", [USER, X264_WITH_LOCATION, CAPTIONS, LONG, (200, b"\x01"), (6, b"47.3769 N 8.5417 E")]
)
def test_user_data_is_removed_from_a_unit(bad: tuple[int, bytes]) -> None:
    report = Report()
    kept = filter_sei_messages(unit(TIMING, bad, X264), "h264", "track 1", report)
    assert kept == unit(TIMING, X264)
    assert report.result(0).removed[0].bytes == len(bad[1])


def test_a_unit_of_user_data_only_is_removed() -> None:
    assert filter_sei_messages(unit(USER), "h264", "track 1", Report()) == b""
    assert filter_sei_messages(unit(USER, header=b"\x4e\x01"), "hevc", "track 1", Report()) == b""


def test_an_unreadable_unit_is_removed() -> None:
    report = Report()
    assert filter_sei_messages(b"\x06\x05\xff\xff\x10short\x80", "h264", "track 1", report) == b""
    assert "without readable messages" in report.result(0).removed[0].what


def test_a_sample_of_user_data_only_is_replaced_by_a_delimiter() -> None:
    clean = NalUnitCleaner(codec="h264", length_size=4, what="track 1", report=Report())
    body = unit(USER)
    assert clean(len(body).to_bytes(4, "big") + body) == b"\0\0\0\2\x09\xf0"
    assert clean(b"") == b""


def test_dolby_vision_units_are_kept_if_a_configuration_is_present() -> None:
    rpu = b"\x7c\x01" + b"\x19\x08"
    sample = len(rpu).to_bytes(4, "big") + rpu
    plain = NalUnitCleaner(codec="hevc", length_size=4, what="track 1", report=Report())
    dolby = NalUnitCleaner(codec="hevc", length_size=4, what="track 1", report=Report(), dolby_vision=True)
    assert dolby(sample) is sample
    assert plain(sample) != sample


@pytest.mark.parametrize(
    "image", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe1\0\x02", b"\xff\xd8\xff\xe1\xff\xff", b"plain text"]
)
def test_truncated_images_are_rejected(image: bytes) -> None:
    with pytest.raises(ImageError):
        remove_image_metadata(image, "jpeg")
    with pytest.raises(ImageError):
        remove_image_metadata(b"\x89PNG\r\n\x1a\n" + image, "png")
