"""Places the samples of several chapters on one timeline (pure functions).

The video determines the timeline: each chapter starts when the frames of the previous one end, so the frame
rate stays constant. Audio continues as the camera wrote it while it deviates from the video by less than one
audio frame; data follows the video exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eddyline.core.errors import UnsupportedError
from eddyline.core.timebase import rescale
from eddyline.edit.audio_joins import frame_ticks, shorten, silence_blocks
from eddyline.media.video.join import sample_times
from eddyline.mp4.byte_ranges import Ints
from eddyline.mp4.movie import Edit, Movie, Track
from eddyline.mp4.presentation import Presentation


@dataclass(frozen=True, kw_only=True)
class MergedTimes:
    """A merged track: int64[n] durations and composition offsets in its ticks, edits in the movie's.

    `joins`: ticks, one value per chapter, by which its audio is extended with silence (positive, in blocks of
    at most 1,024 frames) or shortened (negative); `duration` includes them. Only PCM, which can be cut
    anywhere, has joins.
    """

    duration: Ints
    cts_offset: Ints | None
    edits: tuple[Edit, ...]
    joins: tuple[int, ...] = ()


def chapter_starts(shown: Sequence[Presentation]) -> list[int]:
    """Return where time 0 of each chapter is on the timeline, and the end, in ticks of the main video."""
    begins, at = [], 0
    begin = int(shown[0].pts[0])
    for each in shown:
        excess = int(each.pts[0])
        begins.append(at + begin - excess)
        at += each.end - excess
    return [*begins, begin + at]


def merge_video_times(
    tracks: Sequence[Track], shown: Sequence[Presentation], begins: Sequence[int], movie_timescale: int
) -> MergedTimes:
    """Merge the times of a video track; `begins` are the `chapter_starts` in the track's ticks.

    Raises `UnsupportedError` for chapters that hide frames or overlap.
    """
    pts, rank, done = [], [], 0
    for track, each, begin in zip(tracks, shown, begins, strict=False):
        if len(each) != len(track.samples):
            hidden = len(track.samples) - len(each)
            raise UnsupportedError(
                f"a chapter hides {hidden} of its frames: it was cut before",
                remedy="merge the chapters as the camera wrote them, then trim",
            )
        order = np.empty(len(each), np.int64)
        order[each.sample] = np.arange(len(each), dtype=np.int64)
        rank.append(order + done)
        pts.append(each.pts + begin)
        done += len(each)
    times = np.concatenate(pts)
    if np.any(np.diff(times) <= 0):
        raise UnsupportedError(
            "frames of two chapters overlap in time",
            remedy="merge the chapters as the camera wrote them",
        )
    whole = Presentation(
        sample=np.arange(len(times), dtype=np.int64), pts=times, end=shown[-1].end + begins[len(shown) - 1]
    )
    made = sample_times(
        np.concatenate(rank), whole, timescale=tracks[0].timescale, movie_timescale=movie_timescale
    )
    return MergedTimes(duration=made.duration, cts_offset=made.cts_offset, edits=made.edits)


@dataclass(frozen=True, kw_only=True)
class Window:
    """Media ticks [start, end) of a track that are presented from tick `delay` of the movie."""

    start: int
    end: int
    delay: int


def presented_window(movie: Movie, track: Track) -> Window:
    """Return what a track presents. Raises `UnsupportedError` for edits other than a delay and one range."""
    samples = track.samples
    end = int(samples.dts[-1] - samples.dts[0] + samples.duration[-1]) if len(samples) else 0
    delay = 0
    for at, edit in enumerate(track.edits):
        length = rescale(edit.duration, movie.timescale, track.timescale)
        if edit.media_time < 0:
            delay += length
            continue
        if at != len(track.edits) - 1 or edit.rate != 1:
            raise UnsupportedError(
                f"track {track.number} has edits: it is not as the camera wrote it",
                remedy="export it as a file without edits, or merge the original chapters",
            )
        stop = edit.media_time + length if edit.duration else end
        return Window(start=min(edit.media_time, end), end=min(stop, end), delay=delay)
    return Window(start=0, end=end, delay=delay)


def merge_audio_times(
    tracks: Sequence[Track], windows: Sequence[Window], begins: Sequence[int], movie_timescale: int
) -> MergedTimes:
    """Merge the times of an audio track; `begins` are the `chapter_starts` in its ticks, with the end.

    Audio that is a frame or more too short at a join is extended (its last sample gets a longer duration).
    Audio that is a frame or more too long (padding, or the priming of the next chapter) is cut with edits.
    PCM is extended with silence or cut instead, because all its frames have the same duration.
    """
    tick = frame_ticks(tracks)
    joins = [0] * len(tracks)
    durations = [_spacing(track) for track in tracks]
    begin = windows[0].delay - windows[0].start
    media, at, cuts = [], 0, False
    for number, (duration, each) in enumerate(zip(durations, windows, strict=True)):
        frame = int(duration.max()) if len(duration) else 1
        # Positive: there is more audio than video.
        excess = (at + begin) - (begins[number] + each.delay - each.start)
        if number and excess <= -frame and len(durations[number - 1]):
            if tick:
                joins[number - 1] = -excess // tick * tick
                blocks = silence_blocks(joins[number - 1], tick)
                durations[number - 1] = np.append(durations[number - 1], blocks)
                at += joins[number - 1]
            else:
                durations[number - 1][-1] -= excess
                at -= excess
        elif number and excess >= frame and tick and each.start == 0:
            joins[number - 1] = -(excess // tick * tick)
            durations[number - 1] = shorten(durations[number - 1], excess // tick * tick)
            at, excess = at - excess // tick * tick, 0
        cuts |= bool(number) and excess >= frame
        media.append(at)
        at += int(duration.sum())
    total = np.concatenate(durations)
    scale = tracks[0].timescale
    if not cuts:
        return MergedTimes(
            duration=total,
            cts_offset=None,
            edits=_edits(tracks[0], windows[0], media[-1] + windows[-1].end, scale, movie_timescale),
            joins=tuple(joins) if any(joins) else (),
        )
    return _times_with_edits([_spacing(track) for track in tracks], windows, begins, scale, movie_timescale)


def _times_with_edits(
    durations: Sequence[Ints], windows: Sequence[Window], begins: Sequence[int], scale: int, movie: int
) -> MergedTimes:
    """Keep all samples, with an edit wherever audio and video deviate by a frame or more."""
    runs: list[list[int]] = []  # [begin, first, end]: media ticks [first, end) are presented from begin
    media = 0
    for number, (duration, each) in enumerate(zip(durations, windows, strict=True)):
        expected, first = begins[number] + each.delay, media + each.start
        frame = int(duration.max()) if len(duration) else 1
        if runs and abs(runs[-1][0] + first - runs[-1][1] - expected) < frame:
            runs[-1][2] = media + each.end
        else:
            if runs:
                runs[-1][2] = min(runs[-1][2], runs[-1][1] + expected - runs[-1][0])
            runs.append([expected, first, media + each.end])
        media += int(duration.sum())
    edits: list[Edit] = []
    now = 0
    for at, first, end in runs:
        if end <= first:
            continue
        begin, stop = rescale(at, scale, movie), rescale(at + end - first, scale, movie)
        if begin > now:
            edits.append(Edit(media_time=-1, duration=begin - now))
        edits.append(Edit(media_time=first, duration=stop - begin))
        now = stop
    return MergedTimes(duration=np.concatenate(durations), cts_offset=None, edits=tuple(edits))


def merge_data_times(
    tracks: Sequence[Track], windows: Sequence[Window], begins: Sequence[int], movie_timescale: int
) -> MergedTimes:
    """Merge the times of a data track: the samples of each chapter start exactly with its video.

    The last payload of a chapter may exceed the video; it is shortened. A track whose samples have no
    duration (fdsc) keeps that. Raises `UnsupportedError` if there are more samples than ticks.
    """
    begin = windows[0].delay - windows[0].start
    starts: list[Ints] = []
    timeless = all(not np.any(track.samples.duration) for track in tracks)
    for number, (track, each) in enumerate(zip(tracks, windows, strict=True)):
        at = begins[number] + each.delay - each.start - begin
        times = track.samples.dts - track.samples.dts[:1].sum()
        starts.append(times + at)
    bounds = [int(start[0]) if len(start) else None for start in starts]
    for number, times in enumerate(starts[:-1]):
        stop = next((bound for bound in bounds[number + 1 :] if bound is not None), None)
        if stop is None or not len(times):
            continue
        least = np.arange(len(times), 0, -1, dtype=np.int64) * (not timeless)  # one tick per sample
        starts[number] = np.minimum(times, stop - least)
    whole = np.concatenate(starts)
    last = next((track.samples.duration[-1:] for track in reversed(tracks) if len(track.samples)), whole[:0])
    duration = np.append(np.diff(whole), last)
    if len(whole) and (whole[0] != 0 or np.any(duration < 0)):
        raise UnsupportedError(
            f"the {tracks[0].kind} of a chapter is much longer than its video",
            remedy="merge the chapters as the camera wrote them",
        )
    end = int(duration.sum())
    return MergedTimes(
        duration=duration,
        cts_offset=None,
        edits=_edits(tracks[0], windows[0], end, tracks[0].timescale, movie_timescale),
    )


def _spacing(track: Track) -> Ints:
    samples = track.samples
    return np.append(np.diff(samples.dts), samples.duration[-1:]).astype(np.int64)


def _edits(track: Track, first: Window, end: int, scale: int, movie: int) -> tuple[Edit, ...]:
    """Return the first chapter's delay and start, up to media tick `end`; empty if it has no edits."""
    if not track.edits:
        return ()
    edits = [Edit(media_time=first.start, duration=rescale(max(end - first.start, 0), scale, movie))]
    if first.delay:
        edits.insert(0, Edit(media_time=-1, duration=rescale(first.delay, scale, movie)))
    return tuple(edits)
