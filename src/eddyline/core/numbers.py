"""Parses numbers of untrusted text within bounds.

`Fraction("1e99999999999")` takes minutes and gigabytes. The text is matched first; exponents are invalid.
"""

from __future__ import annotations

import re
from fractions import Fraction

_DECIMAL = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?", re.ASCII)
_RATIO = re.compile(r"[+-]?[0-9]{1,18}/[0-9]{1,18}", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)
_MAX_SHOWN = 24  # characters in a message


def parse_rational(text: str) -> Fraction:
    """The fraction of "30000/1001", "2.002" or "-3", at most 18 digits per part. Raises `ValueError`."""
    if len(text) <= 40 and (_DECIMAL.fullmatch(text) or _RATIO.fullmatch(text)):  # noqa: PLR2004 - two parts
        try:
            return Fraction(text)
        except ZeroDivisionError:
            pass
    raise ValueError(f"{text[:_MAX_SHOWN]!r} is not a number of at most 18 digits")


def parse_whole(text: str) -> int:
    """A non-negative whole number of at most 18 digits. Raises `ValueError`."""
    if _WHOLE.fullmatch(text[:_MAX_SHOWN]):
        return int(text[:_MAX_SHOWN])
    raise ValueError(f"{text[:_MAX_SHOWN]!r} is not a whole number of at most 18 digits")
