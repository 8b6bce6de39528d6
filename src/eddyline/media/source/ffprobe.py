"""Asks ffprobe about one small local file and answers in plain values."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from eddyline.core.errors import InputError, ToolError
from eddyline.core.process import Limits, Runner
from eddyline.media.toolchain import Toolchain, input_args

# One thread and 6 GiB: a header can make a decoder ask for a frame of gigabytes, for each of its threads.
PROBE_S: Final = 60.0
_LIMITS = Limits(wall_s=PROBE_S, memory=6 * 1024**3, output=4 * 1024 * 1024)
_ADDRESS = re.compile(r"\[\S+ @ 0x[0-9a-f]+\]\s*")  # another one in every run


def run_ffprobe(
    path: Path, *questions: str, tools: Toolchain, runner: Runner, demuxer: str | None = None
) -> dict[str, Any]:
    """The JSON answer of ffprobe to `questions` ("-show_streams", ...); `demuxer` forces the container.

    Raises `InputError` where the file cannot be read, `ToolError` where ffprobe was killed or ran too long.
    """
    forced = ("-f", demuxer) if demuxer else ()
    argv = (
        str(tools.ffprobe),
        "-v",
        "error",
        "-of",
        "json",
        *forced,
        "-threads",
        "1",
        *input_args(path),
        *questions,
    )
    try:
        answer = json.loads(runner.run(argv, limits=_LIMITS).stdout)
    except ToolError as error:
        raise classify_tool_error(error, "the footage cannot be read") from error
    except ValueError as error:
        raise InputError(
            "ffprobe gave no answer about the footage", remedy="copy the file again", reason="damaged"
        ) from error
    return dict(answer)


def classify_tool_error(error: ToolError, what: str) -> InputError | ToolError:
    """The tool's failure as the footage's fault, unless the tool was stopped or the machine was short."""
    if error.is_machine_fault:
        return error
    said = _ADDRESS.sub("", error.message.rsplit(": ", maxsplit=1)[-1])
    return InputError(
        f"{what}: {said}",
        remedy="play the file to its end in a player; if that fails too, copy it again from the card",
        reason="damaged",
    )
