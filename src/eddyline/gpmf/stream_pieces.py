"""The pieces of one stream: where its KLVs lie in each payload, and what they count."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from eddyline.gpmf.errors import WarningCollector
from eddyline.gpmf.index import key_code, key_name
from eddyline.gpmf.klv import Klv
from eddyline.gpmf.payloads import Floats, Int64s
from eddyline.gpmf.types import element_types

Bools = npt.NDArray[np.bool_]

# Streams whose samples are lists: any number of faces, scenes or hues at each time step.
STEPPED = frozenset({"FACE", "SCEN", "HUES"})


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Rows of the index that belong to one stream, in file order; `piece` counts its STRMs from 0."""

    data: bytes
    at: Int64s
    key: npt.NDArray[np.uint32]
    head: npt.NDArray[np.uint32]
    piece: Int64s

    def of(self, key: int) -> Rows:
        """Those with this key."""
        return self.only(self.key == key)

    def only(self, chosen: Bools) -> Rows:
        """Those chosen, bool[rows]."""
        return Rows(
            data=self.data,
            at=self.at[chosen],
            key=self.key[chosen],
            head=self.head[chosen],
            piece=self.piece[chosen],
        )

    def at_least(self, length: int) -> Rows:
        """Those whose values have so many bytes."""
        return self.only(self.size * self.repeat >= length)

    @property
    def size(self) -> Int64s:
        """Bytes of one structure of each row."""
        return (self.head >> 16 & 0xFF).astype(np.int64)

    @property
    def repeat(self) -> Int64s:
        """Structures of each row; structures of no bytes are none."""
        return np.where(self.head & 0xFF0000, self.head & 0xFFFF, 0).astype(np.int64)

    def node(self, row: int) -> Klv:
        """One row as a KLV (its offset is in the joined payloads)."""
        head, at = int(self.head[row]), int(self.at[row])
        size, repeat = head >> 16 & 0xFF, head & 0xFFFF
        return Klv(
            key=key_name(int(self.key[row])),
            type=chr(head >> 24),
            size=size,
            repeat=repeat,
            data=self.data[at : at + size * repeat],
            offset=at - 8,
        )

    def words(self, count: int = 1) -> npt.NDArray[np.uint32]:
        """The first `count` 32-bit words of each value, [rows, count]; the caller knows they are there."""
        every = np.frombuffer(self.data, dtype=">u4")
        found: npt.NDArray[np.uint32] = every[self.at[:, None] // 4 + np.arange(count)].astype(np.uint32)
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Pieces:
    """One stream's KLVs.

    `rows` are all of its STRMs' KLVs, `samples_rows` the ones that hold samples (all of one `char` and
    `size`).
    payload: int64[k], the payload of each piece; samples: int64[k]; step: bool, whether a KLV of
    `samples_rows` is one time step of `repeat` rows, or `repeat` samples.
    """

    rows: Rows
    holding: Rows
    char: str
    size: int
    payload: Int64s
    samples: Int64s
    step: Bools

    def joined(self) -> bytes:
        """All samples' bytes, one after another."""
        data = self.rows.data
        length = self.holding.size * self.holding.repeat
        starts = self.holding.at[length > 0]
        ends = starts + length[length > 0]
        return b"".join([data[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)])

    def rows_of_samples(self) -> Int64s | None:
        """How many rows each sample has; None where all have one."""
        if not self.step.any():
            return None
        repeat = self.holding.repeat
        return np.repeat(np.where(self.step, repeat, 1), np.where(self.step, 1, repeat))

    def latest(self, key: str) -> Klv | None:
        """The last KLV with this key, which sticks."""
        mine = self._modifiers(key)
        return mine.node(len(mine.at) - 1) if len(mine.at) else None

    def each(self, key: str) -> list[Klv | None]:
        """The KLV with this key in each piece, None where it is missing."""
        mine = self._modifiers(key)
        out: list[Klv | None] = [None] * len(self.payload)
        for row, piece in enumerate(mine.piece.tolist()):
            out[piece] = mine.node(row)
        return out

    def _modifiers(self, key: str) -> Rows:
        return self.rows.of(key_code(key))

    def scale(self, elements: int) -> Floats | None:
        """What to divide by: None (no SCAL), [elements], or [rows, elements] where it changes on the way."""
        mine = self._modifiers("SCAL")
        if not len(mine.at):
            return None
        length = mine.size * mine.repeat
        words = int(length[0] + 3) // 4
        if (mine.head == mine.head[0]).all():
            first = mine.words(words)
            if (first == first[0]).all():
                return _scale(mine.node(0), elements)
        tables = np.stack([_scale(mine.node(row), elements) for row in range(len(mine.at))])
        # The SCAL in force for each KLV of samples is the last one before it.
        which = np.maximum(np.searchsorted(mine.at, self.holding.at) - 1, 0)
        each: Floats = tables[np.repeat(which, self.holding.repeat)]
        return each

    @cached_property
    def stamps(self) -> Floats:
        """STMP of each piece, in ticks (NaN: none)."""
        out = np.full(len(self.payload), np.nan)
        mine = self._modifiers("STMP").at_least(8)
        high, low = mine.words(2).astype(np.float64).T
        out[mine.piece] = high * 2.0**32 + low
        return out

    @cached_property
    def latency(self) -> float:
        """TIMO in seconds: the last one sticks."""
        node = self.latest("TIMO")
        return float(np.ravel(node.array())[0]) if node and node.type == "f" and node.data else 0.0


def _scale(node: Klv, elements: int) -> Floats:
    """A SCAL's divisors [elements]: one stands for all; missing or zero ones are 1."""
    out = np.ones(elements)
    if element_types(node.type, node.size) is None:
        return out
    divisors = np.ravel(node.array())
    if divisors.dtype.kind not in "iuf":  # letters where numbers belong: damaged, or made to harm
        return out
    given = divisors.astype(np.float64)
    if len(given) == 1:
        out[:] = given[0]
    else:
        out[: len(given)] = given[:elements]
    out[(out == 0) | ~np.isfinite(out)] = 1.0
    return out


def build_pieces(rows: Rows, key: int, payload: Int64s, collector: WarningCollector, label: str) -> Pieces:
    """The pieces of one stream from all rows of its STRMs."""
    holding = rows.of(key)
    full = np.flatnonzero(holding.repeat)
    model = int(holding.head[full[0] if len(full) else 0]) >> 16
    alike = (holding.head >> 16 == model) | (holding.repeat == 0)
    if not alike.all():
        odd = holding.node(int(np.flatnonzero(~alike)[0]))
        others = f"{model & 0xFF} bytes of type {chr(model >> 8)!r}"
        what = f"samples of {odd.size} bytes of type {odd.type!r} among others of {others}"
        collector.error(what, path=label)
        holding = holding.only(alike)
    step = _steps(rows, holding, len(payload), stepped=key_name(key) in STEPPED)
    counts = np.where(step, 1, holding.repeat)
    samples = np.bincount(holding.piece, weights=counts, minlength=len(payload)).astype(np.int64)
    return Pieces(
        rows=rows,
        holding=holding,
        char=chr(model >> 8),
        size=model & 0xFF,
        payload=payload,
        samples=samples,
        step=step,
    )


def _steps(rows: Rows, holding: Rows, pieces: int, *, stepped: bool) -> Bools:
    """Which KLVs are one time step each.

    A key repeated within a STRM: every one of them. A lone KLV is `repeat` samples, but in a stream that has
    such repetitions elsewhere (or always may: `stepped`) TSMP, the running total, may count it as one; and
    with repeat 0 it is then one step of no rows (no face was found), unless TSMP or EMPT say that there was
    nothing.
    """
    together = np.bincount(holding.piece, minlength=pieces)[holding.piece]
    repeat = holding.repeat
    step: Bools = together > 1
    lone = ~step & (repeat != 1)
    if not lone.any():
        return step
    if not (stepped or step.any()):
        return step
    grown = _growth(rows, pieces)[holding.piece]
    empty = np.zeros(pieces, dtype=bool)
    empty[rows.of(key_code("EMPT")).piece] = True
    unsaid = np.isnan(grown) & (repeat == 0) & ~empty[holding.piece]
    return np.asarray(step | (lone & ((grown == 1) | unsaid)))


def _growth(rows: Rows, pieces: int) -> Floats:
    """By how much TSMP grew with each piece (NaN: it does not say)."""
    total = np.full(pieces, np.nan)
    mine = rows.of(key_code("TSMP")).at_least(4)
    total[mine.piece] = mine.words(1)[:, 0]
    grown = np.diff(total, prepend=np.nan)
    if pieces and total[0] == 1:
        grown[0] = 1.0  # one so far: this one (a recording that was cut may begin with a lone step)
    return grown
