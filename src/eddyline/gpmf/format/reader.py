"""Reads KLV trees from untrusted bytes: each length is checked against its parent before use."""

from __future__ import annotations

import re
from dataclasses import dataclass

from eddyline.gpmf.errors import WarningCollector
from eddyline.gpmf.format.klv import FILL, HEADER, Document, Klv, is_key
from eddyline.gpmf.format.types import NEST

_ZEROS = re.compile(rb"\0+")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits for one call: nesting depth and number of KLVs."""

    depth: int = 16
    nodes: int = 1 << 20


DEFAULT_LIMITS = Limits()


def parse(
    data: bytes | bytearray | memoryview,
    *,
    lenient: bool = False,
    offset: int = 0,
    path: str = "",
    limits: Limits = DEFAULT_LIMITS,
) -> Document:
    """Read a block of KLVs; `offset` and `path` are its position, for errors.

    Raises:
        GpmfError: a length exceeds its parent, a key is invalid, or a limit is exceeded. With `lenient`, the
            valid KLVs before are kept, the rest of that nest becomes a FILL, and a warning is recorded.
    """
    collector = WarningCollector(lenient=lenient)
    nodes = Reader(bytes(data), collector, offset=offset, limits=limits).nest(0, len(data), path, 0)
    return Document(nodes=nodes, warnings=tuple(collector.warnings))


class Reader:
    """A bounded cursor over one block of bytes."""

    def __init__(
        self, data: bytes, collector: WarningCollector, *, offset: int = 0, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self._data = data
        self._collector = collector
        self._offset = offset
        self._limits = limits
        self._nodes = 0

    def nest(self, at: int, end: int, path: str, depth: int) -> tuple[Klv, ...]:
        """The KLVs in bytes [at, end)."""
        nodes: list[Klv] = []
        seen: dict[str, int] = {}
        while at < end:
            stop = skip_zeros(self._data, at, end)
            if stop > at:
                nodes.append(Klv(key=FILL, data=self._data[at:stop], offset=self._offset + at))
                at = stop
                continue
            node, at = self._klv(at, end, path, depth, seen)
            nodes.append(node)
        return tuple(nodes)

    def _klv(self, at: int, end: int, path: str, depth: int, seen: dict[str, int]) -> tuple[Klv, int]:
        """The KLV at `at` and the offset of the next; if lenient and invalid, the rest as a FILL."""
        data, here = self._data, self._offset + at
        error = ""
        if end - at < HEADER.size:
            return self._reject(
                f"{end - at} bytes are left, but a KLV has at least {HEADER.size}", at, end, path
            )
        raw, kind, size, repeat = HEADER.unpack_from(data, at)
        key, char = raw.decode("latin-1"), kind.decode("latin-1")
        number = seen[key] = seen.get(key, -1) + 1
        name = f"{key}[{number}]" if char == NEST or number else key
        below = f"{path}/{name}" if path else name
        start, length = at + HEADER.size, size * repeat
        self._nodes += 1
        if not is_key(raw):
            error = f"{raw!r} is not a valid key"
            below = path
        elif start + length > end:
            error = f"its value of {length} bytes ends {start + length - end} bytes after its parent"
        elif self._nodes > self._limits.nodes:
            error = f"more than {self._limits.nodes} KLVs in one block"
        elif char == NEST and depth >= self._limits.depth:
            error = f"nested more than {self._limits.depth} deep"
        if error:
            return self._reject(error, at, end, below)
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

    def _reject(self, message: str, at: int, end: int, path: str) -> tuple[Klv, int]:
        self._collector.error(message, path=path, offset=self._offset + at)
        return Klv(key=FILL, data=self._data[at:end], offset=self._offset + at), end


def skip_zeros(data: bytes, at: int, end: int) -> int:
    """The end of a run of zero words at `at` (`at` itself if there is none)."""
    run = _ZEROS.match(data, at, end)
    if run is None:
        return at
    return end if run.end() == end else at + (run.end() - at) // 4 * 4
