"""The plan of an asset and its jobs. It depends on the source's facts and the profile, not on the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from eddyline.core.identity import digest
from eddyline.core.name_rules import is_asset
from eddyline.core.numbers import parse_rational
from eddyline.fleet.routing import Route, built_in_route
from eddyline.graph.job import AssetEntry, Job, NewJob
from eddyline.media.audio.renditions import AudioRendition, audio_renditions
from eddyline.media.ladder.chunks import Chunk, Grid, frame_grid, plan_families
from eddyline.media.ladder.encoders import DEFAULT_ENCODERS, is_hardware
from eddyline.media.ladder.ladder import Rung, rungs
from eddyline.media.ladder.profile import Profile
from eddyline.media.ladder.size_limit import with_size_limit
from eddyline.media.ladder.software_rungs import software_rungs
from eddyline.media.quality.sampling import sampling_jobs
from eddyline.media.source.source import SourceFacts
from eddyline.pipeline.planning.job_kinds import JOB_KINDS, JobKind, Per
from eddyline.pipeline.planning.job_options import DEFAULT_OPTIONS, JobOptions
from eddyline.pipeline.planning.output_layout import parts_prefix
from eddyline.pipeline.planning.preview import Preview, plan_preview, with_preview_chunk

RECIPE_VERSION = 4
"""Part of every output's key. Increase it when the same plan would produce other bytes than before."""

