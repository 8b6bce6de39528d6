"""Decodes the audio of the parts of a reel into one recording, with short fades where they are joined.

Packets of compressed audio cannot be cut to the sample: copied, each join would need an edit, which few
players apply exactly, and would click.
"""

from __future__ import annotations

import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eddyline.core.errors import InputError, ToolError
from eddyline.core.processes.runner import Limits, Runner
from eddyline.media.audio.decoding import DecodedAudio, decode_first_frames
from eddyline.media.source.ffprobe import classify_tool_error
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args

FADE_S: Final = 0.005
_BYTES = 3  # 24 bits
_WALL_S = 600.0
_BLOCK_FRAMES = 1 << 16


def write_joined_audio(
    parts: Sequence[Path],
    lengths: Sequence[float],
    track: int,
    out: Path,
    *,
    tools: Toolchain,
    runner: Runner,
) -> None:
    """Write audio track number `track` of all parts to the WAV file `out`.

    Each part contributes exactly its length in seconds, rounded to audio frames at the joins; what it lacks
    is silence. Raises `InputError` if the audio cannot be decoded, `ToolError`.
    """
    stream = f"0:a:{track}"
    found = decode_first_frames(input_args(parts[0]), stream, runner=runner, tools=tools)
    if not isinstance(found, DecodedAudio):
        raise InputError(
            f"the audio of the recordings cannot be decoded: {found}",
            remedy="pass music with --music, or convert the audio first",
        )
    raw = out.with_suffix(".raw")
    done, end_s = 0, 0.0
    with wave.open(str(out), "wb") as file:
        file.setnchannels(found.channels)
        file.setsampwidth(_BYTES)
        file.setframerate(found.sample_rate)
        for part, length in zip(parts, lengths, strict=True):
            end_s += length
            frames = round(end_s * found.sample_rate) - done
            _decode(part, raw, stream, frames, found, tools, runner)
            with raw.open("rb") as samples:
                while block := samples.read(_BLOCK_FRAMES * found.channels * _BYTES):
                    file.writeframesraw(block)
            done += frames
    raw.unlink()


def _decode(
    part: Path, out: Path, stream: str, frames: int, found: DecodedAudio, tools: Toolchain, runner: Runner
) -> None:
    """Decode the first `frames` frames of a part, as 24-bit samples without a header."""
    fade = round(FADE_S * found.sample_rate)
    steps = (
        f"aresample={found.sample_rate}:async=1:first_pts=0",
        f"apad=whole_len={frames}",
        f"atrim=end_sample={frames}",
        f"afade=type=in:start_sample=0:nb_samples={fade}",
        f"afade=type=out:start_sample={max(frames - fade, 0)}:nb_samples={fade}",
    )
    argv = (
        *(str(tools.ffmpeg), *FFMPEG_BASE, "-y", *input_args(part), "-map", stream, "-vn"),
        *("-af", ",".join(steps), "-ac", str(found.channels), "-f", "s24le", f"file:{out}"),
    )
    try:
        runner.run(argv, limits=Limits(wall_s=_WALL_S))
    except ToolError as error:
        raise classify_tool_error(error, "the audio of the recordings cannot be decoded") from error
    if out.stat().st_size != frames * found.channels * _BYTES:
        raise InputError(
            "the audio of the recordings changes its format",
            remedy="pass music with --music, or convert the audio first",
        )
