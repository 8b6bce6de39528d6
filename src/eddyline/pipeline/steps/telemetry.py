"""The camera's own data, kept beside the pictures: payloads and settings as they are, and in open formats.

The payloads' bytes are promised and proven. All else is a reading of them, and footage is worth more than its
telemetry: what cannot be read is told in `warnings`, never an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eddyline import gpmf
from eddyline.core.errors import Interrupted, ProofError, TransientError
from eddyline.gpmf.export import write_side_files
from eddyline.mp4.slice import iter_samples
from eddyline.page.telemetry_summary import summarize_telemetry
from eddyline.pipeline.runtime.highlights import read_hilight_times
from eddyline.pipeline.runtime.runtime import StepOutput, Task
from eddyline.pipeline.runtime.source_files import IndexedSource

# name in the manifest -> file
_SIDE_FILES = {
    "json": "telemetry.json.gz",
    "gpx": "track.gpx",
    "geojson": "track.geojson",
    "svg": "track.svg",
    "highlights": "highlights.json",
}
_MOST_WARNINGS = 20


def telemetry(task: Task) -> StepOutput:
    """Write "payloads.gpmf" (all payloads in order), "udta.bin" and side files, where the source has them."""
    made: dict[str, Path] = {}
    facts: dict[str, Any] = {"camera": None, "streams": {}, "gps": None}
    with task.open_source() as source:
        if task.plan.facts.telemetry is not None:
            made["payloads.gpmf"] = _payloads(source, task)
        if source.movie.udta:
            made["udta.bin"] = task.work / "udta.bin"
            made["udta.bin"].write_bytes(source.movie.udta)
        names, warnings = _side_files(source, task, facts)
        warnings += _unplaced(source)
    made |= {name: task.work / name for name in names}
    paths = {"payloads": "payloads.gpmf", "udta": "udta.bin", **_SIDE_FILES}
    return StepOutput(
        files=made,
        result={
            "paths": {key: name if name in made else None for key, name in paths.items()},
            **facts,
            "warnings": _shortened(warnings),
        },
    )


def _payloads(source: IndexedSource, task: Task) -> Path:
    expected = task.plan.facts.telemetry
    track = source.movie.first_track("telemetry")
    if expected is None or track is None:
        raise ProofError("the source had a telemetry track when it was inspected and has none now")
    path, seen = task.work / "payloads.gpmf", hashlib.sha256()
    with path.open("wb") as file:
        for payload in iter_samples(source.src, track):
            seen.update(payload)
            file.write(payload)
    if seen.hexdigest() != expected.sha256:
        raise ProofError("the telemetry written is not the telemetry that was inspected")
    return path


def _side_files(source: IndexedSource, task: Task, facts: dict[str, Any]) -> tuple[Sequence[str], list[str]]:
    """Write what can be read into the scratch folder and fill in `facts`; names, and warnings."""
    if task.plan.facts.telemetry is None and not source.movie.udta:
        return (), []
    try:
        found = gpmf.read(source.src, lenient=True)
        facts |= summarize_telemetry(found)
        return write_side_files(found, task.work), [str(warning) for warning in found.warnings]
    except gpmf.NoTelemetryError:
        return (), []
    except (TransientError, Interrupted, MemoryError):
        raise  # the machine or the user, not the telemetry
    except Exception as error:  # noqa: BLE001 - whatever bytes no reader foresaw: the footage is not lost for it
        return (), [f"the telemetry cannot be read: {str(error) or type(error).__name__}"]


def _unplaced(source: IndexedSource) -> list[str]:
    """HiLights that are nowhere on the timeline."""
    end = source.presentation.end / source.track.timescale
    beyond = sum(not 0 <= time_s < end for time_s, _ in read_hilight_times(source.movie.udta))
    if not beyond:
        return []
    return [f"{beyond} of the camera's HiLights lie outside the film ({end:.3f} s) and are left out"]


def _shortened(warnings: Sequence[str]) -> list[str]:
    """The first few; the whole list is in telemetry.json.gz."""
    if len(warnings) <= _MOST_WARNINGS:
        return list(warnings)
    return [*warnings[:_MOST_WARNINGS], f"and {len(warnings) - _MOST_WARNINGS} more"]
