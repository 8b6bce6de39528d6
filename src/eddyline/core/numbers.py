"""Numbers from text that others wrote, bounded before they are parsed.

`Fraction("1e99999999999")` computes for minutes and takes gigabytes: an exponent makes a long number of a
short text. So the text is matched first, and nothing with an exponent is a number here.
"""

from __future__ import annotations

import re
from fractions import Fraction

_DECIMAL = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?", re.ASCII)
_RATIO = re.compile(r"[+-]?[0-9]{1,18}/[0-9]{1,18}", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)
_SHOWN = 24  # characters of a text in a message


def parse_rational(text: str) -> Fraction:
    """The fraction of "30000/1001", "2.002" or "-3", at most 18 digits a part. Raises `ValueError`."""
    if len(text) <= 40 and (_DECIMAL.fullmatch(text) or _RATIO.fullmatch(text)):  # noqa: PLR2004 - two parts
        try:
            return Fraction(text)
        except ZeroDivisionError:
            pass
    raise ValueError(f"{text[:_SHOWN]!r} is not a number of at most 18 digits")


def parse_whole(text: str) -> int:
    """A whole number that is not negative, at most 18 digits. Raises `ValueError`."""
    if _WHOLE.fullmatch(text[:_SHOWN]):
        return int(text[:_SHOWN])
    raise ValueError(f"{text[:_SHOWN]!r} is not a whole number of at most 18 digits")
