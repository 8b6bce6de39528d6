"""Builds the files of a preview from chunks and audio that are done."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from eddyline.core.errors import ProofError
from eddyline.media.audio.head import MARGIN_S, first_samples, samples_until
from eddyline.media.ladder.chunks import Chunk
from eddyline.media.streaming.elementary_streams import VariantFrames
from eddyline.media.streaming.package import STREAM
from eddyline.media.streaming.preview import MASTER, PreviewSource, package_preview
from eddyline.media.streaming.timeline import Timeline
from eddyline.media.video.join import join_chunks, movie_timescale
from eddyline.media.video.rendition_tracks import audio_track, read_encoded_audio, video_track
from eddyline.pipeline.planning.preview import REORDER
from eddyline.pipeline.runtime.encoder_consistency import MixedBuildError, ffmpeg_build, require_single_build
from eddyline.pipeline.runtime.parts import Part
from eddyline.pipeline.runtime.runtime import Task
from eddyline.pipeline.runtime.step_handler import StepOutput

NO_PREVIEW: Final = StepOutput(result={"segments": {}, "sha256": "", "build": None})
_MEDIA: Final = (".m4s", ".mp4")


def build_preview(
    task: Task,
    chunks: Sequence[Chunk],
    audio: Sequence[Path],
    shown: Mapping[str, int],
    *,
    whole_audio: bool,
) -> StepOutput:
    """Package `chunks`, the first of the rung of the preview, with the start of each audio rendition.

    `audio` are the encoded tracks, or their heads (not `whole_audio`).

    `shown` has the number of segments that are visible already, by track; their files are left out. The
    output has no files if there is nothing to add, or if another FFmpeg is taking over the asset.
    """
    parts = [task.part("chunk", each.index) for each in chunks]
    try:
        require_single_build(parts)
    except MixedBuildError:
        return replace(NO_PREVIEW, result={**NO_PREVIEW.result, "segments": dict(shown)})
    stream = task.work / "out" / STREAM
    counts = _package(task, chunks, parts, audio, stream, whole_audio=whole_audio)
    complete = all(counts.values()) and any(count > shown.get(name, 0) for name, count in counts.items())
    names = sorted(_names(stream, shown)) if complete else []
    files = {f"{STREAM}/{name}": stream / name for name in names}
    return StepOutput(
        files=files,
        result={
            "segments": counts if complete else dict(shown),
            "sha256": media_digest(task.work / "out", files),
            "build": ffmpeg_build(parts[0]),
        },
    )


def media_digest(root: Path, names: Iterable[str]) -> str:
    """The SHA-256 (hex) of the init and media segments among these files below `root`, with their names."""
    sha256 = hashlib.sha256()
    for name in sorted(names):
        if name.endswith(_MEDIA):
            sha256.update(f"{name}\n{(root / name).stat().st_size}\n".encode())
            sha256.update((root / name).read_bytes())
    return sha256.hexdigest()


def require_preview_segments(task: Task, out: Path) -> None:
    """Raise `ProofError` unless the stream below `out` has all segments that the preview has shown.

    Those that another build of FFmpeg encoded are replaced, as all of its chunks are.
    """
    plan = task.plan
    if plan.preview is None:
        return
    rung = plan.rung(plan.preview.rung)
    build = ffmpeg_build(task.part("chunk", plan.chunks_of(rung.family)[0].index))
    keys = [plan.part_key("preview")] if plan.preview.frames else []
    keys += [plan.part_key("extend", each) for each in plan.preview.extensions]
    for key in keys:
        part = task.runtime.parts.get(key)
        names = [name for name in part.files if name.startswith(f"{STREAM}/")]
        if not names or part.result.get("build") != build:
            continue
        missing = [name for name in names if name.endswith(_MEDIA) and not (out / name).is_file()]
        if missing or media_digest(out, names) != part.result["sha256"]:
            raise ProofError(
                f"the segments of the preview ({key.rpartition('/')[2]}) differ from those of the stream",
                remedy="delete the asset and submit the source again; report it: this is a bug",
            )


def _names(stream: Path, shown: Mapping[str, int]) -> Iterator[str]:
    """The files of the stream but the segments, and the init segments, that are shown already."""
    for path in stream.rglob("*"):
        name = path.relative_to(stream).as_posix()
        count = shown.get(name.partition("/")[0], 0)
        if (path.suffix == ".m4s" and int(path.stem) <= count) or (path.suffix == ".mp4" and count):
            continue
        if path.is_file() and (name != MASTER or not shown):
            yield name


def _package(
    task: Task,
    chunks: Sequence[Chunk],
    parts: Sequence[Part],
    audio: Sequence[Path],
    stream: Path,
    *,
    whole_audio: bool,
) -> dict[str, int]:
    plan = task.plan
    rung = plan.rung(plan.preview.rung if plan.preview else "")
    encoded = [read_encoded_audio(path) for path in audio]
    joined = join_chunks([task.fetch(part, f"{rung.name}.mp4") for part in parts])
    with task.open_source() as source:
        track = source.track
        shown = source.presentation.thinned(rung.frame_step)
        scales = [*(each.track.timescale for each in encoded), source.movie.timescale]
        timescale = movie_timescale(track.timescale, scales)
        video = video_track(rung, joined, track, shown, timescale, plan.facts.video, reorder=REORDER)
    timeline = Timeline(pts=shown.pts, end=shown.end, timescale=track.timescale)
    stop = chunks[-1].stop // rung.frame_step
    end_s = timeline.end_s if stop >= len(shown) else Fraction(int(shown.pts[stop]), track.timescale)
    counts = [samples_until(each, end_s + MARGIN_S) for each in encoded]
    return package_preview(
        PreviewSource(
            rung=rung,
            video=video,
            audio=[
                first_samples(each, count, audio_track(each, plan.facts.audio[rendition.track], timescale))
                for each, count, rendition in zip(encoded, counts, plan.audio, strict=True)
            ],
            audio_renditions=plan.audio,
            whole_audio=[
                whole_audio and count == len(each.track.samples)
                for each, count in zip(encoded, counts, strict=True)
            ],
            timescale=timescale,
            frames=VariantFrames(timeline=timeline, grid=plan.grid.thinned(rung.frame_step)),
        ),
        plan.grid,
        tools=task.runtime.tools,
        runner=task.runner,
        stream=stream,
        work=stream.with_name("inputs"),
    )
