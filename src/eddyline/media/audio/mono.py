"""Decodes audio to one channel at a low rate, for measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import InputError
from eddyline.core.processes.runner import Limits, Runner
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args

Floats = npt.NDArray[np.float32]

DAY_S: Final = 24 * 3600
_SAMPLE_BYTES = 4
_BASE_S, _BYTES_PER_S = 120.0, 200_000  # time limit: a base, plus the size at this speed


def decode_mono(
    path: Path,
    out: Path,
    *,
    rate: int,
    tools: Toolchain,
    runner: Runner,
    formats: str = "",
    filters: str = "",
    longest_s: float = DAY_S,
) -> Floats:
    """Decode the first audio track of a file from movie time 0, as one channel at `rate` Hz.

    The samples are mapped from the file `out`. At most `longest_s` seconds are decoded. `formats` limits the
    demuxers, `filters` precede the resampling. Raises `ToolError`, `InputError` (no audio).
    """
    limited = ("-format_whitelist", formats) if formats else ()
    steps = [each for each in (filters, f"aresample={rate}:async=1:first_pts=0") if each]
    most = int(longest_s * rate) * _SAMPLE_BYTES
    argv = (
        *(str(tools.ffmpeg), *FFMPEG_BASE, "-y", "-copyts", *limited, *input_args(path)),
        *("-map", "0:a:0", "-vn", "-af", ",".join(steps), "-ac", "1", "-t", f"{longest_s:.6f}"),
        *("-fs", str(most), "-f", "f32le", f"file:{out}"),
    )
    runner.run(argv, limits=Limits(wall_s=_BASE_S + path.stat().st_size / _BYTES_PER_S))
    if out.stat().st_size < _SAMPLE_BYTES:
        raise InputError(f"{path.name} has no audio", remedy="pass a file with audio")
    return np.memmap(out, dtype="<f4", mode="r")
