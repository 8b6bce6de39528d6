"""One finished rendition, read by a plain FFmpeg command and compared with the original's samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eddyline.core.errors import ProofError
from eddyline.core.process import Runner
from eddyline.media.frame_verification.comparison import (
    FrameSamples,
    RenditionFrame,
    compare_frames,
    nearest_frame,
    source_frames,
    verify_aspect,
)
from eddyline.media.frame_verification.decode import (
    SECOND_US,
    DecodedRange,
    DecodeInput,
    DecodeRange,
    decode_ranges,
)
from eddyline.media.frame_verification.sample_plan import consecutive_ranges
from eddyline.media.frame_verification.source_samples import (
    SourceSamples,
    frame_gap,
    frame_times_us,
    range_bounds,
)
from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.ladder import Rung
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.presentation import Presentation


def verify_frames(
    path: Path,
    frames: Sequence[int],
    sampled: SourceSamples,
    *,
    rung: Rung,
    grid: Grid,
    shown: Presentation,
    timescale: int,
    tonemapped: bool,
    tools: Toolchain,
    runner: Runner,
    work: Path,
) -> FrameSamples:
    """Compare these frames of the rendition `path` with the original's.

    `shown` are the source's frames in ticks of 1/timescale s. Raises `ProofError` (`FrameMismatchError` with
    the canvases, where a picture differs) naming rendition, frame and time, `ToolError`, `Interrupted`.
    """
    _check_source(rung.name, sampled)
    times = frame_times_us(shown, timescale)
    sections = consecutive_ranges(frames)
    spans = [_span(first, last, times, grid) for first, last in sections]
    plain = DecodeInput(path=path, demuxer="mov")
    pixels = rung.width * rung.height
    looks = decode_ranges(plain, spans, sampled.shape, pixels=pixels, tools=tools, runner=runner, work=work)
    sources = source_frames(sampled.frames)
    places = {each.frame: place for place, each in enumerate(sources)}
    pairs: list[RenditionFrame] = []
    for (first, last), look in zip(sections, looks, strict=True):
        for frame in range(first, last):
            shot = (
                nearest_frame(look.shots, int(times[frame]), frame_gap(times, frame) // 2) if look else None
            )
            if shot is None:
                raise ProofError(
                    f"{rung.name}: FFmpeg's decode of the rendition shows no frame at"
                    f" {times[frame] / SECOND_US:.3f} s (frame {frame})"
                )
            if frame in places:
                since = frame // grid.gop * grid.gop
                pairs.append(RenditionFrame(own=places[frame], rgb=shot.rgb, key=frame == since, since=since))
        if look is not None:
            verify_aspect(rung.name, sampled.aspect, look.aspect, rung.width, rung.height)
            if last == len(times):
                _check_end(rung.name, look, int(times[-1]), frame_gap(times, len(times) - 1))
    return compare_frames(rung.name, sources, pairs, tonemapped=tonemapped)


def _check_source(name: str, sampled: SourceSamples) -> None:
    """The index and FFmpeg must agree on which frames the original shows, where it was looked at."""
    if sampled.missing:
        raise ProofError(
            f"{name}: frame {sampled.missing[0]} is one that FFmpeg's decode of the original does not show"
        )
    if sampled.strays:
        raise ProofError(
            f"{name}: FFmpeg's decode of the original shows a frame at"
            f" {min(sampled.strays) / SECOND_US:.3f} s that is not in the rendition"
        )


def _check_end(name: str, look: DecodedRange, expected: int, within: int) -> None:
    final = max(shot.time for shot in look.shots)
    if abs(final - expected) > within // 2:
        raise ProofError(
            f"{name}: its last frame is shown at {final / SECOND_US:.3f} s, the original's at"
            f" {expected / SECOND_US:.3f} s"
        )


def _span(first: int, last: int, times: np.ndarray, grid: Grid) -> DecodeRange:
    start, stop = range_bounds(times, first, last)
    key = first // grid.gop * grid.gop
    return DecodeRange(seek=int(times[key]) + 1 if key else None, start=start, stop=stop, count=last - first)
