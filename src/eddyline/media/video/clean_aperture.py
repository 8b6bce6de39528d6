"""The part of a decoded frame that is shown, and the shape of its pixels, as FFmpeg reads them.

Measured with FFmpeg 8.1 and 9.0; players and this product follow it:

- The shape of a pixel comes from pasp; without one, from the size in tkhd, where its whole pixels differ from
  the coded size; else from the bitstream (SPS). The scale of a display matrix has no part in it.
- clap cuts the frame, in pixels as coded, and changes nothing about the shape of a pixel. A clean aperture
  that is larger than the frame is ignored. FFmpeg's decoder command cuts it off by itself; the size that is
  left is rounded down to whole chroma samples.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from eddyline.core.errors import UnsupportedError

_MOST_ASPECT = Fraction(10)
_FRAME_CROPPING = "Frame Cropping"
# (pixels across, pixels down) that share a chroma sample, by how the pixel format's name begins or goes on.
_SUBSAMPLED = (
    (re.compile(r"yuv[aj]?420|nv12|nv21|p01[0-6]"), (2, 2)),
    (re.compile(r"yuv[aj]?422|nv16|nv20|p21[0-6]|yuyv|uyvy|yvyu|y21[0-6]"), (2, 1)),
    (re.compile(r"yuvj?440"), (1, 2)),
    (re.compile(r"yuvj?411|uyyvyy411"), (4, 1)),
    (re.compile(r"yuv410"), (4, 4)),
)


def displayed_size(stream: Mapping[str, Any], pixel_format: str) -> tuple[int, int]:
    """Width and height of the frames that FFmpeg's decoder command gives of a stream that ffprobe describes.

    Raises `UnsupportedError` for a clean aperture that lies partly outside of the frame.
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
            f"the clean aperture (clap) of the video lies outside of its {width}x{height} pixels",
            remedy="encode it without the clean aperture: ffmpeg -apply_cropping codec -i IN OUT",
            reason="clean-aperture",
        )
    return shown


def pixel_aspect(stream: Mapping[str, Any], unsaid: Fraction) -> Fraction:
    """Width of a pixel over its height, of a stream that ffprobe describes; `unsaid` where that says nothing.

    Raises `UnsupportedError` beyond 10:1 and 1:10: no camera has such pixels, so it is an error of the file,
    and nothing tells what was meant.
    """
    said = re.fullmatch(r"([1-9]\d{0,8}):([1-9]\d{0,8})", str(stream.get("sample_aspect_ratio", "")))
    aspect = Fraction(int(said[1]), int(said[2])) if said else unsaid
    if not 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT:
        raise UnsupportedError(
            f"the video's pixels are {aspect.numerator} wide and {aspect.denominator} high, beyond 10 to 1",
            remedy="set the display aspect it should have: ffmpeg -i IN -map 0 -c copy -aspect 16:9 OUT",
            reason="pixel-aspect",
        )
    return aspect


def chroma_step(pixel_format: str) -> tuple[int, int]:
    """How many pixels across and down share a chroma sample; (1, 1) also for formats without chroma."""
    return next((step for names, step in _SUBSAMPLED if names.match(pixel_format)), (1, 1))
