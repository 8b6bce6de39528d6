"""Opens a source: remuxes it if it is neither MP4 nor MOV, and rejects it if it cannot be processed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eddyline.core.errors import InputError
from eddyline.core.processes.runner import Runner
from eddyline.media.left_out.report import LeftOut
from eddyline.media.source.eac_pair import find_pair
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
    """An opened source: a local MP4 or MOV (`path`), its index, and the original container.

    `left_out` lists what remuxing omitted.
    """

    path: Path
    movie: Movie
    container: str
    left_out: tuple[LeftOut, ...] = ()


def open_source(path: Path, *, work: Path, runner: Runner, tools: Toolchain) -> OpenSource:
    """Open a local file; a source that is neither MP4 nor MOV is remuxed into the directory `work` first.

    Raises `InputError` (with a message for each kind of unusable file), `UnsupportedError`, `MissingError`.
    """
    container = detect_container(read_head(path))
    left_out: tuple[LeftOut, ...] = ()
    if container not in {"mp4", "mov"}:
        remuxed = work / "remuxed.mp4"
        left_out = remux_to_mp4(path, remuxed, runner=runner, tools=tools).left_out
        path = remuxed
    with FileRanges(path) as src:
        movie = read_movie(src)
    main_video(movie)
    return OpenSource(path=path, movie=movie, container=container, left_out=left_out)


def main_video(movie: Movie) -> Track:
    """Return the video track to process: the first enabled one that is not a cover image.

    Of 360-degree video in two tracks (`eac_pair`) it is the first one.

    Raises `InputError` if the video is missing, encrypted, empty or beyond the limits.
    """
    videos = [track for track in movie.tracks_of_kind("video") if track.format not in STILL_FORMATS]
    videos = videos or list(movie.tracks_of_kind("video"))
    if not videos:
        raise _no_video(movie)
    # Of a Dolby Vision stream in two tracks, select the one with the base layer.
    videos = [each for each in videos if _has_base_layer(each)] or videos
    pair = find_pair(movie)
    track = pair[0] if pair else next((each for each in videos if each.enabled), videos[0])
    if track.encrypted:
        raise InputError(
            "the source is encrypted (its samples are protected by DRM)",
            remedy="use an unprotected copy: Eddyline does not decrypt",
            reason="encrypted",
        )
    check_frame_size(track.width, track.height)
    if len(track.samples) > MAX_FRAMES:
        raise InputError(
            f"the header declares {len(track.samples)} frames, more than a day at 240 frames/s",
            remedy="do not process the file: it is damaged or malicious",
            reason="limits",
        )
    if not len(track.samples):
        raise InputError(
            "the video track is empty: it has no frames",
            remedy="record again, or repair the file in the camera",
            reason="no-frames",
        )
    return track


def _has_base_layer(track: Track) -> bool:
    found = read_dolby_vision(track.stsd)
    return found is None or found.base_layer


def _no_video(movie: Movie) -> InputError:
    if movie.first_track("audio") is not None:
        return InputError(
            "the file has audio but no video",
            remedy="pass the video that the audio belongs to",
            reason="audio-only",
        )
    return InputError("the file has no video track", remedy="pass the video file", reason="no-video")
