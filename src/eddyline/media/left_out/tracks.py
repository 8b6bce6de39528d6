"""Tracks of an MP4 or MOV that renditions omit, from its index."""

from __future__ import annotations

from eddyline.media.left_out.report import COVER, ONE_VIDEO, UNKNOWN_DATA, LeftOut, sort_left_out
from eddyline.media.source.open_source import STILL_FORMATS
from eddyline.media.subtitles.source_tracks import TOO_MANY, is_subtitle, subtitle_tracks, unsupported_reason
from eddyline.media.video.data_tracks import data_tracks
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Movie, Track

_UNREADABLE = "it is empty, encrypted, or its samples are outside the file"
_EMPTY = "it is empty"
_MAX_NAME = 60  # characters of a track's name in a label


def left_out_tracks(
    movie: Movie, src: ByteRanges, video: Track, second: Track | None = None
) -> tuple[LeftOut, ...]:
    """List the omitted tracks in order of kind; `video`, and `second` of a pair, are those processed."""
    carried = {track.number for track in data_tracks(movie, src)} | {video.number}
    carried |= set() if second is None else {second.number}
    carried |= {track.number for track in subtitle_tracks(movie, src)}
    chapters = {number for track in movie.tracks for number in track.references.get("chap", ())}
    found = [
        _track(movie, track, src)
        for track in movie.tracks
        if track.number not in carried | chapters and not (track.kind == "audio" and len(track.samples))
    ]
    return sort_left_out(found)


def track_label(track: Track) -> str:
    """Return a short description of a track: "track 3 (apac, eng)"."""
    size = f", {track.width}x{track.height}" if track.width and track.height else ""
    language = f", {track.language}" if track.language not in {"", "und"} else ""
    name = f", {track.name[:_MAX_NAME]!r}" if track.name and "Handler" not in track.name else ""
    format_ = "".join(char if char.isprintable() else "?" for char in track.format.strip())
    return f"track {track.number} ({format_}{size}{language}{name})"


def _track(movie: Movie, track: Track, src: ByteRanges) -> LeftOut:
    what = track_label(track)
    if track.kind == "video":
        return LeftOut(kind="video", what=what, why=COVER if track.format in STILL_FORMATS else ONE_VIDEO)
    if track.kind == "audio":
        return LeftOut(kind="audio", what=what, why=_EMPTY)
    if is_subtitle(movie, track):
        return LeftOut(kind="subtitle", what=what, why=unsupported_reason(movie, track, src) or TOO_MANY)
    known = track.kind in {"telemetry", "timecode"} or track.handler == "meta"
    return LeftOut(kind="data", what=what, why=_UNREADABLE if known else UNKNOWN_DATA)
