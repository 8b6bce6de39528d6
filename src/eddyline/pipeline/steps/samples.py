"""Decodes frames of the original source with FFmpeg, for comparison with the renditions.

The original is the file that the user submitted, not the remuxed or merged MP4. FFmpeg reads local files
only: an MP4 in a store becomes a sparse local copy with the ranges of the sampled frames; other formats are
downloaded.
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
from eddyline.media.frame_verification.decode_command import DecodeInput, upright_chroma
from eddyline.media.frame_verification.frame_times import frame_times_us
from eddyline.media.frame_verification.sample_plan import SamplePlan, plan_samples
from eddyline.media.frame_verification.source_samples import (
    SampledFile,
    SourceSamples,
    decode_source_samples,
    required_samples,
)
from eddyline.media.ladder.crop import cropped_facts, upright_crop
from eddyline.media.ladder.ladder import Rung
from eddyline.media.source.remux import main_video_index
from eddyline.media.source.sniff import detect_container, read_head
from eddyline.media.source.source import VideoFacts
from eddyline.media.video.colours import is_supported_by_scale
from eddyline.media.video.hdr_metadata import keeps_hdr
from eddyline.media.video.sphere_filters import decoded_facts
from eddyline.mp4.byte_ranges import Ints
from eddyline.mp4.samples.random_access import is_random_access_point
from eddyline.mp4.sparse import write_sparse_copy
from eddyline.pipeline.runtime.index_cache import IndexedSource
from eddyline.pipeline.runtime.parts import Part
from eddyline.pipeline.runtime.runtime import Task
from eddyline.pipeline.runtime.source_files import SourceFile
from eddyline.pipeline.runtime.source_reader import download
from eddyline.pipeline.runtime.step_handler import StepOutput

KIND: Final = "samples"
_PLAIN, _TONEMAPPED = "plain", "tonemapped"
_PROBED = 40  # samples that FFmpeg may read to detect the stream, or after a frame to output it
_DEMUXERS = {"mp4": "mov"}  # containers whose name differs from that of FFmpeg's demuxer


def samples(task: Task) -> StepOutput:
    """Decode the sampled frames of the original to "plain.rgb", and "tonemapped.rgb" for SDR rungs of HDR."""
    plan = task.plan
    facts, crop = plan.facts.video, plan.rungs[0].crop
    shown = None if crop is None else upright_crop(crop, facts)
    # Where the first segment of the preview ends, one rung has a join.
    joins = [replace(chunk, start=chunk.stop) for chunk in plan.chunks if chunk.rung]
    written: dict[str, Path] = {}
    with task.open_source() as source:
        samples_plan = plan_samples(
            source.presentation, source.track, facts, [*plan.chunks, *joins], plan.grid, plan.rungs
        )
        result: dict[str, Any] = {"plan": samples_plan.to_json()}
        with _sampled_files(task, source, samples_plan) as sampled:
            for name in sorted(
                {_TONEMAPPED if is_tonemapped(facts, rung) else _PLAIN for rung in plan.rungs}
            ):
                tonemapped = facts if name == _TONEMAPPED else None
                converted = None if is_supported_by_scale(facts) else facts
                decoded = _decode(
                    task,
                    [
                        [
                            replace(
                                each,
                                source=replace(
                                    each.source, tonemapped=tonemapped, converted=converted, crop=shown
                                ),
                            )
                            for each in files
                        ]
                        for files in sampled
                    ],
                    samples_plan,
                )
                path = written[f"{name}.rgb"] = task.work / f"{name}.rgb"
                path.write_bytes(decoded.pixels())
                result[name] = decoded.to_json()
    return StepOutput(files=written, result=result)


def _decode(task: Task, tracks: Sequence[Sequence[SampledFile]], samples_plan: SamplePlan) -> SourceSamples:
    facts = task.plan.facts.video
    if facts.sphere is not None:
        # Most sources are not projected.
        from eddyline.media.frame_verification.sphere_samples import (  # noqa: PLC0415 - see above
            decode_sphere_samples,
        )

        return decode_sphere_samples(
            tracks,
            samples_plan.ranges,
            facts,
            tools=task.runtime.tools,
            runner=task.runner,
            work=task.work,
        )
    return decode_source_samples(
        tracks[0],
        samples_plan.ranges,
        cropped_facts(task.plan.rungs[0].crop, facts),
        tools=task.runtime.tools,
        runner=task.runner,
        work=task.work,
    )


def is_tonemapped(facts: VideoFacts, rung: Rung) -> bool:
    """Whether a rung is SDR while the source is HDR, so that its values differ from the source's."""
    return facts.hdr and not keeps_hdr(facts, rung)


def read_samples(part: Part, fetch: Callable[[Part, str], Path], *, tonemapped: bool) -> SourceSamples:
    """The original's frames, from the part of this step."""
    name = _TONEMAPPED if tonemapped else _PLAIN
    return SourceSamples.from_json(part.result[name], fetch(part, f"{name}.rgb").read_bytes())


def read_sample_plan(part: Part) -> SamplePlan:
    """The frames of each rendition to compare."""
    return SamplePlan.from_json(part.result["plan"])


