"""Parquet: one table for each stream, as analysts' tools read it. Needs pyarrow: the extra [parquet].

The columns are time_s (double), utc (timestamp in microseconds, where there was GPS), sample (where samples
have any number of rows) and the stream's own; units and the stream's facts are in the metadata.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from eddyline.core.errors import UsageError
from eddyline.gpmf.export.tables import Table

_LAST_UTC = 253402300799.0


def write_parquet(table: Table, out: BinaryIO) -> None:
    """Write one stream. Raises UsageError where pyarrow is missing."""
    try:
        # By name: an extra, which may be missing and has no types.
        pa, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed", remedy="pip install 'eddyline[parquet]'"
        ) from error
    fields, arrays = _columns(pa, table)
    facts = {
        "eddyline.stream": table.stream.key,
        "eddyline.name": table.stream.name,
        "eddyline.device": table.stream.device.name,
        "eddyline.rate_hz": f"{table.rate_hz:.6f}",
        "eddyline.axes": "XYZ" if table.turned else table.axes,
    }
    whole = pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=facts))
    parquet.write_table(whole, out, compression="zstd")


def _columns(pa: ModuleType, table: Table) -> tuple[list[Any], list[Any]]:
    fields = [pa.field("time_s", pa.float64(), nullable=False, metadata={"unit": "s"})]
    arrays = [pa.array(table.times)]
    if table.utc is not None:
        possible = (table.utc >= 0) & (table.utc <= _LAST_UTC)
        micros = np.rint(np.where(possible, table.utc, 0.0) * 1e6).astype("datetime64[us]")
        kind = pa.timestamp("us", tz="UTC")
        fields.append(pa.field("utc", kind))
        arrays.append(pa.array(micros, mask=~possible).cast(kind))
    if table.samples is not None:
        fields.append(pa.field("sample", pa.int64(), nullable=False))
        arrays.append(pa.array(table.samples))
    for column in table.columns:
        values = pa.array(column.values)
        if isinstance(column.values, list):
            values = values.cast(pa.string())
        fields.append(pa.field(column.name, values.type, metadata={"unit": column.unit}))
        arrays.append(values)
    return fields, arrays
