"""Making KLVs: nests and values of every type; `klv.write` turns them into bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from eddyline.gpmf.errors import GpmfError
from eddyline.gpmf.klv import HEADER, MAX_REPEAT, MAX_SIZE, Klv, is_key
from eddyline.gpmf.types import COMPLEX, TYPES, elements_of, structure


def nest(key: str, children: Iterable[Klv]) -> Klv:
    """A KLV that holds others: DEVC, STRM; its length is worked out when it is written."""
    return Klv(key=_checked(key), children=tuple(children))


def leaf(key: str, char: str, values: object, *, complex_type: str = "") -> Klv:
    """A KLV with a value.

    Numbers: `values` is a scalar, a row or rows [n, elements]; 1-D is n samples of one element, so that a
    single sample of many elements is [[...]]. Text ("c", "u"): a str (one byte a repeat, as HERO5-7 do) or
    several strs (fixed width). "F", "U" and "G": one or several. Complex ("?"): rows of tuples, with its
    `complex_type`. bytes are taken as they are for text. Fixed-point values are given as real numbers.

    Raises:
        GpmfError: the values don't fit the type, or there are more than 65,535.
    """
    name = _checked(key)
    if char == COMPLEX:
        elements = elements_of(char, MAX_SIZE, complex_type)
        if elements is None:
            raise GpmfError(f"TYPE {complex_type!r} is not one", path=key)
        rows = [tuple(row) for row in values]  # type: ignore[attr-defined]
        packed = np.array([_plain(row) for row in rows], dtype=structure(elements))
        return _sized(name, char, packed.dtype.itemsize, packed.tobytes())
    row = TYPES.get(char)
    if row is None:
        raise GpmfError(f"{char!r} is not a type", path=key, remedy=f"use one of {''.join(TYPES)}")
    if row.kind in {"text", "fourcc", "time", "guid"}:
        return _text_leaf(name, char, values)
    numbers = np.asarray(values)
    if row.kind == "fixed":
        numbers = np.rint(numbers * row.divisor)
    table = np.atleast_1d(numbers).astype(row.dtype)
    table = table.reshape(len(table), -1) if table.size else table.reshape(0, 1)
    return _sized(name, char, table.shape[1] * row.size, table.tobytes())


def _plain(row: Sequence[object]) -> tuple[object, ...]:
    return tuple(value.encode("latin-1") if isinstance(value, str) else value for value in row)


def _text_leaf(key: str, char: str, values: object) -> Klv:
    """Text-like values: str, bytes, or a sequence of either, padded with NULs to one width."""
    several = not isinstance(values, str | bytes)
    items: list[str | bytes] = list(values) if several else [values]  # type: ignore[call-overload,list-item]
    parts = [item.encode("latin-1") if isinstance(item, str) else item for item in items]
    if TYPES[char].kind == "text":
        width = max((len(part) for part in parts), default=1) or 1 if several else 1
    else:
        width = TYPES[char].size
    step = width if several or width > 1 else max(len(parts[0]), 1)
    if any(len(part) > step for part in parts):
        raise GpmfError(f"{step} characters at most", path=key)
    data = b"".join(part.ljust(step, b"\0") for part in parts) if several or width > 1 else parts[0]
    return _sized(key, char, width, data)


def _sized(key: str, char: str, size: int, data: bytes) -> Klv:
    if not 0 < size <= MAX_SIZE:
        raise GpmfError(f"structures of {size} bytes: 1 to {MAX_SIZE} are possible", path=key)
    if len(data) // size > MAX_REPEAT:
        raise GpmfError(
            f"{len(data) // size} samples: {MAX_REPEAT} are possible", path=key, remedy="split the payload"
        )
    return Klv(key=key, type=char, size=size, repeat=len(data) // size, data=data)


def _checked(key: str) -> str:
    raw = key.encode("latin-1", "replace")
    if len(raw) != HEADER.size // 2 or not is_key(raw):
        raise GpmfError(f"{key!r} is not a key", remedy="a key is four printable Latin-1 characters")
    return key
