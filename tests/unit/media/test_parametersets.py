"""Parameter sets of two encoders in one sample entry, and the numbers that keep them apart."""

from __future__ import annotations

import random

import pytest

from eddyline.core.errors import InputError, UnsupportedError
from eddyline.media import parametersets as sets


def test_escaping_is_undone_by_unescaping() -> None:
    rnd = random.Random(1)
    for _ in range(500):
        data = bytes(rnd.choice((0, 0, 0, 1, 2, 3, 4, 255)) for _ in range(rnd.randint(1, 40))) + b"\x80"
        escaped = sets._escaped(data)
        assert sets._unescaped(escaped) == data
        assert not any(mark in escaped for mark in (b"\0\0\0", b"\0\0\1", b"\0\0\2"))


@pytest.mark.parametrize("value", [0, 1, 2, 14, 15, 30, 255])
def test_an_exp_golomb_number_is_read_as_it_was_written(value: int) -> None:
    word = sets._coded(value)
    assert sets._ue("10" + word + "01", 2) == (value, 2 + len(word))


def test_numbers_of_pictures_make_a_slice_longer_by_one_byte_exactly() -> None:
    numbers = sets.Renumbering(vps=1, sps=1, pps=15)
    idr = bytes([19 << 1, 1, 0b10110101, 0xAB, 0xCD])
    made = numbers.unit(idr)
    assert made[:2] == idr[:2]
    bits = "".join(f"{byte:08b}" for byte in made[2:])
    assert bits == "10" + "000010000" + "10101" + f"{0xAB:08b}{0xCD:08b}"
    trailing = bytes([1 << 1, 1, 0b11010101, 0xAB])
    bits = "".join(f"{byte:08b}" for byte in numbers.unit(trailing)[2:])
    assert bits == "1" + "000010000" + "010101" + f"{0xAB:08b}"


def test_a_broken_number_is_an_error_of_the_footage() -> None:
    with pytest.raises(InputError):
        sets._ue("0000", 0)


def test_units_that_leave_their_sample_are_an_error_of_the_footage() -> None:
    with pytest.raises(InputError):
        list(sets.units_of(b"\0\0\0\x09abc", 4))


def test_pictures_too_large_for_short_lengths_are_refused() -> None:
    with pytest.raises(UnsupportedError):
        sets.sample_of([bytes(300)], 1)
