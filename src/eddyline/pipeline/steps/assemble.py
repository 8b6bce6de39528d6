"""One rendition: the chunks' frames joined with the sound, the telemetry and the camera's own boxes."""

from __future__ import annotations

from eddyline.media.assemble import assemble as join
from eddyline.media.highlights import Chapter, chapters
from eddyline.pipeline.bench import Made, Task
from eddyline.pipeline.builds import check_one
from eddyline.pipeline.footage import Footage
from eddyline.pipeline.highlights import highlights
from eddyline.pipeline.subtitles import carried


def assemble(task: Task) -> Made:
    """Write and prove rendition `task.index` (a rung's name) as "<rung>.mp4".

    Raises `MixedBuildError` for chunks of two builds of FFmpeg.
    """
    plan = task.plan
    rung = next(each for each in plan.rungs if each.name == task.index)
    out = task.work / f"{rung.name}.mp4"
    chunks = [task.part("chunk", each.index) for each in plan.chunks]
    check_one(chunks)
    own = [Chapter(frame=each.frame, title=each.title) for each in plan.facts.chapters]
    with task.footage() as source:
        made = join(
            out,
            rung=rung,
            grid=plan.grid,
            movie=source.movie,
            track=source.track,
            presentation=source.presentation,
            chunks=[task.local(part, f"{rung.name}.mp4") for part in chunks],
            src=source.src,
            audio=[
                task.local(task.part("audio", index), "audio.m4a") for index in range(len(plan.facts.audio))
            ],
            facts=plan.facts,
            chapters=chapters(highlights(source), own),
            subtitles=carried(task),
        )
    return Made(
        files={out.name: out},
        result={
            "frames": made.frames,
            "bytes": made.bytes,
            "sha256": made.sha256,
            "idr": [int(frame) for frame in made.idr],
            "telemetry_sha256": made.telemetry_sha256,
            "audio_samples": list(made.audio_samples),
            "chapters": [
                {"frame": each.frame, "time_s": _seconds(source, each.frame), "title": each.title}
                for each in made.chapters
            ],
            "subtitles": list(made.subtitles),
        },
    )


def _seconds(source: Footage, frame: int) -> float:
    """When a frame is shown, in movie seconds."""
    return round(max(int(source.presentation.pts[frame]), 0) / source.track.timescale, 6)
