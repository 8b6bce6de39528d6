"""Encodes one audio track as a whole: encoded in chunks it would have a gap at every join."""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

from eddyline.core.errors import InputError
from eddyline.edit import track_range
from eddyline.media.audio.encode import encode_track
from eddyline.mp4.movie import Track
from eddyline.mp4.slice import copy_tracks
from eddyline.mp4.write.mux import write_mp4
from eddyline.pipeline.runtime.index_cache import IndexedSource
from eddyline.pipeline.runtime.runtime import Task
from eddyline.pipeline.runtime.step_handler import StepOutput


def audio(task: Task) -> StepOutput:
    """Encode audio track number `task.index` (in source order) to "audio.m4a" and measure its loudness."""
    facts = task.plan.facts.audio[task.index]
    track_file = task.work / "track.mp4"
    with task.open_source() as source:
        track = next((each for each in source.movie.tracks if each.number == facts.track), None)
        if track is None:
            raise InputError(
                f"audio track {facts.track} is missing from the source", remedy="submit the source again"
            )
        _copy_track(source, track, track_file)
        until = Fraction(source.presentation.end, source.track.timescale)
    encoded = encode_track(
        track_file,
        facts,
        task.plan.profile.audio,
        tools=task.runtime.tools,
        runner=task.runner,
        out=task.work / "audio.m4a",
        video_end=until,
    )
    return StepOutput(
        files={"audio.m4a": encoded.path},
        result={
            "language": facts.language,
            "codec": task.plan.profile.audio.codec,
            "channels": encoded.channels,
            "sample_rate": encoded.sample_rate,
            "samples": encoded.samples,
            "loudness": asdict(encoded.loudness),
        },
    )


def _copy_track(source: IndexedSource, track: Track, out: Path) -> None:
    """Copy the track alone to a local file; PCM without edits, which FFmpeg applies to 1,024 samples only."""
    plain = (
        track_range.presented_audio(source.movie, track, source.src)
        if track_range.is_sample_exact(track)
        else None
    )
    if plain is None:
        copy_tracks(source.src, source.movie, [track], out)
        return
    brand = "qt  " if source.movie.quicktime else "isom"
    write_mp4(out, [plain], timescale=source.movie.timescale, brand=brand, compatible=(brand,), durable=False)
