"""The proof of a packaged stream: what the playlists and the MPD say, against the media they name.

Every variant's segments are read back, as a player would join them, and must hold exactly the frames of the
source at exactly their times. Raises `ProofError` with the first thing that is not so.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath

import numpy as np

from eddyline.core.errors import FormatError, ProofError
from eddyline.media.ladder.chunks import Grid
from eddyline.media.streaming.keyframe_fragments import count_fragment_samples
from eddyline.media.streaming.playlists import (
    MediaPlaylist,
    Representation,
    read_master_playlist,
    read_media_playlist,
    read_mpd,
)
from eddyline.media.streaming.segment_duration import Ints, choose_segment_duration
from eddyline.media.video.joined_files import JoinedFiles
from eddyline.mp4.index import read_movie
from eddyline.mp4.presentation import build_presentation
from eddyline.store.ranges import FileRanges

_LARGEST_TEXT = 64 * 1024 * 1024
_ROUNDED = Fraction(1, 500_000)  # seconds that rounding to microseconds may hide
_HEADER = 8  # bytes of a box's length and type


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """When the frames of the source are shown: `pts` ascending, all in ticks of `timescale`, and the end."""

    pts: Ints
    end: int
    timescale: int

    @property
    def frames(self) -> int:
        """How many frames are shown."""
        return len(self.pts)

    @property
    def end_s(self) -> Fraction:
        """When the last frame ends, in seconds."""
        return Fraction(self.end, self.timescale)

    @property
    def last_s(self) -> Fraction:
        """How long the last frame is shown, in seconds."""
        return Fraction(self.end - int(self.pts[-1]), self.timescale)

    def same_as(self, other: Timeline) -> bool:
        """Whether both show the same number of frames at the same times, in whatever ticks.

        How long the last one stays is another matter: sample tables tell durations in decode order, which
        at a variable rate, with other B-frames, makes that of the last frame shown another one's.
        """
        return bool(
            len(self.pts) == len(other.pts)
            and np.array_equal(self.pts * other.timescale, other.pts * self.timescale)
            and abs(self.end_s - other.end_s) < min(self.last_s, other.last_s)
        )


@dataclass(frozen=True, kw_only=True)
class _Variant:
    """One track as packaged: `first` is the number of each segment's first frame."""

    name: str
    timeline: Timeline
    first: tuple[int, ...]


