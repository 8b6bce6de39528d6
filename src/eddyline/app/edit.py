"""Edits of single recordings, without a ledger."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from eddyline.app.tools import find_toolchain
from eddyline.core.processes.runner import Runner
from eddyline.core.stop import Stop
from eddyline.edit.combine.combine import Combined, CombineRequest
from eddyline.edit.combine.combine import combine as combine_files
from eddyline.edit.reel.reel import Reel
from eddyline.edit.reel.reel import make_reel as write_reel
from eddyline.edit.reel.search import HighlightRequest, Highlights
from eddyline.edit.reel.search import find_highlights as search_highlights
from eddyline.edit.trim.time_values import TimeValue, parse_number, parse_time
from eddyline.edit.trim.trim import Trimmed, TrimRequest
from eddyline.edit.trim.trim import trim as trim_recording


def trim(
    source: Path, out: Path, *, start: str, end: str = "", keyframes: bool = False, stop: Stop | None = None
) -> Trimmed:
    """Copy the range [start, end) of a recording; times in CLI notation, without an end: to the last frame.

    Raises the errors of `edit.trim.trim`.
    """
    stop_value = parse_time(end) if end else TimeValue(frame=sys.maxsize)
    request = TrimRequest(start=parse_time(start), end=stop_value, keyframes=keyframes)
    return trim_recording(source, out, request, tools=find_toolchain(), runner=Runner(stop=stop or Stop()))


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
    """Add audio and telemetry to a video; numbers in CLI notation, without an offset: 0 or as measured.

    Raises `UsageError` for an invalid number, and the errors of `edit.combine.combine`.
    """
    request = CombineRequest(
        audio=audio,
        telemetry=telemetry,
        offset=parse_number(offset) if offset else None,
        drift="auto" if drift == "auto" else float(parse_number(drift)),
        telemetry_offset=parse_number(telemetry_offset),
        replace=replace,
        copy=copy,
    )
    return combine_files(video, out, request, tools=find_toolchain(), runner=Runner(stop=stop or Stop()))


def find_highlights(
    sources: Sequence[Path], request: HighlightRequest, *, stop: Stop | None = None
) -> Highlights:
    """Find and select the highlights of recordings. Raises the errors of `edit.reel.search`."""
    return search_highlights(sources, request, tools=find_toolchain(), runner=Runner(stop=stop or Stop()))


def make_reel(
    sources: Sequence[Path], out: Path, request: HighlightRequest, *, stop: Stop | None = None
) -> Reel:
    """Write the highlights of recordings as a reel. Raises the errors of `edit.reel.reel`."""
    return write_reel(sources, out, request, tools=find_toolchain(), runner=Runner(stop=stop or Stop()))