_PLAN = "plan-"  # prefix of the names of plans


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that the steps of one asset need to know.

    `asset` is its id, `name` the source's file name. `source` is the key of the part that holds the source
    remuxed to MP4; empty if the source itself is MP4. `toolchain` identifies the programs. `chunks` end with
    that of the preview's first segment, if there is a preview.
    """

    asset: str
    name: str
    facts: SourceFacts
    profile: Profile
    rungs: tuple[Rung, ...]
    grid: Grid
    chunks: tuple[Chunk, ...]
    toolchain: str
    source: str = ""
    preview: Preview | None = None

    @classmethod
    def create(
        cls,
        *,
        asset: str,
        name: str,
        facts: SourceFacts,
        profile: Profile,
        toolchain: str,
        source: str = "",
        encoders: Mapping[str, str] = DEFAULT_ENCODERS,
    ) -> Plan:
        """Choose rungs, grid and chunks. `encoders` by codec, for rungs that name none."""
        ladder = with_size_limit(rungs(profile, facts.video, encoders), profile, facts)
        grid = frame_grid(
            gop_s=profile.gop_s,
            segment_s=profile.segment_s,
            fps=facts.video.fps * ladder[0].fields,
            # Chunks begin with whole source frames.
            steps=(*(rung.frame_step for rung in ladder), ladder[0].fields),
        )
        chunks = plan_families(facts.video.frames, grid, ladder)
        preview = plan_preview(profile, facts, ladder, grid, chunks)
        family = next((rung.family for rung in ladder if preview and rung.name == preview.rung), "")
        return cls(
            asset=asset,
            name=name,
            facts=facts,
            profile=profile,
            rungs=ladder,
            grid=grid,
            chunks=with_preview_chunk(chunks, preview, family),
            toolchain=toolchain,
            source=source,
            preview=preview,
        )

    @cached_property
    def digest(self) -> str:
        """Hex digest that names the outputs: of source, profile, toolchain, encoders and recipe version."""
        non_default = {
            rung.codec: rung.encoder for rung in self.rungs if rung.encoder != DEFAULT_ENCODERS[rung.codec]
        }
        inputs = (RECIPE_VERSION, self.facts.fingerprint, self.profile.digest(), self.toolchain)
        return digest(*inputs, *([non_default] if non_default else []))

    @property
    def key(self) -> str:
        """The plan's key in the store."""
        return f"{parts_prefix(self.asset)}/{_PLAN}{self.digest[:16]}.json"

    @property
    def prefix(self) -> str:
        """The prefix of all parts of this plan."""
        return f"{parts_prefix(self.asset)}/{self.digest[:16]}"

    @property
    def families(self) -> tuple[str, ...]:
        """The codec families, in the order of playlists."""
        return tuple(dict.fromkeys(rung.family for rung in self.rungs))

    def rungs_of(self, family: str, *, software: bool = False) -> tuple[Rung, ...]:
        """The rungs of a family, largest first; `software`: as encoded after the failure of a device."""
        ladder = self.rungs
        if software:
            ladder = with_size_limit(software_rungs(self.profile, self.facts.video), self.profile, self.facts)
        return tuple(rung for rung in ladder if rung.family == family)

    def has_hardware(self, family: str) -> bool:
        """Whether hardware encoders are planned for a family."""
        return any(is_hardware(rung.encoder) for rung in self.rungs_of(family))

    def family_of(self, chunk: int) -> str:
        """The family of chunk number `chunk`."""
        return {each.index: each.family for each in self.chunks}[chunk]

    def chunks_of(self, family: str) -> tuple[Chunk, ...]:
        """The chunks of a family, in order, without that of the preview."""
        return tuple(chunk for chunk in self.chunks if chunk.family == family and not chunk.rung)

    def chunks_of_rung(self, rung: Rung) -> tuple[Chunk, ...]:
        """The chunks with the frames of a rendition, in order."""
        own = tuple(chunk for chunk in self.chunks if chunk.rung == rung.name)
        return (*own, *self.chunks_of(rung.family))

    def rungs_of_chunk(self, chunk: Chunk, *, software: bool = False) -> tuple[Rung, ...]:
        """The rungs that a chunk encodes, largest first; `software` as for `rungs_of`."""
        rungs = self.rungs_of(chunk.family, software=software)
        return tuple(rung for rung in rungs if rung.name == chunk.rung) if chunk.rung else rungs

    def extension_chunks(self, size: int) -> tuple[Chunk, ...]:
        """The chunks with the frames of the preview once it has the first `size` chunks of its family."""
        if self.preview is None:
            return ()
        rung = self.rung(self.preview.rung)
        return (
            tuple(chunk for chunk in self.chunks_of_rung(rung) if chunk.rung)
            + self.chunks_of(rung.family)[:size]
        )

    def skipped(self, chunk: Chunk) -> dict[str, int]:
        """By rung, the number of its first frames that a chunk leaves out, because the preview has them."""
        if self.preview is None or chunk.start or chunk.rung:
            return {}
        return {
            rung.name: self.preview.frames // rung.frame_step
            for rung in self.rungs_of(chunk.family)
            if rung.name == self.preview.rung and self.preview.frames
        }

    def rung(self, name: object) -> Rung:
        """The rung of this name. Raises `KeyError`."""
        for rung in self.rungs:
            if rung.name == name:
                return rung
        raise KeyError(name)

    @cached_property
    def audio(self) -> tuple[AudioRendition, ...]:
        """The audio renditions, in the order of their jobs."""
        return audio_renditions(self.facts.audio, self.profile.audio.codec)

    def part_key(self, kind: str, index: int | str | None = None) -> str:
        """The key of the part that the job of `kind` and `index` writes."""
        return f"{self.prefix}/{_job_name(kind, index)}"

    def indexes(self, kind: JobKind) -> tuple[int | str | None, ...]:
        """The index of each job of a kind: its chunk or audio rendition, rung name, None for a single job."""
        match kind.per:
            case Per.PREVIEW_EXTENSION:
                return self.preview.extensions if self.preview else ()
            case Per.AUDIO_RENDITION:
                return tuple(range(len(self.audio)))
            case Per.CHUNK:
                return tuple(chunk.index for chunk in self.chunks)
            case Per.RUNG:
                return tuple(rung.name for rung in self.rungs)
            case Per.QUALITY:
                return tuple(range(self._quality_jobs))
            case _:
                return (None,) if self._has(kind.per) else ()

    def _has(self, per: Per) -> bool:
        """Whether the asset has a single job of a kind."""
        match per:
            case Per.ASSET_WITH_SUBTITLES:
                return bool(self.facts.subtitles)
            case Per.PACKAGED_ASSET:
                return self.profile.package
            case Per.PREVIEW:
                return self.preview is not None and self.preview.frames > 0
            case _:
                return True

    @cached_property
    def _quality_jobs(self) -> int:
        """The number of jobs that measure the quality."""
        if self.profile.quality == "off":
            return 0
        return sampling_jobs(self.facts.video, self.rungs, self.grid)

    def weight(self, kind: JobKind, index: int | str | None) -> float:
        """The relative cost of a job, in frames' worth of encoding."""
        frames = self.facts.video.frames
        if kind.per is Per.CHUNK and isinstance(index, int):
            frames = self.chunks[index].frames
        if kind.per is Per.QUALITY:
            return kind.weight_per_frame * frames / self._quality_jobs
        return kind.weight + kind.weight_per_frame * frames

    def priority(self, kind: JobKind, index: int | str | None) -> int:
        """The priority of a job: the chunk of the preview is as urgent as the preview."""
        if kind.per is Per.CHUNK and isinstance(index, int) and self.chunks[index].rung:
            return JOB_KINDS["preview"].priority
        return kind.priority

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON values."""
        return {
            "asset": self.asset,
            "name": self.name,
            "facts": self.facts.to_json(),
            "profile": self.profile.model_dump(mode="json"),
            "rungs": [rung.to_json() for rung in self.rungs],
            "grid": {**asdict(self.grid), "fps": str(self.grid.fps)},
            "chunks": [
                [chunk.start, chunk.stop, chunk.family, *([chunk.rung] if chunk.rung else [])]
                for chunk in self.chunks
            ],
            "toolchain": self.toolchain,
            "source": self.source,
            "preview": self.preview and self.preview.to_json(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Plan:
        """The plan that `to_json` wrote."""
        return cls(
            asset=values["asset"],
            name=values["name"],
            facts=SourceFacts.from_json(values["facts"]),
            profile=Profile.model_validate(values["profile"]),
            rungs=tuple(Rung.from_json(rung) for rung in values["rungs"]),
            grid=Grid(**{**values["grid"], "fps": parse_rational(values["grid"]["fps"])}),
            # Plans of earlier versions name no families and have no preview.
            chunks=tuple(
                Chunk(
                    index=index,
                    start=start,
                    stop=stop,
                    **dict(zip(("family", "rung"), names, strict=False)),
                    fields=values["rungs"][0].get("fields", 1),
                )
                for index, (start, stop, *names) in enumerate(values["chunks"])
            ),
            toolchain=values["toolchain"],
            source=values["source"],
            preview=Preview.from_json(values["preview"]) if values.get("preview") else None,
        )


def is_plan(key: str) -> bool:
    """Whether a key below `parts_prefix` is that of a plan."""
    return key.rpartition("/")[2].startswith(_PLAN)


def job_id(asset: str, request: str, kind: str, index: int | str | None = None) -> str:
    """The id of a job, derived so that the same work has the same id. `request` is the request's digest."""
    return f"{asset}.{request[:8]}.{_job_name(kind, index)}"


