"""Checks, when a worker starts, that its FFmpeg can encode a frame with each encoder of its pool.

The list of encoders is not enough: a build with NVENC lists its encoders on machines without a GPU too.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from eddyline.core.errors import ToolError, UnsupportedError
from eddyline.core.processes.runner import Limits, Runner

_LIMITS = Limits(wall_s=60, output=64 * 1024)
# 256x144 is close to the minimum size of NVENC. Half a second of audio is enough for a frame of any codec.
_VIDEO = ("-f", "lavfi", "-i", "color=size=256x144:rate=25:duration=0.2", "-pix_fmt", "yuv420p", "-an")
_AUDIO = ("-f", "lavfi", "-i", "anullsrc=sample_rate=48000:channel_layout=stereo", "-t", "0.5", "-vn")
_AUDIO_ENCODERS = frozenset(
    {"aac", "libfdk_aac", "libopus", "opus", "ac3", "eac3", "flac", "alac", "libmp3lame"}
)


def check_encoders(ffmpeg: Path, encoders: Iterable[str], *, pool: str, runner: Runner) -> None:
    """Encode a few frames with each of `encoders`; raises `UnsupportedError` naming all that failed."""
    failed = {}
    for encoder in sorted(encoders):
        try:
            runner.run(encode_command(ffmpeg, encoder), limits=_LIMITS)
        except ToolError as error:
            if error.status is None:
                raise
            failed[encoder] = _first_line(error)
    if failed:
        reasons = "; ".join(f"{encoder} ({reason})" for encoder, reason in failed.items())
        raise UnsupportedError(
            f"{ffmpeg} fails with encoders that pool {pool} needs: {reasons}",
            remedy=f"set `ffmpeg` of pool {pool} in pools.yaml to a build with them, or check the GPU driver",
        )


def encode_command(ffmpeg: Path, encoder: str) -> tuple[str, ...]:
    """The command that encodes a few frames and discards them."""
    source, option = (_AUDIO, "-c:a") if encoder in _AUDIO_ENCODERS else (_VIDEO, "-c:v")
    return (
        str(ffmpeg),
        "-hide_banner",
        "-nostdin",
        "-v",
        "error",
        *source,
        option,
        encoder,
        "-f",
        "null",
        "-",
    )


def _first_line(error: ToolError) -> str:
    lines = [line.strip() for line in error.stderr.splitlines() if line.strip()]
    # The first error is the encoder's own; the others follow from it.
    return lines[0][:200] if lines else error.message
