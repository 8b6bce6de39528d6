"""Which frames a decoder did not give, told by their times: evidence for the owner of damaged footage."""

from __future__ import annotations

import contextlib

from eddyline.core.errors import ToolError
from eddyline.core.process import Limits, Runner
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.mp4.index import read_movie
from eddyline.mp4.slice import Slice
from eddyline.store.ranges import FileRanges


def find_missing_frames(piece: Slice, *, tools: Toolchain, runner: Runner, limits: Limits) -> tuple[int, ...]:
    """Which of the slice's wanted frames cannot be decoded, counted from the first of them as 0.

    Decodes the slice once more, so it is for slices that are known to be damaged.
    """
    with FileRanges(piece.path) as source:
        track = read_movie(source).first_track("video")
    if track is None:
        return ()
    times = sorted(int(pts) for pts in track.samples.pts if piece.start_pts <= pts < piece.end_pts)
    given: set[int] = set()
    with contextlib.suppress(ToolError):  # however it ends, what it gave until then is known
        runner.run(_command(piece, tools), limits=limits, on_line=lambda line: _note(line, given))
    return tuple(place for place, pts in enumerate(times) if pts not in given)


def _command(piece: Slice, tools: Toolchain) -> tuple[str, ...]:
    trim = f"trim=start_pts={piece.start_pts}:end_pts={piece.end_pts},scale=16:16"
    return (
        *(
            str(tools.ffmpeg),
            *FFMPEG_BASE,
            "-threads",
            "1",
            "-copyts",
            *("-reinit_filter", "0"),
            *input_args(piece.path),
        ),
        *("-map", "0:v:0", "-vf", trim, "-fps_mode", "passthrough"),
        *("-enc_time_base", f"1:{piece.timescale}", "-f", "framecrc", "-"),
    )


def _note(line: str, given: set[int]) -> None:
    """One line of framecrc: stream, dts, pts, duration, size, checksum; comments begin with #."""
    match line.split(","):
        case [stream, _, pts, *_] if not stream.startswith("#"):
            given.add(int(pts))
