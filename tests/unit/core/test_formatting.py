"""What people read is one line, true and harmless."""

from __future__ import annotations

import pytest

from eddyline.core.formatting import count, duration, shown, size


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
def test_a_name_is_shown_without_what_could_harm_a_terminal(name: str, expected: str) -> None:
    assert shown(name) == expected


def test_sizes_are_read_in_powers_of_a_thousand() -> None:
    assert [size(n) for n in (0, 999, 1000, 12_345, 3_600_000, 2 * 10**12)] == [
        "0 B", "999 B", "1.0 kB", "12 kB", "3.6 MB", "2.0 TB",
    ]  # fmt: skip


def test_times_are_read_with_what_matters() -> None:
    assert [duration(s) for s in (-1, 0.44, 12.4, 59.9, 185, 3723)] == [
        "0.0 s", "0.4 s", "12 s", "1:00", "3:05", "1:02:03",
    ]  # fmt: skip


def test_one_is_singular() -> None:
    assert [count(1, "frame"), count(1802, "frame"), count(2, "entry", "entries")] == [
        "1 frame", "1,802 frames", "2 entries",
    ]  # fmt: skip
