"""What the renditions' proof compares them with: frames of the original, as FFmpeg itself decodes the file.

The original is the file that the user gave, not what it was rewrapped or merged to. FFmpeg reads local files
alone: an MP4 in a store becomes a sparse local copy with the ranges of the sampled frames, and what had to be
fetched to be rewrapped is sampled by inspection, while it is local.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from eddyline.core.errors import ProofError
from eddyline.edit.cancellable_reads import CancellableReads
from eddyline.media.frame_verification.decode_command import DecodeInput
from eddyline.media.frame_verification.frame_times import frame_times_us
from eddyline.media.frame_verification.sample_plan import SamplePlan, plan_samples
from eddyline.media.frame_verification.source_samples import (
    SampledFile,
    SourceSamples,
    decode_source_samples,
    required_samples,
)
from eddyline.media.ladder.ladder import Rung
from eddyline.media.source.remux import main_video_index
from eddyline.media.source.sniff import detect_container, read_head
from eddyline.media.source.source import VideoFacts
from eddyline.media.video.colours import is_supported_by_scale
from eddyline.media.video.filters import keeps_hdr
from eddyline.mp4.samples.random_access import is_random_access_point
from eddyline.mp4.sparse import write_sparse_copy
from eddyline.pipeline.runtime.parts import Part
from eddyline.pipeline.runtime.runtime import StepOutput, Task
from eddyline.pipeline.runtime.source_files import IndexedSource, SourceFile
from eddyline.pipeline.runtime.source_reader import download

KIND: Final = "samples"
_PLAIN, _TONEMAPPED = "plain", "tonemapped"
_PROBED = 40  # samples that FFmpeg may look at to learn what the stream is, or behind a frame to show it
_DEMUXERS = {"mp4": "mov"}  # where a container is not called by the name of FFmpeg's demuxer


def samples(task: Task) -> StepOutput:
    """Decode the sampled frames of the original to "plain.rgb", and "tonemapped.rgb" for SDR rungs of HDR."""
    plan = task.plan
    facts = plan.facts.video
    made: dict[str, Path] = {}
    with task.open_source() as source:
        chosen = plan_samples(source.presentation, source.track, facts, plan.chunks, plan.grid, plan.rungs)
        result: dict[str, Any] = {"plan": chosen.to_json()}
        with _readings(task, source, chosen) as readings:
            for name in sorted(
                {_TONEMAPPED if is_tonemapped(facts, rung) else _PLAIN for rung in plan.rungs}
            ):
                mapped = facts if name == _TONEMAPPED else None
                odd = None if is_supported_by_scale(facts) else facts
                looked = [
                    replace(each, source=replace(each.source, tonemapped=mapped, converted=odd))
                    for each in readings
                ]
                found = decode_source_samples(
                    looked,
                    chosen.ranges,
                    facts,
                    tools=task.runtime.tools,
                    runner=task.runner,
                    work=task.work,
                )
                path = made[f"{name}.rgb"] = task.work / f"{name}.rgb"
                path.write_bytes(found.pixels())
                result[name] = found.to_json()
    return StepOutput(files=made, result=result)


def is_tonemapped(facts: VideoFacts, rung: Rung) -> bool:
    """Whether a rung's values are not its source's, for it is SDR and the source is not."""
    return facts.hdr and not keeps_hdr(facts, rung)


def read_samples(part: Part, fetch: Callable[[Part, str], Path], *, tonemapped: bool) -> SourceSamples:
    """The original's samples from the part that the step made."""
    name = _TONEMAPPED if tonemapped else _PLAIN
    return SourceSamples.from_json(part.result[name], fetch(part, f"{name}.rgb").read_bytes())


def sample_plan(part: Part) -> SamplePlan:
    """Which frames of each rendition are to be compared."""
    return SamplePlan.from_json(part.result["plan"])


