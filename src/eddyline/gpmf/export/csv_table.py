"""CSV (RFC 4180): one table per stream; a header line with units, then one line per row.

time_s is movie time, utc the same in UTC if there was GPS ("" otherwise), sample the number of the sample if
samples have any number of rows.
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import orjson

from eddyline.gpmf.export.points import LAST_UTC, iso_times
from eddyline.gpmf.export.tables import Column, Table

_ROWS = 1 << 16  # lines in memory
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(table: Table, out: BinaryIO) -> None:
    """Write one stream."""
    titles = ["time_s"]
    if table.utc is not None:
        titles.append("utc")
    if table.samples is not None:
        titles.append("sample")
    titles += [_column_title(column) for column in table.columns]
    out.write((",".join(_quote(title) for title in titles) + "\r\n").encode())
    for first in range(0, len(table.times), _ROWS):
        rows = slice(first, first + _ROWS)
        columns = [_numbers(table.times[rows])]
        if table.utc is not None:
            columns.append(_utc_texts(table.utc[rows]))
        if table.samples is not None:
            columns.append(_numbers(table.samples[rows]))
        columns += [_values(column, rows) for column in table.columns]
        lines = "\r\n".join(map(",".join, zip(*columns, strict=True)))
        out.write(lines.encode() + b"\r\n")


def _column_title(column: Column) -> str:
    return f"{column.name} ({column.unit})" if column.unit else column.name


def _values(column: Column, rows: slice) -> list[str]:
    if isinstance(column.values, list):
        return [_quote(text) for text in column.values[rows]]
    return _numbers(column.values[rows])


def _numbers(values: npt.NDArray[np.generic]) -> list[str]:
    """Numbers as text, with the fastest available writer; NaN is empty."""
    text = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY).decode()[1:-1]
    found = text.split(",") if text else []
    return ["" if each == "null" else each for each in found] if "null" in text else found


def _utc_texts(posix: npt.NDArray[np.float64]) -> list[str]:
    valid = (posix >= 0) & (posix <= LAST_UTC)
    dates = iso_times(np.where(valid, posix, 0.0))
    if valid.all():
        return dates
    return [date if known else "" for date, known in zip(dates, valid.tolist(), strict=True)]


def _quote(text: str) -> str:
    """A field as RFC 4180 requires; a quote before text that a spreadsheet would execute as a formula."""
    safe = "'" + text if len(text) > 1 and text.startswith(_FORMULA) else text
    if any(char in safe for char in ',"\r\n'):
        return '"' + safe.replace('"', '""') + '"'
    return safe
