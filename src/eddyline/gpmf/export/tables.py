"""A stream as a table, for JSON, CSV and Parquet.

Each column is a separate array. Numbers keep the stored precision: unscaled integers stay integers, scaled
ones are rounded to as many decimals as restore the stored integer, and one more if the scale is not a power
of ten.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from eddyline.gpmf.errors import GpmfError
from eddyline.gpmf.export.column_names import column_names
from eddyline.gpmf.export.resample import Grid, build_grid
from eddyline.gpmf.export.selection import Selection
from eddyline.gpmf.format.types import TYPES
from eddyline.gpmf.payloads import Floats, Int64s
from eddyline.gpmf.streams import Stream
from eddyline.gpmf.telemetry import Telemetry
from eddyline.gpmf.utc import UtcClock

Values = npt.NDArray[np.generic] | list[str]
TIME_DECIMALS = 6
_MAX_DECIMALS = 12
_IMU = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """One element of every row: an array of numbers (contiguous, native byte order) or a list of texts."""

    name: str
    unit: str
    values: Values = field(repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """The samples of one stream.

    `times` are movie seconds, one per row. `samples` gives each row's sample if a sample has any number of
    rows (faces, scenes); `count` is the number of samples. `axes` is the stored order of the columns, before
    they are `turned`.
    """

    stream: Stream
    count: int
    rate_hz: float
    times: Floats = field(repr=False)
    samples: Int64s | None = field(repr=False)
    columns: tuple[Column, ...]
    axes: str
    turned: bool
    clock: UtcClock | None = field(repr=False)

    @property
    def label(self) -> str:
        """Its label among the streams: "ACCL", "GYRO@name"."""
        return self.stream.label

    @cached_property
    def utc(self) -> Floats | None:
        """POSIX seconds of each row; None without GPS."""
        return None if self.clock is None else self.clock.at(self.times)


def build_tables(telemetry: Telemetry, selection: Selection) -> list[Table]:
    """The tables of all selected streams."""
    return [build_table(telemetry, stream, selection) for stream in selection.streams_of(telemetry)]


def build_table(telemetry: Telemetry, stream: Stream, selection: Selection) -> Table:
    """One stream, filtered and resampled. A stream of several rows per sample keeps its own times."""
    gps = telemetry.gps
    turned = selection.turned and bool(stream.axis_order) and len(stream.type) == _IMU
    rate_hz = selection.rate_hz if stream.steps is None else None
    # Resample before selecting the range: samples just outside the range affect the values at its ends.
    kept = selection.samples(stream, telemetry, timed=rate_hz is None)
    times, samples = stream.times, None
    rows: Int64s | None = None if kept is None else np.flatnonzero(kept)
    if stream.steps is not None:
        each = np.diff(stream.steps)
        samples = np.repeat(np.arange(len(stream)), each)
        rows = None if kept is None else np.flatnonzero(kept[samples])
        samples = samples if rows is None else samples[rows]
        times = stream.times[samples]
    elif rows is not None:
        times = times[rows]
    grid = build_grid(times, rate_hz) if rate_hz else None
    if grid is not None:
        grid = grid.select(selection.in_range(grid.times))
    count = len(stream) if kept is None else int(kept.sum())
    with np.errstate(all="ignore"):  # a damaged file may contain any number
        columns = tuple(_columns(stream, rows, grid, turned=turned))
    return Table(
        stream=stream,
        count=count if grid is None else len(grid.times),
        rate_hz=rate_hz or stream.rate_hz,
        times=np.round(times if grid is None else grid.times, TIME_DECIMALS),
        samples=samples,
        columns=columns,
        axes=stream.axis_order,
        turned=turned,
        clock=gps.clock if gps else None,
    )


@dataclass(frozen=True, kw_only=True)
class Element:
    """An element of a stream's rows: the name of its column, its unit ("" if unknown) and its type character.

    `numeric`: its column is an array of numbers, else a list of texts.
    """

    name: str
    unit: str
    char: str

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return TYPES[self.char].kind in {"number", "fixed"}


def list_elements(stream: Stream, *, turned: bool = False) -> list[Element]:
    """The elements of a stream's rows, without decoding a sample."""
    kinds = stream.type or "B" * max(stream.pieces.size, 1)
    units = stream.units if len(stream.units) != 1 else stream.units * len(kinds)
    return [
        Element(name=name, unit=units[number] if number < len(units) else "", char=kinds[number])
        for number, name in enumerate(column_names(stream, turned=turned))
    ]


def _columns(stream: Stream, rows: Int64s | None, grid: Grid | None, *, turned: bool) -> list[Column]:
    elements = list_elements(stream, turned=turned)
    scale = stream.pieces.scale(len(elements))
    out = []
    values = stream.oriented() if turned else None
    for number, element in enumerate(elements):
        divisors = None if scale is None else scale[..., number]
        if not element.numeric:
            found: Values = _texts(stream, number, rows, grid)
        else:
            column = stream.values[:, number] if values is None else values[:, number]
            found = _numbers(
                stream, number, column, element.char, divisors, rows, grid, longitude=element.name == "lon"
            )
        out.append(Column(name=element.name, unit=element.unit, values=found))
    return out


def _numbers(
    stream: Stream,
    number: int,
    column: Floats,
    char: str,
    divisors: npt.NDArray[np.float64] | None,
    rows: Int64s | None,
    grid: Grid | None,
    *,
    longitude: bool,
) -> npt.NDArray[np.generic]:
    """One column of numbers with the stored precision, and no more decimals."""
    unscaled = TYPES[char].kind == "number" and (divisors is None or bool((divisors == 1).all()))
    if unscaled:  # as stored: integers, or 32-bit floats, which print shorter than 64-bit ones
        raw = stream.column(number)
        raw = raw if rows is None else raw[rows]
        if grid is None:
            return np.ascontiguousarray(raw)
        if raw.dtype.kind != "f":
            return grid.pick(raw)
        return grid.resample(raw.astype(np.float64)).astype(raw.dtype)
    real = column if rows is None else column[rows]
    if grid is not None:
        real = grid.resample_longitudes(real) if longitude else grid.resample(real)
    places = _decimals(TYPES[char].divisor * (1.0 if divisors is None else float(np.abs(divisors).max())))
    whole = TYPES[char].dtype.kind in "iu"
    return np.round(real, places) if whole else np.ascontiguousarray(real)


def _decimals(divisor: float) -> int:
    """Decimals that distinguish multiples of 1 / divisor: 10 ** decimals > divisor."""
    exact = np.log10(max(divisor, 1.0))
    places = int(np.ceil(exact - 1e-9))
    return min(places if abs(exact - places) < 1e-9 else places + 1, _MAX_DECIMALS)  # noqa: PLR2004 - of a float's logarithm


def _texts(stream: Stream, number: int, rows: Int64s | None, grid: Grid | None) -> list[str]:
    """One column of text; identifiers (16 bytes) in hexadecimal."""
    kind = TYPES[stream.type[number]].kind if stream.type else "guid"
    try:
        column = stream.column(number)
    except (IndexError, KeyError, ValueError) as error:
        raise GpmfError(f"element {number} cannot be read", path=stream.label) from error
    column = column if rows is None else column[rows]
    column = column if grid is None else grid.pick(column)
    if kind == "guid":
        return [bytes(value).hex() for value in column]
    return [bytes(value).rstrip(b"\0").decode("latin-1") for value in column]