@contextmanager
def _readings(task: Task, source: IndexedSource, chosen: SamplePlan) -> Iterator[list[SampledFile]]:
    """The original files, local or made so, with the indexes that their frames are numbered by."""
    plan, sources = task.plan, task.runtime.sources
    with ExitStack() as opened:
        chapters = sources.chapters(plan.asset)
        if chapters:
            yield _chapters(task, source, [each.original for each in chapters], chosen, opened)
        elif not plan.source:
            yield [_exact(task, source, sources.find(plan.asset), chosen, work=task.work)]
        else:
            yield [_rewrapped(task, source, sources.find(plan.asset))]


def _chapters(
    task: Task, source: IndexedSource, originals: Sequence[SourceFile], chosen: SamplePlan, opened: ExitStack
) -> list[SampledFile]:
    """Each chapter by its own index; in the whole source, its frames follow those of the chapters before."""
    times = frame_times_us(source.presentation, source.track.timescale)
    readings: list[SampledFile] = []
    first = 0
    for number, original in enumerate(originals):
        src = opened.enter_context(original.open())
        opened.enter_context(task.read_counter.counting(src))
        own = task.runtime.indexes.of(original, CancellableReads(src, task.context.stop.check))
        if first >= len(times):
            break
        folder = task.work / f"chapter-{number}"
        folder.mkdir()
        begins = int(times[first])
        readings.append(_exact(task, own, original, chosen, work=folder, first_frame=first, start_us=begins))
        first += len(own.presentation)
    if first != len(times):
        raise ProofError(f"the chapters show {first} frames, the merged recording {len(times)}")
    return readings


def _exact(
    task: Task,
    own: IndexedSource,
    original: SourceFile,
    chosen: SamplePlan,
    *,
    work: Path,
    first_frame: int = 0,
    start_us: int | None = None,
) -> SampledFile:
    """An MP4 whose own index is known; of one in a store, a sparse copy."""
    video = task.plan.facts.video
    reading = SampledFile(
        source=DecodeInput(
            path=original.path or work / "original.mp4", demuxer="mov", stream=f"i:{own.track.number}"
        ),
        track=own.track,
        shown=own.presentation,
        exact=True,
        is_random_access=partial(is_random_access_point, own.src, own.track),
        pixels=video.width * video.height,
        first_frame=first_frame,
        start_us=_first_time(own) if start_us is None else start_us,
    )
    if original.path is None:
        _copy(reading, own, chosen)
    return reading


def _copy(reading: SampledFile, own: IndexedSource, chosen: SamplePlan) -> None:
    """Make the sparse copy that `reading` names."""
    count = len(own.presentation)
    table = own.track.samples
    wanted = np.zeros(len(table), np.bool_)
    wanted[:_PROBED] = True
    for window in chosen.ranges:
        first = max(window.start - reading.first_frame, 0)
        last = min(window.stop - reading.first_frame, count)
        if first < last:
            start, stop = required_samples(reading, first, last)
            # Frames behind the last wanted one in decode order make a decoder show it.
            wanted[start : stop + _PROBED] = True
    write_sparse_copy(own.src, table.offset[wanted], table.size[wanted], reading.source.path)


def _rewrapped(task: Task, source: IndexedSource, original: SourceFile) -> SampledFile:
    """What is no MP4 is read as it is; where it lies in a store, it is fetched once more."""
    local = original.path
    if local is None:
        local = task.work / "original"
        with original.open() as src, task.read_counter.counting(src):
            download(src, local, check=task.context.stop.check)
    demuxer = detect_container(read_head(local))
    index = main_video_index(local, runner=task.runner, tools=task.runtime.tools)
    video = task.plan.facts.video
    return SampledFile(
        source=DecodeInput(path=local, demuxer=_DEMUXERS.get(demuxer, demuxer), stream=str(index)),
        track=source.track,
        shown=source.presentation,
        exact=False,
        is_random_access=partial(is_random_access_point, source.src, source.track),
        pixels=video.width * video.height,
        start_us=_first_time(source),
    )


def _first_time(source: IndexedSource) -> int:
    return int(frame_times_us(source.presentation, source.track.timescale)[0])
