"""The KLV tree: converts bytes to nodes and back without loss.

A KLV is a key (4 characters), a type character, the size of one structure (1 byte), a repeat count (2 bytes)
and size x repeat bytes padded to 4. Type 0 contains KLVs. Unknown keys and types are kept, so that
`bytes(parse(data)) == data` for every input that can be parsed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eddyline.gpmf.errors import GpmfError, ParseWarning
from eddyline.gpmf.format.types import (
    COMPLEX,
    NEST,
    TYPES,
    element_types,
    latin_text,
    structure_dtype,
    to_native_order,
)

HEADER = struct.Struct(">4scBH")
FILL = "\0\0\0\0"
MAX_REPEAT = 0xFFFF
MAX_SIZE = 0xFF
_SPACE, _DELETE, _NO_BREAK = 0x20, 0x7F, 0xA0


@dataclass(frozen=True, kw_only=True, slots=True)
class Klv:
    """One KLV. `data` is its value without padding; a nest (type NUL) has `children` instead.

    `padding` is the bytes between the value and the next multiple of 4 (zeros in most files). Zero words
    between KLVs, and bytes that a lenient reader could not parse, are nodes with the key FILL; both are
    written back unchanged. `offset` is the byte offset of the header.
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
        """Whether it contains KLVs."""
        return self.type == NEST and self.key != FILL

    @property
    def text(self) -> str:
        """The value as Latin-1 text up to the first NUL, without surrounding spaces."""
        return latin_text(self.data)

    @property
    def texts(self) -> tuple[str, ...]:
        """One text for each structure: UNIT's "deg", "deg", "m"."""
        if self.repeat <= 1 or self.size <= 1:
            return (self.text,)
        parts = (self.data[at : at + self.size] for at in range(0, len(self.data), self.size))
        return tuple(map(latin_text, parts))

    def array(self, complex_type: str = "") -> npt.NDArray[Any]:
        """The stored value in native byte order: [repeat, elements], or [repeat] records if complex.

        Raises:
            GpmfError: the type is unknown, or the given TYPE does not fit the size.
        """
        elements = element_types(self.type, self.size, complex_type)
        if elements is None:
            raise GpmfError(
                f"{self.size} bytes of type {self.type!r} cannot be decoded",
                path=self.key,
                offset=self.offset,
            )
        return unpack_values(self.data, self.type, self.size, elements)

    def child(self, key: str) -> Klv | None:
        """The first child with this key."""
        return next((node for node in self.children if node.key == key), None)

    def walk(self, path: str = "") -> Iterator[tuple[str, Klv]]:
        """This node and all its descendants, depth first, with paths such as "DEVC[0]/STRM[2]/ACCL"."""
        yield path or self.key, self
        for name, node in named_nodes(self.children):
            yield from node.walk(f"{path or self.key}/{name}")

    def __bytes__(self) -> bytes:
        return serialize((self,))


@dataclass(frozen=True, kw_only=True)
class Document:
    """The KLVs of one block of bytes, and the warnings of a lenient reader."""

    nodes: tuple[Klv, ...]
    warnings: tuple[ParseWarning, ...] = ()

    def __bytes__(self) -> bytes:
        return serialize(self.nodes)

    def __iter__(self) -> Iterator[Klv]:
        return iter(self.nodes)

    def walk(self) -> Iterator[tuple[str, Klv]]:
        """Every KLV, depth first, with its path."""
        for name, node in named_nodes(self.nodes):
            yield from node.walk(name)

    def find(self, key: str) -> Iterator[Klv]:
        """Every KLV with this key, at any depth."""
        return (node for _, node in self.walk() if node.key == key)


def named_nodes(nodes: Iterable[Klv]) -> Iterator[tuple[str, Klv]]:
    """The nodes with their names in a path: nests and repeated keys are numbered, fills are omitted."""
    seen: dict[str, int] = {}
    for node in nodes:
        if node.key == FILL:
            continue
        number = seen[node.key] = seen.get(node.key, -1) + 1
        yield f"{node.key}[{number}]" if node.is_nest or number else node.key, node


def unpack_values(data: bytes, char: str, size: int, elements: str) -> npt.NDArray[Any]:
    """Structures of `size` bytes in native byte order: [n, len(elements)], or [n] records if complex."""
    if char == COMPLEX:
        packed = structure_dtype(elements)
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
        return to_native_order(np.frombuffer(data, dtype=packed))
    return to_native_order(np.frombuffer(data, dtype=TYPES[char].dtype)).reshape(-1, len(elements))


def is_key(raw: bytes) -> bool:
    """Whether these are four printable Latin-1 characters."""
    return all(_SPACE <= byte < _DELETE or byte >= _NO_BREAK for byte in raw)


def serialize(nodes: Iterable[Klv]) -> bytes:
    """The bytes of these KLVs. Nodes that were parsed give their original bytes."""
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
            (node.size, node.repeat) if node.size * node.repeat == length else _nest_size(length, node)
        )
    else:
        out.append(node.data)
        size, repeat, length = node.size, node.repeat, len(node.data)
        if size * repeat != length:
            raise GpmfError(f"{size} x {repeat} bytes declared, but {length} given", path=node.key)
    out[mark] = HEADER.pack(node.key.encode("latin-1"), node.type.encode("latin-1"), size, repeat)
    out.append(node.padding or bytes(-length % 4))


def _nest_size(length: int, node: Klv) -> tuple[int, int]:
    """A size and a repeat count for this length: 1 x n as cameras write it, wider structures above 65,535."""
    for size in (1, *range(4, MAX_SIZE + 1, 4)):
        if length % size == 0 and length // size <= MAX_REPEAT:
            return size, length // size
    raise GpmfError(f"{length} bytes are too many for one nest", path=node.key, remedy="split the payload")
