"""Small RGB frames of a few ranges of a file, as a plain FFmpeg command decodes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from eddyline.core.errors import ToolError
from eddyline.core.processes.runner import Limits, Runner
from eddyline.media.frame_verification.decode_command import DecodeInput, DecodeRange, decode_command
from eddyline.media.frame_verification.png import RgbImage
from eddyline.media.toolchain import Toolchain

_LONG_SIDE: Final = 64
_MAX_INPUTS: Final = 4  # per command, because each has a decoder that holds some frames
_MAX_PIXELS: Final = 12_000_000  # of one frame of each input of a command
_BASE_S, _RANGE_S = 60.0, 120.0
_MEMORY, _MEMORY_PIXEL = 3 * 1024**3, 300
_SAR = re.compile(r"^#sar 0: (\d+)/(\d+)", re.MULTILINE)
_FRAME = re.compile(r"^0,\s*-?\d+,\s*(-?\d+),\s*(\d+),", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class DecodedFrame:
    """One frame: presentation time and duration in microseconds, and its pixels."""

    time: int
    duration: int
    rgb: RgbImage


@dataclass(frozen=True, kw_only=True)
class DecodedRange:
    """The frames of one range, in order, and their display aspect ratio (width over height)."""

    aspect: Fraction
    frames: tuple[DecodedFrame, ...]


def sample_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of the samples of frames displayed at `width` x `height`: the long side is 64."""
    longer = max(width, height)
    across, down = (max(8, round(_LONG_SIDE * side / longer / 2) * 2) for side in (width, height))
    return across, down


def decode_ranges(
    source: DecodeInput,
    ranges: Sequence[DecodeRange],
    shape: tuple[int, int],
    *,
    pixels: int,
    tools: Toolchain,
    runner: Runner,
    work: Path,
) -> tuple[DecodedRange | None, ...]:
    """Decode each range, scaled to `shape` (width, height); None where FFmpeg shows no frame.

    `pixels` is the coded size of a frame, for the memory limits. Raises `ToolError` if FFmpeg is killed or
    times out, `Interrupted`, `TransientError`.
    """
    decode = partial(_decode, source, shape=shape, pixels=pixels, tools=tools, runner=runner, work=work)
    batch_size = min(max(_MAX_PIXELS // max(pixels, 1), 1), _MAX_INPUTS)
    decoded: list[DecodedRange | None] = []
    for start in range(0, len(ranges), batch_size):
        batch = ranges[start : start + batch_size]
        found = decode(batch)
        if found is None and len(batch) > 1:
            # A range without frames ends the command, possibly before the other ranges are written.
            found = [(decode([each]) or [None])[0] for each in batch]
        decoded += found or [None]
    return tuple(decoded)


def _decode(
    source: DecodeInput,
    ranges: Sequence[DecodeRange],
    *,
    shape: tuple[int, int],
    pixels: int,
    tools: Toolchain,
    runner: Runner,
    work: Path,
) -> list[DecodedRange | None] | None:
    """Decode the ranges with one command; None if FFmpeg rejects one of them."""
    raws = [work / f"sample-{at}.rgb" for at in range(len(ranges))]
    lists = [work / f"sample-{at}.txt" for at in range(len(ranges))]
    argv = decode_command(source, ranges, shape, raws, lists, tools=tools)
    limits = Limits(
        wall_s=_BASE_S + _RANGE_S * len(ranges), memory=_MEMORY + len(ranges) * _MEMORY_PIXEL * pixels
    )
    try:
        runner.run(argv, limits=limits)
        return [_read_range(raw, listed, shape) for raw, listed in zip(raws, lists, strict=True)]
    except ToolError as error:
        if error.is_machine_fault:
            raise
        return None
    finally:
        for path in (*raws, *lists):
            path.unlink(missing_ok=True)


def _read_range(raw: Path, listed: Path, shape: tuple[int, int]) -> DecodedRange | None:
    text = listed.read_text("ascii", "replace")
    times = _FRAME.findall(text)
    size = shape[0] * shape[1] * 3
    data = np.fromfile(raw, np.uint8)
    count = min(len(times), len(data) // size)
    if not count:
        return None
    images = data[: count * size].reshape(count, shape[1], shape[0], 3)
    match = _SAR.search(text)
    sar = Fraction(int(match[1]), int(match[2])) if match and int(match[1]) and int(match[2]) else Fraction(1)
    return DecodedRange(
        aspect=sar * shape[0] / shape[1],
        frames=tuple(
            DecodedFrame(time=int(time), duration=int(duration), rgb=image)
            for (time, duration), image in zip(times[:count], images, strict=True)
        ),
    )
