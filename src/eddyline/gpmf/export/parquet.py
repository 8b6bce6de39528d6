"""Parquet: one table per stream, for analysis tools. Requires pyarrow: the extra [parquet].

The columns are time_s (double), utc (timestamp in microseconds, if there was GPS), sample (if samples have
any number of rows) and the stream's own; units and the stream's properties are in the metadata.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from eddyline.core.errors import UsageError
from eddyline.gpmf.export.points import LAST_UTC
from eddyline.gpmf.export.tables import Table


def write_parquet(table: Table, out: BinaryIO) -> None:
    """Write one stream. Raises UsageError if pyarrow is missing."""
    try:
        # Imported by name: an optional dependency without type hints.
        pa, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise UsageError(
            "Parquet requires pyarrow, which is not installed", remedy="pip install 'eddyline[parquet]'"
        ) from error
    fields, arrays = _columns(pa, table)
    metadata = {
        "eddyline.stream": table.stream.key,
        "eddyline.name": table.stream.name,
        "eddyline.device": table.stream.device.name,
        "eddyline.rate_hz": f"{table.rate_hz:.6f}",
        "eddyline.axes": "XYZ" if table.turned else table.axes,
    }
    arrow_table = pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=metadata))
    parquet.write_table(arrow_table, out, compression="zstd")


def _columns(pa: ModuleType, table: Table) -> tuple[list[Any], list[Any]]:
    fields = [pa.field("time_s", pa.float64(), nullable=False, metadata={"unit": "s"})]
    arrays = [pa.array(table.times)]
    if table.utc is not None:
        valid = (table.utc >= 0) & (table.utc <= LAST_UTC)
        micros = np.rint(np.where(valid, table.utc, 0.0) * 1e6).astype("datetime64[us]")
        kind = pa.timestamp("us", tz="UTC")
        fields.append(pa.field("utc", kind))
        arrays.append(pa.array(micros, mask=~valid).cast(kind))
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
