"""Checks, when a worker starts, that its FFmpeg can encode with each encoder of its pool.

The list of encoders is not enough: a build with NVENC lists its encoders on machines without a GPU too. The
packets of a short test are counted. Those of a GPU must also have keyframes at the requested interval, and
with NVENC the test is then decoded and scaled on the device, as chunks are.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from eddyline.core.errors import ToolError, UnsupportedError
from eddyline.core.processes.runner import Limits, Runner
from eddyline.fleet.capacity_checks import ON_GPU

_LIMITS = Limits(wall_s=60, output=64 * 1024)
# 256x192 is close to the minimum size of GPUs. Half a second of audio is enough for a frame of any codec.
_SIZE = "256x192"
_FRAMES, _GOP = 12, 4
_SOURCE = ("-f", "lavfi", "-i", f"testsrc2=size={_SIZE}:rate=25", "-frames:v", str(_FRAMES), "-an")
_VAAPI = ("-init_hw_device", "vaapi=gpu", "-filter_hw_device", "gpu")
_ON_CUDA = ("-hwaccel", "cuda", "-hwaccel_output_format", "cuda")
_SCALED = "scale_cuda=w=224:h=192:interp_algo=bicubic:format=nv12:passthrough=0"
_AUDIO = ("-f", "lavfi", "-i", "anullsrc=sample_rate=48000:channel_layout=stereo", "-t", "0.5", "-vn")
_AUDIO_ENCODERS = frozenset(
    {"aac", "libfdk_aac", "libopus", "opus", "ac3", "eac3", "flac", "alac", "libmp3lame"}
)


def check_encoders(ffmpeg: Path, encoders: Iterable[str], *, pool: str, runner: Runner) -> None:
    """Encode a short test with each of `encoders`; raises `UnsupportedError` naming all that failed."""
    failed = {}
    for encoder in sorted(encoders):
        try:
            failure = _test(ffmpeg, encoder, runner)
        except ToolError as error:
            if error.status is None:
                raise
            failure = _first_line(error)
        if failure:
            failed[encoder] = failure
    if failed:
        reasons = "; ".join(f"{encoder} ({reason})" for encoder, reason in failed.items())
        raise UnsupportedError(
            f"{ffmpeg} fails with encoders that pool {pool} needs: {reasons}",
            remedy=f"set `ffmpeg` of pool {pool} in pools.yaml to a build with them, or check the GPU and "
            "its driver (nvidia-smi, vainfo), and that this process may use the device",
        )


def _test(ffmpeg: Path, encoder: str, runner: Runner) -> str:
    """What is wrong with the output of an encoder; empty if nothing is. Raises `ToolError`."""
    with tempfile.TemporaryDirectory(prefix="eddyline-check-") as directory:
        clip = Path(directory) / "clip.mkv"
        outputs = [runner.run(encode_command(ffmpeg, encoder, clip), limits=_LIMITS)]
        if encoder.endswith("_nvenc") and not encoder.startswith("av1"):
            outputs.append(runner.run(device_command(ffmpeg, encoder, clip), limits=_LIMITS))
    if encoder in _AUDIO_ENCODERS:
        return ""
    on_gpu = encoder.endswith(ON_GPU)
    return next((wrong for each in outputs if (wrong := _fault(each.stdout, on_gpu=on_gpu))), "")


def encode_command(ffmpeg: Path, encoder: str, clip: Path) -> tuple[str, ...]:
    """The command that encodes a short test to `clip`, and lists the packets of video on standard output."""
    base = (str(ffmpeg), "-hide_banner", "-nostdin", "-v", "error", "-y")
    if encoder in _AUDIO_ENCODERS:
        return (*base, *_AUDIO, "-c:a", encoder, "-f", "null", "-")
    is_vaapi = encoder.endswith("_vaapi")
    device = _VAAPI if is_vaapi else ()
    frames = ("-vf", "format=nv12,hwupload") if is_vaapi else ("-pix_fmt", _pixel_format(encoder))
    gop = ("-g", str(_GOP), "-bf", "0") if encoder.endswith(ON_GPU) else ()
    encoded = ("-map", "0:v", *frames, "-c:v", encoder, *gop)
    keeps = (*encoded, "-f", "matroska", f"file:{clip}") if encoder.endswith("_nvenc") else ()
    return (*base, *device, *_SOURCE, *keeps, *_repeated(encoded, after=keeps), "-f", "framecrc", "-")


def device_command(ffmpeg: Path, encoder: str, clip: Path) -> tuple[str, ...]:
    """The command that decodes, scales and encodes `clip` on an NVIDIA GPU, and lists the packets."""
    return (
        *(str(ffmpeg), "-hide_banner", "-nostdin", "-v", "error", *_ON_CUDA),
        *("-protocol_whitelist", "file,pipe", "-i", f"file:{clip}", "-vf", _SCALED),
        *("-c:v", encoder, "-pix_fmt", "cuda", "-g", str(_GOP), "-bf", "0", "-f", "framecrc", "-"),
    )


def _repeated(encoded: tuple[str, ...], *, after: tuple[str, ...]) -> tuple[str, ...]:
    """The options of the output that is listed; the number of frames is an option of each output."""
    return ("-frames:v", str(_FRAMES), *encoded) if after else encoded


def _pixel_format(encoder: str) -> str:
    return "nv12" if encoder.endswith("_qsv") else "yuvj420p" if encoder == "mjpeg" else "yuv420p"


def _fault(listing: bytes, *, on_gpu: bool) -> str:
    """What is wrong with the packets that framecrc lists: one a line, with flags unless it is a keyframe."""
    lines = [line for line in listing.decode("ascii", "replace").splitlines() if not line.startswith("#")]
    if len(lines) != _FRAMES:
        return f"it wrote {len(lines)} of {_FRAMES} frames"
    keyframes = [number for number, line in enumerate(lines) if "F=0x" not in line]
    if on_gpu and keyframes != list(range(0, _FRAMES, _GOP)):
        return f"its keyframes are frames {keyframes}, not every {_GOP}th"
    return ""


def _first_line(error: ToolError) -> str:
    lines = [line.strip() for line in error.stderr.splitlines() if line.strip()]
    # The first error is the encoder's own; the others follow from it.
    return lines[0][:200] if lines else error.message