@contextmanager
def _sampled_files(
    task: Task, source: IndexedSource, samples_plan: SamplePlan
) -> Iterator[list[list[SampledFile]]]:
    """The original files as local files, with the indexes that number their frames, for each track."""
    plan, sources = task.plan, task.runtime.sources
    with ExitStack() as stack:
        chapters = sources.chapters(plan.asset)
        if chapters:
            yield _sampled_chapters(task, source, [each.original for each in chapters], samples_plan, stack)
        elif not plan.source:
            original = sources.find(plan.asset)
            yield [[each] for each in _sampled_mp4(task, source, original, samples_plan, work=task.work)]
        else:
            yield [[_sampled_original(task, source, sources.find(plan.asset))]]


def _sampled_chapters(
    task: Task,
    source: IndexedSource,
    originals: Sequence[SourceFile],
    samples_plan: SamplePlan,
    stack: ExitStack,
) -> list[list[SampledFile]]:
    """Each chapter with its own index; its frames follow those of the chapters before it. For each track."""
    times = frame_times_us(source.presentation, source.track.timescale)
    sampled: list[list[SampledFile]] = []
    first = 0
    for number, original in enumerate(originals):
        src = stack.enter_context(original.open())
        stack.enter_context(task.read_counter.counting(src))
        own = task.runtime.indexes.get(original, CancellableReads(src, task.context.stop.check))
        if first >= len(times):
            break
        directory = task.work / f"chapter-{number}"
        directory.mkdir()
        start = int(times[first])
        sampled.append(
            _sampled_mp4(task, own, original, samples_plan, work=directory, first_frame=first, start_us=start)
        )
        first += len(own.presentation)
    if first != len(times):
        raise ProofError(f"the chapters have {first} frames, but the merged recording has {len(times)}")
    return [list(files) for files in zip(*sampled, strict=True)]


def _sampled_mp4(
    task: Task,
    own: IndexedSource,
    original: SourceFile,
    samples_plan: SamplePlan,
    *,
    work: Path,
    first_frame: int = 0,
    start_us: int | None = None,
) -> list[SampledFile]:
    """The tracks of an MP4 with its own index: one, or both of a pair; in a store, as a sparse local copy."""
    video = decoded_facts(task.plan.facts.video)
    path = original.path or work / "original.mp4"
    access = _RandomAccess(own)
    sampled = [
        SampledFile(
            source=DecodeInput(
                path=path,
                demuxer="mov",
                stream=f"i:{track.number}",
                as_coded=own.second is not None,
                chroma=None if own.second is not None else upright_chroma(video),
            ),
            track=track,
            shown=shown,
            exact=True,
            is_random_access=partial(access.is_point, place),
            pixels=video.width * video.height,
            first_frame=first_frame,
            start_us=_first_time(own) if start_us is None else start_us,
        )
        for place, (track, shown) in enumerate(access.tracks)
    ]
    if original.path is None:
        spans = [_required_spans(each, samples_plan) for each in sampled]
        offsets, sizes = (np.concatenate(each) for each in zip(*spans, strict=True))
        write_sparse_copy(own.src, offsets, sizes, path)
    return sampled


class _RandomAccess:
    """The random access points of a source; of a pair, the frames at which both tracks have one.

    FFmpeg seeks all tracks of a file at once, so both are decoded from the same frame.
    """

    def __init__(self, own: IndexedSource) -> None:
        self._src = own.src
        self.tracks = [(own.track, own.presentation)]
        if own.second is not None:
            self.tracks.append((own.second.track, own.second.shown))

    def is_point(self, place: int, number: int) -> bool:
        """Whether decoding can start at sync sample `number` of the track at `place`."""
        if not is_random_access_point(self._src, self.tracks[place][0], number):
            return False
        frame = np.flatnonzero(self.tracks[place][1].sample == number)
        for track, shown in self.tracks[:place] + self.tracks[place + 1 :]:
            other = int(shown.sample[frame[0]]) if len(frame) else -1
            if other < 0 or not track.samples.sync[other]:
                return False
            if not is_random_access_point(self._src, track, other):
                return False
        return True


def _required_spans(sampled: SampledFile, samples_plan: SamplePlan) -> tuple[Ints, Ints]:
    """The offsets and sizes of the samples that FFmpeg reads."""
    count = len(sampled.shown)
    table = sampled.track.samples
    wanted = np.zeros(len(table), np.bool_)
    wanted[:_PROBED] = True
    for window in samples_plan.ranges:
        first = max(window.start - sampled.first_frame, 0)
        end = min(window.stop - sampled.first_frame, count)
        if first < end:
            start, stop = required_samples(sampled, first, end)
            # A decoder outputs the last required frame only after it has read later ones in decode order.
            wanted[start : stop + _PROBED] = True
    return table.offset[wanted], table.size[wanted]


def _sampled_original(task: Task, source: IndexedSource, original: SourceFile) -> SampledFile:
    """A source that is not MP4, as it is; if it is in a store, it is downloaded once more."""
    local = original.path
    if local is None:
        local = task.work / "original"
        with original.open() as src, task.read_counter.counting(src):
            download(src, local, check=task.context.stop.check)
    demuxer = detect_container(read_head(local))
    index = main_video_index(local, runner=task.runner, tools=task.runtime.tools)
    video = task.plan.facts.video
    return SampledFile(
        source=DecodeInput(
            path=local,
            demuxer=_DEMUXERS.get(demuxer, demuxer),
            stream=str(index),
            chroma=upright_chroma(video),
        ),
        track=source.track,
        shown=source.presentation,
        exact=False,
        is_random_access=partial(is_random_access_point, source.src, source.track),
        pixels=video.width * video.height,
        start_us=_first_time(source),
    )


def _first_time(source: IndexedSource) -> int:
    return int(frame_times_us(source.presentation, source.track.timescale)[0])
