"""What FFmpeg itself decodes a video's first frame to.

ffprobe comes from another build, which may lack decoders (PNG and other codecs that need zlib). So FFmpeg,
which does all decoding, decides what can be decoded: its filter showinfo describes the frame.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eddyline.core.errors import ToolError, UnsupportedError
from eddyline.core.process import Limits, Runner
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args

# One thread and 6 GiB: a header can make a decoder ask for a frame of gigabytes, for each of its threads.
_LIMITS: Final = Limits(wall_s=60, memory=6 * 1024**3)
_FRAME = re.compile(r"\bn: *0 .*\bfmt:(\w+) .*\bsar:(\d+)/(\d+) s:(\d{1,6})x(\d{1,6}) i:(\w)")
_COLOURS = re.compile(r"color_range:(\S+) color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)")
NO_DECODER: Final = ("no decoder found for", "Decoder not found", "Unknown decoder", "none ) not found")


@dataclass(frozen=True, kw_only=True)
class FirstFrame:
    """A decoded frame, its values named as FFmpeg names them; `sample_aspect` is "1:1" or "0:1" (unknown)."""

    pixel_format: str
    width: int
    height: int
    sample_aspect: str
    interlaced: bool
    color_range: str = "unknown"
    color_space: str = "unknown"
    color_primaries: str = "unknown"
    color_transfer: str = "unknown"

    def as_stream(self) -> Mapping[str, Any]:
        """As ffprobe describes a stream."""
        return {
            "codec_type": "video",
            "pix_fmt": self.pixel_format,
            "width": self.width,
            "height": self.height,
            "sample_aspect_ratio": self.sample_aspect,
            "color_range": self.color_range,
            "color_space": self.color_space,
            "color_primaries": self.color_primaries,
            "color_transfer": self.color_transfer,
            "field_order": "tt" if self.interlaced else "progressive",
        }


def decode_first_frame(
    path: Path,
    *,
    tools: Toolchain,
    runner: Runner,
    name: str,
    demuxer: str | None = None,
    stream: int | None = None,
) -> FirstFrame | None:
    """The first frame of the local file's first video, or of its stream number `stream`.

    `name` is the codec's, for messages. None where nothing is decoded. Raises `UnsupportedError` where
    FFmpeg has no decoder, `ToolError` where it was stopped or the machine was short of something.
    """
    talkative = tuple("info" if word == "error" else word for word in FFMPEG_BASE)
    argv = (
        *(str(tools.ffmpeg), *talkative, "-nostats", "-threads", "1"),
        *(("-f", demuxer) if demuxer else ()),
        *("-noautorotate", *input_args(path), "-map", "0:v:0" if stream is None else f"0:{stream}"),
        *("-frames:v", "1", "-vf", "showinfo", "-f", "null", "-"),
    )
    try:
        told = runner.run(argv, limits=_LIMITS).stderr
    except ToolError as error:
        require_decoder(error, name)
        if error.is_machine_fault:
            raise
        told = error.stderr
    return parse_showinfo(told)


def require_decoder(error: ToolError, name: str) -> None:
    """Raise `UnsupportedError` where FFmpeg failed for want of a decoder."""
    if any(sign in error.stderr for sign in NO_DECODER):
        raise UnsupportedError(
            f"FFmpeg has no decoder for this video ({name!r})",
            remedy="convert it first with the camera maker's program, for example to H.264, HEVC or ProRes",
            reason="unsupported-video",
        ) from error


def parse_showinfo(told: str) -> FirstFrame | None:
    """What showinfo said of the first frame; None where it said nothing."""
    frame = _FRAME.search(told)
    if frame is None:
        return None
    found = _COLOURS.search(told, frame.end())
    colours = found.groups() if found else ("unknown",) * 4
    return FirstFrame(
        pixel_format=frame[1],
        sample_aspect=f"{frame[2]}:{frame[3]}",
        width=int(frame[4]),
        height=int(frame[5]),
        interlaced=frame[6] != "P",
        color_range=colours[0],
        color_space=colours[1],
        color_primaries=colours[2],
        color_transfer=colours[3],
    )