def asset_of_job(name: str) -> str:
    """The asset of a job, by the job's id; "" for an id of another form."""
    asset = name.partition(".")[0]
    return asset if is_asset(asset) else ""


def request_digest(job: Job) -> str:
    """The digest of what was requested (profile, toolchain, recipe version and store) of a job's asset."""
    return str(job.spec["ask"])


def _job_name(kind: str, index: int | str | None) -> str:
    if index is None:
        return kind
    return f"{kind}-{index:04d}" if isinstance(index, int) else f"{kind}-{index}"


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
    """All jobs after inspection, dependencies first; each in the pool that `route` names.

    `request` is the request's digest. Raises `UnsupportedError` for a kind of job that no pool runs.
    """
    route = route or built_in_route()
    jobs: list[NewJob] = []
    for kind in JOB_KINDS.values():
        if not kind.planned:
            continue
        jobs += [
            NewJob(
                id=job_id(plan.asset, request, kind.name, index),
                asset=plan.asset,
                kind=kind.name,
                pool=_pool(plan, route, kind, index),
                priority=options.priority(plan.priority(kind, index)),
                spec={"plan": plan.key, "ask": request, "index": index},
                dependencies=_dependencies(plan, request, kind, index),
                weight=plan.weight(kind, index),
                owner=options.owner,
                deadline=options.deadline,
            )
            for index in plan.indexes(kind)
        ]
    return tuple(jobs)


def _pool(plan: Plan, route: Route, kind: JobKind, index: int | str | None) -> str:
    """The pool of a job; that of a chunk depends on the codec of its family."""
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
