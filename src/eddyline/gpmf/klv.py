"""The KLV tree: bytes <-> nodes, exactly.

A KLV is a key (4 characters), a type character, the size of one structure (1 byte), a repeat count (2 bytes)
and size x repeat bytes padded to 4. Type 0 holds KLVs. Whatever a reader does not know is kept, so that
`bytes(parse(data)) == data` for every input that parses.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eddyline.gpmf.errors import Flaw, GpmfError, Judge
from eddyline.gpmf.types import COMPLEX, NEST, TYPES, elements_of, native, structure

HEADER = struct.Struct(">4scBH")
FILL = "\0\0\0\0"
_ZEROS = re.compile(rb"\0+")
_MAX_REPEAT = 0xFFFF
_MAX_SIZE = 0xFF
_SPACE, _DELETE, _NO_BREAK = 0x20, 0x7F, 0xA0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on what one call may build: nesting depth and number of KLVs."""

    depth: int = 16
    nodes: int = 1 << 20


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, kw_only=True, slots=True)
class Klv:
    """One KLV. `data` is its value without padding; a nest (type NUL) has `children` instead.

    `padding` is what follows the value up to the next multiple of 4 (zeros unless the file had something
    else). Zero words between KLVs are nodes with the key FILL, and bytes that a lenient reader could not
    make sense of too; both are written back as they were. `offset` is where the header began (bytes).
    """

    key: str
    type: str = NEST
    size: int = 1
    repeat: int = 0
    data: bytes = b""
    padding: bytes = b""
    children: tuple[Klv, ...] = ()
    offset: int = 0

    @property
    def is_nest(self) -> bool:
        """True where it holds KLVs."""
        return self.type == NEST and self.key != FILL

    @property
    def text(self) -> str:
        """The value as Latin-1 text up to the first NUL, spaces stripped."""
        return self.data.split(b"\0", 1)[0].decode("latin-1").strip()

    @property
    def texts(self) -> tuple[str, ...]:
        """One text for each structure: UNIT's "deg", "deg", "m"."""
        if self.repeat <= 1 or self.size <= 1:
            return (self.text,)
        parts = (self.data[at : at + self.size] for at in range(0, len(self.data), self.size))
        return tuple(part.split(b"\0", 1)[0].decode("latin-1").strip() for part in parts)

    def array(self, complex_type: str = "") -> npt.NDArray[np.generic]:
        """The value as stored, in native byte order: [repeat, elements], or [repeat] records if complex.

        Raises:
            GpmfError: the type is unknown, or the TYPE given does not fit the size.
        """
        elements = elements_of(self.type, self.size, complex_type)
        if elements is None:
            raise GpmfError(
                f"{self.size} bytes of type {self.type!r} can't be decoded", path=self.key, offset=self.offset
            )
        return unpack(self.data, self.type, self.size, elements)

    def child(self, key: str) -> Klv | None:
        """The first child with this key."""
        return next((node for node in self.children if node.key == key), None)

    def walk(self, path: str = "") -> Iterator[tuple[str, Klv]]:
        """Itself and everything below it, depth first, with paths such as "DEVC[0]/STRM[2]/ACCL"."""
        yield path or self.key, self
        for name, node in named(self.children):
            yield from node.walk(f"{path or self.key}/{name}")

    def __bytes__(self) -> bytes:
        return write((self,))


@dataclass(frozen=True, kw_only=True)
class Document:
    """The KLVs of one block of bytes, with what a lenient reader stepped over."""

    nodes: tuple[Klv, ...]
    flaws: tuple[Flaw, ...] = ()

    def __bytes__(self) -> bytes:
        return write(self.nodes)

    def __iter__(self) -> Iterator[Klv]:
        return iter(self.nodes)

    def walk(self) -> Iterator[tuple[str, Klv]]:
        """Every KLV, depth first, with its path."""
        for name, node in named(self.nodes):
            yield from node.walk(name)

    def find(self, key: str) -> Iterator[Klv]:
        """Every KLV with this key, at any depth."""
        return (node for _, node in self.walk() if node.key == key)


