"""Reads a recording and finds its events: telemetry and HiLights from the index, audio levels with FFmpeg."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eddyline import gpmf
from eddyline.core.errors import InputError, ToolError
from eddyline.core.processes.runner import Runner
from eddyline.edit.highlights.detect import find_events
from eddyline.edit.highlights.events import DECIMALS, Event, Floats
from eddyline.edit.highlights.loudness import measure_levels
from eddyline.edit.highlights.segments import Segment, SegmentLength, make_segments
from eddyline.edit.highlights.selection import Recording, select_segments
from eddyline.edit.highlights.signals import Levels, read_signals
from eddyline.gpmf.format.reader import parse
from eddyline.gpmf.hilights import read_hilights
from eddyline.media.audio.mono import decode_mono
from eddyline.media.source.ffprobe import classify_tool_error
from eddyline.media.source.open_source import main_video
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.boxes import find_box, iter_boxes
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Movie
from eddyline.mp4.presentation import build_presentation

AUDIO_HZ = 8000
_RUMBLE = "highpass=frequency=250"  # wind and handling noise


@dataclass(frozen=True, kw_only=True, eq=False)
class Analysis:
    """What was found in one recording.

    `frame_times` float64[n + 1] are the movie seconds at which its frames start, and the end of the last one.
    """

    name: str
    frame_times: Floats
    events: tuple[Event, ...]
    warnings: tuple[str, ...] = ()

    @property
    def recording(self) -> Recording:
        """The movie time that the video shows."""
        return Recording(start_s=float(self.frame_times[0]), end_s=float(self.frame_times[-1]))

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "name": self.name,
            "start_s": round(float(self.frame_times[0]), DECIMALS),
            "end_s": round(float(self.frame_times[-1]), DECIMALS),
            "frames": len(self.frame_times) - 1,
            "events": len(self.events),
            "warnings": list(self.warnings),
        }


def analyze(
    name: str,
    src: ByteRanges,
    movie: Movie,
    *,
    audio: Path | None,
    work: Path,
    tools: Toolchain,
    runner: Runner,
) -> Analysis:
    """Find the events of a recording.

    `audio` is a local file with its audio on the timeline of the movie, None without audio; it is decoded
    into the directory `work`. What cannot be read becomes a warning.

    Raises:
        InputError: the video presents no frame.
        ToolError, TransientError, Interrupted: not caused by the recording.
    """
    track = main_video(movie)
    shown = build_presentation(movie, track)
    if not len(shown):
        raise InputError(f"{name} presents no frame", remedy="copy the file again")
    frame_times = np.append(shown.pts, shown.end) / track.timescale
    warnings: list[str] = []
    telemetry = _read_telemetry(src, warnings)
    udta = movie.udta or b""
    signals = read_signals(
        telemetry,
        start_s=float(frame_times[0]),
        end_s=float(frame_times[-1]),
        hilights=read_hilights(iter_boxes(udta), parse(find_box(udta, "GPMF"), lenient=True)),
        levels=None if audio is None else _measure_audio(audio, work, tools, runner, warnings),
    )
    return Analysis(
        name=name,
        frame_times=frame_times,
        events=find_events(signals),
        warnings=(*warnings, *signals.warnings),
    )


def select_highlights(
    analyses: Sequence[Analysis], total_s: float, length: SegmentLength
) -> tuple[Segment, ...]:
    """The segments of a reel of these recordings of at most `total_s` seconds, in order."""
    recordings = [each.recording for each in analyses]
    candidates = [
        segment
        for source, each in enumerate(analyses)
        for segment in make_segments(
            each.events, each.recording.start_s, each.recording.end_s, length, source=source
        )
    ]
    return select_segments(candidates, recordings, total_s, length)


def _read_telemetry(src: ByteRanges, warnings: list[str]) -> gpmf.Telemetry | None:
    try:
        return gpmf.read(src, lenient=True)
    except gpmf.NoTelemetryError:
        warnings.append("no telemetry: only HiLights and audio are used")
    except gpmf.GpmfError as error:
        warnings.append(f"the telemetry cannot be read: {error}")
    return None


def _measure_audio(
    path: Path, work: Path, tools: Toolchain, runner: Runner, warnings: list[str]
) -> Levels | None:
    out = work / "levels.f32"
    try:
        audio = decode_mono(path, out, rate=AUDIO_HZ, filters=_RUMBLE, tools=tools, runner=runner)
        return measure_levels(audio, AUDIO_HZ)
    except (ToolError, InputError) as error:
        reason = (
            classify_tool_error(error, "the audio cannot be decoded")
            if isinstance(error, ToolError)
            else error
        )
        if isinstance(reason, ToolError):
            raise reason from error
        warnings.append(reason.message)
        return None
    finally:
        out.unlink(missing_ok=True)
