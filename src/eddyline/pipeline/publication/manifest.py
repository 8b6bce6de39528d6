"""The manifest: what an asset is, how it was made, and the proof that it is correct.

Its schema is `manifest.schema.json` beside this file. Only the section `run` depends on time, on the machine
or on failures; apart from it, two runs write the same manifest.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eddyline.core.errors import ProofError
from eddyline.media.ladder.chunks import Chunk
from eddyline.media.ladder.cost import encode_weights
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.planning.job_kinds import JOB_KINDS
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.publication import manifest_sections as sections
from eddyline.pipeline.publication.manifest_proof import proof_cpu_s, prove
from eddyline.pipeline.publication.manifest_sections import PartsByKind
from eddyline.pipeline.publication.published import INTERNAL_FILES
from eddyline.pipeline.publication.selection_sections import smart
from eddyline.pipeline.runtime.encoder_consistency import ffmpeg_identity
from eddyline.pipeline.runtime.history import History
from eddyline.pipeline.runtime.parts import Part

VERSION = 3


def collect_parts(
    plan: Plan,
    get_part: Callable[[str, int | str | None], Part],
    get_chunks: Callable[[Sequence[Chunk]], Sequence[Part]],
) -> PartsByKind:
    """All parts that publication of a plan needs; `get_chunks` returns those of chunks.

    Raises `MissingError` if one is missing or incomplete.
    """
    return {
        "inspect": [get_part("inspect", None)],
        **_analysis_parts(plan, get_part),
        **{
            kind.name: list(get_chunks(plan.chunks))
            if kind.encodes_video
            else [get_part(kind.name, index) for index in plan.indexes(kind)]
            for kind in JOB_KINDS.values()
            if kind.planned and not kind.internal and not kind.publishes
        },
    }


def _analysis_parts(plan: Plan, get_part: Callable[[str, int | str | None], Part]) -> dict[str, list[Part]]:
    """The parts of the jobs that chose the CRFs, for their CPU time."""
    if plan.selection is None:
        return {}
    return {
        "analyze": [get_part("analyze", index) for index in range(plan.selection.jobs)],
        "ladder": [get_part("ladder", None)],
    }


def build_manifest(
    plan: Plan,
    parts: PartsByKind,
    *,
    tools: Toolchain,
    history: History,
    cpu_s: float,
    owner: str = "",
    clock: Callable[[], float] = time.time,
) -> dict[str, Any]:
    """The manifest as JSON values. `cpu_s` is that of publication itself. Raises `ProofError`."""
    now = clock()
    started = history.started or now
    ffmpeg = parts["chunk"][0].result.get("ffmpeg", ffmpeg_identity(tools))
    return {
        "version": VERSION,
        "asset": plan.asset,
        "owner": owner,
        "source": {**sections.source(plan.name, plan.facts), **parts["inspect"][0].result},
        "left_out": sections.left_out(plan, parts),
        **sections.description(plan.facts.description),
        "profile": {"name": plan.profile.name, "digest": plan.profile.digest()},
        **smart(plan),
        "renditions": sections.renditions(plan, parts["assemble"], parts["quality"]),
        "audio": sections.audio(parts["audio"]),
        "subtitles": sections.subtitles(parts["subtitles"]),
        "stream": sections.stream(parts["package"]),
        "pictures": sections.pictures(parts["pictures"][0]),
        "telemetry": sections.telemetry(parts["telemetry"][0]),
        "highlights": sections.highlights(parts["pictures"][0]),
        "chapters": sections.chapters(parts["assemble"]),
        "proof": prove(plan, parts),
        "toolchain": {
            # The FFmpeg that encoded the video; the publishing worker may have another one.
            "ffmpeg": ffmpeg["version"],
            "ffmpeg_sha256": ffmpeg["sha256"],
            "packager": tools.packager_version,
        },
        "run": {
            "redone_jobs": history.redone_jobs,
            "interruptions": history.interruptions,
            "cpu_seconds": round(cpu_s + _jobs_cpu_s(parts, history), 2),
            "proof_cpu_seconds": round(proof_cpu_s(parts), 2),
            "wall_s": round(now - started, 2),
            "stored_bytes": stored_bytes(parts),
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
            "host": platform.node(),
            "cost": {**history.cost.to_json(), "encode_weights": encode_weights(plan.rungs)},
        },
    }


def _jobs_cpu_s(parts: PartsByKind, history: History) -> float:
    """The CPU seconds of all starts of the jobs before publication.

    A receipt has the time of the start that made the part, the history that of every start whose worker
    reported it. It lacks a start that stored its part and was lost before it reported more.
    """
    made = {kind: sum(part.cpu_s for part in group) for kind, group in parts.items()}
    started = {kind: each.cpu_seconds for kind, each in history.cost.kinds.items()}
    return sum(max(made.get(kind, 0.0), started.get(kind, 0.0)) for kind in made.keys() | started.keys())


def stored_bytes(parts: PartsByKind) -> int:
    """The size of the files that are published, in bytes."""
    return sum(
        size
        for kind in JOB_KINDS.values()
        if kind.output_directory is not None
        for part in parts[kind.name]
        for name, size in part.files.items()
        if name not in INTERNAL_FILES
    )


def without_run(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Everything but `run`: the sections on which two runs must agree."""
    return {key: value for key, value in manifest.items() if key != "run"}


def should_keep(published: Mapping[str, Any] | None, built: Mapping[str, Any], *, complete: bool) -> bool:
    """Whether the `published` manifest stays, because it equals the `built` one; else the latter replaces it.

    `complete`: all files that `published` names are stored. Raises `ProofError` if a complete asset, made by
    the same programs, differs.
    """
    if published is None:
        return False
    if without_run(published) == without_run(built):
        return True
    same_tools = published.get("toolchain") == built["toolchain"]
    if complete and same_tools and published.get("version") == built["version"]:
        raise ProofError(f"asset {built['asset']} is already published with other contents")
    return False
