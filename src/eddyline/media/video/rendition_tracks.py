"""The tracks of a rendition: the joined picture, the encoded sound, and the camera's own data as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eddyline.core.errors import ProofError
from eddyline.media.ladder.ladder import Rung
from eddyline.media.source.source import AudioFacts, VideoFacts
from eddyline.media.video.join import JoinedChunks, sample_times
from eddyline.media.video.rendition_verification import presented_samples
from eddyline.media.video.spherical import read_spherical, rendition_metadata
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.entries.spherical import with_v2
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation
from eddyline.mp4.write.output_track import OutputTrack, passthrough
from eddyline.store.ranges import FileRanges

# Telemetry and timecode by kind; beside them whatever a camera calls metadata, and GoPro's frame description.
_DATA_KINDS = frozenset({"telemetry", "timecode"})
_DATA_HANDLERS, _DATA_FORMATS = frozenset({"meta"}), frozenset({"fdsc"})


@dataclass(frozen=True, kw_only=True)
class EncodedAudio:
    """One encoded audio file: its only track, and the samples a channel that it presents."""

    path: Path
    movie: Movie
    track: Track
    samples: int


def read_encoded_audio(path: Path) -> EncodedAudio:
    """The index of an encoded audio file; raises `ProofError` if there is no audio in it."""
    with FileRanges(path) as source:
        movie = read_movie(source)
    track = movie.first_track("audio")
    if track is None:
        raise ProofError(f"{path.name} has no audio")
    return EncodedAudio(path=path, movie=movie, track=track, samples=presented_samples(movie, track))


def video_track(
    rung: Rung, joined: JoinedChunks, track: Track, shown: Presentation, timescale: int, facts: VideoFacts
) -> OutputTrack:
    """The video: upright and of square pixels, so the matrix is the identity; times are the source's.

    Spherical metadata is the source's, in the rendition's pixels.
    """
    metadata = read_spherical(track) if facts.projection else None
    boxes, entry = (
        ((), ())
        if metadata is None
        else rendition_metadata(metadata, (facts.width, facts.height), (rung.width, rung.height))
    )
    times = sample_times(joined.rank, shown, timescale=track.timescale, movie_timescale=timescale)
    return OutputTrack(
        handler="vide",
        name=track.name,
        timescale=track.timescale,
        stsd=with_v2(joined.stsd, entry),
        media_header=joined.media_header,
        boxes=boxes,
        width=rung.width,
        height=rung.height,
        language=track.language,
        pieces=joined.pieces,
        duration=times.duration,
        cts_offset=times.cts_offset,
        sync=joined.sync,
        edits=times.edits,
    )


def audio_track(sound: EncodedAudio, about: AudioFacts | None, timescale: int) -> OutputTrack:
    """The audio as it was encoded, priming and all, under the source's language and title."""
    copy = passthrough(sound.movie, sound.track, sound.path, timescale=timescale)
    if about is None:
        return copy
    return replace(copy, language=about.language, name=about.title or copy.name)


def data_tracks(movie: Movie, src: ByteRanges) -> Sequence[Track]:
    """The source's tracks to keep byte for byte, in file order; those whose samples are not sound are not."""
    return [track for track in movie.tracks if _is_data(track) and _is_sound(track, src)]


def _is_data(track: Track) -> bool:
    named = track.kind in _DATA_KINDS or track.format in _DATA_FORMATS
    return named or (track.kind == "other" and track.handler in _DATA_HANDLERS)


def _is_sound(track: Track, src: ByteRanges) -> bool:
    samples = track.samples
    if track.encrypted or not track.media_header or not len(samples):
        return False
    inside = (samples.offset >= 0) & (samples.size >= 0) & (samples.offset + samples.size <= src.size)
    # The telemetry is promised whole: where it is broken, the proof must fail, not the track go missing.
    return track.kind == "telemetry" or bool(inside.all())
