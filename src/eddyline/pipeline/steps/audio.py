"""Encodes one audio rendition as a whole: encoded in chunks it would have a gap at every join."""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction
from typing import Any

from eddyline.core.errors import InputError
from eddyline.media.audio.ambisonic_file import write_ambisonic_file
from eddyline.media.audio.encode import encode_track
from eddyline.media.audio.head import take_head
from eddyline.media.audio.renditions import AudioRendition
from eddyline.mp4.entries.ambisonic import Ambisonics
from eddyline.mp4.movie import Track
from eddyline.pipeline.runtime.audio_track import ENCODED, copy_audio_track
from eddyline.pipeline.runtime.index_cache import IndexedSource
from eddyline.pipeline.runtime.runtime import Task
from eddyline.pipeline.runtime.step_handler import StepOutput
from eddyline.pipeline.steps.preview import HEAD


def audio(task: Task) -> StepOutput:
    """Encode audio rendition number `task.index` to "audio.m4a" and measure its loudness.

    The first rendition of an ambisonic track comes with the track itself, as "ambisonic-N.mp4" (see
    `write_ambisonic_file`).
    """
    plan, rendition = task.plan, task.plan.audio[task.index]
    facts = plan.facts.audio[rendition.track]
    track_file = task.work / "track.mp4"
    with task.open_source() as source:
        track = next((each for each in source.movie.tracks if each.number == facts.track), None)
        if track is None:
            raise InputError(
                f"audio track {facts.track} is missing from the source", remedy="submit the source again"
            )
        copy_audio_track(source, track, track_file)
        ambisonic = _ambisonic(task, source, track, rendition)
        until = Fraction(source.presentation.end, source.track.timescale)
    encoded = encode_track(
        track_file,
        facts,
        plan.profile.audio,
        tools=task.runtime.tools,
        runner=task.runner,
        out=task.work / ENCODED,
        video_end=until,
        rendition=rendition,
    )
    path = encoded.path
    if plan.preview is not None and plan.preview.frames:
        part, name = task.part("preview"), HEAD.format(task.index)
        if name in part.files:
            path = take_head(path, task.fetch(part, name), task.work / "with-head.m4a")
    return StepOutput(
        files={ENCODED: path, **ambisonic.files},
        result={
            "language": facts.language,
            "codec": rendition.codec,
            "track": rendition.track,
            "channels": encoded.channels,
            "sample_rate": encoded.sample_rate,
            "samples": encoded.samples,
            "loudness": asdict(encoded.loudness),
            **_downmix(rendition),
            **ambisonic.result,
        },
    )


def _ambisonic(task: Task, source: IndexedSource, track: Track, rendition: AudioRendition) -> StepOutput:
    """The file of an ambisonic track; nothing for other tracks and other renditions than the first."""
    components = task.plan.facts.audio[rendition.track].ambisonic
    if not components or rendition.variant:
        return StepOutput(result={})
    found = Ambisonics(components=components)
    out = task.work / f"ambisonic-{rendition.track + 1}.mp4"
    written = write_ambisonic_file(source.src, source.movie, track, found, out)
    described = {"path": out.name, "order": found.order, "channels": len(components), **asdict(written)}
    return StepOutput(files={out.name: out}, result={"ambisonic": described})


def _downmix(rendition: AudioRendition) -> dict[str, Any]:
    """The matrix of stereo that is made from more channels; empty for other renditions."""
    return {} if rendition.downmix is None else {"downmix": rendition.downmix.to_json()}
