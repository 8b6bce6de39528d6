"""One audio track, whole: encoded per chunk it would leave a silence at every join."""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction

from eddyline.core.errors import InputError
from eddyline.media.audio import encode_track
from eddyline.mp4.slice import copy_tracks
from eddyline.pipeline.bench import Made, Task


def audio(task: Task) -> Made:
    """Encode audio track number `task.index` (in source order) to "audio.m4a" and measure its loudness."""
    facts = task.plan.facts.audio[task.index]
    whole = task.work / "track.mp4"
    with task.footage() as source:
        track = next((each for each in source.movie.tracks if each.number == facts.track), None)
        if track is None:
            raise InputError(f"audio track {facts.track} is not in the source any more")
        copy_tracks(source.src, source.movie, [track], whole)
        until = Fraction(source.presentation.end, source.track.timescale)
    made = encode_track(
        whole,
        facts,
        task.plan.profile.audio,
        tools=task.bench.tools,
        runner=task.runner,
        out=task.work / "audio.m4a",
        until=until,
    )
    return Made(
        files={"audio.m4a": made.path},
        result={
            "language": facts.language,
            "codec": task.plan.profile.audio.codec,
            "channels": made.channels,
            "sample_rate": made.sample_rate,
            "samples": made.samples,
            "loudness": asdict(made.loudness),
        },
    )
