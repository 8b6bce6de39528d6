"""Encodes one chunk: its frames, cut to a small MP4, are decoded once for all rungs of its codec family."""

from __future__ import annotations

from eddyline.media.ladder.encoders import is_hardware
from eddyline.media.source.eac_pair import write_video_slice
from eddyline.media.video.encode import encode_chunk
from eddyline.pipeline.runtime.encoder_consistency import ffmpeg_identity
from eddyline.pipeline.runtime.runtime import Task
from eddyline.pipeline.runtime.step_handler import StepOutput


def chunk(task: Task) -> StepOutput:
    """Encode chunk number `task.index`; one MP4 for each rung of its family, "<rung>.mp4"."""
    plan = task.plan
    frames = plan.chunks[task.index]
    start, stop = frames.source_range
    with task.open_source() as source:
        piece = write_video_slice(
            source.src,
            source.movie,
            source.track,
            source.presentation,
            source.second,
            start=start,
            stop=stop,
            out=task.work / "slice.mp4",
        )
    rungs = plan.rungs_of_chunk(frames, software=task.software)
    sessions = sum(is_hardware(rung.encoder) for rung in rungs)
    with task.runtime.sessions.take(sessions, task.context.stop):
        encoded = encode_chunk(
            piece,
            plan.facts.video,
            rungs,
            plan.grid,
            tools=task.runtime.tools,
            runner=task.runner,
            out_dir=task.work,
            is_first=frames.start == 0,
            skipped=plan.skipped(frames),
            on_frames=lambda done: task.context.progress(min(done / frames.frames, 1.0)),
        )
    return StepOutput(
        files={f"{each.rung}.mp4": each.path for each in encoded},
        result={
            "frames": {each.rung: each.frames for each in encoded},
            "encoders": {rung.name: rung.encoder for rung in rungs},
            "crfs": {rung.name: rung.crf for rung in rungs},
            "ffmpeg": ffmpeg_identity(task.runtime.tools),
        },
    )
