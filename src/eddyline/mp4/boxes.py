"""Boxes and the fields in them, read within bounds (ISO/IEC 14496-12 section 4.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eddyline.mp4.errors import LimitError, Mp4Error

_HEADER = 8
_LARGE_HEADER = 16
_UUID = 16
_MAX_DEPTH = 16
# A fragment may have a run for every sample; no other box holds anywhere near as many.
_MAX_CHILDREN = {"traf": 10_000}
_MAX_CHILDREN_ELSEWHERE = 1_000


@dataclass(frozen=True, kw_only=True)
class Box:
    """One box in memory: `kind` is its fourcc, `body` what follows its header, `raw` all of it.

    `offset` is the body's place in the file, `path` names the box and those around it.
    """

    kind: str
    raw: memoryview
    body: memoryview
    offset: int
    path: str
    depth: int = 0

    def children(self, skip: int = 0) -> Iterator[Box]:
        """The boxes inside, after `skip` bytes of fields; each must lie within this one.

        QuickTime ends some containers with a 32-bit zero; bytes too few for a header are padding.
        """
        if self.depth >= _MAX_DEPTH:
            raise LimitError(f"boxes lie more than {_MAX_DEPTH} deep in each other", path=self.path)
        at, count, end = skip, 0, len(self.body)
        most = _MAX_CHILDREN.get(self.kind, _MAX_CHILDREN_ELSEWHERE)
        seen: dict[str, int] = {}
        while end - at >= _HEADER:
            kind, header, size = parse_box_header(self.body[at:], end - at, self.path, self.offset + at)
            if size == _HEADER and kind == "\0\0\0\0":
                return
            count += 1
            if count > most:
                raise LimitError(f"a box holds more than {most} others", path=self.path)
            number = seen.get(kind, 0)
            seen[kind] = number + 1
            yield Box(
                kind=kind,
                raw=self.body[at : at + size],
                body=self.body[at + header : at + size],
                offset=self.offset + at + header,
                path=f"{self.path}/{quote_fourcc(kind)[1:-1]}"
                + (f"[{number}]" if kind in {"trak", "traf", "trun"} else ""),
                depth=self.depth + 1,
            )
            at += size

    def find(self, kind: str, skip: int = 0) -> Box | None:
        """The first box of this kind inside, or None."""
        return next((child for child in self.children(skip) if child.kind == kind), None)

    def require(self, kind: str, skip: int = 0) -> Box:
        """The first box of this kind inside; raises `Mp4Error` if there is none."""
        found = self.find(kind, skip)
        if found is None:
            raise Mp4Error(f"there is no {kind!r} box", path=self.path, offset=self.offset)
        return found

    def fields(self) -> FieldReader:
        """A cursor over the body."""
        return FieldReader(self)


def parse_box_header(data: memoryview, room: int, path: str, offset: int) -> tuple[str, int, int]:
    """(kind, header length, whole size) of the box at the start of `data`, which has `room` bytes to lie in.

    Size 0 means up to the end of the room; size 1 a 64-bit size behind the kind.
    """
    size, raw = struct.unpack_from(">I4s", data)
    kind = raw.decode("latin-1")
    header = _HEADER
    if size == 1:
        if len(data) < _LARGE_HEADER:
            raise Mp4Error(f"the 64-bit size of {quote_fourcc(kind)} is cut off", path=path, offset=offset)
        (size,) = struct.unpack_from(">Q", data, _HEADER)
        header = _LARGE_HEADER
    elif size == 0:
        # QuickTime's terminator of a udta is four zero bytes; with four more behind it, it reads as this.
        size = _HEADER if kind == "\0\0\0\0" else room
    if kind == "uuid":
        header += _UUID
    if size < header:
        raise Mp4Error(
            f"box {quote_fourcc(kind)} says {size} bytes, less than its header", path=path, offset=offset
        )
    if size > room:
        raise Mp4Error(
            f"box {quote_fourcc(kind)} says {size} bytes where {room} are left", path=path, offset=offset
        )
    return kind, header, size


def quote_fourcc(kind: str) -> str:
    """A fourcc, quoted, that can be shown on any terminal: files must not send it commands."""
    return ascii(kind)


class FieldReader:
    """A cursor over a box's body; reading past its end raises `Mp4Error`."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._at = 0

    @property
    def remaining(self) -> int:
        """Bytes not read yet."""
        return len(self._box.body) - self._at

    @property
    def position(self) -> int:
        """Bytes read so far."""
        return self._at

    def read(self, count: int) -> memoryview:
        """The next `count` bytes."""
        if count > self.remaining:
            raise Mp4Error(
                f"{count} bytes wanted, the box ends after {self.remaining}",
                path=self._box.path,
                offset=self._box.offset + self._at,
            )
        self._at += count
        return self._box.body[self._at - count : self._at]

    def skip(self, count: int) -> None:
        """Pass over `count` bytes."""
        self.read(count)

    def unpack(self, layout: str) -> tuple[int, ...]:
        """Big-endian numbers, `layout` in the letters of `struct`."""
        shape = struct.Struct(">" + layout)
        return shape.unpack(self.read(shape.size))

    def read_number(self, layout: str) -> int:
        """One big-endian number."""
        return self.unpack(layout)[0]

    def read_fourcc(self) -> str:
        """Four characters, Latin-1."""
        return bytes(self.read(4)).decode("latin-1")

    def read_version(self) -> tuple[int, int]:
        """(version, flags) of a full box."""
        word = self.read_number("I")
        return word >> 24, word & 0xFFFFFF

    def read_table(self, count: int, columns: int, dtype: str = ">u4") -> npt.NDArray[np.int64]:
        """`count` rows of `columns` big-endian numbers as int64[count, columns].

        The count is checked against the bytes that are there before anything is allocated.
        """
        width = np.dtype(dtype).itemsize
        if count * columns * width > self.remaining:
            raise Mp4Error(
                f"a table says {count} rows, but only {self.remaining // (columns * width)} fit into its box",
                path=self._box.path,
                offset=self._box.offset + self._at,
            )
        raw = np.frombuffer(self.read(count * columns * width), dtype=dtype, count=count * columns)
        return raw.astype(np.int64).reshape(count, columns)
