"""Reads and builds boxes and the fields in them, within bounds (ISO/IEC 14496-12 section 4.2).

Every other module that reads or writes a box uses this one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eddyline.mp4.errors import LimitError, Mp4Error

_HEADER = 8
_LARGE_HEADER = 16
_UUID = 16
_MAX_DEPTH = 16
# A fragment may have one run for each sample; every other box has far fewer children.
_MAX_CHILDREN = {"traf": 10_000, "": 1_000_000}  # "": a payload without a parent box
_MAX_CHILDREN_DEFAULT = 1_000


@dataclass(frozen=True, kw_only=True)
class Box:
    """One box in memory.

    `kind` is its four-character code, `body` the bytes after its header, `raw` the complete box. `offset` is
    the offset of the body in the file. `path` names the box and its parents for error messages.
    """

    kind: str
    raw: memoryview
    body: memoryview
    offset: int
    path: str
    depth: int = 0

    def children(self, skip: int = 0) -> Iterator[Box]:
        """The child boxes after `skip` bytes of fields; each must end within this box.

        QuickTime terminates some containers with a 32-bit zero. Fewer bytes than a header are padding.
        """
        if self.depth >= _MAX_DEPTH:
            raise LimitError(f"boxes are nested more than {_MAX_DEPTH} deep", path=self.path)
        position, count, end = skip, 0, len(self.body)
        limit = _MAX_CHILDREN.get(self.kind, _MAX_CHILDREN_DEFAULT)
        seen: dict[str, int] = {}
        while end - position >= _HEADER:
            kind, header, size = parse_box_header(
                self.body[position:], end - position, self.path, self.offset + position
            )
            if size == _HEADER and kind == "\0\0\0\0":
                return
            count += 1
            if count > limit:
                raise LimitError(f"a box has more than {limit} child boxes", path=self.path)
            number = seen.get(kind, 0)
            seen[kind] = number + 1
            yield Box(
                kind=kind,
                raw=self.body[position : position + size],
                body=self.body[position + header : position + size],
                offset=self.offset + position + header,
                path=f"{self.path}/{quote_fourcc(kind)[1:-1]}"
                + (f"[{number}]" if kind in {"trak", "traf", "trun"} else ""),
                depth=self.depth + 1,
            )
            position += size

    def find(self, kind: str, skip: int = 0) -> Box | None:
        """The first child box of this kind, or None."""
        return next((child for child in self.children(skip) if child.kind == kind), None)

    def require(self, kind: str, skip: int = 0) -> Box:
        """The first child box of this kind. Raises `Mp4Error` if there is none."""
        box = self.find(kind, skip)
        if box is None:
            raise Mp4Error(f"the {kind!r} box is missing", path=self.path, offset=self.offset)
        return box

    def fields(self) -> FieldReader:
        """A reader of the body's fields."""
        return FieldReader(self)


def parse_box_header(data: memoryview, available: int, path: str, offset: int) -> tuple[str, int, int]:
    """(kind, header length, box size) of the box at the start of `data`.

    `available` is the number of bytes up to the end of the enclosing box. Size 0 means up to that end; size
    1 means that a 64-bit size follows the kind. Raises `Mp4Error` for a box that does not fit.
    """
    size, raw = struct.unpack_from(">I4s", data)
    kind = raw.decode("latin-1")
    header = _HEADER
    if size == 1:
        if len(data) < _LARGE_HEADER:
            raise Mp4Error(f"the 64-bit size of {quote_fourcc(kind)} is truncated", path=path, offset=offset)
        (size,) = struct.unpack_from(">Q", data, _HEADER)
        header = _LARGE_HEADER
    elif size == 0:
        # Four zero bytes terminate a QuickTime udta. With four more zero bytes they read as this header.
        size = _HEADER if kind == "\0\0\0\0" else available
    if kind == "uuid":
        header += _UUID
    if size < header:
        raise Mp4Error(
            f"box {quote_fourcc(kind)} has a size of {size} bytes, less than its header",
            path=path,
            offset=offset,
        )
    if size > available:
        raise Mp4Error(
            f"box {quote_fourcc(kind)} has a size of {size} bytes, but only {available} are left",
            path=path,
            offset=offset,
        )
    return kind, header, size


