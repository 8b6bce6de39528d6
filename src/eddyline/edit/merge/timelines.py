"""Where the samples of several chapters lie on one timeline: values in, values out.

The picture leads: each chapter begins when the frames of the one before have been shown, so that the frame
rate never stumbles. Sound runs on as the camera wrote it while it keeps in step with the picture, to less
than one of its frames; data follows the picture exactly.
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
class Times:
    """A merged track: int64[n] durations and composition offsets in its ticks, edits in the movie's.

    `joins` are ticks, one value for each chapter: by so much its audio is extended with silence (positive, as
    blocks of 1,024 frames at most) or cut short (negative); `duration` is that of the result. Only
    PCM, which can be cut anywhere, has any.
    """

    duration: Ints
    cts_offset: Ints | None
    edits: tuple[Edit, ...]
    joins: tuple[int, ...] = ()


def beginnings(shown: Sequence[Presentation]) -> list[int]:
    """Where each chapter's own time 0 lies on the timeline, in ticks of the main video; one more: the end."""
    places, at = [], 0
    begin = int(shown[0].pts[0])
    for each in shown:
        late = int(each.pts[0])
        places.append(at + begin - late)
        at += each.end - late
    return [*places, begin + at]


def picture(
    tracks: Sequence[Track], shown: Sequence[Presentation], places: Sequence[int], movie_timescale: int
) -> Times:
    """A video track of all chapters; `places` are `beginnings` in this track's ticks.

    Raises `UnsupportedError` for chapters that hide frames or whose pictures overlap at a join.
    """
    pts, rank, done = [], [], 0
    for track, each, place in zip(tracks, shown, places, strict=False):
        if len(each) != len(track.samples):
            hidden = len(track.samples) - len(each)
            raise UnsupportedError(
                f"a chapter hides {hidden} of its frames: it was cut already",
                remedy="merge the chapters as the camera wrote them, then cut",
            )
        order = np.empty(len(each), np.int64)
        order[each.sample] = np.arange(len(each), dtype=np.int64)
        rank.append(order + done)
        pts.append(each.pts + place)
        done += len(each)
    times = np.concatenate(pts)
    if np.any(np.diff(times) <= 0):
        raise UnsupportedError(
            "pictures of two chapters would be shown at one time",
            remedy="merge the chapters as the camera wrote them",
        )
    whole = Presentation(
        sample=np.arange(len(times), dtype=np.int64), pts=times, end=shown[-1].end + places[len(shown) - 1]
    )
    made = sample_times(
        np.concatenate(rank), whole, timescale=tracks[0].timescale, movie_timescale=movie_timescale
    )
    return Times(duration=made.duration, cts_offset=made.cts_offset, edits=made.edits)


@dataclass(frozen=True, kw_only=True)
class Window:
    """Media ticks [start, end) of a track are presented, from tick `delay` of its movie on."""

    start: int
    end: int
    delay: int


def window(movie: Movie, track: Track) -> Window:
    """What a track presents. Raises `UnsupportedError` for edits other than a delay and one stretch."""
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
                f"track {track.number} was edited: it is not as the camera wrote it",
                remedy="export it as a plain file without edits, or take the camera's own chapters",
            )
        stop = edit.media_time + length if edit.duration else end
        return Window(start=min(edit.media_time, end), end=min(stop, end), delay=delay)
    return Window(start=0, end=end, delay=delay)


