"""Verifies a cut by reading it back: frame times, copied samples, and decoded frames at the seams."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from eddyline.core.errors import ProofError
from eddyline.core.processes.runner import Limits, Runner
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.media.video.cut_video import CutSource
from eddyline.media.video.rendition_verification import samples_digest
from eddyline.media.video.smart_cut import CutPlan
from eddyline.mp4.byte_ranges import ByteRanges, Ints
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Track
from eddyline.mp4.presentation import Presentation, build_presentation
from eddyline.mp4.slice import Slice, write_slice
from eddyline.store.ranges import FileRanges

_SEAM = 6  # frames at a seam that must decode as in the source
_BASE_S, _FRAME_S = 120.0, 5.0


def verify_cut(
    path: Path,
    source: CutSource,
    plan: CutPlan,
    shown: Presentation,
    *,
    work: Path,
    tools: Toolchain,
    runner: Runner,
    place: int = 0,
) -> None:
    """Raise `ProofError` unless every frame has its time, copied samples are unchanged, and seams decode.

    `place` is the index of the video track in the file.
    """
    with FileRanges(path) as written:
        movie = read_movie(written)
        if place >= len(movie.tracks) or movie.tracks[place].kind != "video":
            raise ProofError(f"{path.name} has no video track")
        track = movie.tracks[place]
        actual = build_presentation(movie, track)
        if (
            len(actual) != len(shown)
            or np.any(actual.pts != shown.pts)
            or track.timescale != source.track.timescale
        ):
            raise ProofError(f"{path.name}: the frames and their times differ from the source's")
        if len(plan.samples):
            _verify_copies(path.name, written, track, source, plan)
        copy = CutSource(src=written, movie=movie, track=track, shown=actual)
        for frames, across in _seams(plan):
            own = (frames[0] - plan.start, frames[1] - plan.start)
            wide = (across[0] - plan.start, across[1] - plan.start)
            new = _hashes(copy, wide, own, work, tools, runner)
            if new != _hashes(source, frames, frames, work, tools, runner):
                raise ProofError(
                    f"{path.name}: frames {own[0]} to {own[1] - 1} do not decode as in the source"
                )


def _verify_copies(name: str, written: ByteRanges, track: Track, source: CutSource, plan: CutPlan) -> None:
    """Compare the sizes and bytes of the copied samples with the source's."""
    first = max(plan.copy_start - plan.start, 0)  # the head has as many samples as frames
    new = _select(track, np.arange(len(plan.samples)) + first)
    old = _select(source.track, plan.samples)
    sizes = np.array_equal(new.samples.size, old.samples.size)
    if not sizes or samples_digest(written, new) != samples_digest(source.src, old):
        raise ProofError(f"{name}: copied frames differ from the source's")


def _seams(plan: CutPlan) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """For each seam, the copied frames next to it and the frames to decode across it, as [start, stop)."""
    seams = []
    if plan.start < plan.copy_start < plan.copy_stop:
        stop = min(plan.copy_start + _SEAM, plan.copy_stop)
        seams.append(((plan.copy_start, stop), (plan.start, stop)))
    if max(plan.copy_start, plan.start) < plan.copy_stop < plan.stop:
        start = max(plan.copy_stop - _SEAM, plan.copy_start, plan.start)
        seams.append(((start, plan.copy_stop), (start, plan.stop)))
    return seams


def _select(track: Track, numbers: Ints) -> Track:
    """The track with the offsets and sizes of these samples alone."""
    samples = track.samples
    return replace(
        track, samples=replace(samples, offset=samples.offset[numbers], size=samples.size[numbers])
    )


def _hashes(
    source: CutSource,
    wide: tuple[int, int],
    frames: tuple[int, int],
    work: Path,
    tools: Toolchain,
    runner: Runner,
) -> tuple[str, ...]:
    """MD5 of each decoded frame of `frames` [start, stop), with all frames of `wide` decoded in one go."""
    local = work / "seam.mp4"
    piece = write_slice(source.src, source.movie, source.track, *wide, local, shown=source.shown)
    try:
        output = runner.run(_decode_command(piece, tools), limits=_limits(piece)).stdout.decode()
    finally:
        local.unlink(missing_ok=True)
    lines = [line.rsplit(",", 1)[-1].strip() for line in output.splitlines() if line and line[0] != "#"]
    if len(lines) != piece.frames:
        raise ProofError(f"{len(lines)} of {piece.frames} frames at a seam of the cut were decoded")
    start = frames[0] - wide[0]
    return tuple(lines[start : start + frames[1] - frames[0]])


def _decode_command(piece: Slice, tools: Toolchain) -> tuple[str, ...]:
    trim = f"trim=start_pts={piece.start_pts}:end_pts={piece.end_pts}"
    return (
        *(
            str(tools.ffmpeg),
            *FFMPEG_BASE,
            "-copyts",
            "-noautorotate",
            "-apply_cropping",
            "codec",
            *input_args(piece.path),
        ),
        *("-map", "0:v:0", "-vf", trim, "-fps_mode", "passthrough"),
        *("-enc_time_base", f"1:{piece.timescale}", "-f", "framemd5", "-"),
    )


def _limits(piece: Slice) -> Limits:
    return Limits(wall_s=_BASE_S + _FRAME_S * max(piece.frames, piece.samples))
