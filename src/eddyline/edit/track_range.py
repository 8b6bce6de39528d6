"""Cuts audio and data tracks to a range of movie time: audio with an edit list, data by its samples.

Audio packets are copied; the edit list gives the exact first and last sample presented. One or two packets
before the first one are kept, hidden, because decoders need them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import UnsupportedError
from eddyline.core.timebase import round_half_up
from eddyline.edit.audio_joins import silence_blocks
from eddyline.mp4.byte_ranges import ByteRanges, Ints
from eddyline.mp4.movie import Edit, Movie, Track
from eddyline.mp4.samples.audio_units import slice_units
from eddyline.mp4.write.output_track import OutputTrack, Piece, select_samples, without_samples
from eddyline.mp4.write.silence import make_silence

# Packets that a decoder needs before the first packet presented: AAC overlaps two (HE-AAC one more).
_PREROLL = 2
_INDEPENDENT = frozenset({"alac", "fLaC"})  # each packet decodes independently
_FOREVER = Fraction(1 << 40)  # seconds
_PREROLL_S = {"Opus": Fraction(8, 100), ".mp3": Fraction(3, 10), "mp3 ": Fraction(3, 10)}


@dataclass(frozen=True, kw_only=True)
class TrackRange:
    """Movie time [start, end) in exact seconds; `timescale` is that of the output movie."""

    start: Fraction
    end: Fraction
    timescale: int

    @property
    def length(self) -> int:
        """The length in ticks of the output movie."""
        return round_half_up((self.end - self.start) * self.timescale)


@dataclass(frozen=True, kw_only=True)
class _AudioSpan:
    """Media ticks [start, stop) that are presented from movie time `at` (seconds)."""

    start: int
    stop: int
    at: Fraction


def is_sample_exact(track: Track) -> bool:
    """Return whether each audio frame is stored separately (PCM, A-law, mu-law), so that cuts are exact."""
    return bool(track.unit_bytes) and track.units is not None and track.units.samples == 1


def cut_audio(movie: Movie, track: Track, src: ByteRanges, cut_range: TrackRange) -> OutputTrack | None:
    """Cut an audio track to the range; returns None if it presents nothing there."""
    spans = [
        span
        for edit_span in _presented_spans(movie, track)
        if (span := _clip_span(edit_span, track, cut_range)) is not None
    ]
    if not spans:
        return None
    if is_sample_exact(track):
        return _cut_units(track, src, spans, cut_range)
    samples = track.samples
    start = min(span.start for span in spans)
    stop = max(span.stop for span in spans)
    first = int(np.searchsorted(samples.pts, start, side="right")) - 1
    preroll_s = _PREROLL_S.get(track.format)
    if preroll_s is not None:
        first = (
            int(
                np.searchsorted(samples.pts, start - round_half_up(preroll_s * track.timescale), side="right")
            )
            - 1
        )
    elif track.format not in _INDEPENDENT:
        first -= _PREROLL
    first = max(first, 0)
    last = int(np.searchsorted(samples.pts, stop))
    base = int(samples.dts[first])
    copy = select_samples(movie, track, src, np.arange(first, last), timescale=cut_range.timescale)
    return replace(copy, edits=_edit_list(spans, base, track, cut_range))


def _cut_units(track: Track, src: ByteRanges, spans: list[_AudioSpan], cut_range: TrackRange) -> OutputTrack:
    """Cut PCM, A-law or mu-law exactly: each frame decodes independently.

    Silence fills the time between two spans, because few decoders apply edits of PCM to the sample.
    """
    pieces: list[Piece] = []
    durations: list[Ints] = []
    rows: list[npt.NDArray[np.int32]] = []
    now = spans[0].at
    for span in spans:
        cut = slice_units(track, span.start, span.stop)
        tick = max(int(cut.duration[0]) * track.unit_bytes // int(cut.size[0]), 1)
        missing = round_half_up((span.at - now) * track.timescale) // tick * tick
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
    delay = round_half_up(spans[0].at * cut_range.timescale)
    total = round_half_up(Fraction(int(duration.sum()), track.timescale) * cut_range.timescale)
    edits = (Edit(media_time=-1, duration=delay), Edit(media_time=0, duration=total)) if delay else ()
    return replace(
        without_samples(track),
        pieces=tuple(pieces),
        duration=duration,
        description=np.concatenate(rows),
        edits=edits,
    )


def _presented_spans(movie: Movie, track: Track) -> list[_AudioSpan]:
    """Return what the edit list presents, in order. Raises `UnsupportedError` for changes of speed."""
    samples = track.samples
    if not len(samples):
        return []
    total = int(samples.pts[-1] + samples.duration[-1])
    if not track.edits:
        return [
            _AudioSpan(
                start=int(samples.pts[0]),
                stop=total,
                at=Fraction(int(samples.pts[0]), track.timescale),
            )
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
            stop = edit.media_time + round_half_up(length * track.timescale) if edit.duration else total
            if is_sample_exact(track) and 0 < total - stop <= rounding:
                stop = total  # the movie timescale is coarser than the audio's
            found.append(_AudioSpan(start=edit.media_time, stop=min(stop, total), at=at))
        at += length
    return found


def _clip_span(edit_span: _AudioSpan, track: Track, cut_range: TrackRange) -> _AudioSpan | None:
    """Return the part of a span inside the range, or None; `at` becomes relative to the range's start."""
    scale = track.timescale
    skipped = max(cut_range.start - edit_span.at, Fraction(0))
    start = edit_span.start + round_half_up(skipped * scale)
    stop = min(edit_span.stop, edit_span.start + round_half_up((cut_range.end - edit_span.at) * scale))
    if start >= stop:
        return None
    return _AudioSpan(start=start, stop=stop, at=max(edit_span.at - cut_range.start, Fraction(0)))


