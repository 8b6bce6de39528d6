"""Prepares the music of a reel: measures it, and cuts it to the length of the reel with a fade at the end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eddyline.core.errors import InputError, ToolError, UsageError
from eddyline.core.processes.runner import Limits, Runner
from eddyline.edit.reel.beats import LONGEST_S, RATE, Beats, find_beats
from eddyline.media.audio.external_audio import DEMUXERS
from eddyline.media.audio.mono import decode_mono
from eddyline.media.source.ffprobe import classify_tool_error
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args

FADE_S: Final = 2.0
_LEAST_S = 2.0
_MOST_FADE = 0.25  # of the reel
_WALL_S = 600.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Music:
    """Music: its length in seconds, as far as a reel can use it, and its beats."""

    path: Path
    length_s: float
    beats: Beats


def read_music(path: Path, total_s: float, *, work: Path, tools: Toolchain, runner: Runner) -> Music:
    """Decode the first `total_s` seconds (at most 10 minutes) and find the beats.

    Raises `UsageError` if there is too little music, `InputError` if it cannot be decoded, `ToolError`.
    """
    out = work / "music.f32"
    longest_s = min(total_s + FADE_S, LONGEST_S)
    try:
        audio = decode_mono(
            path, out, rate=RATE, tools=tools, runner=runner, formats=DEMUXERS, longest_s=longest_s
        )
    except ToolError as error:
        raise classify_tool_error(error, f"the music of {path.name} cannot be decoded") from error
    length_s = len(audio) / RATE
    if length_s < _LEAST_S:
        raise UsageError(
            f"{path.name} contains {length_s:.1f} s of music",
            remedy=f"pass a file of at least {_LEAST_S:.0f} s; a reel is not longer than its music",
        )
    try:
        return Music(path=path, length_s=length_s, beats=find_beats(audio))
    finally:
        out.unlink(missing_ok=True)


def write_faded_music(music: Path, out: Path, length_s: float, *, tools: Toolchain, runner: Runner) -> None:
    """Write the first `length_s` seconds of the music to the WAV file `out`, faded at the end.

    Raises `InputError`, `ToolError`.
    """
    fade_s = min(FADE_S, length_s * _MOST_FADE)
    steps = (
        "aresample=async=1:first_pts=0",
        f"atrim=duration={length_s:.6f}",
        f"afade=type=out:start_time={length_s - fade_s:.6f}:duration={fade_s:.6f}",
    )
    argv = (
        *(str(tools.ffmpeg), *FFMPEG_BASE, "-y", "-format_whitelist", DEMUXERS, *input_args(music)),
        *("-map", "0:a:0", "-vn", "-map_metadata", "-1", "-af", ",".join(steps)),
        *("-c:a", "pcm_s24le", "-fflags", "+bitexact", "-f", "wav", f"file:{out}"),
    )
    try:
        runner.run(argv, limits=Limits(wall_s=_WALL_S))
    except ToolError as error:
        raise classify_tool_error(error, f"the music of {music.name} cannot be decoded") from error
    if not out.is_file():
        raise InputError(f"{music.name} has no audio", remedy="pass a file with audio")
