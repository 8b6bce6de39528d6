"""Runs ffprobe on one small local file and returns its JSON output."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from eddyline.core.errors import InputError, ToolError
from eddyline.core.processes.runner import Limits, Runner
from eddyline.media.toolchain import Toolchain, input_args

# One thread and 6 GiB: a header can make a decoder allocate gigabytes for a frame, in each of its threads.
PROBE_S: Final = 60.0
_LIMITS = Limits(wall_s=PROBE_S, memory=6 * 1024**3, output=4 * 1024 * 1024)
_ADDRESS = re.compile(r"\[\S+ @ 0x[0-9a-f]+\]\s*")  # differs between runs


def run_ffprobe(
    path: Path, *options: str, tools: Toolchain, runner: Runner, demuxer: str | None = None
) -> dict[str, Any]:
    """Return the output of ffprobe with `options` ("-show_streams", ...); `demuxer` forces the container.

    Raises `InputError` if the file cannot be read, `ToolError` if ffprobe was killed or exceeded its limits.
    """
    forced = ("-f", demuxer) if demuxer else ()
    argv = (
        *(str(tools.ffprobe), "-v", "error", "-of", "json", *forced),
        *("-threads", "1", *input_args(path), *options),
    )
    try:
        output = json.loads(runner.run(argv, limits=_LIMITS).stdout)
    except ToolError as error:
        raise classify_tool_error(error, "the source cannot be read") from error
    except ValueError as error:
        raise InputError(
            "ffprobe returned no description of the source", remedy="copy the file again", reason="damaged"
        ) from error
    return dict(output)


def classify_tool_error(error: ToolError, what: str) -> InputError | ToolError:
    """Return an `InputError` (damaged source), or `error` itself if the machine caused the failure.

    The machine is at fault if the tool was killed, or memory or disk space ran out. `what` starts the
    message.
    """
    if error.is_machine_fault:
        return error
    detail = _ADDRESS.sub("", error.message.rsplit(": ", maxsplit=1)[-1])
    return InputError(
        f"{what}: {detail}",
        remedy="play the file to its end in a player; if that fails too, copy it again from the card",
        reason="damaged",
    )