def _edit_list(spans: list[_AudioSpan], base: int, track: Track, cut_range: TrackRange) -> tuple[Edit, ...]:
    edits: list[Edit] = []
    now = 0
    for span in spans:
        due = round_half_up(span.at * cut_range.timescale)
        if due > now:
            edits.append(Edit(media_time=-1, duration=due - now))
        length = round_half_up(Fraction(span.stop - span.start, track.timescale) * cut_range.timescale)
        edits.append(Edit(media_time=span.start - base, duration=length))
        now = max(due, now) + length
    return tuple(edits)


def presented_audio(movie: Movie, track: Track, src: ByteRanges) -> OutputTrack | None:
    """Return all that a PCM track presents, with an initial delay as its only edit; None if nothing."""
    everything = TrackRange(start=Fraction(0), end=_FOREVER, timescale=movie.timescale)
    return cut_audio(movie, track, src, everything)


def cut_data(movie: Movie, track: Track, src: ByteRanges, cut_range: TrackRange) -> OutputTrack | None:
    """Cut a data or text track to the range: the samples that overlap it, the first and last shortened."""
    samples, scale = track.samples, track.timescale
    moved = movie.time_offset(track)
    start = round_half_up((cut_range.start - moved) * scale)
    end = round_half_up((cut_range.end - moved) * scale)
    ends = samples.pts + samples.duration
    inside = np.flatnonzero((ends > start) & (samples.pts < end))
    if not len(inside):
        return None
    begins = np.maximum(samples.pts[inside], start)
    stops = np.minimum(ends[inside], end)
    duration = np.append(np.diff(begins), stops[-1:] - begins[-1:])
    copy = select_samples(movie, track, src, inside, timescale=cut_range.timescale)
    delay = round_half_up(Fraction(int(begins[0]) - start, scale) * cut_range.timescale)
    length = round_half_up(Fraction(int(duration.sum()), scale) * cut_range.timescale)
    edits = (Edit(media_time=-1, duration=delay), Edit(media_time=0, duration=length)) if delay else ()
    return replace(copy, duration=duration, cts_offset=None, edits=edits)
