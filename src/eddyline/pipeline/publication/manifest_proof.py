"""The manifest's section `proof`: every statement is checked here once more, from the steps' measurements."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from eddyline.core.errors import ProofError
from eddyline.media.frame_verification.frame_times import SECOND_US
from eddyline.media.streaming.durations import Durations, StreamDurations
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.publication.manifest_sections import PartsByKind, subtitles


def prove(plan: Plan, parts: PartsByKind) -> dict[str, Any]:
    """The proof as JSON values. Raises `ProofError` if a statement does not hold."""
    frames_in = plan.facts.video.frames
    renditions = [part.result for part in parts["assemble"]]
    by_rung = dict(zip((rung.name for rung in plan.rungs), renditions, strict=True))
    frames_out = {name: each["frames"] for name, each in by_rung.items()}
    telemetry_in = plan.facts.telemetry.sha256 if plan.facts.telemetry else None
    audio_samples = [part.result["samples"] for part in parts["audio"]]
    expected = {rung.name: rung.frame_count(frames_in) for rung in plan.rungs}
    _require(
        frames_out == expected,
        f"the renditions should have {expected} frames of the source's {frames_in}, but have {frames_out}",
    )
    keyframes = [[frame * rung.frame_step for frame in by_rung[rung.name]["idr"]] for rung in plan.rungs]
    _require(
        all(each == keyframes[0] for each in keyframes),
        "keyframes differ between the renditions",
    )
    _require(
        all(each["telemetry_sha256"] == telemetry_in for each in renditions),
        "the telemetry of a rendition differs from the source's",
    )
    _check_chapters(plan, parts)
    _check_subtitles(parts)
    _require(
        all(each["audio_samples"] == audio_samples for each in renditions),
        "a rendition lacks audio samples",
    )
    _check_chunks(plan)
    return {
        "frames_in": frames_in,
        "frames_out": frames_out,
        "idr_grid_equal": True,
        "audio_samples": audio_samples,
        "telemetry_sha256_in": telemetry_in,
        "telemetry_sha256_out": telemetry_in and renditions[0]["telemetry_sha256"],
        "chunks": len(plan.chunks),
        "family_chunks": {family: len(plan.chunks_of(family)) for family in plan.families},
        "segment_frames": plan.grid.segment,
        "durations_s": _durations(plan, parts),
        "frame_samples": {name: each["frame_samples"] for name, each in by_rung.items()},
        **_authoring(parts),
    }


def proof_cpu_s(parts: PartsByKind) -> float:
    """What comparing the renditions' frames with the source's cost, in CPU seconds."""
    decoding = sum(part.cpu_s for part in parts["samples"])
    return float(decoding + sum(part.result["proof_cpu_s"] for part in parts["assemble"]))


def _check_chapters(plan: Plan, parts: PartsByKind) -> None:
    expected = {each["frame"] for each in parts["pictures"][0].result["highlights"]}
    expected |= {each.frame for each in plan.facts.chapters}
    for part in parts["assemble"]:
        written = {each["frame"] for each in part.result["chapters"]}
        _require(written - {0} == expected - {0}, "the chapters of a rendition are not those of the source")


def _check_subtitles(parts: PartsByKind) -> None:
    tracks = [part.result.get("subtitles", []) for part in parts["assemble"]]
    _require(all(each == tracks[0] for each in tracks), "subtitles differ between the renditions")
    _require(len(tracks[0]) == len(subtitles(parts["subtitles"])), "a rendition lacks a subtitle track")


def _check_chunks(plan: Plan) -> None:
    for family in plan.families:
        ranges = [(chunk.start, chunk.stop) for chunk in plan.chunks_of(family)]
        contiguous = all(stop == start for (_, stop), (start, _) in pairwise(ranges))
        complete = (
            bool(ranges)
            and ranges[0][0] == 0
            and ranges[-1][1] == plan.facts.video.frames * plan.rungs[0].fields
        )
        _require(contiguous and complete, f"the chunks of {family} do not cover the source")


def _durations(plan: Plan, parts: PartsByKind) -> dict[str, Any]:
    """The durations of source, renditions and stream. Raises `ProofError` if they do not agree."""
    samples: Mapping[str, Any] = next(
        (value for key, value in parts["samples"][0].result.items() if key != "plan"), {}
    )
    first = min((time for _, time, _ in samples.get("frames", ())), default=0)
    end = samples.get("end")
    packaged = parts["package"]
    durations = Durations(
        source=plan.facts.duration_s,
        decoded=None if end is None else round(end / SECOND_US, 6),
        renditions={
            rung.name: part.result["duration_s"]
            for rung, part in zip(plan.rungs, parts["assemble"], strict=True)
        },
        stream=StreamDurations(**packaged[0].result["durations_s"]) if packaged else None,
        first=first / SECOND_US,
        slack=samples.get("slack", 0) / SECOND_US,
    )
    durations.verify(plan.facts.video.fps)
    return durations.to_json()


def _authoring(parts: PartsByKind) -> dict[str, Any]:
    """What the rules of HLS and DASH found; nothing without packaging."""
    return {"authoring": parts["package"][0].result["authoring"]} if parts["package"] else {}


def _require(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise ProofError(otherwise)
