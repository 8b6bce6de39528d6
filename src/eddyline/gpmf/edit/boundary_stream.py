"""Rebuilds a STRM at the boundary of a cut from the STRMs that contain its samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from eddyline.gpmf.edit.counters import advance_ticks, advance_utc, with_number
from eddyline.gpmf.edit.kept_samples import KeptSamples
from eddyline.gpmf.edit.sample_runs import SampleRun, SampleRuns
from eddyline.gpmf.format.builder import leaf
from eddyline.gpmf.format.klv import MAX_REPEAT, Klv
from eddyline.gpmf.index import key_code
from eddyline.gpmf.keys import MODIFIERS, STEPPED_KEYS
from eddyline.gpmf.streams import Stream
from eddyline.gpmf.utc import UtcClock

# Modifiers of a single payload; every other modifier applies until it changes.
_PER_PAYLOAD = frozenset({"TSMP", "STMP", "TICK", "TOCK", "EMPT", "GPSU"})
_CLOCKS = frozenset({"STMP", "TICK", "TOCK", "GPSU"})
TICKS_PER_S = 1000.0  # of TICK and TOCK


@dataclass(frozen=True, kw_only=True, eq=False)
class BoundaryStream:
    """Rebuilds the STRMs of one stream for a cut whose first payload is the source's `first_payload`.

    `stamp` is the STMP of the first kept sample if the stream has stamps; `clock` is the recording's UTC
    clock.
    """

    stream: Stream
    runs: SampleRuns
    kept: KeptSamples
    stamp: int | None
    first_payload: int
    clock: UtcClock | None = None

    def rebuild(self, number: int, base: Klv, parts: Sequence[Klv]) -> Klv:
        """`base`, of payload `number`, with the kept samples of all `parts` and updated counts and clocks.

        Returns the same node if nothing changes.
        """
        samples = list(self._samples(parts))
        old = self.runs.in_strm(base)
        head = old[0][0] if old else None
        first_kept = max(self.kept.start, min((run.first for _, run in self._within(parts)), default=0))
        start_moved = not old or first_kept != old[0][1].first
        out: list[Klv] = []
        for child in base.children:
            if self.runs.find(child) is None:
                changed = self._modifier(
                    number, child, parts, first_kept, start_moved=start_moved, empty=not samples
                )
                out.extend(() if changed is None else (changed,))
            elif child is head:
                out.extend(samples or self._no_samples(child))
        if number == self.first_payload:
            out[0:0] = self._inherited_modifiers(base)
        same = len(out) == len(base.children) and all(a is b for a, b in zip(out, base.children, strict=True))
        return base if same else replace(base, children=tuple(out), padding=b"")

    def without_samples(self, model: Klv) -> Klv | None:
        """A STRM without samples for the cut's first payload, for a stream that starts later with `model`.

        It repeats the modifiers from before the cut; None if there are none.
        """
        missing = self._inherited_modifiers(model)
        if not missing:
            return None
        node, _ = self.runs.in_strm(model)[0]
        return replace(model, children=(*missing, *self._no_samples(node)), padding=b"")

    def _within(self, parts: Sequence[Klv]) -> Iterator[tuple[Klv, SampleRun]]:
        return (each for part in parts for each in self.runs.in_strm(part))

    def _samples(self, parts: Sequence[Klv]) -> Iterator[Klv]:
        """The KLVs of the kept samples: steps unchanged, all other samples joined into one KLV."""
        kept_runs: list[tuple[Klv, SampleRun]] = []
        for node, run in self._within(parts):
            start, stop = max(self.kept.start, run.first), min(self.kept.stop, run.stop)
            if start < stop:
                complete = stop - start == run.count
                kept_runs.append(
                    (node if complete else _rows(node, start - run.first, stop - run.first), run)
                )
        nodes = [node for node, _ in kept_runs]
        if any(run.step for _, run in kept_runs):
            for node, run in kept_runs:
                yield from [node] if run.step else _split_samples(node)
        elif len(nodes) > 1 and (repeat := sum(node.repeat for node in nodes)) <= MAX_REPEAT:
            data = b"".join(node.data for node in nodes)
            yield replace(nodes[-1], data=data, repeat=repeat, padding=b"", offset=-1)
        else:
            yield from nodes

    def _no_samples(self, node: Klv) -> list[Klv]:
        """KLVs for no samples, which readers cannot take for a step without rows."""
        none = replace(node, data=b"", repeat=0, padding=b"", offset=-1)
        stepped = self.stream.key in STEPPED_KEYS or bool(self.stream.pieces.step.any())
        return [leaf("EMPT", "L", 1), none] if stepped else [none]

    def _modifier(
        self, number: int, node: Klv, parts: Sequence[Klv], first_kept: int, *, start_moved: bool, empty: bool
    ) -> Klv | None:
        """One modifier as it is in the cut; None if it would describe no sample."""
        if node.key not in _CLOCKS:
            return with_number(node, int(self.kept.total[number])) if node.key == "TSMP" else node
        if empty:
            return None
        if node.key == "STMP":
            first = first_kept == self.kept.start
            return with_number(node, self.stamp) if first and self.stamp is not None else node
        if node.key == "TOCK":
            return advance_ticks(node, self._end_shift(parts) * TICKS_PER_S)
        if not start_moved:
            return node
        nearest, delay_s = self._nearest_modifier(first_kept, node.key, parts)
        since = nearest or node
        return (
            advance_utc(since, self._utc_since(first_kept, delay_s))
            if node.key == "GPSU"
            else advance_ticks(since, delay_s * TICKS_PER_S)
        )

    def _utc_since(self, first_kept: int, delay_s: float) -> float:
        """The UTC seconds that passed in the last `delay_s` of media time before sample `first_kept`.

        In a TimeWarp this is more than `delay_s`.
        """
        at = float(self.stream.times[first_kept])
        if self.clock is None or self.clock.real_time is None:
            return delay_s
        return float(np.diff(self.clock.at(np.array([at - delay_s, at])))[0])

    def _nearest_modifier(self, first_kept: int, key: str, parts: Sequence[Klv]) -> tuple[Klv | None, float]:
        """The modifier of the STRM with sample `first_kept`, and the sample's delay after its STRM."""
        for part in parts:
            runs = [run for _, run in self.runs.in_strm(part)]
            if runs and runs[0].first <= first_kept < runs[-1].stop:
                times = self.stream.times
                return part.child(key), float(times[first_kept] - times[runs[0].first])
        return None, 0.0

    def _end_shift(self, parts: Sequence[Klv]) -> float:
        """How long before the end of the last STRM the kept samples end (s, negative)."""
        runs = self.runs.in_strm(parts[-1])
        end = runs[-1][1].stop if runs else 0
        kept = min(self.kept.stop, end)
        times = self.stream.times
        return float(times[kept - 1] - times[end - 1]) if 0 < kept < end else 0.0

    def _inherited_modifiers(self, base: Klv) -> list[Klv]:
        """Modifiers that apply from payloads before the cut and that `base` does not repeat."""
        pieces = self.stream.pieces
        piece = int(np.searchsorted(pieces.payload, self.first_payload))
        present = {child.key for child in base.children}
        rows = pieces.rows.select(pieces.rows.piece < piece)
        last: dict[str, Klv] = {}
        for key in sorted(MODIFIERS.keys() - _PER_PAYLOAD - present):
            matching = rows.with_key(key_code(key))
            if len(matching.at):
                last[key] = matching.node(len(matching.at) - 1)
        # Keep the order in which the camera wrote SCAL, TYPE and other modifiers.
        return [replace(node, offset=-1) for node in sorted(last.values(), key=lambda node: node.offset)]


def _split_samples(node: Klv) -> list[Klv]:
    """Each sample as a separate KLV: next to steps, readers take one KLV for one step of several rows."""
    return [node] if node.repeat == 1 else [_rows(node, at, at + 1) for at in range(node.repeat)]


def _rows(node: Klv, start: int, stop: int) -> Klv:
    """Samples [start, stop) of a KLV."""
    data = node.data[start * node.size : stop * node.size]
    return replace(node, data=data, repeat=stop - start, padding=b"", offset=-1)
