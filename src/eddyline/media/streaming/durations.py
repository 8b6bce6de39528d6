"""Durations of a source, its renditions and their stream, each measured separately; all must agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from eddyline.core.errors import ProofError
from eddyline.media.streaming.playlists import read_master_playlist, read_media_playlist, read_mpd
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges

_ROUNDING_S = 1e-4  # allowed for rounded times


@dataclass(frozen=True, kw_only=True)
class StreamDurations:
    """Seconds of each video variant: the sums of EXTINF by playlist, and the MPD's timelines by URL."""

    hls: Mapping[str, float]
    dash: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Durations:
    """Durations in seconds, by where they come from.

    `source`: the source's index. `decoded`: the end of FFmpeg's own decode of the original (None if its last
    frame is not sampled; accurate to `slack`). `renditions`: the finished files' edit lists, by name.
    `stream`: the playlists and the MPD (None without packaging). `first` is when the first frame is shown;
    streams start with it.
    """

    source: float
    decoded: float | None
    renditions: Mapping[str, float]
    stream: StreamDurations | None
    first: float = 0.0
    slack: float = 0.0

    def verify(self, fps: Fraction) -> None:
        """Raise `ProofError` unless all agree within one frame at the nominal rate."""
        within = float(1 / fps) + _ROUNDING_S
        if self.decoded is not None and abs(self.decoded - self.source) > max(
            within, self.slack + _ROUNDING_S
        ):
            raise _mismatch("FFmpeg's decode of the original", self.decoded, self.source)
        for name, seconds in self.renditions.items():
            if abs(seconds - self.source) > within:
                raise _mismatch(f"rendition {name}", seconds, self.source)
        streams = (*self.stream.hls.items(), *self.stream.dash.items()) if self.stream else ()
        for what, seconds in streams:
            if min(abs(seconds - self.source), abs(seconds - self.source + self.first)) > within:
                raise _mismatch(what, seconds, self.source)

    def to_json(self) -> dict[str, Any]:
        """The durations as in the manifest."""
        plain = asdict(self)
        return {key: value for key, value in plain.items() if key not in {"first", "slack"}}


def _mismatch(what: str, seconds: float, source: float) -> ProofError:
    return ProofError(f"{what} has a duration of {seconds:.3f} s, the source {source:.3f} s")


def rendition_duration(path: Path) -> float:
    """Duration of a finished rendition's video in seconds, from its edit list or else its media header."""
    with FileRanges(path) as source:
        movie = read_movie(source)
    video = movie.first_track("video")
    if video is None:
        raise ProofError(f"{path.name}: the video track is missing")
    if video.edits and all(edit.duration for edit in video.edits):
        return round(sum(edit.duration for edit in video.edits) / movie.timescale, 6)
    return round(video.duration / video.timescale, 6)


def stream_durations(stream: Path) -> StreamDurations:
    """Video durations in the playlists and the MPD of a stream's directory, empty for one that it lacks.

    Raises `ProofError`.
    """
    return StreamDurations(hls=_hls_durations(stream), dash=_dash_durations(stream / "manifest.mpd"))


def _hls_durations(stream: Path) -> dict[str, float]:
    path = stream / "master.m3u8"
    if not path.is_file():
        return {}
    return {
        uri: round(float(read_media_playlist((stream / uri).read_text("utf-8"), uri).duration), 6)
        for uri in read_master_playlist(path.read_text("utf-8"), path.name).variants
    }


def _dash_durations(path: Path) -> dict[str, float]:
    if not path.is_file():
        return {}
    return {
        each.init: round(float(Fraction(each.ends[-1] - each.starts[0], each.timescale)), 6)
        for each in read_mpd(path.read_text("utf-8"), path.name)[1]
        if each.kind == "video"
    }
