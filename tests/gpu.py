"""Checks of a machine with an NVIDIA GPU: `python -m tests.gpu [SECONDS]` prints one JSON object.

NVDEC and CUDA: a clip is decoded, and decoded and scaled, on the device; its frames are counted. NVENC: each
encoder is tested as at the start of a worker (H100 and H200 have none). CPU: single-threaded encoders of
H.264, one for each processor, as chunks are encoded. Without a GPU the first two say why they failed.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from eddyline.core.errors import EddylineError, ToolError
from eddyline.core.processes.runner import Limits, Runner
from eddyline.fleet.encoder_check import check_encoders
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.media.video.device_filters import CUDA_INPUT

_RATE, _SIZE = 30, "1920x1080"
_LIMITS = Limits(wall_s=240)
_SCALE = "scale_cuda=w=1280:h=720:interp_algo=bicubic:format=nv12:passthrough=0"
_NVENC = ("h264_nvenc", "hevc_nvenc", "av1_nvenc")


def measure(ffmpeg: Path, seconds: int, work: Path, workers: int) -> dict[str, Any]:
    """The results as JSON values; `seconds` is the length of the clip."""
    clip, frames = work / "clip.mp4", seconds * _RATE
    source = ("-f", "lavfi", "-i", f"testsrc2=size={_SIZE}:rate={_RATE}:duration={seconds}")
    encoder = ("-c:v", "libx264", "-preset", "veryfast", "-threads", "1")
    Runner().run((str(ffmpeg), *FFMPEG_BASE, *source, *encoder, f"file:{clip}"), limits=_LIMITS)
    listed = ("-fps_mode", "passthrough", "-f", "framecrc", "-")
    back = "hwdownload,format=nv12"
    decode = (str(ffmpeg), *FFMPEG_BASE, *CUDA_INPUT, *input_args(clip))
    cpu = (str(ffmpeg), *FFMPEG_BASE, "-threads", "1", *input_args(clip), *encoder, "-f", "null", "-")
    return {
        "ffmpeg": str(ffmpeg),
        "frames": frames,
        "nvdec": _on_device((*decode, "-vf", back, *listed), frames),
        "nvdec_and_scale": _on_device((*decode, "-vf", f"{_SCALE},{back}", *listed), frames),
        "nvenc": {name: _encoder(ffmpeg, name) for name in _NVENC},
        "cpu": _on_cpu(cpu, frames, workers),
    }


def _on_device(argv: tuple[str, ...], frames: int) -> dict[str, Any]:
    started = time.monotonic()
    try:
        listing = Runner().run(argv, limits=_LIMITS).stdout.decode()
    except ToolError as error:
        return {"ok": False, "error": error.stderr.strip().partition("\n")[0] or error.message}
    found = sum(not line.startswith("#") for line in listing.splitlines())
    return {"ok": found == frames, "frames": found, "fps": _per_second(found, started)}


def _encoder(ffmpeg: Path, name: str) -> dict[str, Any]:
    try:
        check_encoders(ffmpeg, [name], pool="gpu", runner=Runner())
    except EddylineError as error:
        return {"ok": False, "error": error.message}
    return {"ok": True}


def _on_cpu(argv: tuple[str, ...], frames: int, workers: int) -> dict[str, Any]:
    started = time.monotonic()
    with ThreadPoolExecutor(workers) as threads:
        done = list(threads.map(lambda _: Runner().run(argv, limits=_LIMITS), range(workers)))
    cpu_s = sum(each.cpu_s for each in done)
    return {
        "processes": workers,
        "fps": _per_second(frames * workers, started),
        "frames_per_cpu_s": round(frames * workers / cpu_s, 1),
    }


def _per_second(frames: int, started: float) -> float:
    return round(frames / max(time.monotonic() - started, 1e-6), 1)


def main() -> None:
    """Measure with the FFmpeg of the wheel, or that of EDDYLINE_FFMPEG."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    path = os.environ.get("EDDYLINE_FFMPEG")
    ffmpeg = Toolchain.find(Path(path) if path else None).ffmpeg
    with tempfile.TemporaryDirectory() as work:
        found = measure(ffmpeg, seconds, Path(work), len(os.sched_getaffinity(0)))
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
