"""Values formatted for people: one line, harmless to a terminal."""

from __future__ import annotations

import pytest

from eddyline.core.formatting import format_count, format_duration, format_size, printable, short_repr


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("GX010042.MP4", "GX010042.MP4"),
        ("Fluß, été 🛶.mp4", "Fluß, été 🛶.mp4"),
        ("two\nlines", "two\\nlines"),
        ("\x1b[2Jwiped", "\\x1b[2Jwiped"),
        ("evil\u202e4pm.exe", "evil\\u202e4pm.exe"),
        ("bytes\udcff", "bytes\\udcff"),
    ],
)
def test_invisible_characters_of_a_name_are_escaped(name: str, expected: str) -> None:
    assert printable(name) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("é\n" * 100, "'" + "\\xe9\\n" * 13 + "\\"),
        (10**40, "a very large integer"),
        (None, "None"),
        (2.5, "2.5"),
        ({"a": [1]}, "a value of type dict"),
    ],
)
def test_an_untrusted_value_is_shortened_to_printable_ascii(value: object, expected: str) -> None:
    assert short_repr(value) == expected


def test_sizes_use_powers_of_1000() -> None:
    assert [format_size(n) for n in (0, 999, 1000, 12_345, 3_600_000, 2 * 10**12)] == [
        "0 B", "999 B", "1.0 kB", "12 kB", "3.6 MB", "2.0 TB",
    ]  # fmt: skip


def test_durations_keep_the_significant_units() -> None:
    assert [format_duration(s) for s in (-1, 0.44, 12.4, 59.9, 185, 3723)] == [
        "0.0 s", "0.4 s", "12 s", "1:00", "3:05", "1:02:03",
    ]  # fmt: skip


def test_a_count_of_one_is_singular() -> None:
    assert [format_count(1, "frame"), format_count(1802, "frame"), format_count(2, "entry", "entries")] == [
        "1 frame", "1,802 frames", "2 entries",
    ]  # fmt: skip
