"""Edits of single recordings: one call each, without a ledger."""

from __future__ import annotations

import sys
from pathlib import Path

from eddyline.app.tools import find_toolchain
from eddyline.core.process import Runner
from eddyline.core.stop import Stop
from eddyline.edit.combine.combine import Combined
from eddyline.edit.combine.combine import CombineRequest as Together
from eddyline.edit.combine.combine import combine as put_together
from eddyline.edit.trim.time_values import TimeValue, parse_number, parse_time
from eddyline.edit.trim.trim import Trimmed, TrimRequest
from eddyline.edit.trim.trim import trim as cut


def trim(
    source: Path, out: Path, *, start: str, end: str = "", keyframes: bool = False, stop: Stop | None = None
) -> Trimmed:
    """Cut [start, end) out of a recording; times as people write them, no end: up to the last frame.

    Raises the errors of `pipeline.edit.trim.trim`.
    """
    last = parse_time(end) if end else TimeValue(frame=sys.maxsize)
    wish = TrimRequest(start=parse_time(start), end=last, keyframes=keyframes)
    return cut(source, out, wish, tools=find_toolchain(), runner=Runner(stop=stop or Stop()))


def combine(
    video: Path,
    out: Path,
    *,
    audio: tuple[Path, ...] = (),
    telemetry: Path | None = None,
    offset: str = "",
    drift: str = "0",
    telemetry_offset: str = "0",
    replace: bool = False,
    copy: bool = False,
    stop: Stop | None = None,
) -> Combined:
    """Put sound and telemetry beside a picture; numbers as people write them, no offset: 0 or as measured.

    Raises `UsageError` for what is no parse_number, and the errors of `pipeline.edit.combine.combine`.
    """
    wish = Together(
        audio=audio,
        telemetry=telemetry,
        offset=parse_number(offset) if offset else None,
        drift="auto" if drift == "auto" else float(parse_number(drift)),
        telemetry_offset=parse_number(telemetry_offset),
        replace=replace,
        copy=copy,
    )
    return put_together(video, out, wish, tools=find_toolchain(), runner=Runner(stop=stop or Stop()))
