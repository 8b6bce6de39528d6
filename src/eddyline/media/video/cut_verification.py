"""Reads a cut back: its frames, the samples that were copied, and the pictures at its seams."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from eddyline.core.errors import ProofError
from eddyline.core.process import Limits, Runner
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

_SEAM = 6  # frames behind a seam that must decode to what they were
_PATIENCE_S, _PATIENCE_FRAME_S = 120.0, 5.0


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
    """Read the cut back: every frame at its time, copied samples untouched, and decoded right at the seams.

    `place` is the track's among all tracks written. Raises `ProofError`.
    """
    with FileRanges(path) as made:
        movie = read_movie(made)
        if place >= len(movie.tracks) or movie.tracks[place].kind != "video":
            raise ProofError(f"{path.name} has no video")
        track = movie.tracks[place]
        got = build_presentation(movie, track)
        if (
            len(got) != len(shown)
            or np.any(got.pts != shown.pts)
            or track.timescale != source.track.timescale
        ):
            raise ProofError(f"{path.name}: the frames are not those of the source at their times")
        if len(plan.samples):
            _prove_copies(path.name, made, track, source, plan)
        copy = CutSource(src=made, movie=movie, track=track, shown=got)
        for frames, across in _seams(plan):
            own = (frames[0] - plan.first, frames[1] - plan.first)
            wide = (across[0] - plan.first, across[1] - plan.first)
            new = _hashes(copy, wide, own, work, tools, runner)
            if new != _hashes(source, frames, frames, work, tools, runner):
                raise ProofError(
                    f"{path.name}: frames {own[0]} to {own[1] - 1} do not decode to what they were"
                )


def _prove_copies(name: str, made: ByteRanges, track: Track, source: CutSource, plan: CutPlan) -> None:
    """The samples between the ends have their sizes and their bytes."""
    first = max(plan.begin - plan.first, 0)  # the head has as many samples as frames
    new = _chosen(track, np.arange(len(plan.samples)) + first)
    old = _chosen(source.track, plan.samples)
    sizes = np.array_equal(new.samples.size, old.samples.size)
    if not sizes or samples_digest(made, new) != samples_digest(source.src, old):
        raise ProofError(f"{name}: copied pictures differ from the source's")


def _seams(plan: CutPlan) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Copied frames next to encoded ones, and the frames to decode together across the seam."""
    seams = []
    if plan.first < plan.begin < plan.stop:
        stop = min(plan.begin + _SEAM, plan.stop)
        seams.append(((plan.begin, stop), (plan.first, stop)))
    if max(plan.begin, plan.first) < plan.stop < plan.last:
        begin = max(plan.stop - _SEAM, plan.begin, plan.first)
        seams.append(((begin, plan.stop), (begin, plan.last)))
    return seams


def _chosen(track: Track, numbers: Ints) -> Track:
    """The track with these samples alone, as far as their bytes go."""
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
    """MD5 of each decoded frame of [first, last), where the frames of `wide` are decoded in one go."""
    local = work / "seam.mp4"
    piece = write_slice(source.src, source.movie, source.track, *wide, local, shown=source.shown)
    try:
        found = runner.run(_decoding(piece, tools), limits=_limits(piece)).stdout.decode()
    finally:
        local.unlink(missing_ok=True)
    lines = [line.rsplit(",", 1)[-1].strip() for line in found.splitlines() if line and line[0] != "#"]
    if len(lines) != piece.frames:
        raise ProofError(f"{piece.frames} frames at a seam of the cut decode to {len(lines)}")
    begin = frames[0] - wide[0]
    return tuple(lines[begin : begin + frames[1] - frames[0]])


def _decoding(piece: Slice, tools: Toolchain) -> tuple[str, ...]:
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
    return Limits(wall_s=_PATIENCE_S + _PATIENCE_FRAME_S * max(piece.frames, piece.samples))