def verify_stream(out_dir: Path, frames: int, grid: Grid, *, timeline: Timeline | None = None) -> None:
    """Prove `out_dir`/stream: `frames` frames in every variant, cut on `grid`, HLS and DASH alike.

    `timeline` gives the frames' exact times; without it they are taken to follow one another at the grid's
    rate.
    """
    stream = out_dir / "stream"
    master = read_master_playlist(_text(stream / "master.m3u8"), "master.m3u8")
    length, representations = read_mpd(_text(stream / "manifest.mpd"), "manifest.mpd")
    by_init = {each.init: each for each in representations}
    _require(bool(master.variants), "master.m3u8", "it has no variant")
    _require(len(master.iframes) == len(master.variants), "master.m3u8", "a variant lacks I-frames")
    wanted = timeline or _regular(frames, grid)
    pictures = [_variant(stream, uri, by_init) for uri in master.variants]
    sound = [_variant(stream, uri, by_init) for uri in master.audio]
    _require(len(by_init) == len(pictures) + len(sound), "manifest.mpd", "HLS has other streams")
    cut = _wanted_cuts(wanted, grid)
    for variant in pictures:
        _prove_picture(variant, wanted, cut, grid)
    longest = max(each.end_s for each in representations)
    _require(abs(length - longest) <= _ROUNDED, "manifest.mpd", f"it lasts {float(length)} s")
    for uri in master.iframes:
        _prove_iframes(stream, uri, len(cut), -(-frames // grid.gop))


def _variant(stream: Path, uri: str, by_init: dict[str, Representation]) -> _Variant:
    playlist = read_media_playlist(_text(_inside(stream, uri)), uri)
    folder = PurePosixPath(uri).parent
    representation = by_init.get(str(folder / playlist.init))
    if representation is None:
        raise ProofError(f"{uri}: the MPD does not have it")
    names = tuple(str(folder / segment.uri) for segment in playlist.segments)
    _require(playlist.ended and bool(names), uri, "it does not end, or is empty")
    _require(names == representation.media, uri, "HLS and DASH name different segments")
    _prove_durations(uri, playlist, representation)
    paths = [_inside(stream, name) for name in (representation.init, *names)]
    joined = JoinedFiles(paths)
    try:
        return _read(uri, joined, representation)
    except FormatError as error:
        raise ProofError(f"{uri}: its segments do not join to a readable movie: {error}") from error
    finally:
        joined.close()


def _prove_durations(uri: str, playlist: MediaPlaylist, representation: Representation) -> None:
    """EXTINF and the segment timeline say the same, without gap or overlap, and none exceeds the target."""
    scale = representation.timescale
    _require(representation.starts[1:] == representation.ends[:-1], uri, "its timeline has a gap")
    for segment, start, end in zip(
        playlist.segments, representation.starts, representation.ends, strict=True
    ):
        told, true = segment.duration, Fraction(end - start, scale)
        _require(abs(told - true) <= _ROUNDED, uri, f"{segment.uri} lasts {float(true)} s")
        _require(round(told) <= playlist.target, uri, f"{segment.uri} is longer than the target duration")


def _read(uri: str, joined: JoinedFiles, representation: Representation) -> _Variant:
    movie = read_movie(joined)
    _require(len(movie.tracks) == 1, uri, "not one track")
    track = movie.tracks[0]
    _require(track.timescale == representation.timescale, uri, "the MPD has another timescale")
    shown = build_presentation(movie, track)
    # Which file (1 is the first media segment) holds each shown sample, and where each file's begin.
    holder = np.searchsorted(np.asarray(joined.starts), track.samples.offset[shown.sample], side="right") - 1
    _require(bool(np.all(np.diff(holder) >= 0)), uri, "frames lie in other segments than their order")
    first = np.flatnonzero(np.diff(holder, prepend=-1)).astype(np.int64)
    _require(len(first) == len(representation.media), uri, "a segment shows nothing")
    _require(bool(track.samples.sync[shown.sample[first]].all()), uri, "a segment begins without keyframe")
    starts = shown.pts[first]
    if track.kind == "video":
        _require(np.array_equal(starts, representation.starts), uri, "segments start at other times")
    timeline = Timeline(pts=shown.pts, end=shown.end, timescale=track.timescale)
    off = abs(shown.end - representation.ends[-1])
    _require(off < shown.end - shown.pts[-1], uri, "it ends at another time than the MPD says")
    return _Variant(name=uri, timeline=timeline, first=tuple(map(int, first)))


def _prove_picture(variant: _Variant, wanted: Timeline, cut: tuple[int, ...], grid: Grid) -> None:
    shown, name = variant.timeline, variant.name
    _require(shown.frames == wanted.frames, name, f"{shown.frames} frames, not {wanted.frames}")
    _require(variant.first == cut, name, "its segments are not those of the frame grid")
    # Times are compared to half a frame's thousandth: the media may count in other ticks than the source.
    apart = np.abs(shown.pts / shown.timescale - wanted.pts / wanted.timescale).max()
    _require(bool(apart <= float(1 / grid.fps) / 1000), name, f"a frame is {apart:.6f} s off its time")
    off = abs(float(shown.end_s - wanted.end_s))
    _require(off <= float(1 / grid.fps), name, f"its end is {off:.4f} s off")


def _prove_iframes(stream: Path, uri: str, segments: int, gops: int) -> None:
    """Every part of an I-frame playlist is a fragment of one sample, inside its segment."""
    playlist = read_media_playlist(_text(_inside(stream, uri)), uri)
    _require(playlist.iframes_only and playlist.ended, uri, "not an I-frame playlist")
    _require(segments <= len(playlist.segments) <= gops, uri, f"{len(playlist.segments)} I-frames")
    for segment in playlist.segments:
        path = _inside(stream, str(PurePosixPath(uri).parent / segment.uri))
        start, end = segment.part or (0, 0)
        with FileRanges(path) as file:
            _require(0 < end <= file.size and end - start > _HEADER, uri, "a part lies outside its segment")
            _require(
                count_fragment_samples(file.read(start, end - start), uri) == 1,
                uri,
                "a part has more than one frame",
            )


def _wanted_cuts(wanted: Timeline, grid: Grid) -> tuple[int, ...]:
    keyframes = wanted.pts[:: grid.gop]
    gops = max(1, grid.segment // grid.gop)
    chosen = choose_segment_duration(
        keyframes, gops=gops, timescale=wanted.timescale, segment_s=grid.segment_s
    )
    return tuple(number * grid.gop for number in chosen.first)


def _regular(frames: int, grid: Grid) -> Timeline:
    numbers = np.arange(frames + 1, dtype=np.int64) * grid.fps.denominator
    return Timeline(pts=numbers[:-1], end=int(numbers[-1]), timescale=grid.fps.numerator)


def _inside(stream: Path, name: str) -> Path:
    """The file `name` of the stream; addresses are relative and stay inside, so that the folder can move."""
    pure = PurePosixPath(name)
    _require(not pure.is_absolute() and ".." not in pure.parts and ":" not in name, name, "leads elsewhere")
    path = stream / pure
    _require(path.is_file() and path.stat().st_size > 0, name, "it is missing or empty")
    return path


def _text(path: Path) -> str:
    _require(path.is_file() and path.stat().st_size <= _LARGEST_TEXT, path.name, "missing, or absurdly large")
    return path.read_text("utf-8", "replace")


def _require(holds: bool, name: str, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise ProofError(f"the packaged stream is not exact: {name}: {otherwise}")
