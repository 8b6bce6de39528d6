"""Tracks beside the picture, cut to a stretch of movie time: sound by edit list, data by its samples.

Packets of sound are copied; the edit list tells to the sample where hearing begins and ends. One or two
packets before the first are kept, hidden, since a decoder needs them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import UnsupportedError
from eddyline.edit.audio_joins import silence_blocks
from eddyline.mp4.byte_ranges import ByteRanges, Ints
from eddyline.mp4.movie import Edit, Movie, Track
from eddyline.mp4.samples.audio_units import slice_units
from eddyline.mp4.write.output_track import OutputTrack, Piece, select_samples, without_samples
from eddyline.mp4.write.silence import make_silence

# Packets that a decoder needs before the first it can be heard from: AAC overlaps two (HE-AAC one more).
_PREROLL = 2
_ALONE = frozenset({"alac", "fLaC"})  # each packet decodes by itself
_FOREVER = Fraction(1 << 40)  # seconds
_PREROLL_S = {"Opus": Fraction(8, 100), ".mp3": Fraction(3, 10), "mp3 ": Fraction(3, 10)}


@dataclass(frozen=True, kw_only=True)
class TrackRange:
    """Movie time [start, end) in seconds, exactly; `timescale` is that of the movie that is written."""

    start: Fraction
    end: Fraction
    timescale: int

    @property
    def length(self) -> int:
        """Its length in ticks of the movie written."""
        return nearest((self.end - self.start) * self.timescale)


@dataclass(frozen=True, kw_only=True)
class _Heard:
    """Media ticks [begin, stop) are presented from movie second `at` on."""

    begin: int
    stop: int
    at: Fraction


def nearest(value: Fraction) -> int:
    """The nearest whole number, halves up."""
    return int((2 * value + 1) // 2)


def cut_to_the_sample(track: Track) -> bool:
    """Whether each frame of an audio track stands by itself in the file (PCM, A-law, mu-law)."""
    return bool(track.unit_bytes) and track.units is not None and track.units.samples == 1


def sound(movie: Movie, track: Track, src: ByteRanges, stretch: TrackRange) -> OutputTrack | None:
    """The stretch of a sound track; None where it is silent there."""
    parts = [part for each in _heard(movie, track) if (part := _inside(each, track, stretch)) is not None]
    if not parts:
        return None
    if cut_to_the_sample(track):
        return _units(track, src, parts, stretch)
    samples = track.samples
    begin = min(part.begin for part in parts)
    stop = max(part.stop for part in parts)
    first = int(np.searchsorted(samples.pts, begin, side="right")) - 1
    early = _PREROLL_S.get(track.format)
    if early is not None:
        first = int(np.searchsorted(samples.pts, begin - nearest(early * track.timescale), side="right")) - 1
    elif track.format not in _ALONE:
        first -= _PREROLL
    first = max(first, 0)
    last = int(np.searchsorted(samples.pts, stop))
    base = int(samples.dts[first])
    copy = select_samples(movie, track, src, np.arange(first, last), timescale=stretch.timescale)
    return replace(copy, edits=_edits(parts, base, track, stretch))


def _units(track: Track, src: ByteRanges, parts: list[_Heard], stretch: TrackRange) -> OutputTrack:
    """PCM, A-law and mu-law: each frame decodes by itself, so what is presented is cut out exactly.

    Silence fills the time between two parts, because few decoders obey edits of PCM to the sample.
    """
    pieces: list[Piece] = []
    durations: list[Ints] = []
    rows: list[npt.NDArray[np.int32]] = []
    now = parts[0].at
    for part in parts:
        cut = slice_units(track, part.begin, part.stop)
        tick = max(int(cut.duration[0]) * track.unit_bytes // int(cut.size[0]), 1)
        missing = nearest((part.at - now) * track.timescale) // tick * tick
        if missing > 0:
            gap = silence_blocks(missing, tick)
            size = gap // tick * track.unit_bytes
            filler = make_silence(track, int(size.sum()))
            pieces.append(Piece(source=filler, offset=np.cumsum(size) - size, size=size))
            durations.append(gap)
            rows.append(np.full(len(gap), cut.description[0], np.int32))
        pieces.append(Piece(source=src, offset=cut.offset, size=cut.size))
        durations.append(cut.duration)
        rows.append(cut.description)
        now += Fraction(max(missing, 0) + int(cut.duration.sum()), track.timescale)
    duration = np.concatenate(durations)
    late = nearest(parts[0].at * stretch.timescale)
    whole = nearest(Fraction(int(duration.sum()), track.timescale) * stretch.timescale)
    edits = (Edit(media_time=-1, duration=late), Edit(media_time=0, duration=whole)) if late else ()
    return replace(
        without_samples(track),
        pieces=tuple(pieces),
        duration=duration,
        description=np.concatenate(rows),
        edits=edits,
    )


def _heard(movie: Movie, track: Track) -> list[_Heard]:
    """What the edit list presents, in order. Raises `UnsupportedError` for changes of speed."""
    samples = track.samples
    if not len(samples):
        return []
    whole = int(samples.pts[-1] + samples.duration[-1])
    if not track.edits:
        return [
            _Heard(begin=int(samples.pts[0]), stop=whole, at=Fraction(int(samples.pts[0]), track.timescale))
        ]
    rounding = Fraction(track.timescale, movie.timescale)
    found, at = [], Fraction(0)
    for edit in track.edits:
        length = Fraction(edit.duration, movie.timescale)
        if edit.media_time >= 0:
            if edit.rate != 1:
                raise UnsupportedError(
                    f"track {track.number}: an edit runs at speed {edit.rate}",
                    remedy="export the clip from the program that edited it, as a plain file without edits",
                )
            stop = edit.media_time + nearest(length * track.timescale) if edit.duration else whole
            if cut_to_the_sample(track) and 0 < whole - stop <= rounding:
                stop = whole  # the edit counts in coarser ticks than the audio
            found.append(_Heard(begin=edit.media_time, stop=min(stop, whole), at=at))
        at += length
    return found


def _inside(each: _Heard, track: Track, stretch: TrackRange) -> _Heard | None:
    """The part of it within the stretch; `at` counts from the stretch's start."""
    scale = track.timescale
    skipped = max(stretch.start - each.at, Fraction(0))
    begin = each.begin + nearest(skipped * scale)
    stop = min(each.stop, each.begin + nearest((stretch.end - each.at) * scale))
    if begin >= stop:
        return None
    return _Heard(begin=begin, stop=stop, at=max(each.at - stretch.start, Fraction(0)))


