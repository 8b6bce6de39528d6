"""The pieces of one stream: the locations of its KLVs in each payload, and what they count."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from eddyline.gpmf.errors import WarningCollector
from eddyline.gpmf.format.klv import Klv
from eddyline.gpmf.format.types import element_types
from eddyline.gpmf.index import key_code, key_name
from eddyline.gpmf.keys import STEPPED_KEYS
from eddyline.gpmf.payloads import Floats, Int64s

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Rows of the index that belong to one stream, in file order; `piece` numbers its STRMs from 0."""

    data: bytes
    at: Int64s
    key: npt.NDArray[np.uint32]
    head: npt.NDArray[np.uint32]
    piece: Int64s

    def with_key(self, key: int) -> Rows:
        """The rows with this key."""
        return self.select(self.key == key)

    def select(self, chosen: Bools) -> Rows:
        """The chosen rows, bool[rows]."""
        return Rows(
            data=self.data,
            at=self.at[chosen],
            key=self.key[chosen],
            head=self.head[chosen],
            piece=self.piece[chosen],
        )

    def with_length(self, length: int) -> Rows:
        """The rows whose values have at least this many bytes."""
        return self.select(self.size * self.repeat >= length)

    @property
    def size(self) -> Int64s:
        """Bytes of one structure of each row."""
        return (self.head >> 16 & 0xFF).astype(np.int64)

    @property
    def repeat(self) -> Int64s:
        """Structures of each row; 0 if the structures are empty."""
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
        """The first `count` 32-bit words of each value, [rows, count]; the values must be long enough."""
        all_words = np.frombuffer(self.data, dtype=">u4")
        words: npt.NDArray[np.uint32] = all_words[self.at[:, None] // 4 + np.arange(count)].astype(np.uint32)
        return words


@dataclass(frozen=True, kw_only=True, eq=False)
class Pieces:
    """One stream's KLVs; a piece is the STRM of one payload.

    `rows` are all KLVs of its STRMs, `sample_rows` those that contain samples (all of one `char` and
    `size`). payload: int64[k], the payload of each piece. samples: int64[k], the samples of each piece.
    step: bool, whether a KLV of `sample_rows` is one time step of `repeat` rows, or `repeat` samples.
    """

    rows: Rows
    sample_rows: Rows
    char: str
    size: int
    payload: Int64s
    samples: Int64s
    step: Bools

    def sample_bytes(self) -> bytes:
        """All samples' bytes, back to back."""
        data = self.rows.data
        length = self.sample_rows.size * self.sample_rows.repeat
        starts = self.sample_rows.at[length > 0]
        ends = starts + length[length > 0]
        return b"".join([data[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)])

    def rows_of_samples(self) -> Int64s | None:
        """The number of rows of each sample; None if every sample has one."""
        if not self.step.any():
            return None
        repeat = self.sample_rows.repeat
        return np.repeat(np.where(self.step, repeat, 1), np.where(self.step, 1, repeat))

    def latest(self, key: str) -> Klv | None:
        """The last KLV with this key, which applies to the stream."""
        matching = self._modifiers(key)
        return matching.node(len(matching.at) - 1) if len(matching.at) else None

    def per_piece(self, key: str) -> list[Klv | None]:
        """The KLV with this key in each piece, None if missing."""
        matching = self._modifiers(key)
        out: list[Klv | None] = [None] * len(self.payload)
        for row, piece in enumerate(matching.piece.tolist()):
            out[piece] = matching.node(row)
        return out

    def _modifiers(self, key: str) -> Rows:
        return self.rows.with_key(key_code(key))

    def scale(self, elements: int) -> Floats | None:
        """The divisors: None (no SCAL), [elements], or [rows, elements] if SCAL changes."""
        matching = self._modifiers("SCAL")
        if not len(matching.at):
            return None
        length = matching.size * matching.repeat
        words = int(length[0] + 3) // 4
        if (matching.head == matching.head[0]).all():
            first = matching.words(words)
            if (first == first[0]).all():
                return _scale(matching.node(0), elements)
        tables = np.stack([_scale(matching.node(row), elements) for row in range(len(matching.at))])
        # The SCAL that applies to a KLV of samples is the last one before it.
        which = np.maximum(np.searchsorted(matching.at, self.sample_rows.at) - 1, 0)
        each: Floats = tables[np.repeat(which, self.sample_rows.repeat)]
        return each

    @cached_property
    def stamps(self) -> Floats:
        """STMP of each piece, in ticks (NaN: none)."""
        out = np.full(len(self.payload), np.nan)
        matching = self._modifiers("STMP").with_length(8)
        high, low = matching.words(2).astype(np.float64).T
        out[matching.piece] = high * 2.0**32 + low
        return out

    @cached_property
    def latency(self) -> float:
        """TIMO in seconds: the last one applies."""
        node = self.latest("TIMO")
        return float(np.ravel(node.array())[0]) if node and node.type == "f" and node.data else 0.0


def _scale(node: Klv, elements: int) -> Floats:
    """The divisors [elements] of a SCAL: a single one applies to all; missing or zero ones are 1."""
    out = np.ones(elements)
    if element_types(node.type, node.size) is None:
        return out
    divisors = np.ravel(node.array())
    if divisors.dtype.kind not in "iuf":  # text instead of numbers: damaged or malicious
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
    sample_rows = rows.with_key(key)
    full = np.flatnonzero(sample_rows.repeat)
    model = int(sample_rows.head[full[0] if len(full) else 0]) >> 16
    same_type = (sample_rows.head >> 16 == model) | (sample_rows.repeat == 0)
    if not same_type.all():
        odd = sample_rows.node(int(np.flatnonzero(~same_type)[0]))
        others = f"{model & 0xFF} bytes of type {chr(model >> 8)!r}"
        what = f"samples of {odd.size} bytes of type {odd.type!r} in a stream of {others}"
        collector.error(what, path=label)
        sample_rows = sample_rows.select(same_type)
    step = _steps(rows, sample_rows, len(payload), stepped=key_name(key) in STEPPED_KEYS)
    counts = np.where(step, 1, sample_rows.repeat)
    samples = np.bincount(sample_rows.piece, weights=counts, minlength=len(payload)).astype(np.int64)
    return Pieces(
        rows=rows,
        sample_rows=sample_rows,
        char=chr(model >> 8),
        size=model & 0xFF,
        payload=payload,
        samples=samples,
        step=step,
    )


def _steps(rows: Rows, sample_rows: Rows, pieces: int, *, stepped: bool) -> Bools:
    """Which KLVs are one time step each.

    If a key is repeated within a STRM, each KLV is a step. A single KLV is `repeat` samples, but in a stream
    that has such repetitions elsewhere (or may always have them: `stepped`), TSMP, the running total, may
    count it as one. With repeat 0 it is then one step without rows (no face was detected), unless TSMP or
    EMPT show that there was no sample.
    """
    klvs_in_piece = np.bincount(sample_rows.piece, minlength=pieces)[sample_rows.piece]
    repeat = sample_rows.repeat
    step: Bools = klvs_in_piece > 1
    single = ~step & (repeat != 1)
    if not single.any():
        return step
    if not (stepped or step.any()):
        return step
    grown = _growth(rows, pieces)[sample_rows.piece]
    empty = np.zeros(pieces, dtype=bool)
    empty[rows.with_key(key_code("EMPT")).piece] = True
    uncounted = np.isnan(grown) & (repeat == 0) & ~empty[sample_rows.piece]
    return np.asarray(step | (single & ((grown == 1) | uncounted)))


def _growth(rows: Rows, pieces: int) -> Floats:
    """The growth of TSMP in each piece (NaN: unknown)."""
    total = np.full(pieces, np.nan)
    matching = rows.with_key(key_code("TSMP")).with_length(4)
    total[matching.piece] = matching.words(1)[:, 0]
    grown = np.diff(total, prepend=np.nan)
    if pieces and total[0] == 1:
        grown[0] = 1.0  # one so far: this one (a recording that was cut may begin with a single step)
    return grown
