"""Which tracks of an MP4 or MOV its renditions do not carry, from its index."""

from __future__ import annotations

from typing import Final

from eddyline.media.footage import STILL_FORMATS
from eddyline.media.left_out import (
    COVER,
    NO_CHAPTERS,
    NO_SUBTITLES,
    ONE_VIDEO,
    UNKNOWN_DATA,
    LeftOut,
    in_order,
)
from eddyline.media.tracks import data_tracks
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.ranges import ByteRanges

# Handlers of ISO/IEC 14496-12 and QuickTime whose samples are text or pictures over the video.
_SUBTITLES: Final = frozenset({"sbtl", "subt", "subp", "text", "clcp"})
_NERO_CHAPTERS: Final = b"chpl"
_ONLY_IN_FILES = "the MP4 renditions keep them; HLS and DASH have only the chapters that HiLights make"
_UNREADABLE = "it is empty, encrypted, or its samples lie outside the file"
_EMPTY = "it is empty"
_LONGEST_NAME = 60  # characters of a track's name that are shown


def of_movie(movie: Movie, src: ByteRanges, video: Track) -> tuple[LeftOut, ...]:
    """What of an MP4 or MOV is not carried, in order of kind. `video` is the track that is processed."""
    carried = {track.number for track in data_tracks(movie, src)} | {video.number}
    chapters = {number for track in movie.tracks for number in track.references.get("chap", ())}
    found = [
        _track(track, is_chapters=track.number in chapters)
        for track in movie.tracks
        if track.number not in carried and not (track.kind == "audio" and len(track.samples))
    ]
    if movie.udta and _NERO_CHAPTERS in _kinds(movie.udta) and not any(e.kind == "chapters" for e in found):
        found.append(LeftOut(kind="chapters", what="the chapter list (chpl)", why=_ONLY_IN_FILES))
    return in_order(found)


def _track(track: Track, *, is_chapters: bool) -> LeftOut:
    size = f", {track.width}x{track.height}" if track.width and track.height else ""
    language = f", {track.language}" if track.language not in {"", "und"} else ""
    name = f", {track.name[:_LONGEST_NAME]!r}" if track.name and "Handler" not in track.name else ""
    what = f"track {track.number} ({track.format.strip()}{size}{language}{name})"
    if track.kind == "video":
        return LeftOut(kind="video", what=what, why=COVER if track.format in STILL_FORMATS else ONE_VIDEO)
    if track.kind == "audio":
        return LeftOut(kind="audio", what=what, why=_EMPTY)
    if is_chapters:
        return LeftOut(kind="chapters", what=what, why=NO_CHAPTERS)
    if track.handler in _SUBTITLES:
        return LeftOut(kind="subtitle", what=what, why=NO_SUBTITLES)
    known = track.kind in {"telemetry", "timecode"} or track.handler == "meta"
    return LeftOut(kind="data", what=what, why=_UNREADABLE if known else UNKNOWN_DATA)


def _kinds(udta: bytes) -> set[bytes]:
    """The types of the boxes in a movie's udta; what follows a box of an impossible size is not looked at."""
    found, at = set(), 0
    while at + 8 <= len(udta):
        size = int.from_bytes(udta[at : at + 4], "big")
        if not 8 <= size <= len(udta) - at:  # noqa: PLR2004 - a box header
            break
        found.add(udta[at + 4 : at + 8])
        at += size
    return found
