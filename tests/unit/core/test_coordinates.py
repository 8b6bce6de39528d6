"""Coordinates are recognised in all usual written forms; versions and names are not coordinates."""

from __future__ import annotations

import struct

import pytest

from eddyline.core.coordinates import (
    Position,
    contains_coordinates,
    contains_location,
    distinct_positions,
    find_positions,
    is_ascii_text,
    is_plain_name,
)

ZURICH = Position(latitude=47.3769, longitude=8.5417)


def near(found: Position, expected: Position) -> bool:
    return all(abs(a - b) < 1e-4 for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    "text",
    [
        b"+47.3769+008.5417/",
        b"+47.3769+008.5417+408.000/",
        b"+4722.614+00832.502/",
        b"+472236.84+0083230.12+408/",
        b"seen at +47.3769+008.5417 by",
        b"$GPRMC,161313.00,A,4722.61400,N,00832.50200,E,6.225,35.34,310524,,,A*70",
        b"$GNGGA,161313.00,4722.61400,N,00832.50200,E,1,08,1.0,408.0,M,,M,,*70",
        b"GPS (47.3769, 8.5417, 19)",
        b"latitude=47.3769 longitude=8.5417",
    ],
)
def test_positions_are_read_from_text(text: bytes) -> None:
    assert contains_location(text)
    assert any(near(each, ZURICH) for each in find_positions(b"\0\xff" + text + b"\0"))


def test_southern_and_western_coordinates_are_negative() -> None:
    assert near(find_positions(b"-33.8568-151.2153/")[0], Position(latitude=-33.8568, longitude=-151.2153))
    sentence = b"$GPRMC,1,A,3351.408,S,15112.918,W,,"
    assert near(find_positions(sentence)[0], Position(latitude=-33.8568, longitude=-151.215300))


@pytest.mark.parametrize(
    "text",
    [
        b"Lavf59.27.100",
        b"x264 - core 164 r3095 baee400 - H.264/MPEG-4 AVC - options: crf=23.0 qcomp=0.60 ip_ratio=1.40",
        b"HD5.02.02.00.00",
        b"iPhone 16 Pro",
        b"Accelerometer (up/down, right/left, forward/back)",
        b"2024-05-01T10:00:00+0200",
        b"-10+200",
    ],
)
def test_versions_settings_and_dates_are_not_locations(text: bytes) -> None:
    assert not contains_location(text)
    assert not contains_coordinates(text)


@pytest.mark.parametrize(
    "text", ["", "GoPro", "HERO11 Black", "Lavf59.27.100", "17.5.1", "NIKON CORPORATION"]
)
def test_makers_models_and_versions_are_plain_names(text: str) -> None:
    assert is_plain_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "47.3769 8.5417",
        "47 deg 22",
        "+47.3769+008.5417/",
        "a" * 65,
        "Zürich",
        "<x>",
        "GPS: yes",
        "line\nline",
    ],
)
def test_free_text_and_coordinates_are_not_plain_names(text: str) -> None:
    assert not is_plain_name(text)


def test_numbers_and_ascii_text_are_distinguished() -> None:
    assert is_ascii_text(b"47.3769 N 8.5417 E\0\0")
    assert not is_ascii_text(struct.pack(">ddd", 47.3769, 8.5417, 408))
    assert not is_ascii_text(b"1234567")


def test_digits_and_encodings_of_a_position_are_listed() -> None:
    assert ZURICH.texts() == (b"47.376", b"8.541")
    encodings = list(ZURICH.encodings())
    assert struct.pack("<dd", 8.5417, 47.3769) in encodings
    assert struct.pack(">ii", 473_769_000, 85_417_000) in encodings
    assert ZURICH.distinctive
    assert not Position(latitude=0.0, longitude=8.5417).distinctive
    assert not Position(latitude=47.5, longitude=8.5417).distinctive
    nearby = Position(latitude=47.37691, longitude=8.54171)
    assert distinct_positions([ZURICH, nearby], 8) == (ZURICH,)
