"""The manifest: what an asset is, what it was made with, and the proof that it is right.

Its shape is `manifest.schema.json` beside this file. Only `run` depends on the time, the machine or on what
went wrong on the way; two runs give the same manifest but for it.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from eddyline.core.errors import ProofError
from eddyline.media.frame_verification.frame_times import SECOND_US
from eddyline.media.ladder.ladder import Rung
from eddyline.media.left_out.report import LeftOut, sort_left_out
from eddyline.media.source.source import Description, SourceFacts
from eddyline.media.streaming.durations import Durations, StreamDurations
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.runtime.encoder_consistency import ffmpeg_identity
from eddyline.pipeline.runtime.history import History
from eddyline.pipeline.runtime.parts import Part

VERSION = 2

# kind of job -> its parts, in order
PartsOf = Mapping[str, Sequence[Part]]


def collect_parts(plan: Plan, part: Callable[[str, int | str | None], Part]) -> PartsOf:
    """All parts of a plan. Raises `MissingError` if one is not whole."""
    found = {
        "inspect": [part("inspect", None)],
        "poster": [part("poster", None)],
        "pictures": [part("pictures", None)],
        "telemetry": [part("telemetry", None)],
        "samples": [part("samples", None)],
        "audio": [part("audio", index) for index in range(len(plan.facts.audio))],
        "chunk": [part("chunk", chunk.index) for chunk in plan.chunks],
        "assemble": [part("assemble", rung.name) for rung in plan.rungs],
    }
    if plan.facts.subtitles:
        found["subtitles"] = [part("subtitles", None)]
    if plan.profile.package:
        found["package"] = [part("package", None)]
    return found


def build_manifest(
    plan: Plan, parts: PartsOf, *, tools: Toolchain, history: History, cpu_s: float
) -> dict[str, Any]:
    """The manifest as JSON values, with its proof. Raises `ProofError` rather than state what is not so."""
    started = history.started or time.time()
    ffmpeg = parts["chunk"][0].result.get("ffmpeg", ffmpeg_identity(tools))
    spent = cpu_s + sum(part.cpu_s for group in parts.values() for part in group)
    return {
        "version": VERSION,
        "asset": plan.asset,
        "source": {**_source(plan.name, plan.facts), **parts["inspect"][0].result},
        "left_out": _left_out(plan, parts),
        **_description(plan.facts.description),
        "profile": {"name": plan.profile.name, "digest": plan.profile.digest()},
        "renditions": [
            _rendition(plan, rung, part.result)
            for rung, part in zip(plan.rungs, parts["assemble"], strict=True)
        ],
        "audio": [_audio(part.result) for part in parts["audio"]],
        "subtitles": _subtitles(parts),
        "stream": _stream(parts.get("package", ())),
        "pictures": _pictures(parts),
        "telemetry": _telemetry(parts["telemetry"][0]),
        "highlights": _highlights(parts["pictures"][0]),
        "chapters": _chapters(parts),
        "proof": _proof(plan, parts),
        "toolchain": {
            # That of the pictures: whoever publishes may have another.
            "ffmpeg": ffmpeg["version"],
            "ffmpeg_sha256": ffmpeg["sha256"],
            "packager": tools.packager_version,
        },
        "run": {
            "redone_jobs": history.redone_jobs,
            "interruptions": history.interruptions,
            "cpu_seconds": round(spent, 2),
            "proof_cpu_seconds": round(_proof_cpu_s(parts), 2),
            "wall_s": round(time.time() - started, 2),
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
            "host": platform.node(),
        },
    }


def without_run(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Everything but `run`: what two runs must agree on."""
    return {key: value for key, value in manifest.items() if key != "run"}


def should_keep(there: Mapping[str, Any] | None, made: Mapping[str, Any], *, sound: bool) -> bool:
    """Whether the manifest `there` stays, because it says what `made` says; else `made` replaces it.

    `sound`: all that it names is there. Raises `ProofError` where a sound one, by the same programs, differs.
    """
    if there is None:
        return False
    if without_run(there) == without_run(made):
        return True
    same_plan = there.get("toolchain") == made["toolchain"] and there.get("version") == made["version"]
    if sound and same_plan:
        raise ProofError(f"asset {made['asset']} is published already, and differently")
    return False


def _source(name: str, facts: SourceFacts) -> dict[str, Any]:
    video, sound = facts.video, facts.audio
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
        },
        "audio": [
            {
                "codec": track.codec,
                "channels": track.channels,
                "sample_rate": track.sample_rate,
                "language": track.language,
            }
            for track in sound
        ],
        "telemetry": None
        if facts.telemetry is None
        else {
            "payloads": facts.telemetry.payloads,
            "bytes": facts.telemetry.bytes,
            "sha256": facts.telemetry.sha256,
        },
    }


def _rendition(plan: Plan, rung: Rung, result: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": rung.name,
        "path": f"renditions/{rung.name}.mp4",
        "codec": rung.codec,
        "width": rung.width,
        "height": rung.height,
        "frames": result["frames"],
        "bytes": result["bytes"],
        "bitrate_kbps": round(result["bytes"] * 8 / 1000 / plan.facts.duration_s),
        "sha256": result["sha256"],
    }


def _audio(result: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: result[key] for key in ("language", "codec", "channels", "sample_rate", "samples", "loudness")
    }


def _description(said: Description) -> dict[str, Any]:
    """What the container says of its recording: only what is there."""
    device = {key: value for key, value in (("make", said.make), ("model", said.model)) if value}
    place = said.location and {
        key: value for key, value in asdict(said.location).items() if value is not None
    }
    plain = {"created": said.created, "title": said.title, "device": device, "location": place}
    return {key: value for key, value in plain.items() if value}


