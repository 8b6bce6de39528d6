"""A STRM of a window's end, built anew from the STRMs that its samples lay in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from eddyline.gpmf.builder import leaf
from eddyline.gpmf.decode import MODIFIERS
from eddyline.gpmf.edit.counters import advance_ticks, advance_utc, with_number
from eddyline.gpmf.edit.kept_samples import KeptSamples
from eddyline.gpmf.edit.sample_runs import SampleRun, SampleRuns
from eddyline.gpmf.index import key_code
from eddyline.gpmf.klv import MAX_REPEAT, Klv
from eddyline.gpmf.stream_pieces import STEPPED
from eddyline.gpmf.streams import Stream
from eddyline.gpmf.utc import UtcClock

# What belongs to one payload alone; every other modifier holds until it is said anew.
_OF_ONE_PAYLOAD = frozenset({"TSMP", "STMP", "TICK", "TOCK", "EMPT", "GPSU"})
_CLOCKS = frozenset({"STMP", "TICK", "TOCK", "GPSU"})
MS = 1000.0  # ticks of TICK and TOCK in a second


@dataclass(frozen=True, kw_only=True, eq=False)
class BoundaryStream:
    """Builds the STRMs of one stream for a window whose first payload is the source's `opening`.

    `stamp` is the STMP of the first sample kept, if the stream is stamped; `clock` is the recording's UTC.
    """

    stream: Stream
    runs: SampleRuns
    kept: KeptSamples
    stamp: int | None
    opening: int
    clock: UtcClock | None = None

    def built(self, number: int, base: Klv, parts: Sequence[Klv]) -> Klv:
        """`base`, of payload `number`, with the samples kept of all `parts`, and what counts and times them.

        The very same node where nothing of it changes.
        """
        samples = list(self._samples(parts))
        old = self.runs.within(base)
        head = old[0][0] if old else None
        begin = max(self.kept.first, min((run.first for _, run in self._within(parts)), default=0))
        moved = not old or begin != old[0][1].first
        out: list[Klv] = []
        for child in base.children:
            if self.runs.of(child) is None:
                changed = self._modifier(number, child, parts, begin, moved=moved, empty=not samples)
                out.extend(() if changed is None else (changed,))
            elif child is head:
                out.extend(samples or self._nothing(child))
        if number == self.opening:
            out[0:0] = self._earlier(base)
        same = len(out) == len(base.children) and all(a is b for a, b in zip(out, base.children, strict=True))
        return base if same else replace(base, children=tuple(out), padding=b"")

    def silent(self, model: Klv) -> Klv | None:
        """A STRM without samples for the window's first payload, for a stream that begins later as `model`.

        It says again what was said before the window; None where nothing was.
        """
        missing = self._earlier(model)
        if not missing:
            return None
        node, _ = self.runs.within(model)[0]
        return replace(model, children=(*missing, *self._nothing(node)), padding=b"")

    def _within(self, parts: Sequence[Klv]) -> Iterator[tuple[Klv, SampleRun]]:
        return (each for part in parts for each in self.runs.within(part))

    def _samples(self, parts: Sequence[Klv]) -> Iterator[Klv]:
        """The KLVs of the samples kept: steps as they are, all others as one."""
        found: list[tuple[Klv, SampleRun]] = []
        for node, run in self._within(parts):
            begin, end = max(self.kept.first, run.first), min(self.kept.last, run.last)
            if begin < end:
                whole = end - begin == run.count
                found.append((node if whole else _rows(node, begin - run.first, end - run.first), run))
        nodes = [node for node, _ in found]
        if any(run.step for _, run in found):
            for node, run in found:
                yield from [node] if run.step else _singly(node)
        elif len(nodes) > 1 and (repeat := sum(node.repeat for node in nodes)) <= MAX_REPEAT:
            data = b"".join(node.data for node in nodes)
            yield replace(nodes[-1], data=data, repeat=repeat, padding=b"", offset=-1)
        else:
            yield from nodes

    def _nothing(self, node: Klv) -> list[Klv]:
        """No samples, in a way that no reader takes for a step of no rows."""
        none = replace(node, data=b"", repeat=0, padding=b"", offset=-1)
        stepped = self.stream.key in STEPPED or bool(self.stream.pieces.step.any())
        return [leaf("EMPT", "L", 1), none] if stepped else [none]

    def _modifier(
        self, number: int, node: Klv, parts: Sequence[Klv], begin: int, *, moved: bool, empty: bool
    ) -> Klv | None:
        """One modifier as it is in the window; None where it would say something of no sample."""
        if node.key not in _CLOCKS:
            return with_number(node, int(self.kept.total[number])) if node.key == "TSMP" else node
        if empty:
            return None
        if node.key == "STMP":
            first = begin == self.kept.first
            return with_number(node, self.stamp) if first and self.stamp is not None else node
        if node.key == "TOCK":
            return advance_ticks(node, self._early(parts) * MS)
        if not moved:
            return node
        anchor, late_s = self._since(begin, node.key, parts)
        since = anchor or node
        return (
            advance_utc(since, self._utc_since(begin, late_s))
            if node.key == "GPSU"
            else advance_ticks(since, late_s * MS)
        )

    def _utc_since(self, begin: int, late_s: float) -> float:
        """The UTC that passed within the last `late_s` of media time up to sample `begin`, in seconds.

        In a TimeWarp that is more than `late_s`.
        """
        at = float(self.stream.times[begin])
        if self.clock is None or self.clock.real_time is None:
            return late_s
        return float(np.diff(self.clock.at(np.array([at - late_s, at])))[0])

    def _since(self, begin: int, key: str, parts: Sequence[Klv]) -> tuple[Klv | None, float]:
        """What the STRM that holds sample `begin` says under `key`, and by how much it is after its first."""
        for part in parts:
            runs = [run for _, run in self.runs.within(part)]
            if runs and runs[0].first <= begin < runs[-1].last:
                times = self.stream.times
                return part.child(key), float(times[begin] - times[runs[0].first])
        return None, 0.0

    def _early(self, parts: Sequence[Klv]) -> float:
        """How much before the end of the last STRM the samples kept end (s, negative)."""
        runs = self.runs.within(parts[-1])
        end = runs[-1][1].last if runs else 0
        kept = min(self.kept.last, end)
        times = self.stream.times
        return float(times[kept - 1] - times[end - 1]) if 0 < kept < end else 0.0

    def _earlier(self, base: Klv) -> list[Klv]:
        """Modifiers that hold from payloads before the window and that `base` does not say again."""
        pieces = self.stream.pieces
        piece = int(np.searchsorted(pieces.payload, self.opening))
        said = {child.key for child in base.children}
        rows = pieces.rows.only(pieces.rows.piece < piece)
        last: dict[str, Klv] = {}
        for key in sorted(MODIFIERS - _OF_ONE_PAYLOAD - said):
            mine = rows.of(key_code(key))
            if len(mine.at):
                last[key] = mine.node(len(mine.at) - 1)
        # SCAL, TYPE and the like in the order in which cameras write them: as they came.
        return [replace(node, offset=-1) for node in sorted(last.values(), key=lambda node: node.offset)]


def _singly(node: Klv) -> list[Klv]:
    """Each sample as a KLV of its own: beside steps, several in one are read as one step of several rows."""
    return [node] if node.repeat == 1 else [_rows(node, at, at + 1) for at in range(node.repeat)]


def _rows(node: Klv, first: int, last: int) -> Klv:
    """Samples [first, last) of a KLV."""
    data = node.data[first * node.size : last * node.size]
    return replace(node, data=data, repeat=last - first, padding=b"", offset=-1)
