"""The properties of a video's first frame as FFmpeg decodes it.

ffprobe comes from another build, which may lack decoders (PNG and other codecs that need zlib). Therefore
FFmpeg, which does all decoding, decides what can be decoded; its filter showinfo describes the frame.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eddyline.core.errors import ToolError, UnsupportedError
from eddyline.core.processes.runner import Limits, Runner
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args

# One thread and 6 GiB: a header can make a decoder allocate gigabytes for a frame, in each of its threads.
_LIMITS: Final = Limits(wall_s=60, memory=6 * 1024**3)
_FRAME = re.compile(r"\bn: *0 .*\bfmt:(\w+) cl:(\w+) sar:(\d+)/(\d+) s:(\d{1,6})x(\d{1,6}) i:(\w)")
_COLOURS = re.compile(r"color_range:(\S+) color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)")
NO_DECODER: Final = ("no decoder found for", "Decoder not found", "Unknown decoder", "none ) not found")


@dataclass(frozen=True, kw_only=True)
class FirstFrame:
    """A decoded frame, with FFmpeg's names for its values; `sample_aspect` is "1:1", or "0:1" if unknown."""

    pixel_format: str
    width: int
    height: int
    sample_aspect: str
    interlaced: bool
    color_range: str = "unknown"
    color_space: str = "unknown"
    color_primaries: str = "unknown"
    color_transfer: str = "unknown"
    chroma_location: str = "unknown"

    def as_stream(self) -> Mapping[str, Any]:
        """Return the values in the form of ffprobe's description of a stream."""
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
            "chroma_location": self.chroma_location,
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
    """Decode the first frame of the local file's first video stream, or of the stream with index `stream`.

    `name` is the name of the codec in messages. Returns None if nothing is decoded. Raises `UnsupportedError`
    if FFmpeg has no decoder, `ToolError` if it was stopped or memory or disk space ran out.
    """
    verbose = tuple("info" if word == "error" else word for word in FFMPEG_BASE)
    argv = (
        *(str(tools.ffmpeg), *verbose, "-nostats", "-threads", "1"),
        *(("-f", demuxer) if demuxer else ()),
        *("-noautorotate", *input_args(path), "-map", "0:v:0" if stream is None else f"0:{stream}"),
        *("-frames:v", "1", "-vf", "showinfo", "-f", "null", "-"),
    )
    try:
        log = runner.run(argv, limits=_LIMITS).stderr
    except ToolError as error:
        require_decoder(error, name)
        if error.is_machine_fault:
            raise
        log = error.stderr
    return parse_showinfo(log)


def require_decoder(error: ToolError, name: str) -> None:
    """Raise `UnsupportedError` if FFmpeg failed because it has no decoder."""
    if any(message in error.stderr for message in NO_DECODER):
        raise UnsupportedError(
            f"FFmpeg has no decoder for this video ({name!r})",
            remedy="convert it first with the camera maker's program, for example to H.264, HEVC or ProRes",
            reason="unsupported-video",
        ) from error


def parse_showinfo(log: str) -> FirstFrame | None:
    """Return the first frame in the log of the filter showinfo; None if it has none."""
    frame = _FRAME.search(log)
    if frame is None:
        return None
    found = _COLOURS.search(log, frame.end())
    colours = found.groups() if found else ("unknown",) * 4
    return FirstFrame(
        pixel_format=frame[1],
        chroma_location=frame[2],
        sample_aspect=f"{frame[3]}:{frame[4]}",
        width=int(frame[5]),
        height=int(frame[6]),
        interlaced=frame[7] != "P",
        color_range=colours[0],
        color_space=colours[1],
        color_primaries=colours[2],
        color_transfer=colours[3],
    )
