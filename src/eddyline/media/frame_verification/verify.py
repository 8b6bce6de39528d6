"""Verifies a finished rendition: decodes it with a plain FFmpeg command and compares it with the original."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eddyline.core.errors import ProofError
from eddyline.core.processes.runner import Runner
from eddyline.media.frame_verification.comparison import FrameSamples, compare_frames, verify_aspect
from eddyline.media.frame_verification.decode import DecodedRange, decode_ranges
from eddyline.media.frame_verification.decode_command import DecodeInput, DecodeRange
from eddyline.media.frame_verification.frame_times import (
    SECOND_US,
    frame_gap,
    frame_times_us,
    range_bounds,
)
from eddyline.media.frame_verification.mismatch_search import RenditionFrame, SourceFrame
from eddyline.media.frame_verification.sample_plan import consecutive_ranges
from eddyline.media.frame_verification.source_samples import SourceSamples, nearest_frame
from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.ladder import Rung
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.colours import CHROMA
from eddyline.mp4.presentation import Presentation


def verify_frames(
    path: Path,
    frames: Sequence[int],
    samples: SourceSamples,
    *,
    rung: Rung,
    grid: Grid,
    shown: Presentation,
    timescale: int,
    tools: Toolchain,
    runner: Runner,
    work: Path,
) -> FrameSamples:
    """Compare these frames of the rendition `path` with the samples of the original.

    `frames` are numbers of source frames that the rung shows; `grid` is the plan's, and `shown` are the
    source's frames in ticks of 1/timescale s. Second fields are not compared. Raises `ProofError` with the
    rendition, the frame and its time (`FrameMismatchError` with both images where the content differs),
    `ToolError`, `Interrupted`.
    """
    _verify_index(rung.name, samples)
    step, fields, own_grid = rung.frame_step, rung.fields, grid.thinned(rung.frame_step)
    every = shown if fields == 1 else shown.separate_fields()
    times = frame_times_us(every.thinned(step), timescale * fields)  # those of the rendition
    ranges = consecutive_ranges(number * fields // step for number in frames)
    decoded_ranges = decode_ranges(
        DecodeInput(path=path, demuxer="mov", chroma=CHROMA),
        [_decode_range(start, stop, times, own_grid) for start, stop in ranges],
        samples.shape,
        pixels=rung.width * rung.height,
        tools=tools,
        runner=runner,
        work=work,
    )
    places = {number: place for place, number in enumerate(sorted(samples.frames))}
    pairs: list[RenditionFrame] = []
    for (start, stop), decoded in zip(ranges, decoded_ranges, strict=True):
        for number in range(start, stop):
            within = frame_gap(times, number) // 2
            frame = nearest_frame(decoded.frames, int(times[number]), within) if decoded else None
            if frame is None:
                raise ProofError(
                    f"{rung.name}: FFmpeg's decode of the rendition shows no frame at"
                    f" {times[number] / SECOND_US:.3f} s (frame {number})"
                )
            source, field = divmod(number * step, fields)
            if field == 0 and source in places:
                since = source * fields // grid.gop * grid.gop // fields
                pair = RenditionFrame(source=places[source], rgb=frame.rgb, key=source == since, since=since)
                pairs.append(pair)
        if decoded is not None:
            verify_aspect(rung.name, samples.aspect, decoded.aspect, rung.width, rung.height)
            if stop == len(times):
                _verify_end(rung.name, decoded, int(times[-1]), frame_gap(times, len(times) - 1))
    sources = [
        SourceFrame(frame=number, time=frame.time, rgb=frame.rgb)
        for number, frame in sorted(samples.frames.items())
    ]
    return compare_frames(rung.name, sources, pairs)


def _verify_index(name: str, samples: SourceSamples) -> None:
    """Raise `ProofError` unless the index and FFmpeg have the same frames in the sampled ranges."""
    if samples.missing:
        raise ProofError(
            f"{name}: FFmpeg's decode of the original does not show frame {samples.missing[0]} of the index"
        )
    if samples.strays:
        raise ProofError(
            f"{name}: FFmpeg's decode of the original shows a frame at"
            f" {min(samples.strays) / SECOND_US:.3f} s that is not in the rendition"
        )


def _verify_end(name: str, decoded: DecodedRange, expected: int, gap: int) -> None:
    final = max(frame.time for frame in decoded.frames)
    if abs(final - expected) > gap // 2:
        raise ProofError(
            f"{name}: its last frame is shown at {final / SECOND_US:.3f} s, the original's at"
            f" {expected / SECOND_US:.3f} s"
        )


def _decode_range(first: int, stop_frame: int, times: np.ndarray, grid: Grid) -> DecodeRange:
    start, stop = range_bounds(times, first, stop_frame)
    key = first // grid.gop * grid.gop
    return DecodeRange(
        seek=int(times[key]) + 1 if key else None, start=start, stop=stop, count=stop_frame - first
    )
