"""Publishes the first segment of the lowest rung, with its audio, while everything else is encoded."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from eddyline.core.errors import InputError
from eddyline.edit.track_range import TrackRange, cut_audio
from eddyline.media.audio.head import MARGIN_S, encode_head
from eddyline.media.audio.renditions import AudioRendition
from eddyline.mp4.write.mux import write_mp4
from eddyline.pipeline.runtime.index_cache import IndexedSource
from eddyline.pipeline.runtime.preview import NO_PREVIEW, build_preview
from eddyline.pipeline.runtime.runtime import Task
from eddyline.pipeline.runtime.step_handler import StepOutput

HEAD = "head-{}.m4a"
"""The encoded start of each audio rendition, with which the `audio` step begins its file."""


def preview(task: Task) -> StepOutput:
    """Write "stream/preview.m3u8" and the files that it names, and the heads of the audio renditions.

    Without files if a track is silent at the start, or cannot be decoded there: the preview then starts with
    its first extension.
    """
    plan = task.plan
    chunks = [chunk for chunk in plan.chunks if chunk.rung]
    with task.open_source() as source:
        place = min(chunks[-1].stop, len(source.presentation) - 1)
        end = Fraction(int(source.presentation.pts[place]), source.track.timescale) + MARGIN_S
        try:
            heads = [
                _encode_head(task, source, number, rendition, end)
                for number, rendition in enumerate(plan.audio)
            ]
        except InputError:
            return NO_PREVIEW
    built = build_preview(task, chunks, heads, {}, whole_audio=False)
    return StepOutput(files={**built.files, **{path.name: path for path in heads}}, result=built.result)


def _encode_head(
    task: Task, source: IndexedSource, number: int, rendition: AudioRendition, end: Fraction
) -> Path:
    """Encode the start of audio rendition `number` up to `end` (movie seconds).

    Raises `InputError` without audio.
    """
    movie, facts = source.movie, task.plan.facts.audio[rendition.track]
    track = next((each for each in movie.tracks if each.number == facts.track), None)
    cut = TrackRange(start=Fraction(0), end=end, timescale=movie.timescale)
    copy = None if track is None else cut_audio(movie, track, source.src, cut)
    if copy is None:
        raise InputError(f"audio track {facts.track} has no samples at its start", remedy="none is needed")
    brand = "qt  " if movie.quicktime else "isom"
    file, out = task.work / f"track-{number}.mp4", task.work / HEAD.format(number)
    write_mp4(file, [copy], timescale=movie.timescale, brand=brand, compatible=(brand,), durable=False)
    encode_head(
        file,
        facts,
        task.plan.profile.audio,
        tools=task.runtime.tools,
        runner=task.runner,
        out=out,
        end=end,
        rendition=rendition,
    )
    return out
