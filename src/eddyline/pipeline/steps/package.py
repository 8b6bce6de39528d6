"""Packages the renditions as HLS and DASH, from the same segments."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from eddyline.media.encryption.aes import require_aes
from eddyline.media.encryption.content_keys import StreamEncryption
from eddyline.media.pictures.highlights import Chapter
from eddyline.media.streaming.durations import stream_durations
from eddyline.media.streaming.package import package as write_package
from eddyline.media.streaming.validation.own_streams import (
    SOURCE_DEPENDENT,
    WITH_ENCRYPTED_SEGMENTS,
    authoring_summary,
    require_valid,
)
from eddyline.media.streaming.validation.validate import validate_directory
from eddyline.pipeline.runtime.preview import require_preview_segments
from eddyline.pipeline.runtime.runtime import Task
from eddyline.pipeline.runtime.step_handler import StepOutput
from eddyline.pipeline.runtime.subtitles import read_subtitles


def package(task: Task) -> StepOutput:
    """Write "stream/master.m3u8", "stream/manifest.mpd" and their files, with the renditions' chapters.

    Raises `ProofError` if the stream violates a rule of HLS or DASH authoring.
    """
    out, encryption = task.work / "out", _encryption(task)
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
        encryption=encryption,
        audio_renditions=task.plan.audio,
    )
    require_preview_segments(task, out)
    report = validate_directory(out / "stream")
    whole = encryption is not None and not encryption.encrypts_samples
    accepted = WITH_ENCRYPTED_SEGMENTS if whole else SOURCE_DEPENDENT
    require_valid(report, accepted)
    # Only encrypted streams have this key: the results of others stay the same.
    described: dict[str, Any] = {}
    if encryption is not None:
        described["encryption"] = {"scheme": encryption.scheme, "key_ids": list(encryption.key_ids)}
    return StepOutput(
        files={name: out / name for name in packaged.files},
        result={
            "hls": packaged.hls or None,
            "dash": packaged.dash or None,
            **described,
            "durations_s": asdict(stream_durations(out / "stream")),
            "authoring": authoring_summary(report, accepted),
        },
    )


def _encryption(task: Task) -> StreamEncryption | None:
    """The keys of the stream, requested from the key source of this worker; None if it is in the clear."""
    settings = task.plan.profile.encryption
    if settings is None:
        return None
    require_aes()
    return StreamEncryption.request(
        settings, task.runtime.keys, task.runner, asset=task.plan.asset, context=task.plan.digest
    )
