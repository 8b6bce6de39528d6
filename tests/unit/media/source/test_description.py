"""The descriptive metadata of containers, in the forms of several cameras and phones."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.media.phone_recordings import write_phone_recording

from eddyline.media.source.description import parse_location, parse_tags, parse_time
from eddyline.media.source.source import Location
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.runtime.probe_source import probe_source


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+47.3769+008.5417/", Location(latitude=47.3769, longitude=8.5417)),
        ("-33.8568+151.2153+012.5/", Location(latitude=-33.8568, longitude=151.2153, altitude_m=12.5)),
        ("+4722.614+00832.502/", Location(latitude=47.3769, longitude=8.5417)),
        ("+472236.84+0083230.12-5CRSWGS_84/", Location(latitude=47.3769, longitude=8.5417, altitude_m=-5)),
        ("+47.5+8.5", Location(latitude=47.5, longitude=8.5)),
        ("+91+000/", None),
        ("+47.3769", None),
        ("here", None),
        ("", None),
    ],
)
def test_locations_are_parsed_in_each_form_of_iso_6709(text: str, expected: Location | None) -> None:
    assert parse_location(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-06T07:08:09.000000Z", "2024-05-06T07:08:09Z"),
        ("2024-05-06T09:08:09+0200", "2024-05-06T09:08:09+02:00"),
        ("2024-05-06 09:08:09.250", "2024-05-06T09:08:09.25"),
        ("2024-05-06", "2024-05-06"),
        ("yesterday", ""),
    ],
)
def test_times_keep_their_offset_from_utc(text: str, expected: str) -> None:
    assert parse_time(text) == expected


def test_keys_of_apple_take_precedence() -> None:
    parsed = parse_tags(
        {
            "creation_time": "2024-05-06T07:08:09.000000Z",
            "com.apple.quicktime.creationdate": "2024-05-06T09:08:09+0200",
            "com.apple.quicktime.location.ISO6709": "+47.3769+008.5417+400/",
            "location": "+01+001/",
            "com.apple.quicktime.make": "Apple\n",
            "com.apple.quicktime.model": "iPhone 15",
            "title": "<b>\x1b[31m" + "x" * 900,
        }
    )
    assert (parsed.created, parsed.make, parsed.model) == ("2024-05-06T09:08:09+02:00", "Apple", "iPhone 15")
    assert parsed.location == Location(latitude=47.3769, longitude=8.5417, altitude_m=400)
    assert parsed.title.startswith("<b>[31mxxx")
    assert len(parsed.title) == 200


def test_the_metadata_of_a_phone_is_read(tmp_path: Path, ffmpeg: str, tools: Toolchain) -> None:
    parsed = probe_source(write_phone_recording(tmp_path, ffmpeg), tools).description
    assert (parsed.created, parsed.make, parsed.model) == ("2024-05-06T09:08:09+02:00", "Apple", "iPhone 15")
    assert parsed.location == Location(latitude=47.3769, longitude=8.5417, altitude_m=400)
