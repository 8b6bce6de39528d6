"""Complete streams: all payloads' samples of one sensor as NumPy arrays.

A stream is what one device (DEVC, by its DVID) writes under one key (the last key of each STRM). Its
modifiers are sticky: SCAL, TYPE, units, name and axes apply until a later payload changes them. A key that
is repeated within a STRM (faces, scenes, hues) is one KLV for each time step, each with any number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import UnsupportedError
from eddyline.gpmf import axes
from eddyline.gpmf.format.klv import Klv, unpack_values
from eddyline.gpmf.format.types import TYPES, element_types
from eddyline.gpmf.payloads import Floats, Int64s
from eddyline.gpmf.stream_pieces import Pieces
from eddyline.gpmf.timing import Timeline


@dataclass(frozen=True, kw_only=True)
class Device:
    """A source of streams: its DVID (a number or four characters), its DVNM and its number."""

    id: int | str
    name: str
    number: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Stream:
    """One sensor's samples of the whole recording.

    `key` is the fourcc (see `keys.STREAMS`), `label` the key in `Telemetry.streams` (for the later of two
    devices with the same fourcc "GYRO@name"), `type` has a type character for each element. Arrays are
    computed on first use and kept.
    """

    key: str
    label: str
    device: Device
    pieces: Pieces = field(repr=False)
    timeline: Timeline = field(repr=False)

    def __len__(self) -> int:
        """The number of samples (time steps)."""
        return self.timeline.count

    @property
    def rate_hz(self) -> float:
        """Samples per second (0 without samples); see `timing` for the rule."""
        return self.timeline.rate_hz

    @property
    def first_s(self) -> float:
        """The movie time of the first sample in seconds."""
        return self.timeline.first_s

    @cached_property
    def times(self) -> Floats:
        """The movie time of each sample in seconds, float64[n]."""
        return self.timeline.times()

    @cached_property
    def name(self) -> str:
        """The name given by the camera (STNM), "" if it is missing."""
        node = self.pieces.latest("STNM")
        return node.text if node else ""

    @cached_property
    def units(self) -> tuple[str, ...]:
        """The unit of each element, from SIUN or UNIT (a single unit applies to all); () if it is missing."""
        node = self.pieces.latest("SIUN") or self.pieces.latest("UNIT")
        if node is None:
            return ()
        if node.key == "UNIT" and node.size == 1 and node.repeat == len(self.type):
            return tuple(node.data.decode("latin-1"))  # one letter per element: karma's SYST has "ss"
        return node.texts

    @cached_property
    def type(self) -> str:
        """The elements of one row, a type character each ("sss", "lllllllSS"); "" if undecodable."""
        node = self.pieces.latest("TYPE")
        return element_types(self.pieces.char, self.pieces.size, node.text if node else "") or ""

    @cached_property
    def raw(self) -> npt.NDArray[Any]:
        """The stored rows in native byte order: [rows, elements]; records (fields "0", "1", ...) if complex.

        Bytes [rows, size] if the type is unknown. Each row is a sample unless `steps` is set.
        """
        data, size = self.pieces.sample_bytes(), self.pieces.size
        if not self.type:
            return np.frombuffer(data, dtype=np.uint8).reshape(-1, max(size, 1))
        return unpack_values(data, self.pieces.char, size, self.type)

    @cached_property
    def steps(self) -> Int64s | None:
        """int64[n + 1]: rows [steps[i], steps[i + 1]) belong to sample i; None if each sample is one row."""
        rows = self.pieces.rows_of_samples()
        return None if rows is None else np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(rows)])

    @cached_property
    def values(self) -> Floats:
        """Rows as real numbers with SCAL applied, float64[rows, elements]; NaN where not a number."""
        with np.errstate(all="ignore"):  # damaged files contain NaN and infinity
            return self._scaled()

    def _scaled(self) -> Floats:
        raw, kinds = self.raw, self.type or "B" * max(self.pieces.size, 1)
        divisor = np.array([TYPES[char].divisor for char in kinds])
        scale = self.pieces.scale(len(kinds))
        if scale is not None:
            divisor = scale * divisor
        if divisor.ndim == 1 and (divisor == divisor[0]).all():
            divisor = divisor[0]  # a scalar divides five times faster than a row of equal numbers
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
        values: npt.NDArray[Any] = raw[str(number)] if raw.dtype.names else raw[:, number]
        return values

    def texts(self, number: int) -> list[str]:
        """One element of every row as text, such as a scene's fourcc."""
        return [bytes(value).rstrip(b"\0").decode("latin-1") for value in self.column(number)]

    @cached_property
    def axis_order(self) -> str:
        """The axis of each element: ORIN, else MTRX with ORIO, else the order of the camera model; or ""."""
        stated = self.pieces.latest("ORIN")
        if stated and axes.is_order(stated.text):
            return stated.text
        matrix, order = self.pieces.latest("MTRX"), self.pieces.latest("ORIO")
        if matrix and order and len(matrix.data) == 36:  # noqa: PLR2004 - nine floats
            values = axes.order_from_matrix(matrix.array().astype(np.float64).reshape(3, 3), order.text)
            if values:
                return values
        return (
            axes.STORED_ORDER.get(self.device.name.lower(), "")
            if self.key in {"ACCL", "GYRO", "MAGN"}
            else ""
        )

    def oriented(self, order: str = axes.AXES, *, stored: str = "") -> Floats:
        """`values` of an IMU stream with the axes in the given order, float64[n, 3].

        Raises:
            UnsupportedError: the stored order is unknown (pass `stored`), or rows do not have three elements.
        """
        if not (stored or self.axis_order):
            raise UnsupportedError(f"{self.label} has no known axis order", remedy='pass it: stored="ZXY"')
        return axes.reorder(self.values, stored or self.axis_order, order)

    def modifier(self, key: str) -> list[Klv | None]:
        """A modifier's KLV in each payload that has the stream (None if missing): TMPC, GPSU, TICK, ..."""
        return self.pieces.per_piece(key)

    def numbers(self, key: str) -> Floats:
        """A modifier's first number in each payload with the stream, float64[k] (NaN if missing): TMPC."""
        return np.array([_first_number(node) for node in self.modifier(key)], dtype=np.float64)


def _first_number(node: Klv | None) -> float:
    if node is None or node.type not in TYPES or TYPES[node.type].kind not in {"number", "fixed"}:
        return float("nan")
    if not node.data or element_types(node.type, node.size) is None:
        return float("nan")
    return float(np.ravel(node.array())[0]) / TYPES[node.type].divisor
