"""Verifies a packaged stream: its playlists and MPD against the media that they reference.

The segments of every variant are read as a player joins them, and must contain exactly the source's frames at
their exact times. The first difference raises `ProofError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath

import numpy as np

from eddyline.core.errors import FormatError, ProofError
from eddyline.media.streaming.elementary_streams import AudioDescription, VariantFrames
from eddyline.media.streaming.keyframe_fragments import count_fragment_samples
from eddyline.media.streaming.playlists import (
    MediaPlaylist,
    Representation,
    read_master_playlist,
    read_media_playlist,
    read_mpd,
)
from eddyline.media.streaming.segment_duration import choose_segment_duration
from eddyline.media.streaming.stream_errors import require_stream
from eddyline.media.streaming.timeline import Timeline
from eddyline.media.video.joined_files import JoinedFiles
from eddyline.mp4.index import read_movie
from eddyline.mp4.presentation import build_presentation
from eddyline.store.ranges import FileRanges

_MAX_TEXT = 64 * 1024 * 1024
_ROUNDING_S = Fraction(1, 500_000)  # allowed for rounding to microseconds
_BOX_HEADER = 8  # bytes


@dataclass(frozen=True, kw_only=True)
class _Variant:
    """One packaged track: `first` has the number of each segment's first frame."""

    name: str
    timeline: Timeline
    first: tuple[int, ...]


def verify_stream(
    out_dir: Path,
    variants: Mapping[str, VariantFrames],
    audio_inputs: Mapping[str, AudioDescription] | None = None,
) -> None:
    """Verify that `out_dir`/stream has all frames, cut on the grid, and all audio, in HLS and DASH.

    `variants` has the frames of each variant by the name of its directory, `audio_inputs` the packets of each
    audio stream in the same way (None: packets are not compared).
    """
    stream = out_dir / "stream"
    master = read_master_playlist(_text(stream / "master.m3u8"), "master.m3u8")
    length, representations = read_mpd(_text(stream / "manifest.mpd"), "manifest.mpd")
    by_init = {each.init: each for each in representations}
    require_stream(bool(master.variants), "master.m3u8", "no variants")
    require_stream(
        len(master.iframes) == len(master.variants), "master.m3u8", "a variant has no I-frame playlist"
    )
    named = [_directory(uri) for uri in master.variants]
    require_stream(sorted(named) == sorted(variants), "master.m3u8", "it references other variants")
    video = [_variant(stream, uri, by_init) for uri in master.variants]
    audio = [_variant(stream, uri, by_init) for uri in master.audio]
    require_stream(len(by_init) == len(video) + len(audio), "manifest.mpd", "HLS references other tracks")
    if audio_inputs is not None:
        named = [_directory(uri) for uri in master.audio]
        require_stream(sorted(named) == sorted(audio_inputs), "master.m3u8", "it references other audio")
        for each in audio:
            _verify_audio(each, audio_inputs[_directory(each.name)])
    for variant in video:
        _verify_video(variant, variants[_directory(variant.name)])
    longest = max(representation.end_s for representation in representations)
    require_stream(abs(length - longest) <= _ROUNDING_S, "manifest.mpd", f"the duration is {float(length)} s")
    for uri in master.iframes:
        frames = variants[_directory(uri)]
        _verify_iframes(stream, uri, len(_expected_cuts(frames)), frames.keyframes.frames)


def _variant(stream: Path, uri: str, by_init: dict[str, Representation]) -> _Variant:
    playlist = read_media_playlist(_text(_inside(stream, uri)), uri)
    folder = PurePosixPath(uri).parent
    representation = by_init.get(str(folder / playlist.init))
    if representation is None:
        raise ProofError(f"{uri}: missing in the MPD")
    names = tuple(str(folder / segment.uri) for segment in playlist.segments)
    require_stream(playlist.ended and bool(names), uri, "no EXT-X-ENDLIST, or no segments")
    require_stream(names == representation.media, uri, "HLS and DASH reference different segments")
    _verify_durations(uri, playlist, representation)
    paths = [_inside(stream, name) for name in (representation.init, *names)]
    joined = JoinedFiles(paths)
    try:
        return _read(uri, joined, representation)
    except FormatError as error:
        raise ProofError(f"{uri}: the joined segments are not a valid MP4 file: {error}") from error
    finally:
        joined.close()


def _verify_durations(uri: str, playlist: MediaPlaylist, representation: Representation) -> None:
    """EXTINF and the segment timeline agree, without gap or overlap, and none exceeds the target."""
    scale = representation.timescale
    require_stream(
        representation.starts[1:] == representation.ends[:-1], uri, "the segment timeline has a gap"
    )
    for segment, start, end in zip(
        playlist.segments, representation.starts, representation.ends, strict=True
    ):
        stated, actual = segment.duration, Fraction(end - start, scale)
        require_stream(abs(stated - actual) <= _ROUNDING_S, uri, f"{segment.uri} lasts {float(actual)} s")
        require_stream(
            round(stated) <= playlist.target, uri, f"{segment.uri} is longer than the target duration"
        )