def _edits(parts: list[_Heard], base: int, track: Track, stretch: TrackRange) -> tuple[Edit, ...]:
    edits: list[Edit] = []
    now = 0
    for part in parts:
        due = nearest(part.at * stretch.timescale)
        if due > now:
            edits.append(Edit(media_time=-1, duration=due - now))
        length = nearest(Fraction(part.stop - part.begin, track.timescale) * stretch.timescale)
        edits.append(Edit(media_time=part.begin - base, duration=length))
        now = max(due, now) + length
    return tuple(edits)


def whole(movie: Movie, track: Track, src: ByteRanges) -> OutputTrack | None:
    """All that a track of PCM presents; its only edit is a late beginning. None where that is nothing."""
    everything = TrackRange(start=Fraction(0), end=_FOREVER, timescale=movie.timescale)
    return sound(movie, track, src, everything)


def data(movie: Movie, track: Track, src: ByteRanges, stretch: TrackRange) -> OutputTrack | None:
    """The stretch of a track of timed data or text: samples that overlap it, the first and last cut short."""
    samples, scale = track.samples, track.timescale
    moved = movie.time_offset(track)
    start = nearest((stretch.start - moved) * scale)
    end = nearest((stretch.end - moved) * scale)
    ends = samples.pts + samples.duration
    inside = np.flatnonzero((ends > start) & (samples.pts < end))
    if not len(inside):
        return None
    begins = np.maximum(samples.pts[inside], start)
    stops = np.minimum(ends[inside], end)
    duration = np.append(np.diff(begins), stops[-1:] - begins[-1:])
    copy = select_samples(movie, track, src, inside, timescale=stretch.timescale)
    late = nearest(Fraction(int(begins[0]) - start, scale) * stretch.timescale)
    length = nearest(Fraction(int(duration.sum()), scale) * stretch.timescale)
    edits = (Edit(media_time=-1, duration=late), Edit(media_time=0, duration=length)) if late else ()
    return replace(copy, duration=duration, cts_offset=None, edits=edits)