def quote_fourcc(kind: str) -> str:
    """The fourcc in quotes and escaped, so that a file cannot send control characters to a terminal."""
    return ascii(kind)


def iter_boxes(payload: bytes) -> Iterator[Box]:
    """The boxes in a payload without a parent box (udta, a sample), up to the first invalid one.

    `offset` counts from the start of the payload.
    """
    view = memoryview(payload)
    with suppress(Mp4Error):
        for box in Box(kind="", raw=view, body=view, offset=0, path="").children():
            if int.from_bytes(box.raw[:4], "big") != len(box.raw):
                return  # an open end or a 64-bit size is invalid here
            yield box


def sample_entries(stsd: bytes) -> Iterator[Box]:
    """The sample entries of a complete stsd box (section 8.5.2)."""
    view = memoryview(stsd)
    return Box(kind="stsd", raw=view, body=view[8:], offset=8, path="stsd").children(skip=8)


def find_box(payload: bytes, kind: str) -> bytes:
    """The body of the first box of this kind in a payload; b"" if it is missing."""
    return next((bytes(box.body) for box in iter_boxes(payload) if box.kind == kind), b"")


def make_box(kind: str, *parts: bytes) -> bytes:
    """A box with a 32-bit size around its parts."""
    return struct.pack(">I4s", 8 + sum(map(len, parts)), kind.encode("latin-1")) + b"".join(parts)


def make_full_box(kind: str, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with version and flags."""
    return make_box(kind, struct.pack(">I", version << 24 | flags), *parts)


class FieldReader:
    """Reads the fields of a box in order; reading past the end of the box raises `Mp4Error`."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._position = 0

    @property
    def remaining(self) -> int:
        """Bytes that are not read yet."""
        return len(self._box.body) - self._position

    @property
    def position(self) -> int:
        """Bytes that are read."""
        return self._position

    def read(self, count: int) -> memoryview:
        """The next `count` bytes."""
        if count > self.remaining:
            raise Mp4Error(
                f"a field of {count} bytes, but the box ends after {self.remaining}",
                path=self._box.path,
                offset=self._box.offset + self._position,
            )
        self._position += count
        return self._box.body[self._position - count : self._position]

    def skip(self, count: int) -> None:
        """Skip `count` bytes."""
        self.read(count)

    def unpack(self, layout: str) -> tuple[int, ...]:
        """Big-endian numbers; `layout` uses the format characters of `struct`."""
        shape = struct.Struct(">" + layout)
        return shape.unpack(self.read(shape.size))

    def read_number(self, layout: str) -> int:
        """One big-endian number."""
        return self.unpack(layout)[0]

    def read_fourcc(self) -> str:
        """A four-character code, decoded as Latin-1."""
        return bytes(self.read(4)).decode("latin-1")

    def read_version(self) -> tuple[int, int]:
        """(version, flags) of a full box (section 4.2.2)."""
        word = self.read_number("I")
        return word >> 24, word & 0xFFFFFF

    def read_table(self, count: int, columns: int, dtype: str = ">u4") -> npt.NDArray[np.int64]:
        """`count` rows of `columns` big-endian numbers as int64[count, columns].

        The count is checked against the remaining bytes before any memory is allocated.
        """
        width = np.dtype(dtype).itemsize
        if count * columns * width > self.remaining:
            raise Mp4Error(
                f"a table has {count} rows, but its box holds only {self.remaining // (columns * width)}",
                path=self._box.path,
                offset=self._box.offset + self._position,
            )
        raw = np.frombuffer(self.read(count * columns * width), dtype=dtype, count=count * columns)
        return raw.astype(np.int64).reshape(count, columns)
