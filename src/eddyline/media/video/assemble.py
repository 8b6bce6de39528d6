"""Assembles a rendition from encoded chunks, encoded audio and the source's data tracks, and verifies it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from eddyline.media.video.data_tracks import data_tracks
from eddyline.media.video.hdr_metadata import rendition_hdr_metadata
from eddyline.media.video.join import join_chunks, movie_timescale
from eddyline.media.video.rendition_tracks import audio_track, read_encoded_audio, video_track
from eddyline.media.video.rendition_verification import telemetry_digest, verify_rendition
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import link_references, passthrough


@dataclass(frozen=True, kw_only=True)
class AssembledRendition:
    """A verified rendition.

    `idr` are the frame numbers of its keyframes, `audio_samples` the presented samples per channel of each
    audio track, `telemetry_sha256` (hex) the digest of the telemetry payloads, `chapters` its chapters,
    `subtitles` the number of texts in each of its subtitle tracks.
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
    audio_facts: Sequence[AudioFacts] | None = None,
    facts: SourceFacts,
    chapters: Sequence[Chapter] = (),
    subtitles: Sequence[Subtitles] = (),
    reorder: int = 0,
) -> AssembledRendition:
    """Write `out` from the chunks of one rung, in order, and verify it by reading it back.

    `movie`, `track`, `presentation` and `grid` are the source's: frame k has the exact presentation time of
    the source's frame k times `rung.frame_step` (of its fields, if `rung.fields` is 2). `audio` are MP4 files
    with one encoded track each, of the source tracks `audio_facts` (None: `facts.audio`); their priming stays
    in their edit lists.
    `subtitles` become text tracks.
    Telemetry, timecode and udta are copied unchanged. `chapters` become a track after all others and a list
    before the boxes of udta. `reorder`: see `sample_times`. Pass a temporary name and rename the file
    afterwards: `out` is removed on failure. Raises `ProofError` if the rendition is not exact.
    """
    with translate_errors(f"assembling {rung.name}"):
        joined = join_chunks(chunks)
        every = presentation if rung.fields == 1 else presentation.separate_fields()
        shown, ticks = every.thinned(rung.frame_step), track.timescale * rung.fields
        if len(joined.rank) != len(shown):
            raise ProofError(f"{len(joined.rank)} of the {len(shown)} frames of {rung.name} were encoded")
        encoded = [read_encoded_audio(path) for path in audio]
        tracks_of_source = _matched(facts.audio if audio_facts is None else audio_facts, len(encoded))
        data = data_tracks(movie, src)
        timescale = movie_timescale(ticks, [*(s.track.timescale for s in encoded), movie.timescale])
        tracks = [
            video_track(
                rung,
                joined,
                replace(track, timescale=ticks),
                shown,
                timescale,
                facts.video,
                reorder=reorder,
            ),
            # Players play all enabled tracks, or the first one, and let users select among the others.
            *(
                replace(audio_track(each_audio, each_facts, timescale), enabled=not place)
                for place, (each_audio, each_facts) in enumerate(zip(encoded, tracks_of_source, strict=True))
            ),
            *(passthrough(movie, each, src, timescale=timescale) for each in data),
        ]
        numbered = {each.number: each for each in movie.tracks}
        audio_sources = [numbered.get(each.track) if each else None for each in tracks_of_source]
        tracks = link_references([track, *audio_sources, *data], tracks)
        tracks = add_subtitle_tracks(tracks, subtitles, rung.width, rung.height)
        udta = movie.udta
        if chapters:
            tracks = add_chapter_track(tracks, chapters, presentation)
            udta = add_nero_list(udta, chapters, presentation, track.timescale)
        try:
            output = write_mp4(
                out,
                tracks,
                timescale=timescale,
                creation_time=movie.creation_time,
                udta=udta,
                meta=rendition_meta(movie),
            )
            verified = verify_rendition(
                out,
                codec=rung.codec,
                gop=grid.thinned(rung.frame_step).gop,
                shown=shown,
                timescale=ticks,
                audio_samples=[each_audio.samples for each_audio in encoded],
                telemetry_sha256=facts.telemetry.sha256 if facts.telemetry else telemetry_digest(src, movie),
                hdr_metadata=rendition_hdr_metadata(facts.video, rung),
            )
            texts = verify_subtitles(out, subtitles)
            if chapters:
                verify_chapters(out, chapters, presentation, track.timescale, udta=udta)
        except BaseException:
            out.unlink(missing_ok=True)
            raise
    return AssembledRendition(
        bytes=output.bytes,
        sha256=output.sha256,
        frames=verified.frames,
        idr=verified.idr,
        audio_samples=verified.audio_samples,
        telemetry_sha256=verified.telemetry_sha256,
        chapters=tuple(chapters),
        subtitles=texts,
    )


def _matched(facts: Sequence[AudioFacts], count: int) -> list[AudioFacts | None]:
    """The facts of each of `count` encoded tracks, in order; None for tracks without facts."""
    return [facts[place] if place < len(facts) else None for place in range(count)]
