"""The jobs of an asset: the first one, which inspects the source, and all those of its plan."""

from __future__ import annotations

from typing import Any

from eddyline.fleet.routing import Route, built_in_route
from eddyline.graph.job import AssetEntry, NewJob
from eddyline.media.ladder.families import family_codec
from eddyline.media.ladder.profile import Profile
from eddyline.pipeline.planning.job_ids import job_id
from eddyline.pipeline.planning.job_kinds import JOB_KINDS, JobKind, Per
from eddyline.pipeline.planning.job_options import DEFAULT_OPTIONS, JobOptions
from eddyline.pipeline.planning.plan import Plan


def inspect_job(
    *,
    asset: str,
    name: str,
    fingerprint: str,
    request: str,
    profile: Profile,
    store: str = "",
    options: JobOptions = DEFAULT_OPTIONS,
    pool: str | None = None,
    source: str = "",
) -> NewJob:
    """The first job of an asset; it adds the others. `request` is the request's digest.

    `store` is its store's identity (`store_identity`). `pool`: the pool that inspects; None: the built-in
    one. `source` is the address of its first file, for the catalogue.
    """
    kind = JOB_KINDS["inspect"]
    return NewJob(
        id=job_id(asset, request, kind.name),
        asset=asset,
        kind=kind.name,
        pool=pool or built_in_route().pool(kind.name),
        priority=options.priority(kind.priority),
        spec={
            "asset": asset,
            "name": name,
            "fingerprint": fingerprint,
            "ask": request,
            "profile": profile.model_dump(mode="json"),
            "store": store,
            "terms": options.to_json(),
        },
        weight=kind.weight,
        owner=options.owner,
        deadline=options.deadline,
        entry=AssetEntry(name=name, source=source, profile=profile.name),
    )


def plan_jobs(
    plan: Plan, request: str, options: JobOptions = DEFAULT_OPTIONS, route: Route | None = None
) -> tuple[NewJob, ...]:
    """All jobs of a plan, dependencies first; each in the pool that `route` names. A draft has its analysis.

    `request` is the request's digest. Raises `UnsupportedError` for a kind of job that no pool runs.
    """
    route = route or built_in_route()
    jobs: list[NewJob] = []
    for kind in JOB_KINDS.values():
        jobs += [
            NewJob(
                id=job_id(plan.asset, request, kind.name, index),
                asset=plan.asset,
                kind=kind.name,
                pool=_pool(plan, route, kind, index),
                priority=options.priority(_priority(plan, kind, index)),
                spec={"plan": plan.key, "ask": request, "index": index, **_more(kind, options)},
                dependencies=_dependencies(plan, request, kind, index),
                weight=_weight(plan, kind, index),
                owner=options.owner,
                deadline=options.deadline,
            )
            for index in plan.indexes(kind)
        ]
    return tuple(jobs)


def _weight(plan: Plan, kind: JobKind, index: int | str | None) -> float:
    """The relative cost of a job, in frames' worth of encoding."""
    frames = plan.facts.video.frames
    if kind.per is Per.CHUNK and isinstance(index, int):
        frames = plan.chunks[index].frames
    if kind.per is Per.ANALYSIS and isinstance(index, int):
        frames = plan.analyses[index].frames
    if kind.per is Per.QUALITY:
        return kind.weight_per_frame * frames / plan.quality_jobs
    return kind.weight + kind.weight_per_frame * frames


def _priority(plan: Plan, kind: JobKind, index: int | str | None) -> int:
    """The priority of a job: the chunk of the preview is as urgent as the preview."""
    if kind.per is Per.CHUNK and isinstance(index, int) and plan.chunks[index].rung:
        return JOB_KINDS["preview"].priority
    return kind.priority


def _more(kind: JobKind, options: JobOptions) -> dict[str, Any]:
    """What else the spec of a job has: the one that completes a plan adds jobs with the same options."""
    return {"terms": options.to_json()} if kind.per is Per.DRAFT else {}


def _pool(plan: Plan, route: Route, kind: JobKind, index: int | str | None) -> str:
    """The pool of a job; that of a chunk, and of its analysis, depends on the codec of its family."""
    if kind.per is Per.ANALYSIS and isinstance(index, int):
        return route.chunk_pool(family_codec(plan.analyses[index].family))
    if kind.per is Per.CHUNK and isinstance(index, int):
        return route.chunk_pool(plan.rungs_of(plan.chunks[index].family)[0].codec)
    return route.pool(kind.name)


def _dependencies(plan: Plan, request: str, kind: JobKind, index: int | str | None) -> tuple[str, ...]:
    """The ids of the jobs that must be done first; a rendition needs only the chunks of its family."""
    ids: list[str] = []
    for name in kind.dependencies:
        other = JOB_KINDS[name]
        indexes = plan.indexes(other)
        if kind.per is Per.RUNG and other.per is Per.CHUNK:
            indexes = tuple(chunk.index for chunk in plan.chunks_of_rung(plan.rung(index)))
        elif kind.per is Per.PREVIEW and other.per is Per.CHUNK:
            indexes = tuple(chunk.index for chunk in plan.chunks if chunk.rung)
        elif kind.per is Per.PREVIEW_EXTENSION and other.per is Per.CHUNK and isinstance(index, int):
            indexes = tuple(chunk.index for chunk in plan.extension_chunks(index))
        elif kind.per is Per.RUNG and other.per is Per.RUNG:
            indexes = (index,)
        ids += [job_id(plan.asset, request, name, each) for each in indexes]
    if kind.per is Per.PREVIEW_EXTENSION and isinstance(index, int):
        # In order: each adds its segments to those of the one before.
        earlier = [each for each in plan.indexes(kind) if isinstance(each, int) and each < index]
        ids += [job_id(plan.asset, request, kind.name, each) for each in earlier[-1:]]
    return tuple(ids)
