"""The video codec of the intermediate MP4 or MOV file, for sources in other containers.

If one packet is one frame and MP4 or MOV supports the codec, packets are copied. Any other video is decoded
once by FFmpeg and encoded losslessly, so that the index lists exactly the frames that FFmpeg shows; hidden
frames (VP8), packed frames and codecs without a MOV tag then need no special handling.

Measured on 720p with light noise (CPU ms a frame to encode and to decode, kB a frame): x264 at QP 0 12 and
14, 794; FFV1 19 and 23, 707; HuffYUV 3 and 6, 863. Only x264 also keeps colors and their range in the
bitstream; FFV1 takes what x264 does not: RGB, more than ten bits, odd sizes, interlaced frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from eddyline.media.source.first_frame import FirstFrame

_MP4: Final = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4", "mpeg2video", "mpeg1video", "vvc", "mjpeg"})
# AVI has no presentation times, and FFmpeg derives those of these codecs wrongly: frames with B-frames in the
# wrong order, a dropped frame at another time, the first frame late. Decoders return frames in their order.
_UNTIMED_IN_AVI: Final = frozenset({"h264", "hevc", "vvc"})
_MOV: Final = frozenset({"prores", "dnxhd", "dvvideo", "ffv1", "v210", "cfhd", "jpeg2000"})
# Pixel formats that x264 encodes, directly or after reordering the samples.
_H264: Final[Mapping[str, str]] = {
    **{name: name for name in ("yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuvj422p", "yuvj444p")},
    **{name: name for name in ("yuv420p10le", "yuv422p10le", "yuv444p10le")},
    "nv12": "yuv420p",
    "nv21": "yuv420p",
    "yuyv422": "yuv422p",
    "uyvy422": "yuv422p",
    "yvyu422": "yuv422p",
}
# For 4:2:0 and 4:2:2 of an odd size, which x264 cannot encode: full-range formats are upsampled to 4:4:4.
_UPSAMPLED: Final = {
    "yuvj420p": "yuvj444p",
    "yuvj422p": "yuvj444p",
    "yuvj440p": "yuvj444p",
    "yuvj411p": "yuvj444p",
}
_X264: Final = ("libx264", "-preset", "ultrafast", "-qp", "0", "-bf", "0")
_GOP: Final = 25  # the most frames that are decoded before the first one of a chunk


@dataclass(frozen=True, kw_only=True)
class Intermediate:
    """The container ("mp4" or "mov") and FFmpeg's options for the video; `is_copy` if it is not decoded."""

    container: str
    options: tuple[str, ...]
    is_copy: bool = True


def stream_copy(codec: str, demuxer: str) -> Intermediate | None:
    """Return the intermediate of a codec whose packets can be copied, else None."""
    # DivX and Xvid pack two frames into one packet of AVI.
    unpacked = ("-bsf:v", "mpeg4_unpack_bframes") if (codec, demuxer) == ("mpeg4", "avi") else ()
    if demuxer == "avi" and codec in _UNTIMED_IN_AVI:
        return None
    if codec in _MP4:
        return Intermediate(container="mp4", options=("-c:v", "copy", *unpacked))
    if codec in _MOV:
        return Intermediate(container="mov", options=("-c:v", "copy"))
    return None


def lossless_encode(frame: FirstFrame) -> Intermediate:
    """Return the intermediate of video that is decoded and encoded losslessly."""
    pixels = _H264.get(frame.pixel_format)
    odd = frame.width % 2 or frame.height % 2
    if pixels and odd and not pixels.endswith(("444p", "444p10le")):
        pixels = _UPSAMPLED.get(pixels)
    pixels = pixels or _UPSAMPLED.get(frame.pixel_format)
    if pixels and not frame.interlaced:
        encoder: tuple[str, ...] = (*_X264, "-g", str(_GOP), "-pix_fmt", pixels)
    else:
        encoder = ("ffv1", "-level", "3", "-g", "1")
    # Keep the time of every decoded frame, in the source's ticks; duplicate and drop none.
    times = ("-fps_mode", "passthrough", "-enc_time_base:v", "demux")
    return Intermediate(container="mov", options=("-c:v", *encoder, *times), is_copy=False)


def codec_name(stream: Mapping[str, Any]) -> str:
    """Return ffprobe's name of the codec, or "unknown"."""
    return str(stream.get("codec_name") or "unknown")
