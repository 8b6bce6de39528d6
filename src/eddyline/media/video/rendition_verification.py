"""Reads a finished rendition back and compares it with what it was made from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eddyline.core.errors import ProofError
from eddyline.core.timebase import rescale
from eddyline.mp4.bitstream.nal_units import IDR, SLICES, nal_unit_type
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation, build_presentation
from eddyline.mp4.slice import iter_samples
from eddyline.store.ranges import FileRanges

_NAL_LENGTH = 4  # FFmpeg's MP4 muxer writes no other
_MOST_NALS = 64
_AV1_SEQUENCE_HEADER = 1


@dataclass(frozen=True, kw_only=True)
class VerifiedRendition:
    """What a rendition was found to hold: keyframes by frame number, audio samples a channel by track."""

    frames: int
    idr: tuple[int, ...]
    audio_samples: tuple[int, ...]
    telemetry_sha256: str | None


def verify_rendition(
    path: Path,
    *,
    codec: str,
    gop: int,
    shown: Presentation,
    timescale: int,
    audio_samples: Sequence[int],
    telemetry_sha256: str | None,
) -> VerifiedRendition:
    """Check a written rendition; raises `ProofError` naming the first thing that is not as it must be.

    Every frame of `shown` is there at its own time (ticks of 1/timescale s) and lasts as long, keyframes are
    IDR and lie at every `gop`-th frame and nowhere else, the audio has these many samples, the telemetry this
    hash.
    """
    with FileRanges(path) as source:
        movie = read_movie(source)
        video = movie.first_track("video")
        if video is None or video.timescale != timescale:
            raise ProofError(f"{path.name}: the video track is missing or counts in other ticks")
        idr = _check_video(path.name, source, movie, video, shown, gop, codec)
        heard = tuple(presented_samples(movie, track) for track in movie.tracks_of_kind("audio"))
        telemetry = telemetry_digest(source, movie)
    if heard != tuple(audio_samples):
        raise ProofError(f"{path.name}: {heard} audio samples were written, {tuple(audio_samples)} encoded")
    if telemetry != telemetry_sha256:
        raise ProofError(f"{path.name}: the telemetry differs from the source's")
    return VerifiedRendition(frames=len(shown), idr=idr, audio_samples=heard, telemetry_sha256=telemetry)


def presented_samples(movie: Movie, track: Track) -> int:
    """Samples a channel that an audio track presents: its media, less what its edits leave out."""
    end = int(track.samples.pts[-1] + track.samples.duration[-1]) if len(track.samples) else 0
    if not track.edits:
        return _in_samples(track, end)
    total = 0
    for edit in track.edits:
        if edit.media_time >= 0:
            left = max(0, end - edit.media_time)
            length = rescale(edit.duration, movie.timescale, track.timescale)
            total += min(left, length) if edit.duration else left
    return _in_samples(track, total)


def telemetry_digest(src: ByteRanges, movie: Movie) -> str | None:
    """SHA-256 (hex) over the first telemetry track's payloads in decode order; None without one."""
    track = movie.first_track("telemetry")
    return None if track is None else samples_digest(src, track)


def samples_digest(src: ByteRanges, track: Track) -> str:
    """SHA-256 (hex) over the bytes of a track's samples in decode order."""
    digest = hashlib.sha256()
    for sample in iter_samples(src, track):
        digest.update(sample)
    return digest.hexdigest()


def _check_video(
    name: str, source: ByteRanges, movie: Movie, video: Track, shown: Presentation, gop: int, codec: str
) -> tuple[int, ...]:
    made = build_presentation(movie, video)
    if len(made) != len(shown):
        raise ProofError(f"{name} shows {len(made)} frames, the source {len(shown)}")
    moved = np.flatnonzero(made.pts != shown.pts)
    if len(moved):
        raise ProofError(f"{name}: frame {int(moved[0])} is not shown when the source shows it")
    if (ends := _end(movie, video, made)) != shown.end:
        raise ProofError(f"{name} ends at tick {ends}, the source at {shown.end}")
    keys = np.flatnonzero(video.samples.sync[made.sample])
    if not np.array_equal(keys, np.arange(0, len(shown), gop)):
        raise ProofError(f"{name}: keyframes lie off the grid of {gop} frames")
    for frame in keys.tolist():
        sample = int(made.sample[frame])
        offset, size = int(video.samples.offset[sample]), int(video.samples.size[sample])
        if not _is_random_access(source, offset, size, codec):
            raise ProofError(f"{name}: frame {frame} is marked as a keyframe, but is none")
    return tuple(keys.tolist())


def _end(movie: Movie, video: Track, made: Presentation) -> int:
    """When the last frame goes: the edit list says, for with reordering no sample's duration does."""
    if not video.edits:
        return made.end
    return rescale(sum(edit.duration for edit in video.edits), movie.timescale, video.timescale)


def _is_random_access(source: ByteRanges, offset: int, size: int, codec: str) -> bool:
    """Whether the sample begins anew: an IDR picture (H.264 table 7-1, H.265 table 7-1), or AV1's header."""
    if codec == "av1":
        # Section 7.5 of AV1: a key frame that is a random access point comes with a sequence header.
        return size > 0 and source.read(offset, 1)[0] >> 3 & 0xF == _AV1_SEQUENCE_HEADER
    at, end = offset, offset + size
    for _ in range(_MOST_NALS):
        if at + _NAL_LENGTH >= end:
            return False
        head = source.read(at, _NAL_LENGTH + 1)
        kind = nal_unit_type(codec, head[_NAL_LENGTH:])
        if kind in SLICES[codec]:
            return kind in IDR[codec]
        at += _NAL_LENGTH + int.from_bytes(head[:_NAL_LENGTH], "big")
    return False


def _in_samples(track: Track, ticks: int) -> int:
    return rescale(ticks, track.timescale, track.sample_rate) if track.sample_rate else ticks
