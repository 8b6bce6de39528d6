"""SA3D is read strictly: what is not AmbiX of a whole order is not ambisonic."""

from __future__ import annotations

import struct

import pytest

from eddyline.mp4.boxes import make_box
from eddyline.mp4.entries.ambisonic import Ambisonics, read_ambisonics, with_ambisonics

FIRST = Ambisonics(components=(0, 1, 2, 3))


def entry(*boxes: bytes, version: int = 0, extra: int = 0) -> bytes:
    """An stsd box with one sample entry of uncompressed audio."""
    fields = bytes(8) + struct.pack(">H", version) + bytes(18 + extra)
    return make_box("stsd", bytes(4), struct.pack(">I", 1), make_box("in32", fields, *boxes))


def sa3d(
    *components: int, version: int = 0, kind: int = 0, order: int = 1, ordering: int = 0, norm: int = 0
) -> bytes:
    fields = struct.pack(">BBIBBI", version, kind, order, ordering, norm, len(components))
    return make_box("SA3D", fields, struct.pack(f">{len(components)}I", *components))


@pytest.mark.parametrize(("version", "extra"), [(0, 0), (1, 16), (1, 0), (2, 36)])
def test_a_box_is_found_in_every_version_of_a_sample_entry(version: int, extra: int) -> None:
    other = make_box("chan", bytes(12))
    found = read_ambisonics(entry(other, sa3d(0, 2, 3, 1), version=version, extra=extra))
    assert found == Ambisonics(components=(0, 2, 3, 1))


def test_orders_and_head_locked_stereo() -> None:
    second = read_ambisonics(entry(sa3d(*range(9), order=2)))
    assert second is not None
    assert (second.order, second.has_head_locked_stereo) == (2, False)
    locked = read_ambisonics(entry(sa3d(*range(6), kind=0x80)))
    assert locked is not None
    assert (locked.order, locked.has_head_locked_stereo) == (1, True)


@pytest.mark.parametrize("components", [(0, 1, 2, 3), (3, 1, 0, 2), tuple(range(16)), tuple(range(6))])
def test_what_is_written_is_read(components: tuple[int, ...]) -> None:
    found = Ambisonics(components=components)
    assert found.is_valid
    assert read_ambisonics(with_ambisonics(entry(), found)) == found


@pytest.mark.parametrize(
    "box",
    [
        sa3d(0, 1, 2, 3, version=1),
        sa3d(0, 1, 2, 3, kind=1),
        sa3d(0, 1, 2, 3, ordering=1),
        sa3d(0, 1, 2, 3, norm=1),
        sa3d(0, 1, 2, 3, order=2),
        sa3d(0, 1, 2, 3, order=0xFFFFFFFF),
        sa3d(0, order=0),
        sa3d(0, 1, 2, 2),
        sa3d(0, 1, 2, 4),
        sa3d(0, 1, 2, 3, 4, 5),
        sa3d(*range(4), kind=0x80),
        sa3d(0, 1, 2, 3)[:-4],
        make_box("SA3D", bytes(3)),
        make_box("SA3D", struct.pack(">BBIBBI", 0, 0, 1, 0, 0, 0xFFFFFFFF)),
        sa3d(0, 1, 2, 3) * 2,
        b"",
    ],
)
def test_another_box_is_not_ambisonic(box: bytes) -> None:
    assert read_ambisonics(entry(box)) is None


def test_a_table_without_entries_is_not_ambisonic() -> None:
    assert read_ambisonics(make_box("stsd", bytes(8))) is None
    assert not Ambisonics(components=()).is_valid
    assert FIRST.is_valid
