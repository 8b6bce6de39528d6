"""Displayed frame size and pixel aspect ratio, as FFmpeg determines them.

Measured with FFmpeg 8.1 and 9.0; players and this product follow it:

- The pixel aspect ratio comes from pasp; without pasp, from the size in tkhd if its whole pixels differ from
  the coded size; else from the bitstream (SPS). The scale of a display matrix has no effect.
- clap crops the frame, in coded pixels, and does not change the pixel aspect ratio. A clean aperture larger
  than the frame is ignored. FFmpeg's decoder command crops it itself; the remaining size is rounded down to
  whole chroma samples.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from eddyline.core.errors import UnsupportedError

_MAX_ASPECT = Fraction(10)
_FRAME_CROPPING = "Frame Cropping"
# (pixels across, pixels down) per chroma sample, by the start of the pixel format's name.
_SUBSAMPLED = (
    (re.compile(r"yuv[aj]?420|nv12|nv21|p01[0-6]"), (2, 2)),
    (re.compile(r"yuv[aj]?422|nv16|nv20|p21[0-6]|yuyv|uyvy|yvyu|y21[0-6]"), (2, 1)),
    (re.compile(r"yuvj?440"), (1, 2)),
    (re.compile(r"yuvj?411|uyyvyy411"), (4, 1)),
    (re.compile(r"yuv410"), (4, 4)),
)


def displayed_size(stream: Mapping[str, Any], pixel_format: str) -> tuple[int, int]:
    """Width and height of the frames that FFmpeg's decoder command outputs for a stream (ffprobe's JSON).

    Raises `UnsupportedError` if the clean aperture is partly outside of the frame.
    """
    width, height = int(stream["width"]), int(stream["height"])
    cropping = next(
        (each for each in stream.get("side_data_list", ()) if each.get("side_data_type") == _FRAME_CROPPING),
        None,
    )
    if cropping is None:
        return width, height
    top, bottom, left, right = (
        int(cropping.get(f"crop_{side}", 0)) for side in ("top", "bottom", "left", "right")
    )
    across, down = chroma_step(pixel_format)
    shown = (width - left - right) // across * across, (height - top - bottom) // down * down
    if min(top, bottom, left, right) < 0 or min(shown) < 1:
        raise UnsupportedError(
            f"the clean aperture (clap) of the video is outside of its {width}x{height} pixels",
            remedy="encode it without the clean aperture: ffmpeg -apply_cropping codec -i IN OUT",
            reason="clean-aperture",
        )
    return shown


def pixel_aspect(stream: Mapping[str, Any], default: Fraction) -> Fraction:
    """Width of a pixel over its height, from ffprobe's JSON; `default` if it is not specified.

    Raises `UnsupportedError` beyond 10:1 and 1:10: no camera has such pixels, so the file is wrong, and the
    intended aspect is unknown.
    """
    match = re.fullmatch(r"([1-9]\d{0,8}):([1-9]\d{0,8})", str(stream.get("sample_aspect_ratio", "")))
    aspect = Fraction(int(match[1]), int(match[2])) if match else default
    if not 1 / _MAX_ASPECT <= aspect <= _MAX_ASPECT:
        raise UnsupportedError(
            f"the video's pixel aspect ratio {aspect.numerator}:{aspect.denominator} is beyond 10:1",
            remedy="set the intended display aspect ratio: ffmpeg -i IN -map 0 -c copy -aspect 16:9 OUT",
            reason="pixel-aspect",
        )
    return aspect


def chroma_step(pixel_format: str) -> tuple[int, int]:
    """Pixels across and down per chroma sample; (1, 1) also for formats without chroma."""
    return next((step for names, step in _SUBSAMPLED if names.match(pixel_format)), (1, 1))
