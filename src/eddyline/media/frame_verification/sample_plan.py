"""Which frames the proof compares, chosen so that decoding them costs a fixed share of the encode.

A frame costs what has to be decoded to show it: all frames from the keyframe before it. Keyframes of the
renditions are cheap in every rendition, so these are compared in all of them; the last frame, and the frame
before a join, end a GOP of a rendition, so few renditions are asked for them.
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
_LEAST_S: Final = 0.5  # CPU seconds that even the shortest clip may cost
_DECODE_NS: Final = 5  # CPU nanoseconds to decode a pixel (`media/ladder/cost.py`)
_SEEK_PIXELS: Final = 3_000_000  # what opening a file once more and seeking costs, in decoded pixels
_MOST_JOINS: Final = 24
_BETWEEN: Final = 3
_REORDERED: Final = 2  # frames that are decoded behind the wanted one before it is shown
_NEAR: Final = 4  # GOPs around an even spread, among which the cheapest is taken


@dataclass(frozen=True, kw_only=True, order=True)
class SampleRange:
    """The frames [first, last) of the source, decoded in one go; `to_end`: and whatever follows them."""

    first: int
    last: int
    to_end: bool = False


@dataclass(frozen=True, kw_only=True)
class SamplePlan:
    """What is decoded of the source, and which frames of each rendition (by rung) are compared with it."""

    windows: tuple[SampleRange, ...]
    frames: Mapping[str, tuple[int, ...]]

    def to_json(self) -> dict[str, Any]:
        """A plain dict of JSON values."""
        return {
            "windows": [[each.first, each.last, each.to_end] for each in self.windows],
            "frames": {name: list(frames) for name, frames in self.frames.items()},
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> SamplePlan:
        """The plan that `to_json` wrote."""
        return cls(
            windows=tuple(SampleRange(first=a, last=b, to_end=c) for a, b, c in plain["windows"]),
            frames={name: tuple(frames) for name, frames in plain["frames"].items()},
        )


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """A window and the frames in it that each rung is compared at."""

    window: SampleRange
    frames: Mapping[str, tuple[int, ...]]


@dataclass(kw_only=True)
class _Chosen:
    """What has been chosen so far, and the pixels that may still be decoded."""

    costs: _Costs
    left: float
    windows: list[SampleRange] = field(default_factory=list)
    frames: dict[str, set[int]] = field(default_factory=dict)

    def take(self, candidate: _Candidate, *, always: bool = False) -> None:
        """Choose the candidate if it can be afforded, or has to be."""
        cost = self.costs.of(candidate)
        if cost > self.left and not always:
            return
        self.left -= cost
        self.windows.append(candidate.window)
        for rung, frames in candidate.frames.items():
            self.frames.setdefault(rung, set()).update(frames)


@dataclass(frozen=True, kw_only=True)
class _Costs:
    """Decoding, in pixels."""

    shown: Presentation
    track: Track
    grid: Grid
    facts: VideoFacts
    rungs: Sequence[Rung]

    def of(self, candidate: _Candidate) -> float:
        total = self.source(candidate.window) if candidate.window.last else 0
        for rung in self.rungs:
            for first, last in consecutive_ranges(candidate.frames.get(rung.name, ())):
                decoded = first % self.grid.gop + last - first + _REORDERED
                total += decoded * rung.width * rung.height + _SEEK_PIXELS
        return total

    def source(self, window: SampleRange) -> float:
        wanted = self.shown.sample[window.first : window.last]
        starts = np.flatnonzero(self.track.samples.sync[: int(wanted.min()) + 1])
        decoded = int(wanted.max()) - (int(starts[-1]) if len(starts) else 0) + 1 + _REORDERED
        return decoded * self.facts.width * self.facts.height + _SEEK_PIXELS


def plan_samples(
    shown: Presentation,
    track: Track,
    facts: VideoFacts,
    chunks: Sequence[Chunk],
    grid: Grid,
    rungs: Sequence[Rung],
) -> SamplePlan:
    """The frames to compare: a function of the plan and the index alone, the same on every machine.

    The first frame always; then, as long as the budget lasts: one join with its neighbours, the last frame,
    further joins (up to 24 of them), a few keyframes between, the neighbours of more joins, and the last
    frame of further renditions.
    """
    budget_s = max(_SHARE * estimate_cpu_s(len(shown), rungs, facts), _LEAST_S)
    costs = _Costs(shown=shown, track=track, grid=grid, facts=facts, rungs=rungs)
    chosen = _Chosen(costs=costs, left=budget_s * 10**9 / _DECODE_NS)
    by_size = sorted(rungs, key=lambda rung: (rung.width * rung.height, rung.name))
    count = len(shown)
    chosen.take(_at(0, 2, count, rungs), always=True)
    joins = sorted(
        _spread([chunk.start for chunk in chunks[1:]], _MOST_JOINS), key=lambda n: _full_cost(costs, n)
    )
    with_neighbours = [
        _with_neighbours(join, count, rungs, by_size[at % len(by_size)]) for at, join in enumerate(joins)
    ]
    for each in with_neighbours[:1]:
        chosen.take(each)
    last = SampleRange(first=max(count - 2, 0), last=count, to_end=True)
    chosen.take(_Candidate(window=last, frames={by_size[0].name: (count - 1,)}))
    for join in sorted(joins[1:], key=lambda n: costs.source(SampleRange(first=n, last=min(n + 2, count)))):
        chosen.take(_at(join, 2, count, rungs))
    for frame in _between(costs, count):
        chosen.take(_at(frame, 1, count, rungs))
    for each in with_neighbours[1:]:
        chosen.take(each)
    if last in chosen.windows:
        for rung in by_size[1:]:
            chosen.take(_Candidate(window=SampleRange(first=0, last=0), frames={rung.name: (count - 1,)}))
    return SamplePlan(
        windows=tuple(_merged(window for window in chosen.windows if window.last)),
        frames={rung.name: tuple(sorted(chosen.frames.get(rung.name, ()))) for rung in rungs},
    )


def consecutive_ranges(frames: Iterable[int]) -> list[tuple[int, int]]:
    """Consecutive frames as [first, last), in order."""
    ordered = np.array(sorted(set(frames)), np.int64)
    parts = np.split(ordered, np.flatnonzero(np.diff(ordered) > 1) + 1)
    return [(int(part[0]), int(part[-1]) + 1) for part in parts if len(part)]


def _at(frame: int, compared: int, count: int, rungs: Sequence[Rung]) -> _Candidate:
    """The frame with the one behind it, in all rungs; `compared` of them are compared."""
    last = min(frame + 2, count)
    frames = tuple(range(frame, min(frame + compared, count)))
    window = SampleRange(first=frame, last=last, to_end=last == count)
    return _Candidate(window=window, frames={rung.name: frames for rung in rungs})


def _with_neighbours(join: int, count: int, rungs: Sequence[Rung], rung: Rung) -> _Candidate:
    """The join with a frame on each side; one rung is compared at the frame before it as well."""
    behind = tuple(range(join, min(join + 2, count)))
    frames = {each.name: behind for each in rungs}
    last = min(join + 2, count)
    window = SampleRange(first=join - 1, last=last, to_end=last == count)
    return _Candidate(window=window, frames={**frames, rung.name: (join - 1, *behind)})


def _full_cost(costs: _Costs, join: int) -> tuple[float, int]:
    return costs.source(SampleRange(first=join - 1, last=min(join + 2, len(costs.shown)))), join


def _spread(places: Sequence[int], most: int) -> list[int]:
    """At most so many of them, evenly spread."""
    if len(places) <= most:
        return list(places)
    return [places[index * len(places) // most] for index in range(most)]


def _between(costs: _Costs, count: int) -> Iterator[int]:
    """Keyframes of the renditions, evenly spread; of those near a place, the cheapest in the source."""
    gop = costs.grid.gop
    gops = -(-count // gop)
    for part in range(_BETWEEN):
        start, stop = part * gops // _BETWEEN, (part + 1) * gops // _BETWEEN
        middle = (start + stop) // 2
        near = range(max(start, middle - _NEAR), min(stop, middle + _NEAR + 1))
        frames = [number * gop for number in near if number]
        if frames:
            yield min(frames, key=lambda n: (costs.source(SampleRange(first=n, last=min(n + 2, count))), n))


def _merged(windows: Iterator[SampleRange]) -> list[SampleRange]:
    """In order, those that overlap or touch as one."""
    merged: list[SampleRange] = []
    for window in sorted(windows):
        before = merged[-1] if merged else None
        if before is not None and window.first <= before.last:
            merged[-1] = SampleRange(
                first=before.first,
                last=max(before.last, window.last),
                to_end=before.to_end or window.to_end,
            )
        else:
            merged.append(window)
    return merged