def named(nodes: Iterable[Klv]) -> Iterator[tuple[str, Klv]]:
    """The nodes with their names in a path: nests are numbered among their kind; fills are left out."""
    seen: dict[str, int] = {}
    for node in nodes:
        if node.key == FILL:
            continue
        number = seen[node.key] = seen.get(node.key, -1) + 1
        yield f"{node.key}[{number}]" if node.is_nest or number else node.key, node


def unpack(data: bytes, char: str, size: int, elements: str) -> npt.NDArray[np.generic]:
    """Structures of `size` bytes in native byte order: [n, len(elements)], or [n] records where complex."""
    if char == COMPLEX:
        packed = structure(elements)
        if packed.itemsize != size:
            packed = np.dtype(
                {
                    "names": list(packed.names or ()),
                    "formats": [packed[i] for i in range(len(elements))],
                    "offsets": [packed.fields[name][1] for name in packed.names or ()]
                    if packed.fields
                    else [],
                    "itemsize": size,
                }
            )
        return native(np.frombuffer(data, dtype=packed))
    return native(np.frombuffer(data, dtype=TYPES[char].dtype)).reshape(-1, len(elements))


# --- reading
# -----------------------------------------------------------------------------------------------------


def parse(
    data: bytes | bytearray | memoryview,
    *,
    lenient: bool = False,
    offset: int = 0,
    path: str = "",
    limits: Limits = DEFAULT_LIMITS,
) -> Document:
    """Read a block of KLVs; `offset` and `path` say where it lay, for errors.

    Raises:
        GpmfError: a length leaves its parent, a key is not a key, or a limit is passed. With `lenient`, what
        was
            sound up to there is kept, the rest of that nest becomes a FILL, and the flaw is listed.
    """
    judge = Judge(lenient=lenient)
    nodes = Reader(bytes(data), judge, offset=offset, limits=limits).nest(0, len(data), path, 0)
    return Document(nodes=nodes, flaws=tuple(judge.flaws))


