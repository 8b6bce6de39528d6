"""The video and audio tracks of a rendition: joined chunks, and encoded audio."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from eddyline.core.errors import ProofError
from eddyline.media.ladder.ladder import Rung
from eddyline.media.source.source import AudioFacts, VideoFacts
from eddyline.media.video.hdr_metadata import rendition_hdr_metadata, with_hdr_metadata
from eddyline.media.video.join import JoinedChunks, sample_times
from eddyline.media.video.rendition_verification import presented_samples
from eddyline.media.video.spherical import WHOLE_SPHERE, read_spherical, rendition_metadata
from eddyline.mp4.entries.spherical import with_v2
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation
from eddyline.mp4.write.output_track import OutputTrack, passthrough
from eddyline.store.ranges import FileRanges


@dataclass(frozen=True, kw_only=True)
class EncodedAudio:
    """An encoded audio file: its only track, and the samples per channel that it presents."""

    path: Path
    movie: Movie
    track: Track
    samples: int


def read_encoded_audio(path: Path) -> EncodedAudio:
    """The index of an encoded audio file. Raises `ProofError` if it has no audio track."""
    with FileRanges(path) as source:
        movie = read_movie(source)
    track = movie.first_track("audio")
    if track is None:
        raise ProofError(f"{path.name} has no audio track")
    return EncodedAudio(path=path, movie=movie, track=track, samples=presented_samples(movie, track))


def video_track(
    rung: Rung,
    joined: JoinedChunks,
    track: Track,
    shown: Presentation,
    timescale: int,
    facts: VideoFacts,
    *,
    reorder: int = 0,
) -> OutputTrack:
    """The video track: upright with square pixels (identity matrix), and with the source's times.

    The source's spherical metadata is scaled to the rendition's size; its HDR metadata is that of the plan.
    `reorder`: see `sample_times`.
    """
    boxes, entry = _spherical_metadata(rung, track, facts)
    times = sample_times(
        joined.rank, shown, timescale=track.timescale, movie_timescale=timescale, reorder=reorder
    )
    return OutputTrack(
        handler="vide",
        name=track.name,
        timescale=track.timescale,
        stsd=with_v2(with_hdr_metadata(joined.stsd, rung, rendition_hdr_metadata(facts, rung)), entry),
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


def _spherical_metadata(
    rung: Rung, track: Track, facts: VideoFacts
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """The boxes of trak and of the sample entry; none for flat video."""
    if not facts.projection:
        return (), ()
    metadata = WHOLE_SPHERE if facts.sphere is not None else read_spherical(track)
    if metadata is None:
        return (), ()
    return rendition_metadata(metadata, (facts.width, facts.height), (rung.width, rung.height))


def audio_track(audio: EncodedAudio, facts: AudioFacts | None, timescale: int) -> OutputTrack:
    """The encoded audio track, including its priming, with the source's language and title."""
    copy = passthrough(audio.movie, audio.track, audio.path, timescale=timescale)
    if facts is None:
        return copy
    return replace(copy, language=facts.language, name=facts.title or copy.name, title=facts.label)
