from __future__ import annotations

import time
from fractions import Fraction

import pytest

from eddyline.core.numbers import parse_rational, parse_whole


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("30000/1001", Fraction(30000, 1001)),
        ("2.002", Fraction(2002, 1000)),
        ("-3", Fraction(-3)),
        ("0", Fraction(0)),
    ],
)
def test_valid_numbers_are_parsed(text: str, value: Fraction) -> None:
    assert parse_rational(text) == value


@pytest.mark.parametrize(
    "text", ["1e99999999999", "9" * 5_000_000, "1/0", "", "1e2", "nan", "inf", "0x10", "1_0", "1.5/2", "٣"]
)
def test_invalid_numbers_are_rejected_immediately(text: str) -> None:
    started = time.process_time()
    with pytest.raises(ValueError, match="is not a number"):
        parse_rational(text)
    with pytest.raises(ValueError, match="is not a whole number"):
        parse_whole(text)
    assert time.process_time() - started < 1


def test_whole_numbers_are_parsed() -> None:
    assert parse_whole("0") == 0
    assert parse_whole("123456789012345678") == 123456789012345678
    for text in ("-1", "1.0", "1" * 25):
        with pytest.raises(ValueError, match="is not a whole number"):
            parse_whole(text)
