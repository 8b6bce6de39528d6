"""Reads a trimmed recording back and checks its tracks, audio and user data."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from eddyline.core.errors import ProofError
from eddyline.edit.track_range import TrackRange, cut_audio, is_sample_exact
from eddyline.media.video.rendition_verification import presented_samples, samples_digest
from eddyline.mp4.byte_ranges import ByteRanges, read_ranges
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.write.output_track import OutputTrack
from eddyline.store.ranges import FileRanges


def verify_tracks(
    path: Path, source: Movie, kept: Sequence[Track], cut_range: TrackRange, udta: bytes | None
) -> None:
    """Check that `path` has the tracks `kept` of `source`, this udta, and no audio beyond the range.

    Raises `ProofError`.
    """
    with FileRanges(path) as output:
        movie = read_movie(output)
    if (
        movie.creation_time != source.creation_time
        or (movie.udta or b"") != (udta or b"")
        or movie.meta != source.meta
    ):
        raise ProofError(f"{path.name}: the user data or metadata of the source was not kept")
    if [track.kind for track in movie.tracks] != [track.kind for track in kept]:
        raise ProofError(f"{path.name}: the tracks differ from the source's")
    if movie.matrix != source.matrix or any(
        _shape(output) != _shape(track) for output, track in zip(movie.tracks, kept, strict=True)
    ):
        raise ProofError(f"{path.name}: the display matrix or size differs from the source's")
    for track in movie.tracks_of_kind("audio"):
        _check_audio_length(path.name, movie, track, cut_range)


def verify_pcm(
    path: Path, src: ByteRanges, source: Movie, kept: Sequence[Track], cut_range: TrackRange
) -> None:
    """Check that PCM tracks hold exactly the bytes that the source presents in the range.

    Raises `ProofError`.
    """
    with FileRanges(path) as output:
        written = read_movie(output).tracks
        for track, written_track in zip(kept, written, strict=True):
            if track.kind != "audio" or not is_sample_exact(track):
                continue
            expected = cut_audio(source, track, src, cut_range)
            if (
                expected is None
                or written_track.stsd != track.stsd
                or _digest(expected) != samples_digest(output, written_track)
            ):
                raise ProofError(f"{path.name}: the audio of track {track.number} differs from the source's")


def _digest(track: OutputTrack) -> str:
    digest = hashlib.sha256()
    for piece in track.pieces:
        if isinstance(piece.source, Path):
            continue  # silence; audio pieces refer to the source
        for data in read_ranges(piece.source, piece.offset, piece.size):
            digest.update(data)
    return digest.hexdigest()


def _shape(track: Track) -> tuple[object, ...]:
    """Return what determines the display of a video track besides its samples and sample entry."""
    return (track.matrix, track.display_size, track.spherical) if track.kind == "video" else ()


def _check_audio_length(name: str, movie: Movie, track: Track, cut_range: TrackRange) -> None:
    """Check that the audio is not longer than the video, except for rounding."""
    audio_s = Fraction(presented_samples(movie, track), track.sample_rate or track.timescale)
    delay = sum(edit.duration for edit in track.edits if edit.media_time < 0)
    excess_s = audio_s + Fraction(delay, movie.timescale) - (cut_range.end - cut_range.start)
    if excess_s > Fraction(2, track.sample_rate or track.timescale):
        raise ProofError(f"{name}: the audio is {float(excess_s):.6f} s longer than the video")
