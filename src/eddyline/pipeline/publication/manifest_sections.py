"""The sections of the manifest that describe the source and the files of the asset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

from eddyline.media.ladder.ladder import Rung
from eddyline.media.left_out.report import LeftOut, sort_left_out
from eddyline.media.quality.comparison import is_measurable
from eddyline.media.quality.metrics import Metric
from eddyline.media.quality.report import HDR, SPHERE, measured, not_measured
from eddyline.media.source.source import Description, SourceFacts, SphereFacts
from eddyline.media.video.hdr_metadata import keeps_hdr
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.publication.selection_sections import crf
from eddyline.pipeline.runtime.parts import Part

PartsByKind: TypeAlias = Mapping[str, Sequence[Part]]
"""Job kind -> the parts of its jobs, in order; empty where the plan has no job of the kind."""


_HDR_NAMES = {"smpte2084": "pq", "arib-std-b67": "hlg"}


def source(name: str, facts: SourceFacts) -> dict[str, Any]:
    """The source file and its tracks."""
    video = facts.video
    return {
        "name": name,
        "bytes": facts.bytes,
        "fingerprint": facts.fingerprint,
        "duration_s": facts.duration_s,
        "container": facts.container,
        "video": {
            "codec": video.codec,
            "width": video.width,
            "height": video.height,
            "fps": str(video.fps),
            "frames": video.frames,
            "rotation": video.rotation,
            "mirrored": video.mirrored,
            "projection": video.projection or None,
            "variable_rate": video.variable_rate,
            "transfer": video.transfer,
            "pixel_format": video.pixel_format,
            **_sphere(video.sphere),
        },
        "audio": [
            {
                "codec": track.codec,
                "channels": track.channels,
                "sample_rate": track.sample_rate,
                "language": track.language,
            }
            for track in facts.audio
        ],
        "telemetry": None if facts.telemetry is None else asdict(facts.telemetry),
    }


def _sphere(found: SphereFacts | None) -> dict[str, Any]:
    """How the decoded frames of spherical video are projected; empty for other video."""
    if found is None:
        return {}
    view = None if found.view is None else asdict(found.view)
    tracks = 2 if found.is_eac else 1
    return {"sphere": {"tracks": tracks, "width": found.width, "height": found.height, "view": view}}


def description(found: Description) -> dict[str, Any]:
    """The container's own metadata; absent values are left out."""
    device = {key: value for key, value in (("make", found.make), ("model", found.model)) if value}
    location = found.location and {
        key: value for key, value in asdict(found.location).items() if value is not None
    }
    values = {"created": found.created, "title": found.title, "device": device, "location": location}
    return {key: value for key, value in values.items() if value}


def left_out(plan: Plan, parts: PartsByKind) -> list[dict[str, str]]:
    """What of the source the asset does not contain: found by inspection, and undecodable subtitles."""
    subtitles = [LeftOut.from_json(each) for part in parts["subtitles"] for each in part.result["left_out"]]
    return [each.to_json() for each in sort_left_out([*plan.facts.left_out, *subtitles])]


def renditions(plan: Plan, assembled: Sequence[Part], quality: Sequence[Part]) -> list[dict[str, Any]]:
    """One entry for each rung."""
    return [
        {**_rendition(plan, rung, part.result), **crf(plan, rung), **_quality(plan, rung, quality)}
        for rung, part in zip(plan.rungs, assembled, strict=True)
    ]


def _quality(plan: Plan, rung: Rung, parts: Sequence[Part]) -> dict[str, Any]:
    """The quality of a rendition from the windows that the jobs measured; empty if the profile has it off."""
    facts = plan.facts.video
    if plan.profile.quality == "off":
        return {}
    if not is_measurable(facts, rung):
        return {"quality": not_measured(HDR if facts.sphere is None else SPHERE)}
    windows = [part.result["windows"][rung.name] for part in parts]
    metrics = {metric for each in windows for metric in each}
    values = {
        metric: [values for each in windows for values in each.get(metric, ())]
        for metric in Metric
        if metric in metrics
    }
    return {"quality": measured(rung, facts.fps * rung.fields / rung.frame_step, values, "sampled")}


def _rendition(plan: Plan, rung: Rung, result: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": rung.name,
        "path": f"renditions/{rung.name}.mp4",
        "codec": rung.codec,
        "encoder": result.get("encoder", rung.encoder),
        "width": rung.width,
        "height": rung.height,
        "family": rung.family,
        "fps": str(plan.facts.video.fps * rung.fields / rung.frame_step),
        "transfer": _HDR_NAMES[plan.facts.video.transfer] if keeps_hdr(plan.facts.video, rung) else "sdr",
        "frames": result["frames"],
        "bytes": result["bytes"],
        "bitrate_kbps": round(result["bytes"] * 8 / 1000 / plan.facts.duration_s),
        "sha256": result["sha256"],
    }


def audio(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """One entry for each audio rendition."""
    keys = ("language", "codec", "track", "channels", "sample_rate", "samples", "loudness", "downmix")
    return [
        {**{key: part.result[key] for key in keys if key in part.result}, **_ambisonic(part.result)}
        for part in parts
    ]


def _ambisonic(result: Mapping[str, Any]) -> dict[str, Any]:
    """The file of an ambisonic track; empty for other audio."""
    found = result.get("ambisonic")
    return {} if found is None else {"ambisonic": {**found, "path": f"audio/{found['path']}"}}


def subtitles(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """One entry for each subtitle track, with the path of its WebVTT file."""
    return [
        {**track, "path": f"subtitles/{track['path']}"} for part in parts for track in part.result["tracks"]
    ]


def stream(packaged: Sequence[Part]) -> dict[str, Any] | None:
    """The paths of the HLS and DASH manifests, and the encryption; None if the asset is not packaged."""
    if not packaged:
        return None
    result = packaged[0].result
    return {key: result[key] for key in ("hls", "dash", "encryption") if key in result}


def pictures(part: Part) -> dict[str, Any]:
    """The poster, the thumbnails and the storyboard."""
    storyboard = part.result["storyboard"]
    return {
        "poster": "pictures/poster.jpg",
        "thumbnails": [
            {"path": f"pictures/{each['path']}", "time_s": each["time_s"]}
            for each in part.result["thumbnails"]
        ],
        "storyboard": None if storyboard is None else f"pictures/{storyboard}",
    }


def highlights(part: Part) -> list[dict[str, Any]]:
    """The camera's HiLight tags, each with the path of its thumbnail."""
    return [
        {**each, "thumbnail": each["thumbnail"] and f"pictures/{each['thumbnail']}"}
        for each in part.result["highlights"]
    ]


def telemetry(part: Part) -> dict[str, Any]:
    """The paths of the telemetry files, and facts about the telemetry."""
    paths = {name: path and f"telemetry/{path}" for name, path in part.result["paths"].items()}
    return {**paths, **{key: part.result[key] for key in ("camera", "streams", "gps", "warnings")}}


def chapters(assembled: Sequence[Part]) -> list[dict[str, Any]]:
    """The chapters of renditions and stream: the source's own, and those that HiLights add."""
    return [dict(each) for each in assembled[0].result["chapters"]]
