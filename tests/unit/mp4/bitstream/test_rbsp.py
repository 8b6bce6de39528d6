"""Bits of NAL units: emulation prevention and Exp-Golomb codes."""

from __future__ import annotations

import random

import pytest

from eddyline.core.errors import InputError
from eddyline.mp4.bitstream import rbsp


def test_emulation_prevention_is_removed_again() -> None:
    rnd = random.Random(1)
    for _ in range(500):
        data = bytes(rnd.choice((0, 0, 0, 1, 2, 3, 4, 255)) for _ in range(rnd.randint(1, 40))) + b"\x80"
        escaped = rbsp.add_emulation_prevention(data)
        assert rbsp.remove_emulation_prevention(escaped) == data
        assert not any(mark in escaped for mark in (b"\0\0\0", b"\0\0\1", b"\0\0\2"))


@pytest.mark.parametrize("value", [0, 1, 2, 14, 15, 30, 255])
def test_an_exp_golomb_code_is_read_back(value: int) -> None:
    code = rbsp.encode_exp_golomb(value)
    assert rbsp.read_exp_golomb("10" + code + "01", 2) == (value, 2 + len(code))


def test_an_incomplete_code_is_an_input_error() -> None:
    with pytest.raises(InputError):
        rbsp.read_exp_golomb("0000", 0)
