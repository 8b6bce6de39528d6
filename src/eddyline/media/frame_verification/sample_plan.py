"""Selects the frames to compare so that decoding them costs a fixed share of the encode.

To show a frame, all frames from the keyframe before it are decoded. Keyframes of the renditions are cheap in
every rendition and are compared in all of them. The last frame, and the frame before a join, end a GOP of a
rendition, so only a few renditions are compared there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from eddyline.media.ladder.chunks import Chunk, Grid
from eddyline.media.ladder.cost import estimate_cpu_s
from eddyline.media.ladder.ladder import Rung
from eddyline.media.source.source import VideoFacts
from eddyline.mp4.movie import Track
from eddyline.mp4.presentation import Presentation

_SHARE: Final = 0.0175  # of the encode's estimated CPU time; the rest of 2 % is for starting and comparing
_MIN_BUDGET_S: Final = 0.5  # CPU seconds, for the shortest clips
_DECODE_NS: Final = 5  # CPU nanoseconds to decode a pixel (`media/ladder/cost.py`)
_SEEK_PIXELS: Final = 3_000_000  # cost of opening a file once more and seeking, in decoded pixels
_MAX_JOINS: Final = 24
_KEYFRAMES_BETWEEN: Final = 3
_REORDERED: Final = 2  # frames decoded after the wanted one before it is shown
_NEARBY_GOPS: Final = 4  # GOPs around an evenly spread place, of which the cheapest is selected


@dataclass(frozen=True, kw_only=True, order=True)
class SampleRange:
    """The source frames [start, stop), decoded in one go; `to_end`: and all frames after them."""

    start: int
    stop: int
    to_end: bool = False


@dataclass(frozen=True, kw_only=True)
class SamplePlan:
    """The ranges of the source to decode, and the frames of each rendition (by rung) to compare with them.

    All numbers are those of source frames, also for a rung that shows only every k-th of them.
    """

    ranges: tuple[SampleRange, ...]
    frames: Mapping[str, tuple[int, ...]]

    def to_json(self) -> dict[str, Any]:
        """A plain dict of JSON values."""
        return {
            "windows": [[each.start, each.stop, each.to_end] for each in self.ranges],
            "frames": {name: list(frames) for name, frames in self.frames.items()},
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> SamplePlan:
        """The plan that `to_json` wrote."""
        return cls(
            ranges=tuple(SampleRange(start=a, stop=b, to_end=c) for a, b, c in plain["windows"]),
            frames={name: tuple(frames) for name, frames in plain["frames"].items()},
        )


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """A range to decode (None: decoded already) and the frames at which each rung is compared."""

    range: SampleRange | None
    frames: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, kw_only=True)
class _Costs:
    """Decoding costs, in pixels."""

    shown: Presentation
    track: Track
    grid: Grid
    facts: VideoFacts
    rungs: Sequence[Rung]

    def candidate(self, candidate: _Candidate) -> float:
        total = self.source(candidate.range.start, candidate.range.stop) if candidate.range else 0.0
        for rung in self.rungs:
            frames = candidate.frames.get(rung.name, ())
            own = (number * rung.fields // rung.frame_step for number in frames)
            for start, stop in consecutive_ranges(own):
                decoded = start % (self.grid.gop // rung.frame_step) + stop - start + _REORDERED
                total += decoded * rung.width * rung.height + _SEEK_PIXELS
        return total

    def source(self, start: int, stop: int) -> float:
        """The cost of the source frames [start, stop), cut off at the end of the source."""
        wanted = self.shown.sample[start:stop]
        keyframes = np.flatnonzero(self.track.samples.sync[: int(wanted.min()) + 1])
        decoded = int(wanted.max()) - (int(keyframes[-1]) if len(keyframes) else 0) + 1 + _REORDERED
        return decoded * self.facts.width * self.facts.height + _SEEK_PIXELS


@dataclass(kw_only=True)
class _Selection:
    """The selected ranges and frames, and the pixels that may still be decoded."""

    costs: _Costs
    budget: float
    ranges: list[SampleRange] = field(default_factory=list)
    frames: dict[str, set[int]] = field(default_factory=dict)

    def add(self, candidate: _Candidate, *, required: bool = False) -> None:
        """Add the candidate if it is within the budget or required."""
        cost = self.costs.candidate(candidate)
        if cost > self.budget and not required:
            return
        self.budget -= cost
        if candidate.range is not None:
            self.ranges.append(candidate.range)
        for rung, frames in candidate.frames.items():
            self.frames.setdefault(rung, set()).update(frames)


def plan_samples(
    shown: Presentation,
    track: Track,
    facts: VideoFacts,
    chunks: Sequence[Chunk],
    grid: Grid,
    rungs: Sequence[Rung],
) -> SamplePlan:
    """The frames to compare: a function of the plan and the index alone, the same on every machine.

    The first frame is always included. Then, while the budget lasts: one join with its neighbours, the last
    frame, further joins (up to 24), a few keyframes between them, the neighbours of more joins, and the last
    frame of further renditions.
    """
    budget_s = max(_SHARE * estimate_cpu_s(len(shown), rungs, facts), _MIN_BUDGET_S)
    costs = _Costs(shown=shown, track=track, grid=grid, facts=facts, rungs=rungs)
    selection = _Selection(costs=costs, budget=budget_s * 10**9 / _DECODE_NS)
    by_size = sorted(rungs, key=lambda rung: (rung.width * rung.height, rung.name))
    count = len(shown)
    selection.add(_all_rungs(0, 2, count, rungs), required=True)
    starts = sorted({chunk.source_range[0] for chunk in chunks} - {0})
    joins = sorted(
        _spread(starts, _MAX_JOINS),
        key=lambda join: (costs.source(join - 1, join + 2), join),
    )
    with_neighbours = [
        _with_neighbours(join, count, rungs, by_size[at % len(by_size)]) for at, join in enumerate(joins)
    ]
    for each in with_neighbours[:1]:
        selection.add(each)
    last_shown = {rung.name: (count - 1) // rung.source_step * rung.source_step for rung in rungs}
    last = SampleRange(start=max(min(count - 2, *last_shown.values()), 0), stop=count, to_end=True)
    selection.add(_Candidate(range=last, frames={by_size[0].name: (last_shown[by_size[0].name],)}))
    for join in sorted(joins[1:], key=lambda join: costs.source(join, join + 2)):
        selection.add(_all_rungs(join, 2, count, rungs))
    for frame in _keyframes_between(costs, count):
        selection.add(_all_rungs(frame, 1, count, rungs))
    for each in with_neighbours[1:]:
        selection.add(each)
    if last in selection.ranges:
        for rung in by_size[1:]:
            selection.add(_Candidate(range=None, frames={rung.name: (last_shown[rung.name],)}))
    return SamplePlan(
        ranges=tuple(_merge(selection.ranges)),
        frames={rung.name: tuple(sorted(selection.frames.get(rung.name, ()))) for rung in rungs},
    )


def consecutive_ranges(frames: Iterable[int]) -> list[tuple[int, int]]:
    """The ranges [start, stop) of consecutive frames, in order."""
    ordered = np.array(sorted(set(frames)), np.int64)
    parts = np.split(ordered, np.flatnonzero(np.diff(ordered) > 1) + 1)
    return [(int(part[0]), int(part[-1]) + 1) for part in parts if len(part)]


def _all_rungs(frame: int, compared: int, count: int, rungs: Sequence[Rung]) -> _Candidate:
    """The frame and the one after it, in all rungs; the first `compared` of them are compared."""
    stop = min(frame + 2, count)
    frames = tuple(range(frame, min(frame + compared, count)))
    decoded = SampleRange(start=frame, stop=stop, to_end=stop == count)
    return _Candidate(range=decoded, frames={rung.name: _shown(frames, rung) for rung in rungs})


def _with_neighbours(join: int, count: int, rungs: Sequence[Rung], rung: Rung) -> _Candidate:
    """The join with a frame on each side; only one rung is compared at the frame before it."""
    stop = min(join + 2, count)
    after = tuple(range(join, stop))
    frames = {each.name: _shown(after, each) for each in rungs}
    before = join - rung.source_step
    decoded = SampleRange(start=before, stop=stop, to_end=stop == count)
    return _Candidate(range=decoded, frames={**frames, rung.name: (before, *frames[rung.name])})


def _shown(frames: Sequence[int], rung: Rung) -> tuple[int, ...]:
    """Those of the source frames that the rung shows."""
    return tuple(number for number in frames if number % rung.source_step == 0)


def _spread(places: Sequence[int], most: int) -> list[int]:
    """At most `most` of the places, evenly spread."""
    if len(places) <= most:
        return list(places)
    return [places[index * len(places) // most] for index in range(most)]


def _keyframes_between(costs: _Costs, count: int) -> Iterator[int]:
    """Evenly spread keyframes of the renditions: near each place, the cheapest to decode in the source."""
    gop = costs.grid.gop // costs.rungs[0].fields
    gops = -(-count // gop)
    for part in range(_KEYFRAMES_BETWEEN):
        start, stop = part * gops // _KEYFRAMES_BETWEEN, (part + 1) * gops // _KEYFRAMES_BETWEEN
        middle = (start + stop) // 2
        near = range(max(start, middle - _NEARBY_GOPS), min(stop, middle + _NEARBY_GOPS + 1))
        frames = [number * gop for number in near if number]
        if frames:
            yield min(frames, key=lambda frame: (costs.source(frame, frame + 2), frame))


def _merge(ranges: Iterable[SampleRange]) -> list[SampleRange]:
    """The ranges in order; those that overlap or touch are merged."""
    merged: list[SampleRange] = []
    for each in sorted(ranges):
        before = merged[-1] if merged else None
        if before is not None and each.start <= before.stop:
            merged[-1] = SampleRange(
                start=before.start,
                stop=max(before.stop, each.stop),
                to_end=before.to_end or each.to_end,
            )
        else:
            merged.append(each)
    return merged
