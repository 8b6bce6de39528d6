"""Samples as length-prefixed NAL units."""

from __future__ import annotations

import pytest

from eddyline.core.errors import InputError, UnsupportedError
from eddyline.mp4.bitstream.nal_units import join_nal_units, leading_nal_units, split_nal_units


@pytest.mark.parametrize("length_size", [1, 2, 4])
def test_a_sample_is_rebuilt_from_its_units(length_size: int) -> None:
    units = [b"\x09\x10", b"", b"\x65" + bytes(200)]
    assert list(split_nal_units(join_nal_units(units, length_size), length_size)) == units


def test_units_longer_than_their_sample_are_an_input_error() -> None:
    with pytest.raises(InputError):
        list(split_nal_units(b"\0\0\0\x09abc", 4))


def test_the_last_unit_at_the_start_of_a_sample_may_be_truncated() -> None:
    data = join_nal_units([b"\x09\x10", b"", b"\x65" + bytes(200)], 4)
    assert list(leading_nal_units(data[:20], 4)) == [b"\x09\x10", b"\x65" + bytes(5)]
    assert list(leading_nal_units(data[:8], 4)) == [b"\x09\x10"]


def test_frames_too_large_for_short_lengths_are_rejected() -> None:
    with pytest.raises(UnsupportedError):
        join_nal_units([bytes(300)], 1)