def _read(uri: str, joined: JoinedFiles, representation: Representation) -> _Variant:
    movie = read_movie(joined)
    require_stream(len(movie.tracks) == 1, uri, "it does not have exactly one track")
    track = movie.tracks[0]
    require_stream(track.timescale == representation.timescale, uri, "the MPD has another timescale")
    shown = build_presentation(movie, track)
    # The file (1: the first media segment) with each shown sample, and the first frame of each file.
    file = np.searchsorted(np.asarray(joined.starts), track.samples.offset[shown.sample], side="right") - 1
    require_stream(bool(np.all(np.diff(file) >= 0)), uri, "the frames of the segments are out of order")
    first = np.flatnonzero(np.diff(file, prepend=-1)).astype(np.int64)
    require_stream(len(first) == len(representation.media), uri, "a segment shows no frames")
    require_stream(
        bool(track.samples.sync[shown.sample[first]].all()), uri, "a segment does not start with a keyframe"
    )
    starts = shown.pts[first]
    if track.kind == "video":
        require_stream(np.array_equal(starts, representation.starts), uri, "segments start at other times")
    timeline = Timeline(pts=shown.pts, end=shown.end, timescale=track.timescale)
    off = abs(shown.end - representation.ends[-1])
    require_stream(off < shown.end - shown.pts[-1], uri, "its end differs from that in the MPD")
    return _Variant(name=uri, timeline=timeline, first=tuple(map(int, first)))


def _directory(uri: str) -> str:
    return PurePosixPath(uri).parent.name


def _verify_video(variant: _Variant, frames: VariantFrames) -> None:
    shown, name = variant.timeline, variant.name
    expected, grid = frames.timeline, frames.grid
    require_stream(shown.frames == expected.frames, name, f"{shown.frames} frames, not {expected.frames}")
    require_stream(variant.first == _expected_cuts(frames), name, "the segments are not on the frame grid")
    # Times may differ by a thousandth of a frame, because the media may have another timescale.
    apart = np.abs(shown.pts / shown.timescale - expected.pts / expected.timescale).max()
    require_stream(
        bool(apart <= float(1 / grid.fps) / 1000), name, f"a frame is shown {apart:.6f} s off its time"
    )
    off = abs(float(shown.end_s - expected.end_s))
    require_stream(off <= float(1 / grid.fps), name, f"the end is off by {off:.4f} s")


def _verify_audio(variant: _Variant, expected: AudioDescription) -> None:
    """All packets are there, at their times to the tick, and the priming before the first is hidden.

    If the audio starts late, the packager writes no edit list: players decode the priming, which is silent,
    before the audio starts. It also rounds the start to a tick.
    """
    shown, packets = variant.timeline, expected.packets
    extra = shown.frames - packets.frames
    if 0 < extra <= expected.priming and packets.pts[0] > 0:
        start = int(packets.pts[0] - shown.pts[extra])
        moved = start if abs(start) <= 1 else 0
        shown = Timeline(pts=shown.pts[extra:] + moved, end=shown.end + moved, timescale=shown.timescale)
    require_stream(
        shown.has_same_frames(packets), variant.name, f"it has other packets than track {expected.track + 1}"
    )


def _verify_iframes(stream: Path, uri: str, segments: int, gops: int) -> None:
    """Every byte range of an I-frame playlist is a fragment of one sample within its segment."""
    playlist = read_media_playlist(_text(_inside(stream, uri)), uri)
    require_stream(playlist.iframes_only and playlist.ended, uri, "not an I-frame playlist")
    require_stream(segments <= len(playlist.segments) <= gops, uri, f"{len(playlist.segments)} I-frames")
    for segment in playlist.segments:
        path = _inside(stream, str(PurePosixPath(uri).parent / segment.uri))
        start, end = segment.byte_range or (0, 0)
        with FileRanges(path) as file:
            require_stream(
                0 < end <= file.size and end - start > _BOX_HEADER, uri, "a byte range exceeds its segment"
            )
            require_stream(
                count_fragment_samples(file.read(start, end - start), uri) == 1,
                uri,
                "a byte range has more than one frame",
            )


def _expected_cuts(frames: VariantFrames) -> tuple[int, ...]:
    keyframes, grid = frames.keyframes, frames.grid
    gops = max(1, grid.segment // grid.gop)
    chosen = choose_segment_duration(
        keyframes.pts, gops=gops, timescale=keyframes.timescale, segment_s=grid.segment_s
    )
    return tuple(number * grid.gop for number in chosen.first)


def _inside(stream: Path, name: str) -> Path:
    """The file `name` of the stream. Its URL must be relative, so that the directory can be moved."""
    pure = PurePosixPath(name)
    require_stream(
        not pure.is_absolute() and ".." not in pure.parts and ":" not in name,
        name,
        "the URL leads out of the stream",
    )
    path = stream / pure
    require_stream(path.is_file() and path.stat().st_size > 0, name, "the file is missing or empty")
    return path


def _text(path: Path) -> str:
    require_stream(
        path.is_file() and path.stat().st_size <= _MAX_TEXT, path.name, "the file is missing or too large"
    )
    return path.read_text("utf-8", "replace")
