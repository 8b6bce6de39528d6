"""One rendition, from encoded chunks, encoded audio and the camera's own data, proven by reading it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.errors import ProofError
from eddyline.core.files import translate_errors
from eddyline.media.chapters.chapter_track import add_chapter_track, add_nero_list, verify_chapters
from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.ladder import Rung
from eddyline.media.pictures.highlights import Chapter
from eddyline.media.source.description import rendition_meta
from eddyline.media.source.source import AudioFacts, SourceFacts
from eddyline.media.subtitles.cues import Subtitles
from eddyline.media.subtitles.timed_text import add_subtitle_tracks, verify_subtitles
from eddyline.media.video.join import join_chunks, movie_timescale
from eddyline.media.video.rendition_tracks import audio_track, data_tracks, read_encoded_audio, video_track
from eddyline.media.video.rendition_verification import telemetry_digest, verify_rendition
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import link_references, passthrough


@dataclass(frozen=True, kw_only=True)
class AssembledRendition:
    """A proven rendition.

    `idr` are the frame numbers of its keyframes, `audio_samples` the presented samples a channel of each
    audio track, `telemetry_sha256` (hex) that of the camera's payloads as they lie in the rendition,
    `chapters` those that it was given, `subtitles` the texts that each of its subtitle tracks shows.
    """

    bytes: int
    sha256: str
    frames: int
    idr: tuple[int, ...]
    audio_samples: tuple[int, ...]
    telemetry_sha256: str | None
    chapters: tuple[Chapter, ...] = ()
    subtitles: tuple[int, ...] = ()


def assemble_rendition(
    out: Path,
    *,
    rung: Rung,
    grid: Grid,
    movie: Movie,
    track: Track,
    presentation: Presentation,
    chunks: Sequence[Path],
    src: ByteRanges,
    audio: Sequence[Path],
    facts: SourceFacts,
    chapters: Sequence[Chapter] = (),
    subtitles: Sequence[Subtitles] = (),
) -> AssembledRendition:
    """Write `out` from the chunks of one rung, in order, and prove it by reading it back.

    `movie`, `track` and `presentation` are the source's: frame k is shown when the source shows it, to the
    tick. `audio` are MP4 files of one encoded track each, in the order of `facts.audio`; their priming stays
    in their edit lists. `subtitles` become text tracks. Telemetry, timecode and udta are the source's own
    bytes; `chapters` become a track behind all others and a list in front of udta's boxes. Give a temporary
    name and rename afterwards: `out` is removed if anything fails. Raises `ProofError` if the rendition is
    not exact.
    """
    with translate_errors(f"assembling {rung.name}"):
        joined = join_chunks(chunks)
        if len(joined.rank) != len(presentation):
            raise ProofError(f"{len(joined.rank)} frames were encoded of {len(presentation)} in the source")
        sounds = [read_encoded_audio(path) for path in audio]
        abouts = _matched(facts.audio, len(sounds))
        kept = data_tracks(movie, src)
        timescale = movie_timescale(track.timescale, [*(s.track.timescale for s in sounds), movie.timescale])
        tracks = [
            video_track(rung, joined, track, presentation, timescale, facts.video),
            *(audio_track(sound, about, timescale) for sound, about in zip(sounds, abouts, strict=True)),
            *(passthrough(movie, each, src, timescale=timescale) for each in kept),
        ]
        numbered = {each.number: each for each in movie.tracks}
        voices = [numbered.get(about.track) if about else None for about in abouts]
        tracks = link_references([track, *voices, *kept], tracks)
        tracks = add_subtitle_tracks(tracks, subtitles, rung.width, rung.height)
        udta = movie.udta
        if chapters:
            tracks = add_chapter_track(tracks, chapters, presentation)
            udta = add_nero_list(udta, chapters, presentation, track.timescale)
        try:
            written = write_mp4(
                out,
                tracks,
                timescale=timescale,
                creation_time=movie.creation_time,
                udta=udta,
                meta=rendition_meta(movie),
            )
            proven = verify_rendition(
                out,
                codec=rung.codec,
                gop=grid.gop,
                shown=presentation,
                timescale=track.timescale,
                audio_samples=[sound.samples for sound in sounds],
                telemetry_sha256=facts.telemetry.sha256 if facts.telemetry else telemetry_digest(src, movie),
            )
            texts = verify_subtitles(out, subtitles)
            if chapters:
                verify_chapters(out, chapters, presentation, track.timescale, udta=udta)
        except BaseException:
            out.unlink(missing_ok=True)
            raise
    return AssembledRendition(
        bytes=written.bytes,
        sha256=written.sha256,
        frames=proven.frames,
        idr=proven.idr,
        audio_samples=proven.audio_samples,
        telemetry_sha256=proven.telemetry_sha256,
        chapters=tuple(chapters),
        subtitles=texts,
    )


def _matched(facts: Sequence[AudioFacts], count: int) -> list[AudioFacts | None]:
    """What is known of each of `count` encoded tracks, in order; None beyond what is known."""
    return [facts[place] if place < len(facts) else None for place in range(count)]