def sound(
    tracks: Sequence[Track], windows: Sequence[Window], places: Sequence[int], movie_timescale: int
) -> Times:
    """A sound track of all chapters; `places` are `beginnings` in its ticks, the end included.

    A sound that is a frame or more short at a join is held there (its last sample counts longer); where it is
    a frame or more too long (the encoder's padding, the next chapter's priming), edits leave the surplus out.
    PCM is extended with silence or cut instead, for all of its frames last equally long.
    """
    tick = frame_ticks(tracks)
    joins = [0] * len(tracks)
    durations = [_spacing(track) for track in tracks]
    begin = windows[0].delay - windows[0].start
    media, at, cuts = [], 0, False
    for number, (duration, each) in enumerate(zip(durations, windows, strict=True)):
        frame = int(duration.max()) if len(duration) else 1
        # Positive: the sound would come late, for there is more of it than picture.
        late = (at + begin) - (places[number] + each.delay - each.start)
        if number and late <= -frame and len(durations[number - 1]):
            if tick:
                joins[number - 1] = -late // tick * tick
                blocks = silence_blocks(joins[number - 1], tick)
                durations[number - 1] = np.append(durations[number - 1], blocks)
                at += joins[number - 1]
            else:
                durations[number - 1][-1] -= late
                at -= late
        elif number and late >= frame and tick and each.start == 0:
            joins[number - 1] = -(late // tick * tick)
            durations[number - 1] = shorten(durations[number - 1], late // tick * tick)
            at, late = at - late // tick * tick, 0
        cuts |= bool(number) and late >= frame
        media.append(at)
        at += int(duration.sum())
    total = np.concatenate(durations)
    scale = tracks[0].timescale
    if not cuts:
        return Times(
            duration=total,
            cts_offset=None,
            edits=_edits(tracks[0], windows[0], media[-1] + windows[-1].end, scale, movie_timescale),
            joins=tuple(joins) if any(joins) else (),
        )
    return _cut([_spacing(track) for track in tracks], windows, places, scale, movie_timescale)


def _cut(
    durations: Sequence[Ints], windows: Sequence[Window], places: Sequence[int], scale: int, movie: int
) -> Times:
    """All samples, with an edit wherever sound and picture would part by a frame or more."""
    runs: list[list[int]] = []  # from this place on, media ticks [first, end) are heard
    media = 0
    for number, (duration, each) in enumerate(zip(durations, windows, strict=True)):
        due, first = places[number] + each.delay, media + each.start
        frame = int(duration.max()) if len(duration) else 1
        if runs and abs(runs[-1][0] + first - runs[-1][1] - due) < frame:
            runs[-1][2] = media + each.end
        else:
            if runs:
                runs[-1][2] = min(runs[-1][2], runs[-1][1] + due - runs[-1][0])
            runs.append([due, first, media + each.end])
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
    return Times(duration=np.concatenate(durations), cts_offset=None, edits=tuple(edits))


def data(
    tracks: Sequence[Track], windows: Sequence[Window], places: Sequence[int], movie_timescale: int
) -> Times:
    """A track of data: each chapter's samples begin exactly where its picture does.

    Cameras let the last payload count longer than the picture; then it is shortened. A track whose samples
    last no time at all (fdsc) keeps that. Raises `UnsupportedError` for more samples than ticks.
    """
    begin = windows[0].delay - windows[0].start
    starts: list[Ints] = []
    timeless = all(not np.any(track.samples.duration) for track in tracks)
    for number, (track, each) in enumerate(zip(tracks, windows, strict=True)):
        at = places[number] + each.delay - each.start - begin
        own = track.samples.dts - track.samples.dts[:1].sum()
        starts.append(own + at)
    bounds = [int(start[0]) if len(start) else None for start in starts]
    for number, own in enumerate(starts[:-1]):
        stop = next((bound for bound in bounds[number + 1 :] if bound is not None), None)
        if stop is None or not len(own):
            continue
        least = np.arange(len(own), 0, -1, dtype=np.int64) * (not timeless)  # a tick a sample
        starts[number] = np.minimum(own, stop - least)
    whole = np.concatenate(starts)
    last = next((track.samples.duration[-1:] for track in reversed(tracks) if len(track.samples)), whole[:0])
    duration = np.append(np.diff(whole), last)
    if len(whole) and (whole[0] != 0 or np.any(duration < 0)):
        raise UnsupportedError(
            f"the {tracks[0].kind} of a chapter lasts longer than its picture by far",
            remedy="merge the chapters as the camera wrote them",
        )
    end = int(duration.sum())
    return Times(
        duration=duration,
        cts_offset=None,
        edits=_edits(tracks[0], windows[0], end, tracks[0].timescale, movie_timescale),
    )


def _spacing(track: Track) -> Ints:
    samples = track.samples
    return np.append(np.diff(samples.dts), samples.duration[-1:]).astype(np.int64)


def _edits(track: Track, first: Window, end: int, scale: int, movie: int) -> tuple[Edit, ...]:
    """The first chapter's delay and start, up to media tick `end`; none where it had none."""
    if not track.edits:
        return ()
    edits = [Edit(media_time=first.start, duration=rescale(max(end - first.start, 0), scale, movie))]
    if first.delay:
        edits.insert(0, Edit(media_time=-1, duration=rescale(first.delay, scale, movie)))
    return tuple(edits)
