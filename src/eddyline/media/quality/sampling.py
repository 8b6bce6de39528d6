"""Selects the frames to measure so that measuring them costs a fixed share of the encode.

VMAF needs a frame's neighbours, and decoding starts at a keyframe: the frames are measured in short windows
of consecutive frames, spread evenly over the source and over the positions in a GOP, because the quality of a
frame depends on both (a keyframe has about 5 VMAF more than the mean). In a window every third frame is
measured, and its neighbours only decoded: B-frames alternate with others, and an even distance would measure
one kind alone.

The selection depends on the plan and the index alone: it is the same in every run and on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, lcm, sqrt
from typing import Final

import numpy as np

from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.cost import estimate_cpu_s
from eddyline.media.ladder.ladder import Rung
from eddyline.media.quality.comparison import is_measurable
from eddyline.media.quality.windows import Window
from eddyline.media.source.source import VideoFacts
from eddyline.mp4.movie import Track
from eddyline.mp4.presentation import Presentation

INTERVAL: Final = 3
"""Of the frames of a window, every third is measured."""
_MEASURED: Final = 2  # frames of a window: the two differ less than frames of different windows
_LENGTH: Final = INTERVAL * _MEASURED
_MAX_WINDOWS: Final = 128  # more would change the mean of any source by less than 0.5
_SHARE: Final = 0.09  # of the encode's CPU time, both by estimates; measured, it is 0.08 to 0.1
_JOB_CPU_S: Final = 40.0  # the target of a chunk (`media/ladder/chunks.py`)
_MAX_JOBS: Final = 64
# CPU nanoseconds per pixel on the machine of `media/ladder/cost.py`; a frame of a window is decoded, filtered
# and compared by the cheap metrics, a measured one costs VMAF as well.
_DECODE, _COMPARE, _VMAF, _TONEMAP = 3, 4, 26, 60
_START_S: Final = 0.06  # of one FFmpeg command
_REORDERED: Final = 2  # frames decoded after the wanted one before it is shown
_USUAL_GOP: Final = 30  # frames of a source whose index is not read yet
_MAX_PIXELS: Final = 25_000_000  # of one source frame of each window of a command: each has its own decoder
_GOLDEN: Final = (sqrt(5) - 1) / 2


@dataclass(frozen=True, kw_only=True)
class SamplingCosts:
    """The costs of measuring a source that is encoded for `rungs`."""

    facts: VideoFacts
    rungs: Sequence[Rung]
    grid: Grid

    @property
    def budget_s(self) -> float:
        """The CPU seconds to spend, by the estimates: at most what the most windows cost."""
        families: dict[str, list[Rung]] = {}  # each is encoded apart
        for rung in self.rungs:
            families.setdefault(rung.family, []).append(rung)
        encode_s = sum(estimate_cpu_s(self.facts.frames, rungs, self.facts) for rungs in families.values())
        return min(_SHARE * encode_s, _MAX_WINDOWS * self.window_s(self.gop // 2, _USUAL_GOP // 2))

    @property
    def gop(self) -> int:
        """The source frames of a GOP."""
        return self.grid.gop // self.rungs[0].fields

    @property
    def step(self) -> int:
        """All rungs show the source frames whose numbers are multiples of this one."""
        return lcm(*(rung.source_step for rung in self.rungs))

    @property
    def windows_at_once(self) -> int:
        """The number of windows that one FFmpeg command measures."""
        return max(_MAX_PIXELS // (self.facts.width * self.facts.height), 1)

    def window_s(self, rendition_frames: int, source_frames: int) -> float:
        """The cost of a window before which these numbers of frames are decoded."""
        source, pixels = self.facts.width * self.facts.height, self._pixels
        length = _LENGTH * self.step + _REORDERED
        largest = max((rung.width * rung.height for rung in self.rungs), default=0)
        command_s = _START_S + pixels * _VMAF / 1e9  # and the frame that is not used
        return (
            (rendition_frames + length) * pixels * _DECODE
            + (source_frames + length) * source * _DECODE
            + _LENGTH * self.step * (pixels * _COMPARE + (largest * _TONEMAP if self.facts.hdr else 0))
            + _MEASURED * self.step * pixels * _VMAF
        ) / 1e9 + command_s / self.windows_at_once

    @property
    def _pixels(self) -> float:
        """The pixels of all measured rungs for each source frame."""
        return sum(
            rung.width * rung.height * rung.fields / rung.frame_step
            for rung in self.rungs
            if is_measurable(self.facts, rung)
        )


def sampling_jobs(facts: VideoFacts, rungs: Sequence[Rung], grid: Grid) -> int:
    """The number of jobs that measure a source, each about 40 CPU seconds; 0 if nothing can be measured."""
    if not any(is_measurable(facts, rung) for rung in rungs):
        return 0
    budget_s = SamplingCosts(facts=facts, rungs=rungs, grid=grid).budget_s
    return min(max(round(budget_s / _JOB_CPU_S), 1), _MAX_JOBS)


def plan_windows(shown: Presentation, track: Track, costs: SamplingCosts) -> tuple[Window, ...]:
    """The windows to measure: as many as the budget permits, at least one."""
    step = costs.step
    count, length = len(shown), _LENGTH * step
    if count < length + 2 * step:
        return (Window(start=0, stop=count, first=0, last=count),)
    samples = _SourceDecoding(shown, track)
    most = min(_MAX_WINDOWS, max(count // (2 * length), 1))
    for windows in range(most, 0, -1):
        starts = _starts(windows, count, costs.gop, length, step)
        cost = sum(costs.window_s(start % costs.gop, samples.before(start, length)) for start in starts)
        if cost <= costs.budget_s or windows == 1:
            break
    return tuple(
        Window(start=start, stop=start + length, first=start + step, last=start + length - step)
        for start in starts
    )


def batches(windows: Sequence[Window], costs: SamplingCosts) -> list[list[Window]]:
    """The windows by FFmpeg command.

    The first window of a command gets two more frames at its start, so that its measured frames, too, are the
    third, sixth, ... of the command. The first frame of a command is measured, but not used: it lacks its
    predecessor.
    """
    size = costs.windows_at_once
    groups = [list(windows[at : at + size]) for at in range(0, len(windows), size)]
    for group in groups:
        group[0] = group[0].from_start(max(group[0].start - 2 * costs.step, 0))
    return groups


def interval(windows: Sequence[Window]) -> int:
    """Which of the frames are measured: 1 (all) for a source that is shorter than a window."""
    return 1 if windows[0].first == windows[0].start else INTERVAL


class _SourceDecoding:
    """Counts the source's frames that must be decoded before a window."""

    def __init__(self, shown: Presentation, track: Track) -> None:
        self._shown = shown
        self._keyframes = np.flatnonzero(track.samples.sync)

    def before(self, start: int, length: int) -> int:
        """The number of samples from the keyframe before the window, less those of the window itself."""
        wanted = self._shown.sample[start : start + length]
        place = int(np.searchsorted(self._keyframes, int(wanted.min()), side="right")) - 1
        first = int(self._keyframes[place]) if place >= 0 else 0
        return max(int(wanted.max()) - first + 1 - len(wanted), 0)


def _starts(windows: int, count: int, gop: int, length: int, step: int) -> list[int]:
    """The first frames of the windows: one in each of as many equal parts of the source.

    Their positions in a GOP follow the golden ratio, which spreads any number of them evenly.
    """
    starts: list[int] = []
    earliest = 2 * step  # the frames before the first window (see `batches`)
    for number in range(windows):
        part, share = count / windows, (number + 1) * _GOLDEN % 1
        middle = floor((number + 0.5) * part)
        place = middle // gop * gop + share * gop if part >= gop else number * part + share * part
        start = min(max(floor(place), earliest), count - length - (windows - 1 - number) * length)
        start = -(-start // step) * step
        starts.append(start)
        earliest = start + length
    return [min(start, (count - length) // step * step) for start in starts]
