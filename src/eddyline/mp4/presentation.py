"""Which frames a track presents, when and in which order: the index with its edit list applied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import UnsupportedError
from eddyline.core.timebase import rescale
from eddyline.mp4.byte_ranges import Ints
from eddyline.mp4.movie import Movie, Samples, Track


@dataclass(frozen=True, kw_only=True)
class Presentation:
    """The presented frames in presentation order.

    `sample` is int64[n], each frame's number in decode order. `pts` is int64[n], its time in track ticks on
    the movie's timeline, including an empty edit at the start. `end` is the tick at which the last frame
    ends.
    """

    sample: Ints
    pts: Ints
    end: int

    def __len__(self) -> int:
        return len(self.sample)

    def separate_fields(self) -> Presentation:
        """Two frames for each frame, the second halfway to the next one; in ticks of half the length."""
        middle = self.pts + np.append(self.pts[1:], self.end)
        return Presentation(
            sample=np.repeat(self.sample, 2),
            pts=np.stack((2 * self.pts, middle), axis=1).reshape(-1),
            end=2 * self.end,
        )

    def thinned(self, step: int) -> Presentation:
        """Every `step`-th frame, beginning with the first; each lasts until the next one."""
        return Presentation(sample=self.sample[::step], pts=self.pts[::step], end=self.end)


@dataclass(frozen=True, kw_only=True)
class _Window:
    """Media times [start, stop) are presented from tick `at` of the movie on; stop None: to the end."""

    start: int
    stop: int | None
    at: int


def build_presentation(movie: Movie, track: Track) -> Presentation:
    """The frames that FFmpeg outputs for this track: those whose media time is within an edit.

    Frames before the first sync sample, and those listed as undecodable, are not presented. A first frame
    that starts slightly after the edit keeps that delay (FFmpeg moves it to the edit's start), so that video
    and audio stay synchronised. The last frame ends at the end of its edit or of the media.

    Raises `UnsupportedError` for edit lists that repeat, reorder, freeze or change the speed of media.
    """
    samples = track.samples
    decodable = _decodable(track)
    numbers_by_window: list[Ints] = []
    times: list[Ints] = []
    windows = _windows(movie, track)
    for window in windows:
        inside = decodable & (samples.pts >= window.start)
        if window.stop is not None:
            inside &= samples.pts < window.stop
        numbers = np.flatnonzero(inside)
        numbers = numbers[np.argsort(samples.pts[numbers], kind="stable")]
        numbers_by_window.append(numbers.astype(np.int64))
        times.append(samples.pts[numbers] - window.start + window.at)
    sample = np.concatenate(numbers_by_window) if numbers_by_window else np.zeros(0, np.int64)
    pts = np.concatenate(times) if times else np.zeros(0, np.int64)
    end = _end(samples, sample, pts)
    if len(pts) and windows[-1].stop is not None:
        # Edits count in movie ticks: ends that differ by less than one movie tick are equal.
        cut = windows[-1].at + windows[-1].stop - windows[-1].start
        tick = -(-track.timescale // movie.timescale)
        end = cut if int(pts[-1]) < cut < end - tick else end
    return Presentation(sample=sample, pts=pts, end=end)


def _decodable(track: Track) -> npt.NDArray[np.bool_]:
    samples = track.samples
    decodable = np.ones(len(samples), np.bool_)
    first = np.flatnonzero(samples.sync)
    if len(first):
        decodable[: first[0]] = False
    decodable[list(track.undecodable)] = False
    decodable[track.frameless_samples] = False
    return decodable


def _end(samples: Samples, sample: Ints, pts: Ints) -> int:
    """The tick at which the last frame ends, as far as the sample tables state it.

    Durations are in decode order and give the distance between decode times. With reordering, the duration
    of the last presented frame belongs to another frame; then the total duration of the media is used. If
    both are zero, the last frame lasts as long as the previous one.
    """
    if len(sample) == 0:
        return 0
    last = int(samples.duration[sample[-1]])
    if sample[-1] != len(samples) - 1:
        media_end = int(samples.pts.min() + samples.dts[-1] + samples.duration[-1] - samples.dts[0])
        remaining = media_end - int(samples.pts[sample[-1]])
        last = remaining if remaining > 0 else last
    if last == 0 and len(pts) > 1:
        last = int(pts[-1] - pts[-2])
    return int(pts[-1]) + max(last, 1)


def _windows(movie: Movie, track: Track) -> list[_Window]:
    """The edit list as windows of media time (ISO/IEC 14496-12 section 8.6.6)."""
    if not track.edits:
        return [_Window(start=_NO_EDIT_START, stop=None, at=_NO_EDIT_START)]
    windows: list[_Window] = []
    at = 0
    for number, edit in enumerate(track.edits):
        length = rescale(edit.duration, movie.timescale, track.timescale)
        if edit.media_time < 0:
            at += length
            continue
        if edit.rate != 1:
            raise _edit_list_error(track, f"edit {number} runs at speed {edit.rate}")
        previous = windows[-1] if windows else None
        if previous is not None and (previous.stop is None or edit.media_time < previous.stop):
            raise _edit_list_error(track, f"edit {number} presents media twice or out of order")
        stop = edit.media_time + length if edit.duration else None
        windows.append(_Window(start=edit.media_time, stop=stop, at=at))
        at += length
    return windows


# Without edits, media time is movie time; frames may have negative times.
_NO_EDIT_START = -(1 << 61)


def _edit_list_error(track: Track, why: str) -> UnsupportedError:
    return UnsupportedError(
        f"track {track.number}: {why}",
        remedy="export the clip as a file without an edit list from the program that edited it",
        reason="edit-list",
    )
