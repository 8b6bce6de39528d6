"""Decodes the first frames of an audio stream to get its actual format, which headers may misstate."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eddyline.core.errors import ToolError
from eddyline.core.processes.runner import Limits, Runner
from eddyline.media.source.ffprobe import classify_tool_error
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain

UNDECODED: Final = "none of it can be decoded"

_LIMITS = Limits(wall_s=60, memory=6 * 1024**3, output=4 * 1024 * 1024)
_NO_DECODER = re.compile(r"no decoder found for: ([\w.-]+)")
_HEADER = re.compile(r"^#(sample_rate|channel_layout_name) 0: (.*)$", re.MULTILINE)
# stream, dts, pts, samples, bytes, checksum of 16-bit PCM; bytes / samples / 2 is the number of channels
_FRAME = re.compile(r"^0, *-?\d+, *-?\d+, *(\d+), *(\d+), ", re.MULTILINE)
_STREAM = re.compile(
    r"Stream #0:(?P<index>\d+)[^\n]*?: Audio: (?P<codec>[\w.-]+)"
    r"(?:[^\n]*, (?P<format>(?:u8|s16|s32|s64|flt|dbl)p?)\b(?: \((?P<bits>\d+) bit\))?)?"
)


@dataclass(frozen=True, kw_only=True)
class DecodedAudio:
    """An audio stream as FFmpeg decodes it, with FFmpeg's names; `bits` are the significant bits (0: all)."""

    codec: str
    channels: int
    sample_rate: int
    layout: str
    sample_format: str = ""
    bits: int = 0


def decode_first_frames(
    source: Sequence[str], stream: str, *, runner: Runner, tools: Toolchain
) -> DecodedAudio | str:
    """Decode the first frames of `stream` ("0:a:0", "0:3"); return its format, or the reason of a failure.

    `source` are the FFmpeg arguments that open the input. Raises `ToolError` if FFmpeg was killed or exceeded
    its limits, or if memory or disk space ran out.
    """
    options = ("-c:a", "pcm_s16le", "-frames:a", "4", "-f", "framecrc", "-")
    try:
        result = runner.run(_command(source, stream, tools, *options), limits=_LIMITS)
    except ToolError as error:
        if isinstance(classify_tool_error(error, ""), ToolError):
            raise
        unknown = _NO_DECODER.search(error.stderr)
        if unknown is None:
            return UNDECODED
        return f"FFmpeg has no decoder for {'this codec' if unknown[1] == 'none' else unknown[1]}"
    output = result.stdout.decode("utf-8", "replace")
    frame, header = _FRAME.search(output), dict(_HEADER.findall(output))
    if frame is None or not int(frame[1]) or not header.get("sample_rate", "").isdigit():
        return UNDECODED
    index = stream.removeprefix("0:")
    lines = [
        each for each in _STREAM.finditer(result.stderr) if not index.isdigit() or each["index"] == index
    ]
    line = lines[0] if lines else None
    return DecodedAudio(
        codec=line["codec"] if line else "unknown",
        channels=int(frame[2]) // int(frame[1]) // 2,
        sample_rate=int(header["sample_rate"]),
        layout=header.get("channel_layout_name", ""),
        sample_format=(line["format"] or "").removesuffix("p") if line else "",
        bits=int(line["bits"] or 0) if line else 0,
    )


def can_encode(source: Sequence[str], stream: str, filters: str, *, runner: Runner, tools: Toolchain) -> bool:
    """Return whether FFmpeg can encode the stream to AAC with `filters`. Raises as `decode_first_frames`."""
    options = ("-af", filters, "-c:a", "aac", "-frames:a", "4", "-f", "null", "-")
    try:
        runner.run(_command(source, stream, tools, *options), limits=_LIMITS)
    except ToolError as error:
        if isinstance(classify_tool_error(error, ""), ToolError):
            raise
        return False
    return True


def _command(source: Sequence[str], stream: str, tools: Toolchain, *options: str) -> tuple[str, ...]:
    # FFmpeg describes streams at level "info". A damaged packet does not stop the decoding.
    base = tuple("info" if word == "error" else word for word in FFMPEG_BASE)
    tolerant = ("-nostats", "-max_error_rate", "1", "-threads", "1")
    return (str(tools.ffmpeg), *base, *tolerant, *source, "-map", stream, "-vn", *options)
