"""Opens footage: what is not MP4 is rewrapped, what cannot be processed is refused in words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eddyline.core.errors import InputError
from eddyline.core.process import Runner
from eddyline.media.left_out.report import LeftOut
from eddyline.media.source.frame_size import check_frame_size
from eddyline.media.source.remux import remux_to_mp4
from eddyline.media.source.sniff import detect_container, read_head
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.entries.dolby_vision import read_dolby_vision
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.store.ranges import FileRanges

MAX_FRAMES: Final = 24 * 3600 * 240  # a day at 240 fps
STILL_FORMATS: Final = frozenset({"jpeg", "png ", "tiff", "gif "})


@dataclass(frozen=True, kw_only=True)
class OpenSource:
    """A source made readable: a local MP4 or MOV (`path`), its index, and the container it came in.

    `left_out` is what rewrapping left out of it.
    """

    path: Path
    movie: Movie
    container: str
    left_out: tuple[LeftOut, ...] = ()


def open_source(path: Path, *, work: Path, runner: Runner, tools: Toolchain) -> OpenSource:
    """Footage from a local file, rewrapped into `work` first where it is neither MP4 nor MOV.

    Raises `InputError` (each kind of bad footage in its own words), `UnsupportedError`, `MissingError`.
    """
    container = detect_container(read_head(path))
    left_out: tuple[LeftOut, ...] = ()
    if container not in {"mp4", "mov"}:
        wrapped = work / "remuxed.mp4"
        left_out = remux_to_mp4(path, wrapped, runner=runner, tools=tools).left_out
        path = wrapped
    with FileRanges(path) as src:
        movie = read_movie(src)
    main_video(movie)
    return OpenSource(path=path, movie=movie, container=container, left_out=left_out)


def main_video(movie: Movie) -> Track:
    """The video track to process: the first enabled one that is no cover picture.

    Raises `InputError`: no video, sound alone, encrypted, or more pixels or frames than any camera gives.
    """
    videos = [track for track in movie.tracks_of_kind("video") if track.format not in STILL_FORMATS]
    videos = videos or list(movie.tracks_of_kind("video"))
    if not videos:
        raise _no_video(movie)
    # Of a Dolby Vision stream in two tracks, the one that can be decoded by itself.
    videos = [each for each in videos if _has_base_layer(each)] or videos
    track = next((each for each in videos if each.enabled), videos[0])
    if track.encrypted:
        raise InputError(
            "the footage is encrypted (its samples are protected by DRM)",
            remedy="give an unprotected copy: Eddyline has no keys and asks for none",
            reason="encrypted",
        )
    check_frame_size(track.width, track.height)
    if len(track.samples) > MAX_FRAMES:
        raise InputError(
            f"the header claims {len(track.samples)} frames, more than a day at 240 frames/s",
            remedy="the file is damaged or made to harm: do not process it",
            reason="limits",
        )
    if not len(track.samples):
        raise InputError(
            "the video track is empty: there is not one frame in it",
            remedy="the recording ended before it began: record again, or repair the file in the camera",
            reason="no-frames",
        )
    return track


def _has_base_layer(track: Track) -> bool:
    found = read_dolby_vision(track.stsd)
    return found is None or found.base_layer


def _no_video(movie: Movie) -> InputError:
    if movie.first_track("audio") is not None:
        return InputError(
            "this is sound alone: there is no picture to encode",
            remedy="give the video that the sound belongs to",
            reason="audio-only",
        )
    return InputError(
        "there is no video track in this file", remedy="give the video itself", reason="no-video"
    )