def _subtitles(parts: PartsOf) -> list[dict[str, Any]]:
    """Each subtitle track; its WebVTT file is the one that a page plays."""
    tracks = [track for part in parts.get("subtitles", ()) for track in part.result["tracks"]]
    return [{**track, "path": f"subtitles/{track['path']}"} for track in tracks]


def _left_out(plan: Plan, parts: PartsOf) -> list[dict[str, str]]:
    """What inspection found, and the subtitles that could not be decoded."""
    lost = [each for part in parts.get("subtitles", ()) for each in part.result["left_out"]]
    return [each.to_json() for each in sort_left_out([*plan.facts.left_out, *map(LeftOut.from_json, lost)])]


def _stream(package: Sequence[Part]) -> dict[str, str] | None:
    if not package:
        return None
    return {"hls": package[0].result["hls"], "dash": package[0].result["dash"]}


def _pictures(parts: PartsOf) -> dict[str, Any]:
    drawn = parts["pictures"][0].result
    board = drawn["storyboard"]
    return {
        "poster": "pictures/poster.jpg",
        "thumbnails": [
            {"path": f"pictures/{each['path']}", "time_s": each["time_s"]} for each in drawn["thumbnails"]
        ],
        "storyboard": None if board is None else f"pictures/{board}",
    }


def _telemetry(part: Part) -> dict[str, Any]:
    paths = part.result["paths"]
    facts = {key: part.result[key] for key in ("camera", "streams", "gps", "warnings")}
    return {**{name: path and f"telemetry/{path}" for name, path in paths.items()}, **facts}


def _highlights(drawn: Part) -> list[dict[str, Any]]:
    return [
        {**each, "thumbnail": each["thumbnail"] and f"pictures/{each['thumbnail']}"}
        for each in drawn.result["highlights"]
    ]


def _chapters(parts: PartsOf) -> list[dict[str, Any]]:
    """The chapters that renditions and stream have: the source's own, and those that HiLights make."""
    return [dict(each) for each in parts["assemble"][0].result["chapters"]]


def _proof(plan: Plan, parts: PartsOf) -> dict[str, Any]:
    """What was checked. Each statement is checked here once more, from what the steps measured."""
    frames_in = plan.facts.video.frames
    films = [part.result for part in parts["assemble"]]
    frames_out = {rung.name: film["frames"] for rung, film in zip(plan.rungs, films, strict=True)}
    telemetry_in = plan.facts.telemetry.sha256 if plan.facts.telemetry else None
    _must(all(count == frames_in for count in frames_out.values()), f"{frames_in} frames became {frames_out}")
    _must(all(film["idr"] == films[0]["idr"] for film in films), "keyframes differ between the renditions")
    _must(
        all(film["telemetry_sha256"] == telemetry_in for film in films),
        "the telemetry of a rendition changed",
    )
    marked = {each["frame"] for each in parts["pictures"][0].result["highlights"]}
    marked |= {each.frame for each in plan.facts.chapters}
    for film in films:
        begun = {each["frame"] for each in film["chapters"]}
        _must(begun - {0} == marked - {0}, "the chapters of a rendition are not those of the source")
    texts = films[0].get("subtitles", [])
    _must(
        all(film.get("subtitles", []) == texts for film in films), "subtitles differ between the renditions"
    )
    _must(len(texts) == len(_subtitles(parts)), "a rendition lacks a subtitle track")
    samples = [part.result["samples"] for part in parts["audio"]]
    _must(
        all(film["audio_samples"] == samples for film in films),
        "a rendition's sound has not all of its samples",
    )
    covered = [(chunk.start, chunk.stop) for chunk in plan.chunks]
    joined = all(end == start for (_, end), (start, _) in pairwise(covered))
    _must(joined and covered[0][0] == 0 and covered[-1][1] == frames_in, "the chunks do not cover the source")
    return {
        "frames_in": frames_in,
        "frames_out": frames_out,
        "idr_grid_equal": True,
        "audio_samples": samples,
        "telemetry_sha256_in": telemetry_in,
        "telemetry_sha256_out": telemetry_in and films[0]["telemetry_sha256"],
        "chunks": len(covered),
        "durations_s": _durations(plan, parts),
        "frame_samples": {
            rung.name: film["frame_samples"] for rung, film in zip(plan.rungs, films, strict=True)
        },
    }


def _durations(plan: Plan, parts: PartsOf) -> dict[str, Any]:
    """How long source, renditions and stream last. Raises `ProofError` where they do not agree."""
    sampled: Mapping[str, Any] = next(
        (found for key, found in parts["samples"][0].result.items() if key != "plan"), {}
    )
    first = min((time for _, time, _ in sampled.get("frames", ())), default=0)
    end = sampled.get("end")
    packed = parts.get("package", ())
    found = Durations(
        source=plan.facts.duration_s,
        decoded=None if end is None else round(end / SECOND_US, 6),
        renditions={
            rung.name: part.result["duration_s"]
            for rung, part in zip(plan.rungs, parts["assemble"], strict=True)
        },
        stream=StreamDurations(**packed[0].result["durations_s"]) if packed else None,
        first=first / SECOND_US,
        slack=sampled.get("slack", 0) / SECOND_US,
    )
    found.check(plan.facts.video.fps)
    return found.to_json()


def _proof_cpu_s(parts: PartsOf) -> float:
    """What comparing frames with the original's cost, in CPU seconds."""
    decoded = sum(part.cpu_s for part in parts["samples"])
    return float(decoded + sum(part.result["proof_cpu_s"] for part in parts["assemble"]))


def _must(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise ProofError(otherwise)
