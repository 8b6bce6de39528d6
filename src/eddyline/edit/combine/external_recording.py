"""The sound of a recorder of its own: prepared, lined up with a picture, and found where it belongs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from eddyline.core.errors import InputError, ProofError, UsageError
from eddyline.core.process import Runner
from eddyline.edit.track_range import TrackRange, cut_audio
from eddyline.media.audio.drift import Drift, decode_audio, measure_drift
from eddyline.media.audio.external_audio import DEMUXERS, prepare_external_audio
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.rendition_verification import presented_samples
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.write.output_track import OutputTrack
from eddyline.store.ranges import FileRanges

_AUDIBLE_S = Fraction(1, 1000)
_LONGEST_NAME = 60


@dataclass(frozen=True, kw_only=True)
class Added:
    """A sound that was added: where it was put, how it was resampled, and what was measured, if anything."""

    path: Path
    codec: str
    encoded: bool
    offset_s: float
    ppm: float
    heard_s: float
    measured: Drift | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        measured = None if self.measured is None else dict(vars(self.measured))
        return {**vars(self), "path": str(self.path), "measured": measured}


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A sound whose packets can be copied from the file `path`; `added.heard_s` is not known yet."""

    path: Path
    movie: Movie
    added: Added

    @property
    def track(self) -> Track:
        """The sound's track."""
        return self.movie.tracks_of_kind("audio")[0]


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A sound beside its picture: the track to write, and what to tell of it."""

    out: OutputTrack
    added: Added


@dataclass(frozen=True, kw_only=True)
class ExternalRecordings:
    """Prepares the sounds of recorders for the video file `camera`, whose index is `movie`.

    `drift` in millionths by which a recorder's clock runs fast, or "auto": measured against the camera's own
    sound. `offset` seconds later is a cut_audio put than it would lie (None: 0, or as measured). `copy`: nothing
    is encoded.
    """

    camera: Path
    movie: Movie
    offset: Fraction | None
    drift: float | Literal["auto"]
    copy: bool
    work: Path
    tools: Toolchain
    runner: Runner

    def prepared(self, number: int, path: Path) -> Prepared:
        """The sound of `path`, the `number`-th. Raises `InputError` where there is nothing to measure by."""
        measured = self._measured(number, path) if self.drift == "auto" else None
        ppm, offset = self._lined_up(measured)
        ready = prepare_external_audio(
            path,
            self.work / f"audio-{number}",
            ppm=ppm,
            copy=self.copy,
            tools=self.tools,
            runner=self.runner,
            container="mov" if self.movie.quicktime else "mp4",
        )
        with FileRanges(ready.path) as source:
            movie = read_movie(source)
        if movie.first_track("audio") is None:
            raise ProofError(f"no sound was made of {path.name}")
        added = Added(
            path=path,
            codec=ready.codec,
            encoded=ready.encoded,
            offset_s=float(offset),
            ppm=ppm,
            heard_s=0.0,
            measured=measured,
        )
        return Prepared(path=ready.path, movie=movie, added=added)

    def _lined_up(self, measured: Drift | None) -> tuple[float, Fraction]:
        """(drift in millionths, offset in seconds): as wished, else as measured."""
        if measured is None:
            return 0.0 if self.drift == "auto" else float(self.drift), self.offset or Fraction(0)
        ppm = measured.ppm if measured.significant else 0.0
        return ppm, _exactly(measured.offset_s) if self.offset is None else self.offset

    def _measured(self, number: int, path: Path) -> Drift:
        if self.movie.first_track("audio") is None:
            raise InputError(
                "the video has no sound of its own to measure drift by", remedy="give --drift as a number"
            )
        own, other = self.work / "own.f32", self.work / f"other-{number}.f32"
        camera = decode_audio(self.camera, own, tools=self.tools, runner=self.runner)
        recorder = decode_audio(path, other, tools=self.tools, runner=self.runner, formats=DEMUXERS)
        found = measure_drift(camera, recorder)
        own.unlink()
        other.unlink()
        return found


def placed(each: Prepared, length: Fraction, timescale: int, *, enabled: bool) -> Placed:
    """The sound beside a picture of `length` seconds, in a movie of `timescale`; what is beyond is left out.

    Raises `UsageError` where all of it is.
    """
    added = each.added
    offset = _exactly(added.offset_s)
    stretch = TrackRange(start=-offset, end=length - offset, timescale=timescale)
    with FileRanges(each.path) as source:
        out = cut_audio(each.movie, each.track, source, stretch)
    if out is None:
        raise UsageError(
            f"{added.offset_s:g} s later, nothing of {added.path.name} lies beside the picture",
            remedy="give a smaller offset (positive: the sound comes later)",
        )
    pieces = tuple(replace(piece, source=each.path) for piece in out.pieces)
    title = "".join(char for char in added.path.stem if char.isprintable())[:_LONGEST_NAME]
    out = replace(out, pieces=pieces, name=title or "Audio", enabled=enabled, volume=0x100)
    heard = Fraction(sum(edit.duration for edit in out.edits if edit.media_time >= 0), timescale)
    if not out.edits:
        heard = Fraction(int(out.duration.sum()), out.timescale)
    return Placed(out=out, added=replace(added, heard_s=float(heard)))


def is_in_place(added: Added, movie: Movie, written: Track, length: Fraction) -> bool:
    """Whether the track written is heard as long as it was to be, from when it was to be, and no longer."""
    heard = Fraction(presented_samples(movie, written), written.sample_rate or written.timescale)
    waiting = sum(edit.duration for edit in written.edits if edit.media_time < 0)
    begins = Fraction(waiting, movie.timescale)
    due = max(_exactly(added.offset_s), Fraction(0))
    late = abs(heard - Fraction(added.heard_s).limit_denominator(10**9))
    return late <= _AUDIBLE_S and due - _AUDIBLE_S <= begins and begins + heard <= length + _AUDIBLE_S


def _exactly(seconds: float) -> Fraction:
    return Fraction(seconds).limit_denominator(1_000_000)
