"""Prepares audio of an external recorder and aligns it with a video."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from eddyline.core.errors import InputError, ProofError, UsageError
from eddyline.core.processes.runner import Runner
from eddyline.edit.track_range import TrackRange, cut_audio
from eddyline.media.audio.drift import RATE, Drift, measure_drift
from eddyline.media.audio.external_audio import DEMUXERS, prepare_external_audio
from eddyline.media.audio.mono import decode_mono
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.rendition_verification import presented_samples
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.write.output_track import OutputTrack
from eddyline.store.ranges import FileRanges

_AUDIBLE_S = Fraction(1, 1000)
_MAX_NAME_CHARS = 60


@dataclass(frozen=True, kw_only=True)
class Added:
    """An added audio track: its offset, its resampling, and the measured drift, if any."""

    path: Path
    codec: str
    encoded: bool
    offset_s: float
    ppm: float
    heard_s: float
    measured: Drift | None = None

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        measured = None if self.measured is None else dict(vars(self.measured))
        return {**vars(self), "path": str(self.path), "measured": measured}


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Audio whose packets can be copied from the file `path`; `added.heard_s` is not yet known."""

    path: Path
    movie: Movie
    added: Added

    @property
    def track(self) -> Track:
        """The audio track."""
        return self.movie.tracks_of_kind("audio")[0]


@dataclass(frozen=True, kw_only=True)
class Placed:
    """An aligned audio track: the track to write, and its description."""

    out: OutputTrack
    added: Added


@dataclass(frozen=True, kw_only=True)
class ExternalRecordings:
    """Prepares external audio for the video file `camera`, whose index is `movie`.

    `drift`: how fast a recorder's clock runs, in parts per million, or "auto" to measure it against the
    camera's audio. `offset`: the delay in seconds (None: 0, or the measured offset). `copy`: encode nothing.
    """

    camera: Path
    movie: Movie
    offset: Fraction | None
    drift: float | Literal["auto"]
    copy: bool
    work: Path
    tools: Toolchain
    runner: Runner

    def prepare(self, number: int, path: Path) -> Prepared:
        """Prepare the audio of `path`. Raises `InputError` if the drift cannot be measured."""
        measured = self._measure_drift(number, path) if self.drift == "auto" else None
        ppm, offset = self._alignment(measured)
        prepared_audio = prepare_external_audio(
            path,
            self.work / f"audio-{number}",
            ppm=ppm,
            copy=self.copy,
            tools=self.tools,
            runner=self.runner,
            container="mov" if self.movie.quicktime else "mp4",
        )
        with FileRanges(prepared_audio.path) as source:
            movie = read_movie(source)
        if movie.first_track("audio") is None:
            raise ProofError(f"the prepared audio of {path.name} has no track")
        added = Added(
            path=path,
            codec=prepared_audio.codec,
            encoded=prepared_audio.encoded,
            offset_s=float(offset),
            ppm=ppm,
            heard_s=0.0,
            measured=measured,
        )
        return Prepared(path=prepared_audio.path, movie=movie, added=added)

    def _alignment(self, measured: Drift | None) -> tuple[float, Fraction]:
        """Return (drift in ppm, offset in seconds): as requested, else as measured."""
        if measured is None:
            return 0.0 if self.drift == "auto" else float(self.drift), self.offset or Fraction(0)
        ppm = measured.ppm if measured.significant else 0.0
        return ppm, _to_fraction(measured.offset_s) if self.offset is None else self.offset

    def _measure_drift(self, number: int, path: Path) -> Drift:
        if self.movie.first_track("audio") is None:
            raise InputError(
                "the video has no audio to measure the drift against", remedy="pass --drift as a number"
            )
        own, other = self.work / "own.f32", self.work / f"other-{number}.f32"
        camera = decode_mono(self.camera, own, rate=RATE, tools=self.tools, runner=self.runner)
        recorder = decode_mono(path, other, rate=RATE, tools=self.tools, runner=self.runner, formats=DEMUXERS)
        found = measure_drift(camera, recorder)
        own.unlink()
        other.unlink()
        return found


def place_audio(each: Prepared, length: Fraction, timescale: int, *, enabled: bool) -> Placed:
    """Align audio with a video of `length` seconds in a movie of `timescale`; cuts off what is beyond it.

    Raises `UsageError` if nothing remains.
    """
    added = each.added
    offset = _to_fraction(added.offset_s)
    cut_range = TrackRange(start=-offset, end=length - offset, timescale=timescale)
    with FileRanges(each.path) as source:
        out = cut_audio(each.movie, each.track, source, cut_range)
    if out is None:
        raise UsageError(
            f"with an offset of {added.offset_s:g} s, {added.path.name} does not overlap the video",
            remedy="pass a smaller offset (positive values delay the audio)",
        )
    pieces = tuple(replace(piece, source=each.path) for piece in out.pieces)
    title = "".join(char for char in added.path.stem if char.isprintable())[:_MAX_NAME_CHARS]
    out = replace(out, pieces=pieces, name=title or "Audio", enabled=enabled, volume=0x100)
    duration_s = Fraction(sum(edit.duration for edit in out.edits if edit.media_time >= 0), timescale)
    if not out.edits:
        duration_s = Fraction(int(out.duration.sum()), out.timescale)
    return Placed(out=out, added=replace(added, heard_s=float(duration_s)))


def is_in_place(added: Added, movie: Movie, written: Track, length: Fraction) -> bool:
    """Return whether the written track has the expected start and duration, and ends with the video."""
    duration_s = Fraction(presented_samples(movie, written), written.sample_rate or written.timescale)
    delay = sum(edit.duration for edit in written.edits if edit.media_time < 0)
    start_s = Fraction(delay, movie.timescale)
    expected_s = max(_to_fraction(added.offset_s), Fraction(0))
    error_s = abs(duration_s - Fraction(added.heard_s).limit_denominator(10**9))
    return (
        error_s <= _AUDIBLE_S
        and expected_s - _AUDIBLE_S <= start_s
        and start_s + duration_s <= length + _AUDIBLE_S
    )


def _to_fraction(seconds: float) -> Fraction:
    return Fraction(seconds).limit_denominator(1_000_000)
