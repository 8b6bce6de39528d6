"""Assembles one rendition: the chunks' frames with the audio, the telemetry and the camera's own boxes."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

from eddyline.media.frame_verification.comparison import FrameMismatchError, FrameSamples, Mismatch
from eddyline.media.frame_verification.png import encode_png
from eddyline.media.frame_verification.verify import verify_frames
from eddyline.media.ladder.ladder import Rung
from eddyline.media.ladder.size_limit import check_size
from eddyline.media.pictures.highlights import Chapter, chapters_with_highlights
from eddyline.media.streaming.durations import rendition_duration
from eddyline.media.video.assemble import assemble_rendition
from eddyline.pipeline.planning.preview import REORDER
from eddyline.pipeline.runtime.audio_track import ENCODED
from eddyline.pipeline.runtime.encoder_consistency import require_single_build, require_single_encoder
from eddyline.pipeline.runtime.highlights import read_highlights
from eddyline.pipeline.runtime.index_cache import IndexedSource
from eddyline.pipeline.runtime.runtime import Task
from eddyline.pipeline.runtime.step_handler import StepOutput
from eddyline.pipeline.runtime.subtitles import read_subtitles
from eddyline.pipeline.steps.samples import KIND, is_tonemapped, read_sample_plan, read_samples


def assemble(task: Task) -> StepOutput:
    """Write and verify rendition `task.index` (a rung's name) as "<rung>.mp4".

    Raises `MixedBuildError` for chunks of several builds of FFmpeg or of several encoders.
    """
    plan = task.plan
    rung = plan.rung(task.index)
    out = task.work / f"{rung.name}.mp4"
    chunks = task.chunk_parts(plan.chunks_of_rung(rung))
    require_single_build(chunks)
    encoder = require_single_encoder(chunks, rung)
    own = [Chapter(frame=each.frame, title=each.title) for each in plan.facts.chapters]
    with task.open_source() as source:
        rendition = assemble_rendition(
            out,
            rung=rung,
            grid=plan.grid,
            movie=source.movie,
            track=source.track,
            presentation=source.presentation,
            chunks=[task.fetch(part, f"{rung.name}.mp4") for part in chunks],
            src=source.src,
            audio=[task.fetch(task.part("audio", index), ENCODED) for index in range(len(plan.audio))],
            audio_facts=[plan.facts.audio[each.track] for each in plan.audio],
            facts=plan.facts,
            chapters=chapters_with_highlights(read_highlights(source), own),
            subtitles=read_subtitles(task),
            reorder=REORDER if plan.preview is not None and plan.preview.rung == rung.name else 0,
        )
        check_size(rung, plan.profile, rendition.bytes)
        compared, cpu_s = _verify(task, rung, out, source)
    return StepOutput(
        files={out.name: out},
        result={
            "encoder": encoder,
            "frames": rendition.frames,
            "bytes": rendition.bytes,
            "sha256": rendition.sha256,
            "idr": [int(frame) for frame in rendition.idr],
            "telemetry_sha256": rendition.telemetry_sha256,
            "audio_samples": list(rendition.audio_samples),
            "chapters": [
                {"frame": each.frame, "time_s": _seconds(source, each.frame), "title": each.title}
                for each in rendition.chapters
            ],
            "subtitles": list(rendition.subtitles),
            "duration_s": rendition_duration(out),
            "frame_samples": asdict(compared),
            "proof_cpu_s": cpu_s,
        },
    )


def _seconds(source: IndexedSource, frame: int) -> float:
    """The presentation time of a frame, in movie seconds."""
    return round(max(int(source.presentation.pts[frame]), 0) / source.track.timescale, 6)


def _verify(task: Task, rung: Rung, out: Path, source: IndexedSource) -> tuple[FrameSamples, float]:
    """Compare the rendition with FFmpeg's decode of the source: what was compared, and the CPU seconds."""
    started = task.runner.cpu_s + time.thread_time()
    part = task.part(KIND)
    tonemapped = is_tonemapped(task.plan.facts.video, rung)
    try:
        compared = verify_frames(
            out,
            read_sample_plan(part).frames[rung.name],
            read_samples(part, task.fetch, tonemapped=tonemapped),
            rung=rung,
            grid=task.plan.grid,
            shown=source.presentation,
            timescale=source.track.timescale,
            tools=task.runtime.tools,
            runner=task.runner,
            work=task.work,
        )
    except FrameMismatchError as error:
        _save_evidence(task, rung, error.mismatch)
        raise
    return compared, round(task.runner.cpu_s + time.thread_time() - started, 3)


def _save_evidence(task: Task, rung: Rung, mismatch: Mismatch) -> None:
    """Store both frames as PNG among the asset's parts."""
    for name, canvas in (("source", mismatch.source), ("rendition", mismatch.rendition)):
        key = f"{task.plan.part_key('proof', rung.name)}/frame-{mismatch.frame}-{name}.png"
        task.runtime.store.put_bytes(key, encode_png(canvas))
