"""Packages the renditions as HLS and DASH, from the same segments."""

from __future__ import annotations

from dataclasses import asdict

from eddyline.media.pictures.highlights import Chapter
from eddyline.media.streaming.durations import stream_durations
from eddyline.media.streaming.package import package as write_package
from eddyline.media.streaming.validation.own_streams import authoring_summary, require_valid
from eddyline.media.streaming.validation.validate import validate_directory
from eddyline.pipeline.runtime.preview import require_preview_segments
from eddyline.pipeline.runtime.runtime import Task
from eddyline.pipeline.runtime.step_handler import StepOutput
from eddyline.pipeline.runtime.subtitles import read_subtitles


def package(task: Task) -> StepOutput:
    """Write "stream/master.m3u8", "stream/manifest.mpd" and their files, with the renditions' chapters.

    Raises `ProofError` if the stream violates a rule of HLS or DASH authoring.
    """
    out = task.work / "out"
    parts = [task.part("assemble", rung.name) for rung in task.plan.rungs]
    renditions = [
        (rung, task.fetch(part, f"{rung.name}.mp4"))
        for rung, part in zip(task.plan.rungs, parts, strict=True)
    ]
    packaged = write_package(
        renditions,
        task.plan.grid,
        tools=task.runtime.tools,
        runner=task.runner,
        out_dir=out,
        chapters=[Chapter(frame=each["frame"], title=each["title"]) for each in parts[0].result["chapters"]],
        subtitles=read_subtitles(task),
    )
    require_preview_segments(task, out)
    report = validate_directory(out / "stream")
    require_valid(report)
    return StepOutput(
        files={name: out / name for name in packaged.files},
        result={
            "hls": packaged.hls,
            "dash": packaged.dash,
            "durations_s": asdict(stream_durations(out / "stream")),
            "authoring": authoring_summary(report),
        },
    )
