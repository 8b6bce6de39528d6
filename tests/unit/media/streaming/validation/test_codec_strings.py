"""Codec strings state family, profile, level and tier."""

from __future__ import annotations

import pytest

from eddyline.media.streaming.validation.codec_strings import (
    agree,
    is_known_and_invalid,
    parse_codec,
    parse_codecs,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("avc1.640028", ("video", "h264", 100, 40, False)),
        ("hvc1.2.4.L153.B0", ("video", "hevc", 2, 153, False)),
        ("hev1.A1.60000000.H120", ("video", "hevc", 1, 120, True)),
        ("av01.0.00M.10.0.110.09.16.09.0", ("video", "av1", 0, 0, False)),
        ("av01.1.12H.08", ("video", "av1", 1, 12, True)),
        ("mp4a.40.2", ("audio", "aac", 0, -1, False)),
        ("ec-3", ("audio", "eac3", 0, -1, False)),
        ("wvtt", ("text", "wvtt", 0, -1, False)),
        ("x", ("", "", 0, -1, False)),
    ],
)
def test_a_codec_string_is_parsed(text: str, expected: tuple[str, str, int, int, bool]) -> None:
    codec = parse_codec(text)
    assert (codec.kind, codec.family, codec.profile, codec.level, codec.high_tier) == expected


@pytest.mark.parametrize(
    "text", ["avc1", "avc1.64", "avc1.zzzzzz", "hvc1.2.4", "hvc1.2.4.Lx", "av01.0", "av01.x.y"]
)
def test_incomplete_strings_are_noticed(text: str) -> None:
    assert is_known_and_invalid(parse_codec(text))


def test_lists_are_bounded() -> None:
    assert [each.text for each in parse_codecs(" avc1.640028 ,mp4a.40.2,")] == ["avc1.640028", "mp4a.40.2"]
    assert len(parse_codecs("a," * 10_000)) == 64


@pytest.mark.parametrize(
    ("declared", "actual", "same"),
    [
        ("avc1.640028", "avc1.640028", True),
        ("avc1.4d4028", "avc1.640028", False),
        ("avc3.640028", "avc1.640028", False),
        ("hvc1.2.4.L93.B0", "hvc1.2.6.L93", True),
        ("hvc1.2.4.H93.B0", "hvc1.2.4.L93.B0", False),
        ("av01.0.05M.08", "av01.0.05M.08", True),
        ("av01.0.04M.08", "av01.0.05M.08", False),
        ("mp4a.40.2", "mp4a.40.2", True),
        ("mp4a.40.5", "mp4a.40.2", False),
        ("mp4a.40.2", "mp4a.40", True),
        ("Opus", "opus", True),
    ],
)
def test_declared_strings_agree_with_sample_entries(*, declared: str, actual: str, same: bool) -> None:
    assert agree(parse_codec(declared), parse_codec(actual)) is same
