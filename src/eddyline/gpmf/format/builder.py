"""Builds KLVs: nests and values of every type; `klv.serialize` converts them to bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eddyline.gpmf.errors import GpmfError
from eddyline.gpmf.format.klv import HEADER, MAX_REPEAT, MAX_SIZE, Klv, is_key
from eddyline.gpmf.format.types import COMPLEX, TYPES, element_types, structure_dtype

Table = Sequence[Any] | npt.NDArray[Any]
_MOST_LONG = 1 << 31


def nest(key: str, children: Iterable[Klv]) -> Klv:
    """A KLV that contains others, such as DEVC or STRM; its length is computed when it is serialised."""
    return Klv(key=_checked(key), children=tuple(children))


def leaf(key: str, char: str, values: object, *, complex_type: str = "") -> Klv:
    """A KLV with a value.

    Numbers: `values` is a scalar, a row or rows [n, elements]. A 1-D list is n samples of one element, so a
    single sample of many elements is [[...]]. Text ("c", "u"): a str (one byte per repeat, as HERO5 to HERO7
    write it) or several strs (fixed width). "F", "U" and "G": one or several. Complex ("?"): rows of tuples,
    with `complex_type`. bytes are stored unchanged for text. Fixed-point values are given as real numbers.

    Raises:
        GpmfError: the values do not fit the type, or there are more than 65,535.
    """
    name = _checked(key)
    if char == COMPLEX:
        elements = element_types(char, MAX_SIZE, complex_type)
        if elements is None:
            raise GpmfError(f"TYPE {complex_type!r} is invalid", path=key)
        rows = [tuple(row) for row in values]  # type: ignore[attr-defined]  # rows, or it raises
        packed = np.array([_encode_text(row) for row in rows], dtype=structure_dtype(elements))
        return _sized(name, char, packed.dtype.itemsize, packed.tobytes())
    row = TYPES.get(char)
    if row is None:
        raise GpmfError(f"{char!r} is not a value type", path=key, remedy=f"use one of {''.join(TYPES)}")
    if row.kind in {"text", "fourcc", "time", "guid"}:
        return _text_leaf(name, char, values)
    numbers = np.asarray(values)
    if row.kind == "fixed":
        numbers = np.rint(numbers * row.divisor)
    if row.dtype.kind in "iu" and numbers.size:
        limits = np.iinfo(row.dtype.str)
        if not (numbers.min() >= limits.min and numbers.max() <= limits.max):
            raise GpmfError(f"values of type {char!r} must be from {limits.min} to {limits.max}", path=key)
    table = np.atleast_1d(numbers).astype(row.dtype)
    table = table.reshape(len(table), -1) if table.size else table.reshape(0, 1)
    return _sized(name, char, table.shape[1] * row.size, table.tobytes())


def device(number: int | str, name: str, streams: Iterable[Klv]) -> Klv:
    """A DEVC: its DVID (a number or four characters), its DVNM and its streams."""
    identity = leaf("DVID", "F" if isinstance(number, str) else "L", number)
    return nest("DEVC", [identity, leaf("DVNM", "c", name), *streams])


def stream(
    key: str,
    char: str,
    samples: Table,
    *,
    complex_type: str = "",
    name: str = "",
    units: Sequence[str] = (),
    scale: Sequence[float] = (),
    total: int | None = None,
    stamp: int | None = None,
    modifiers: Iterable[Klv] = (),
    stepped: bool = False,
) -> Klv:
    """A STRM: modifiers first, samples last, as cameras write it.

    `samples` are stored values as for `leaf`; if `stepped`, a list of such tables, one for each time step.
    `total` is TSMP, the number of samples up to the end of these; `stamp` is STMP, the clock in microseconds
    at the first one. A single item in `units` or `scale` applies to all elements.
    """
    parts = []
    if stamp is not None:
        parts.append(leaf("STMP", "J", stamp))
    if total is not None:
        parts.append(leaf("TSMP", "L", total))
    if name:
        parts.append(leaf("STNM", "c", name))
    parts.extend(modifiers)
    if complex_type:
        parts.append(leaf("TYPE", "c", complex_type))
    if units:
        parts.append(leaf("UNIT", "c", units) if len(units) > 1 else leaf("SIUN", "c", units[0]))
    if scale:
        whole = all(float(each).is_integer() and abs(each) < _MOST_LONG for each in scale)
        parts.append(leaf("SCAL", "l" if whole else "f", scale))
    tables = samples if stepped else [samples]
    return nest("STRM", [*parts, *(_samples(key, char, table, complex_type) for table in tables)])


def _samples(key: str, char: str, table: Table, complex_type: str) -> Klv:
    """One KLV of samples; an empty table is a repeat of 0 that keeps the size."""
    if char != COMPLEX or len(table):
        return leaf(key, char, table, complex_type=complex_type)
    elements = element_types(COMPLEX, MAX_SIZE, complex_type)
    return Klv(
        key=_checked(key), type=char, size=structure_dtype(elements).itemsize if elements else 1, repeat=0
    )


def _encode_text(row: Sequence[object]) -> tuple[object, ...]:
    return tuple(value.encode("latin-1") if isinstance(value, str) else value for value in row)


def _text_leaf(key: str, char: str, values: object) -> Klv:
    """Text values: str, bytes, or a sequence of either, padded with NULs to one width."""
    several = not isinstance(values, str | bytes)
    items: list[str | bytes] = list(values) if several else [values]  # type: ignore[call-overload,list-item]  # likewise
    parts = [_latin(item, key) if isinstance(item, str) else item for item in items]
    if TYPES[char].kind == "text":
        width = max((len(part) for part in parts), default=1) or 1 if several else 1
    else:
        width = TYPES[char].size
    step = width if several or width > 1 else max(len(parts[0]), 1)
    if any(len(part) > step for part in parts):
        raise GpmfError(f"the text is longer than {step} characters", path=key)
    data = b"".join(part.ljust(step, b"\0") for part in parts) if several or width > 1 else parts[0]
    return _sized(key, char, width, data)


def _latin(text: str, key: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise GpmfError(f"{text!r} has characters that are not Latin-1", path=key) from error


def _sized(key: str, char: str, size: int, data: bytes) -> Klv:
    if not 0 < size <= MAX_SIZE:
        raise GpmfError(f"structures of {size} bytes: the size must be 1 to {MAX_SIZE}", path=key)
    if len(data) // size > MAX_REPEAT:
        raise GpmfError(
            f"{len(data) // size} samples: at most {MAX_REPEAT} fit", path=key, remedy="split the payload"
        )
    return Klv(key=key, type=char, size=size, repeat=len(data) // size, data=data)


def _checked(key: str) -> str:
    raw = key.encode("latin-1", "replace")
    if len(raw) != HEADER.size // 2 or not is_key(raw):
        raise GpmfError(f"{key!r} is not a valid key", remedy="a key is four printable Latin-1 characters")
    return key
