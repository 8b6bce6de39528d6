"""Proof, when a worker starts, that its FFmpeg can do what its class promises: each encoder encodes a frame.

A list of encoders proves little: every build with NVENC lists it, on machines without a GPU as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from eddyline.core.errors import ToolError, UnsupportedError
from eddyline.core.process import Limits, Runner

_LIMITS = Limits(wall_s=60, output=64 * 1024)
# 256x144: NVENC takes nothing much smaller. Half a second of sound is enough for any codec's frame.
_PICTURE = ("-f", "lavfi", "-i", "color=size=256x144:rate=25:duration=0.2", "-pix_fmt", "yuv420p", "-an")
_SOUND = ("-f", "lavfi", "-i", "anullsrc=sample_rate=48000:channel_layout=stereo", "-t", "0.5", "-vn")
_OF_SOUND = frozenset({"aac", "libfdk_aac", "libopus", "opus", "ac3", "eac3", "flac", "alac", "libmp3lame"})


def check_encoders(ffmpeg: Path, encoders: Iterable[str], *, pool: str, runner: Runner) -> None:
    """Encode a little with each of `encoders`; raises `UnsupportedError` naming all that could not."""
    broken = {}
    for encoder in sorted(encoders):
        try:
            runner.run(encode_command(ffmpeg, encoder), limits=_LIMITS)
        except ToolError as error:
            if error.status is None:
                raise
            broken[encoder] = _last_words(error)
    if broken:
        told = "; ".join(f"{encoder} ({said})" for encoder, said in broken.items())
        raise UnsupportedError(
            f"{ffmpeg} cannot do what class {pool} needs: {told}",
            remedy=f"give class {pool} an FFmpeg that can (pools.yaml, `ffmpeg`), or see to its GPU's driver",
        )


def encode_command(ffmpeg: Path, encoder: str) -> tuple[str, ...]:
    """Encode next to nothing, and throw it away."""
    what, role = (_SOUND, "-c:a") if encoder in _OF_SOUND else (_PICTURE, "-c:v")
    return (str(ffmpeg), "-hide_banner", "-nostdin", "-v", "error", *what, role, encoder, "-f", "null", "-")


def _last_words(error: ToolError) -> str:
    lines = [line.strip() for line in error.stderr.splitlines() if line.strip()]
    # The first complaint is the encoder's own; those after it follow from it.
    return lines[0][:200] if lines else error.message
