"""Exports the camera's telemetry: payloads and settings unchanged, and in open formats.

The payloads' bytes are verified. Everything else is an interpretation of them, and must not fail the asset:
what cannot be parsed becomes a warning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eddyline import gpmf
from eddyline.core.errors import Interrupted, ProofError, ToolError, TransientError
from eddyline.media.ladder.profile import HighlightSettings
from eddyline.mp4.slice import iter_samples
from eddyline.pipeline.runtime.highlights import read_hilight_times
from eddyline.pipeline.runtime.index_cache import IndexedSource
from eddyline.pipeline.runtime.runtime import Task
from eddyline.pipeline.runtime.step_handler import StepOutput

# name in the manifest -> file
_SIDE_FILES = {
    "json": "telemetry.json.gz",
    "gpx": "track.gpx",
    "geojson": "track.geojson",
    "svg": "track.svg",
    "highlights": "highlights.json",
}
# Only where the profile asks for it.
_SEGMENTS, _SEGMENTS_FILE = "highlight_segments", "highlight-segments.json"
_MAX_WARNINGS = 20


def telemetry(task: Task) -> StepOutput:
    """Write "payloads.gpmf" (all payloads in order), "udta.bin" and side files, where the source has them.

    If the profile asks for it, the list of highlights, too.
    """
    written: dict[str, Path] = {}
    facts: dict[str, Any] = {"camera": None, "streams": {}, "gps": None}
    with task.open_source() as source:
        if task.plan.facts.telemetry is not None:
            written["payloads.gpmf"] = _write_payloads(source, task)
        if source.movie.udta:
            written["udta.bin"] = task.work / "udta.bin"
            written["udta.bin"].write_bytes(source.movie.udta)
        names, warnings = _write_side_files(source, task, facts)
        warnings += _hilights_outside(source)
        written |= {name: task.work / name for name in names}
        paths = {"payloads": "payloads.gpmf", "udta": "udta.bin", **_SIDE_FILES}
        if task.plan.profile.highlights is not None:
            paths[_SEGMENTS] = _SEGMENTS_FILE
            warnings += _write_segments(source, task, task.plan.profile.highlights, written)
    return StepOutput(
        files=written,
        result={
            "paths": {key: name if name in written else None for key, name in paths.items()},
            **facts,
            "warnings": _truncate(warnings),
        },
    )


def _write_payloads(source: IndexedSource, task: Task) -> Path:
    expected = task.plan.facts.telemetry
    track = source.movie.first_track("telemetry")
    if expected is None or track is None:
        raise ProofError("the telemetry track that inspection found is missing from the source")
    path, sha256 = task.work / "payloads.gpmf", hashlib.sha256()
    with path.open("wb") as file:
        for payload in iter_samples(source.src, track):
            sha256.update(payload)
            file.write(payload)
    if sha256.hexdigest() != expected.sha256:
        raise ProofError("the telemetry differs from the telemetry that was inspected")
    return path


def _write_side_files(
    source: IndexedSource, task: Task, facts: dict[str, Any]
) -> tuple[Sequence[str], list[str]]:
    """Write what can be parsed to the scratch directory, add to `facts`; returns file names and warnings."""
    if task.plan.facts.telemetry is None and not source.movie.udta:
        return (), []
    try:
        found = gpmf.read(source.src, lenient=True)
        # Few sources have telemetry, and the exports import a lot.
        from eddyline.gpmf.export import write_side_files  # noqa: PLC0415 - see above
        from eddyline.page.telemetry_summary import summarize_telemetry  # noqa: PLC0415 - see above

        facts |= summarize_telemetry(found)
        return write_side_files(found, task.work), [str(warning) for warning in found.warnings]
    except gpmf.NoTelemetryError:
        return (), []
    except (TransientError, Interrupted, MemoryError):
        raise  # not caused by the telemetry
    except Exception as error:  # noqa: BLE001 - unforeseen bytes must not fail the asset
        return (), [f"the telemetry cannot be parsed: {str(error) or type(error).__name__}"]


def _write_segments(
    source: IndexedSource, task: Task, settings: HighlightSettings, written: dict[str, Path]
) -> list[str]:
    """Write the list of highlights and add it to `written`; returns warnings."""
    # Few profiles ask for it, and it imports a lot.
    from eddyline.pipeline.runtime.highlight_segments import write_highlight_segments  # noqa: PLC0415 - see above

    out = task.work / _SEGMENTS_FILE
    try:
        write_highlight_segments(task, source, settings, out)
    except (TransientError, ToolError, Interrupted, MemoryError):
        raise  # not caused by the source
    except Exception as error:  # noqa: BLE001 - unforeseen bytes must not fail the asset
        return [f"the highlights cannot be found: {str(error) or type(error).__name__}"]
    written[out.name] = out
    return []


def _hilights_outside(source: IndexedSource) -> list[str]:
    """A warning about HiLights outside the timeline, if there are any."""
    end = source.presentation.end / source.track.timescale
    outside = sum(not 0 <= time_s < end for time_s, _ in read_hilight_times(source.movie.udta))
    if not outside:
        return []
    return [f"{outside} of the camera's HiLights are outside the video ({end:.3f} s) and are left out"]


def _truncate(warnings: Sequence[str]) -> list[str]:
    """The first few warnings; the whole list is in telemetry.json.gz."""
    if len(warnings) <= _MAX_WARNINGS:
        return list(warnings)
    return [*warnings[:_MAX_WARNINGS], f"and {len(warnings) - _MAX_WARNINGS} more"]
