"""Whole streams: every payload's piece of one sensor, as NumPy arrays.

A stream is what one device (DEVC, by its DVID) writes under one key (the last key of each STRM). Its
modifiers are
sticky: SCAL, TYPE, units, name and axes hold until a later payload says otherwise. A key that is repeated
within a STRM (faces, scenes, hues) is one KLV for each time step, each with any number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import UnsupportedError
from eddyline.gpmf import axes
from eddyline.gpmf.klv import Klv, unpack_values
from eddyline.gpmf.stream_pieces import Pieces
from eddyline.gpmf.timing import Timeline
from eddyline.gpmf.types import TYPES, element_types

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Device:
    """A source of streams: its DVID (a number, or four characters), DVNM and place among the devices."""

    id: int | str
    name: str
    number: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Stream:
    """One sensor's samples over the whole recording.

    `key` is the fourcc, `label` the key in `Telemetry.streams` (the later of two devices with the same
    fourcc is "GYRO@name"), `type` one character an element. Arrays are computed when first asked for and
    then kept.
    """

    key: str
    label: str
    device: Device
    pieces: Pieces = field(repr=False)
    timeline: Timeline = field(repr=False)

    def __len__(self) -> int:
        """Samples (time steps)."""
        return self.timeline.count

    @property
    def rate_hz(self) -> float:
        """Samples per second (0 where there are none); see `timing` for the rule."""
        return self.timeline.rate_hz

    @property
    def first_s(self) -> float:
        """The first sample's movie time in seconds."""
        return self.timeline.first_s

    @cached_property
    def times(self) -> Floats:
        """Movie time of each sample in seconds, float64[n]."""
        return self.timeline.times()

    @cached_property
    def name(self) -> str:
        """What the camera calls it (STNM), "" where it says nothing."""
        node = self.pieces.latest("STNM")
        return node.text if node else ""

    @cached_property
    def units(self) -> tuple[str, ...]:
        """The unit of each element (SIUN or UNIT; one stands for all), () where the camera names none."""
        node = self.pieces.latest("SIUN") or self.pieces.latest("UNIT")
        if node is None:
            return ()
        if node.key == "UNIT" and node.size == 1 and node.repeat == len(self.type):
            return tuple(node.data.decode("latin-1"))  # one letter an element: karma's SYST has "ss"
        return node.texts

    @cached_property
    def type(self) -> str:
        """The elements of one row, a type character each ("sss", "lllllllSS"); "" if it can't be decoded."""
        node = self.pieces.latest("TYPE")
        return element_types(self.pieces.char, self.pieces.size, node.text if node else "") or ""

    @cached_property
    def raw(self) -> npt.NDArray[Any]:
        """Rows as stored, native byte order: [rows, elements]; records (fields "0", "1", ...) if complex.

        Bytes [rows, size] where no type says how to decode them. Rows are samples unless `steps` says
        otherwise.
        """
        data, size = self.pieces.joined(), self.pieces.size
        if not self.type:
            return np.frombuffer(data, dtype=np.uint8).reshape(-1, max(size, 1))
        return unpack_values(data, self.pieces.char, size, self.type)

    @cached_property
    def steps(self) -> Int64s | None:
        """int64[n + 1]: rows [steps[i], steps[i + 1]) are sample i's; None where each sample is one row."""
        rows = self.pieces.rows_of_samples()
        return None if rows is None else np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(rows)])

    @cached_property
    def values(self) -> Floats:
        """Rows as real numbers, SCAL applied, float64[rows, elements]; what is no number is NaN."""
        with np.errstate(all="ignore"):  # any bits may stand where numbers should: NaN, infinity
            return self._scaled()

    def _scaled(self) -> Floats:
        raw, kinds = self.raw, self.type or "B" * max(self.pieces.size, 1)
        divisor = np.array([TYPES[char].divisor for char in kinds])
        scale = self.pieces.scale(len(kinds))
        if scale is not None:
            divisor = scale * divisor
        if divisor.ndim == 1 and (divisor == divisor[0]).all():
            divisor = divisor[0]  # one number divides five times faster than a row of equal ones
        if raw.dtype.names is None and TYPES[kinds[0]].kind in {"number", "fixed"}:
            out = raw.astype(np.float64)
        else:
            out = np.empty((len(raw), len(kinds)))
            for column, char in enumerate(kinds):
                out[:, column] = self.column(column) if TYPES[char].kind in {"number", "fixed"} else np.nan
        if np.any(divisor != 1):
            out /= divisor
        return out

    def column(self, number: int) -> npt.NDArray[Any]:
        """One element of every row as stored: numbers, or bytes for text."""
        raw = self.raw
        found: npt.NDArray[Any] = raw[str(number)] if raw.dtype.names else raw[:, number]
        return found

    def texts(self, number: int) -> list[str]:
        """One element of every row as text: a scene's fourcc."""
        return [bytes(value).rstrip(b"\0").decode("latin-1") for value in self.column(number)]

    @cached_property
    def axis_order(self) -> str:
        """What each element points along: ORIN, else MTRX with ORIO, else the camera's way; or ""."""
        stated = self.pieces.latest("ORIN")
        if stated and axes.is_order(stated.text):
            return stated.text
        matrix, order = self.pieces.latest("MTRX"), self.pieces.latest("ORIO")
        if matrix and order and len(matrix.data) == 36:  # noqa: PLR2004 - nine floats
            found = axes.from_matrix(matrix.array().astype(np.float64).reshape(3, 3), order.text)
            if found:
                return found
        return (
            axes.STORED_ORDER.get(self.device.name.lower(), "")
            if self.key in {"ACCL", "GYRO", "MAGN"}
            else ""
        )

    def oriented(self, order: str = axes.AXES, *, stored: str = "") -> Floats:
        """`values` of an IMU stream with its axes in the order wanted, float64[n, 3].

        Raises:
            UnsupportedError: nothing tells the stored order (give it as `stored`), or rows are not of three.
        """
        if not (stored or self.axis_order):
            raise UnsupportedError(
                f"{self.label} does not say its axis order", remedy='give it: stored="ZXY"'
            )
        return axes.reorder(self.values, stored or self.axis_order, order)

    def modifier(self, key: str) -> list[Klv | None]:
        """A modifier's KLV in each payload that has the stream (None: missing): TMPC, GPSU, TICK, ..."""
        return self.pieces.each(key)

    def numbers(self, key: str) -> Floats:
        """A modifier's first number in each payload that has the stream, float64[k] (NaN: none): TMPC."""
        return np.array([_first_number(node) for node in self.modifier(key)], dtype=np.float64)


def _first_number(node: Klv | None) -> float:
    if node is None or node.type not in TYPES or TYPES[node.type].kind not in {"number", "fixed"}:
        return float("nan")
    if not node.data or element_types(node.type, node.size) is None:
        return float("nan")
    return float(np.ravel(node.array())[0]) / TYPES[node.type].divisor
