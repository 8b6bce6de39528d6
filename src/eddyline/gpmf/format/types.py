"""The value types of GPMF as a table, and the element syntax of TYPE ("lllllllSS", "Lf[8]F").

Source: GPMF introduction, "GPMF Types" (gopro.github.io/gpmf-parser). All numbers are big-endian.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

NEST = "\0"
COMPLEX = "?"
COMPRESSED = "#"

Kind = str  # "number" | "fixed" | "text" | "fourcc" | "guid" | "time"


@dataclass(frozen=True, kw_only=True)
class ValueType:
    """One row of the table: the type character, its NumPy type as stored, its kind, and its divisor."""

    char: str
    dtype: np.dtype[np.generic]
    kind: Kind = "number"
    divisor: float = 1.0

    @property
    def size(self) -> int:
        """Bytes of one value."""
        return int(self.dtype.itemsize)


def _row(char: str, dtype: str, kind: Kind = "number", divisor: float = 1.0) -> ValueType:
    return ValueType(char=char, dtype=np.dtype(dtype), kind=kind, divisor=divisor)


TYPES: dict[str, ValueType] = {
    row.char: row
    for row in (
        _row("b", "i1"),
        _row("B", "u1"),
        _row("c", "S1", "text"),
        _row("d", ">f8"),
        _row("f", ">f4"),
        _row("F", "S4", "fourcc"),
        _row("G", "V16", "guid"),
        _row("j", ">i8"),
        _row("J", ">u8"),
        _row("l", ">i4"),
        _row("L", ">u4"),
        _row("q", ">i4", "fixed", 2.0**16),
        _row("Q", ">i8", "fixed", 2.0**32),
        _row("s", ">i2"),
        _row("S", ">u2"),
        _row("u", "S1", "text"),
        _row("U", "S16", "time"),
    )
}

# A structure has at most 255 bytes, and so at most 255 elements.
MAX_ELEMENTS = 255


def latin_text(data: bytes) -> str:
    """Latin-1 text up to the first NUL, without surrounding spaces."""
    return data.split(b"\0", 1)[0].decode("latin-1").strip()


@lru_cache(maxsize=1024)
def expand_type(text: str) -> str | None:
    """The elements of a TYPE with its arrays expanded ("Lf[3]F" -> "LfffF"); None if it is malformed.

    Everything from the first NUL on is padding.
    """
    out: list[str] = []
    rest = text.split("\0", 1)[0].strip()
    at = 0
    while at < len(rest):
        char = rest[at]
        if char == "[":
            end = rest.find("]", at)
            digits = rest[at + 1 : end] if end > 0 else ""
            if (
                not out
                or not (digits.isascii() and digits.isdecimal())
                or not 0 < int(digits[:4]) <= MAX_ELEMENTS
            ):
                return None
            out.extend(out[-1] * (int(digits[:4]) - 1))
            at = end + 1
        elif char in TYPES:
            out.append(char)
            at += 1
        else:
            return None
        if len(out) > MAX_ELEMENTS:
            return None
    return "".join(out) or None


@lru_cache(maxsize=1024)
def structure_dtype(elements: str) -> np.dtype[np.void]:
    """The packed NumPy record of a TYPE's elements; its fields are named "0", "1", ..."""
    return np.dtype([(str(i), TYPES[char].dtype) for i, char in enumerate(elements)])


def element_types(char: str, size: int, complex_type: str = "") -> str | None:
    """The elements of one structure of `size` bytes, one type character each; None if they do not fit.

    A complex structure may be longer than its TYPE (newer firmware adds fields): the rest is skipped.
    """
    if char == COMPLEX:
        elements = expand_type(complex_type)
        return elements if elements and structure_dtype(elements).itemsize <= size else None
    row = TYPES.get(char)
    if row is None or size == 0 or size % row.size:
        return None
    return char * (size // row.size)


def to_native_order(array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """The same values in this machine's byte order."""
    with np.errstate(all="ignore"):  # signalling NaNs are valid values
        return array.astype(array.dtype.newbyteorder("="), copy=False)
