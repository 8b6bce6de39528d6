"""Finds the frames that a decoder did not return, by their times: evidence for damaged sources."""

from __future__ import annotations

import contextlib

from eddyline.core.errors import ToolError
from eddyline.core.processes.runner import Limits, Runner
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.mp4.index import read_movie
from eddyline.mp4.slice import Slice
from eddyline.store.ranges import FileRanges


def find_missing_frames(piece: Slice, *, tools: Toolchain, runner: Runner, limits: Limits) -> tuple[int, ...]:
    """Return the numbers of the slice's frames that cannot be decoded; the first requested frame is 0.

    Decodes the slice again, so call it only for slices that are known to be damaged.
    """
    with FileRanges(piece.path) as source:
        track = read_movie(source).first_track("video")
    if track is None:
        return ()
    times = sorted(int(pts) for pts in track.samples.pts if piece.start_pts <= pts < piece.end_pts)
    decoded: set[int] = set()
    with contextlib.suppress(ToolError):  # the frames decoded before a failure count
        runner.run(_command(piece, tools), limits=limits, on_line=lambda line: _add_time(line, decoded))
    return tuple(number for number, pts in enumerate(times) if pts not in decoded)


def _command(piece: Slice, tools: Toolchain) -> tuple[str, ...]:
    trim = f"trim=start_pts={piece.start_pts}:end_pts={piece.end_pts},scale=16:16"
    return (
        *(str(tools.ffmpeg), *FFMPEG_BASE, "-threads", "1", "-copyts", "-reinit_filter", "0"),
        *input_args(piece.path),
        *("-map", "0:v:0", "-vf", trim, "-fps_mode", "passthrough"),
        *("-enc_time_base", f"1:{piece.timescale}", "-f", "framecrc", "-"),
    )


def _add_time(line: str, decoded: set[int]) -> None:
    """Parse a line of framecrc: stream, dts, pts, duration, size, checksum; comments start with #."""
    match line.split(","):
        case [stream, _, pts, *_] if not stream.startswith("#"):
            decoded.add(int(pts))
