"""Reads a trimmed recording back: its tracks, its sound, and what the camera wrote beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from eddyline.core.errors import ProofError
from eddyline.edit.track_range import TrackRange, cut_to_the_sample, sound
from eddyline.media.video.rendition_verification import presented_samples, samples_digest
from eddyline.mp4.byte_ranges import ByteRanges, read_ranges
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.write.output_track import OutputTrack
from eddyline.store.ranges import FileRanges


def prove(path: Path, source: Movie, kept: Sequence[Track], stretch: TrackRange, udta: bytes | None) -> None:
    """Check that `path` has the tracks `kept` of `source`, this udta, and no sound beyond the stretch.

    Raises `ProofError`.
    """
    with FileRanges(path) as made:
        movie = read_movie(made)
    if (
        movie.creation_time != source.creation_time
        or (movie.udta or b"") != (udta or b"")
        or movie.meta != source.meta
    ):
        raise ProofError(f"{path.name}: what the camera wrote beside its tracks was not kept")
    if [track.kind for track in movie.tracks] != [track.kind for track in kept]:
        raise ProofError(f"{path.name}: the tracks are not those of the source")
    if movie.matrix != source.matrix or any(
        _shape(made) != _shape(track) for made, track in zip(movie.tracks, kept, strict=True)
    ):
        raise ProofError(f"{path.name}: the display matrix or size is not that of the source")
    for track in movie.tracks_of_kind("audio"):
        _check_sound(path.name, movie, track, stretch)


def prove_pcm(path: Path, src: ByteRanges, source: Movie, kept: Sequence[Track], stretch: TrackRange) -> None:
    """Check that tracks of PCM hold the very bytes that the source presents in the stretch.

    Raises `ProofError`.
    """
    with FileRanges(path) as made:
        written = read_movie(made).tracks
        for track, new in zip(kept, written, strict=True):
            if track.kind != "audio" or not cut_to_the_sample(track):
                continue
            due = sound(source, track, src, stretch)
            if due is None or new.stsd != track.stsd or _digest(due) != samples_digest(made, new):
                raise ProofError(f"{path.name}: the audio of track {track.number} is not the source's")


def _digest(track: OutputTrack) -> str:
    digest = hashlib.sha256()
    for piece in track.pieces:
        if isinstance(piece.source, Path):
            continue  # audio that is cut lies in the source itself
        for data in read_ranges(piece.source, piece.offset, piece.size):
            digest.update(data)
    return digest.hexdigest()


def _shape(track: Track) -> tuple[object, ...]:
    """How players show a video track: what is written beside its samples and their description."""
    return (track.matrix, track.display_size, track.spherical) if track.kind == "video" else ()


def _check_sound(name: str, movie: Movie, track: Track, stretch: TrackRange) -> None:
    """Sound is never longer than the picture: at most by the half of a sample that rounding gives."""
    heard = Fraction(presented_samples(movie, track), track.sample_rate or track.timescale)
    delay = sum(edit.duration for edit in track.edits if edit.media_time < 0)
    over = heard + Fraction(delay, movie.timescale) - (stretch.end - stretch.start)
    if over > Fraction(2, track.sample_rate or track.timescale):
        raise ProofError(f"{name}: the sound is {float(over):.6f} s longer than the picture")