class Reader:
    """A bounded cursor over one block of bytes."""

    def __init__(
        self, data: bytes, judge: Judge, *, offset: int = 0, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self._data = data
        self._judge = judge
        self._offset = offset
        self._limits = limits
        self._nodes = 0

    def nest(self, at: int, end: int, path: str, depth: int) -> tuple[Klv, ...]:
        """The KLVs in bytes [at, end)."""
        nodes: list[Klv] = []
        seen: dict[str, int] = {}
        while at < end:
            stop = self._zeros(at, end)
            if stop > at:
                nodes.append(Klv(key=FILL, data=self._data[at:stop], offset=self._offset + at))
                at = stop
                continue
            node, at = self._klv(at, end, path, depth, seen)
            nodes.append(node)
        return tuple(nodes)

    def _zeros(self, at: int, end: int) -> int:
        """Where a run of zero words that begins at `at` ends (`at` itself where there is none)."""
        run = _ZEROS.match(self._data, at, end)
        if run is None:
            return at
        return end if run.end() == end else at + (run.end() - at) // 4 * 4

    def _klv(self, at: int, end: int, path: str, depth: int, seen: dict[str, int]) -> tuple[Klv, int]:
        """One KLV that begins at `at`, and where the next begins; or, if lenient, the rest as a FILL."""
        data, here = self._data, self._offset + at
        wrong = ""
        if end - at < HEADER.size:
            return self._give_up(f"{end - at} bytes are left, a KLV needs {HEADER.size}", at, end, path)
        raw, kind, size, repeat = HEADER.unpack_from(data, at)
        key, char = raw.decode("latin-1"), kind.decode("latin-1")
        number = seen[key] = seen.get(key, -1) + 1
        name = f"{key}[{number}]" if char == NEST or number else key
        below = f"{path}/{name}" if path else name
        start, length = at + HEADER.size, size * repeat
        self._nodes += 1
        if not is_key(raw):
            wrong = f"{raw!r} is not a key"
            below = path
        elif start + length > end:
            wrong = f"its value of {length} bytes ends {start + length - end} bytes after its parent"
        elif self._nodes > self._limits.nodes:
            wrong = f"more than {self._limits.nodes} KLVs in one block"
        elif char == NEST and depth >= self._limits.depth:
            wrong = f"nested more than {self._limits.depth} deep"
        if wrong:
            return self._give_up(wrong, at, end, below)
        after = min(start + (length + 3) // 4 * 4, end)
        children: tuple[Klv, ...] = ()
        value = b""
        if char == NEST:
            children = self.nest(start, start + length, below, depth + 1)
        else:
            value = data[start : start + length]
        node = Klv(
            key=key,
            type=char,
            size=size,
            repeat=repeat,
            data=value,
            padding=data[start + length : after],
            children=children,
            offset=here,
        )
        return node, after

    def _give_up(self, message: str, at: int, end: int, path: str) -> tuple[Klv, int]:
        self._judge.fault(message, path=path, offset=self._offset + at)
        return Klv(key=FILL, data=self._data[at:end], offset=self._offset + at), end


def is_key(raw: bytes) -> bool:
    """Four printable Latin-1 characters."""
    return all(_SPACE <= byte < _DELETE or byte >= _NO_BREAK for byte in raw)


# --- writing
# -----------------------------------------------------------------------------------------------------


def write(nodes: Iterable[Klv]) -> bytes:
    """The bytes of these KLVs; nodes that were parsed come back exactly as they were."""
    out: list[bytes] = []
    for node in nodes:
        _write(node, out)
    return b"".join(out)


def _write(node: Klv, out: list[bytes]) -> None:
    if node.key == FILL:
        out.append(node.data)
        return
    mark = len(out)
    out.append(b"")
    if node.is_nest:
        for child in node.children:
            _write(child, out)
        length = sum(len(part) for part in out[mark + 1 :])
        size, repeat = (
            (node.size, node.repeat) if node.size * node.repeat == length else _extent(length, node)
        )
    else:
        out.append(node.data)
        size, repeat, length = node.size, node.repeat, len(node.data)
        if size * repeat != length:
            raise GpmfError(f"{size} x {repeat} bytes announced, {length} given", path=node.key)
    out[mark] = HEADER.pack(node.key.encode("latin-1"), node.type.encode("latin-1"), size, repeat)
    out.append(node.padding or bytes(-length % 4))


def _extent(length: int, node: Klv) -> tuple[int, int]:
    """A size and a repeat whose product is this length: 1 x n as cameras write it, wider past 65,535."""
    for size in (1, *range(4, _MAX_SIZE + 1, 4)):
        if length % size == 0 and length // size <= _MAX_REPEAT:
            return size, length // size
    raise GpmfError(f"{length} bytes don't fit one nest", path=node.key, remedy="split the payload")


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
        elements = elements_of(char, _MAX_SIZE, complex_type)
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
    if not 0 < size <= _MAX_SIZE:
        raise GpmfError(f"structures of {size} bytes: 1 to {_MAX_SIZE} are possible", path=key)
    if len(data) // size > _MAX_REPEAT:
        raise GpmfError(
            f"{len(data) // size} samples: {_MAX_REPEAT} are possible", path=key, remedy="split the payload"
        )
    return Klv(key=key, type=char, size=size, repeat=len(data) // size, data=data)


def _checked(key: str) -> str:
    raw = key.encode("latin-1", "replace")
    if len(raw) != HEADER.size // 2 or not is_key(raw):
        raise GpmfError(f"{key!r} is not a key", remedy="a key is four printable Latin-1 characters")
    return key
