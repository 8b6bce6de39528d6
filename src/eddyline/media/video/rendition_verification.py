"""Verifies a finished rendition by reading it back and comparing it with its inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eddyline.core.errors import ProofError
from eddyline.core.timebase import rescale
from eddyline.media.video.hdr_verification import KEYFRAME_HEAD, verify_hdr_metadata
from eddyline.mp4.bitstream.hdr_metadata import NO_HDR_METADATA, HdrMetadata
from eddyline.mp4.bitstream.nal_units import IDR, SLICES, nal_unit_type
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation, build_presentation
from eddyline.mp4.slice import iter_samples
from eddyline.store.ranges import FileRanges

_NAL_LENGTH = 4  # the only length size of FFmpeg's MP4 muxer
_MAX_NAL_UNITS = 64
_AV1_SEQUENCE_HEADER = 1


@dataclass(frozen=True, kw_only=True)
class VerifiedRendition:
    """The contents of a rendition: frame numbers of keyframes, audio samples per channel of each track."""

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
    hdr_metadata: HdrMetadata = NO_HDR_METADATA,
) -> VerifiedRendition:
    """Verify a written rendition; raises `ProofError` with the first difference.

    Every frame of `shown` has its exact time (ticks of 1/timescale s) and duration, keyframes are IDR
    pictures exactly at every `gop`-th frame, the audio tracks have these numbers of samples, the telemetry
    has this digest, and sample entry and bitstream have this static HDR metadata and no other.
    """
    with FileRanges(path) as source:
        movie = read_movie(source)
        video = movie.first_track("video")
        if video is None or video.timescale != timescale:
            raise ProofError(f"{path.name}: the video track is missing or has another timescale")
        idr = _verify_video(path.name, source, movie, video, shown, gop, codec)
        heads = (
            source.read(int(offset), min(int(size), KEYFRAME_HEAD))
            for offset, size in zip(
                video.samples.offset[video.samples.sync], video.samples.size[video.samples.sync], strict=True
            )
        )
        verify_hdr_metadata(path.name, codec, video.stsd, heads, hdr_metadata)
        presented = tuple(presented_samples(movie, track) for track in movie.tracks_of_kind("audio"))
        telemetry = telemetry_digest(source, movie)
    if presented != tuple(audio_samples):
        raise ProofError(f"{path.name}: {presented} audio samples presented, {tuple(audio_samples)} encoded")
    if telemetry != telemetry_sha256:
        raise ProofError(f"{path.name}: the telemetry differs from the source's")
    return VerifiedRendition(frames=len(shown), idr=idr, audio_samples=presented, telemetry_sha256=telemetry)


def presented_samples(movie: Movie, track: Track) -> int:
    """Samples per channel that an audio track presents: its media within its edits."""
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
    """SHA-256 (hex) of the first telemetry track's payloads in decode order; None without one."""
    track = movie.first_track("telemetry")
    return None if track is None else samples_digest(src, track)


def samples_digest(src: ByteRanges, track: Track) -> str:
    """SHA-256 (hex) of the bytes of a track's samples in decode order."""
    digest = hashlib.sha256()
    for sample in iter_samples(src, track):
        digest.update(sample)
    return digest.hexdigest()


def _verify_video(
    name: str, source: ByteRanges, movie: Movie, video: Track, shown: Presentation, gop: int, codec: str
) -> tuple[int, ...]:
    actual = build_presentation(movie, video)
    if len(actual) != len(shown):
        raise ProofError(f"{name} shows {len(actual)} frames, the source {len(shown)}")
    moved = np.flatnonzero(actual.pts != shown.pts)
    if len(moved):
        raise ProofError(f"{name}: frame {int(moved[0])} does not have the source's presentation time")
    if (ends := _end(movie, video, actual)) != shown.end:
        raise ProofError(f"{name} ends at tick {ends}, the source at {shown.end}")
    keys = np.flatnonzero(video.samples.sync[actual.sample])
    if not np.array_equal(keys, np.arange(0, len(shown), gop)):
        raise ProofError(f"{name}: keyframes are off the grid of {gop} frames")
    for frame in keys.tolist():
        sample = int(actual.sample[frame])
        offset, size = int(video.samples.offset[sample]), int(video.samples.size[sample])
        if not _is_random_access(source, offset, size, codec):
            raise ProofError(f"{name}: frame {frame} is marked as a keyframe, but is not an IDR picture")
    return tuple(keys.tolist())


def _end(movie: Movie, video: Track, actual: Presentation) -> int:
    """The end of the last frame, from the edit list: with reordering it is in no sample's duration."""
    if not video.edits:
        return actual.end
    return rescale(sum(edit.duration for edit in video.edits), movie.timescale, video.timescale)


def _is_random_access(source: ByteRanges, offset: int, size: int, codec: str) -> bool:
    """Whether a sample is an IDR picture (H.264 and H.265 table 7-1) or an AV1 random access point."""
    if codec == "av1":
        # AV1 section 7.5: a key frame that is a random access point follows a sequence header.
        return size > 0 and source.read(offset, 1)[0] >> 3 & 0xF == _AV1_SEQUENCE_HEADER
    at, end = offset, offset + size
    for _ in range(_MAX_NAL_UNITS):
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
