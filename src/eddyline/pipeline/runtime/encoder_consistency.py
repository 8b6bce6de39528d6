"""Ensures that one build of FFmpeg, and the same encoders, encode all chunks of a codec family of an asset.

Pools have their own builds of FFmpeg, and during a rollout workers with the old and the new build run side by
side. Chunks of two encoders must not be joined. The first chunk therefore writes its build into the family's
build record. A worker with a build that the record does not list takes over and has the other chunks encoded
again; workers with an earlier build hand their chunks back. If no worker with the newer build has written the
record for ten minutes (a rollback), a worker with an earlier build takes over again; otherwise the asset
would never be finished.

A family of hardware encoders falls back to software encoders if a device fails (`device_fallback.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eddyline.core.errors import Interrupted, ProofError
from eddyline.core.stop import Stop
from eddyline.graph.job import Addition, Job, Link, NewJob
from eddyline.media.ladder.chunks import Chunk
from eddyline.media.ladder.ladder import Rung
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.planning.job_ids import job_id
from eddyline.pipeline.planning.job_spec import StepSpec
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.runtime.build_record import (
    BuildRecord,
    EncoderChoice,
    choose,
    fall_back,
    take_over,
)
from eddyline.pipeline.runtime.family_record import FamilyRecord, chunk_part_key
from eddyline.pipeline.runtime.parts import Part
from eddyline.pipeline.runtime.runtime import Runtime

_REFRESH_S = 60.0  # the age at which the record's time is updated
SOFTWARE_SUFFIX = "-software"
"""The end of the ids of jobs that encode a chunk in software because a device failed."""


class MixedBuildError(ProofError):
    """The chunks of a rendition were encoded by several builds of FFmpeg, or by different encoders."""

    default_remedy = "submit the source again: the chunks of the other build are encoded again"


def ffmpeg_identity(tools: Toolchain) -> dict[str, Any]:
    """What the part of a chunk records about its FFmpeg, as JSON values."""
    return {"version": tools.ffmpeg_version, "sha256": tools.ffmpeg_sha256}


def ffmpeg_build(part: Part) -> str | None:
    """The build that encoded a chunk's part; None for parts of versions that did not record it."""
    identity = part.result.get("ffmpeg")
    return str(identity["sha256"]) if isinstance(identity, Mapping) else None


def chunk_encoder(part: Part, rung: Rung) -> str:
    """The encoder of a rung in a chunk's part; the planned one for parts of earlier versions."""
    encoders = part.result.get("encoders")
    return str(encoders[rung.name]) if isinstance(encoders, Mapping) else rung.encoder


def require_single_encoder(chunks: Sequence[Part], rung: Rung) -> str:
    """The encoder that encoded a rung in all parts. Raises `MixedBuildError` if there are several."""
    found = sorted({chunk_encoder(part, rung) for part in chunks})
    if len(found) > 1:
        raise MixedBuildError(f"the chunks of {rung.name} were encoded by {' and '.join(found)}")
    return found[0]


def require_single_build(chunks: Sequence[Part]) -> None:
    """Raise `MixedBuildError` unless one build encoded all parts."""
    builds = sorted({build for part in chunks if (build := ffmpeg_build(part)) is not None})
    if len(builds) > 1:
        names = ", ".join(build[:12] for build in builds)
        raise MixedBuildError(f"the chunks were encoded by {len(builds)} builds of FFmpeg ({names})")


def failed_on_mixed_builds(job: Job) -> bool:
    """Whether a job died of chunks of several builds: a retry cannot help, new jobs can."""
    return (job.error or {}).get("error") == MixedBuildError.__name__


@dataclass(frozen=True, kw_only=True)
class SingleBuild:
    """Runs one chunk job with the build that its family's record names: `enter`, encode, `leave`.

    A worker may be killed at any point: the chunk is run again, and no mix of builds results, because the
    record is changed before the parts of others are looked up, and is read again after the job's own part is
    stored.
    """

    runtime: Runtime
    plan: Plan
    job: Job
    spec: StepSpec

    def enter(self, stop: Stop) -> BuildRecord:
        """Put this worker's build into the record and drop another build's output of this chunk.

        If the family fell back to software encoders and this job is not one of those, the record is only
        read. Raises `Interrupted` if the chunk belongs to workers with a newer build.
        """
        try:
            record = self.record.change(self._claim, stop)
        except Interrupted:
            # Workers with the newer build should be able to claim it first.
            stop.wait(self.runtime.hand_back_pause_s)
            raise
        if record.before and record.software == self.spec.software:
            part = self.runtime.parts.find(self.part_key(self.spec.index))
            if part is not None and ffmpeg_build(part) != self._build:
                self.runtime.store.delete(part.key)
        return record

    def leave(self, record: BuildRecord) -> tuple[Addition, ...]:
        """Further jobs: for the job that took over, those that encode the chunks of other builds again.

        Raises `Interrupted` if a worker with another build took over meanwhile.
        """
        current, _ = self.record.read()
        if current is None or current.build != self._build or current.software != self.spec.software:
            raise Interrupted("a worker with another FFmpeg took over this asset")
        if record.by != self.job.id or not record.before:
            return ()
        repeated = [
            self._repeat(chunk, len(record.before))
            for chunk in self.plan.chunks
            if chunk.family == self.family
            and chunk.index != self.spec.index
            and self._is_of_another_build(chunk.index)
        ]
        return (*repeated, *assemble_after(self.plan, self.spec, self.family, repeated))

    @property
    def family(self) -> str:
        """The codec family of the chunk."""
        return self.plan.family_of(int(self.spec.index or 0))

    @property
    def record(self) -> FamilyRecord:
        """The family's build record."""
        return FamilyRecord(store=self.runtime.store, plan=self.plan, family=self.family)

    def part_key(self, index: int | str | None) -> str:
        """The key of the part of a chunk of this job's encoders."""
        return chunk_part_key(self.plan, index, software=self.spec.software)

    @property
    def _build(self) -> str:
        return self.runtime.tools.ffmpeg_sha256

    def _claim(self, record: BuildRecord | None) -> BuildRecord | None:
        """The record once it names this worker's build; None if it does already."""
        now = self.runtime.clock.now()
        if record is not None and record.software and not self.spec.software:
            return None
        if self.spec.software and (record is None or not record.software):
            record = fall_back(self.job.id, now)  # the record was lost
        if record is None:
            return take_over(None, self._build, self.job.id, now)
        match choose(record, self._build, now):
            case EncoderChoice.HAND_BACK:
                raise Interrupted("a newer FFmpeg encodes the chunks of this asset")
            case EncoderChoice.ENCODE:
                return None if now - record.at < _REFRESH_S else replace(record, at=now)
            case EncoderChoice.TAKE_OVER:
                return take_over(record, self._build, self.job.id, now)

    def _is_of_another_build(self, index: int) -> bool:
        part = self.runtime.parts.find(self.part_key(index))
        return part is not None and ffmpeg_build(part) != self._build

    def _repeat(self, chunk: Chunk, takeovers: int) -> NewJob:
        suffix = f"{SOFTWARE_SUFFIX if self.spec.software else ''}-again{takeovers}"
        return repeat_chunk(self.job, self.spec, chunk, suffix=suffix, pool=self.job.pool)


def repeat_chunk(job: Job, spec: StepSpec, chunk: Chunk, *, suffix: str, pool: str, **more: bool) -> NewJob:
    """A job like `job` for a chunk of its family; `suffix` ends its id, `more` is added to its spec."""
    return NewJob(
        id=f"{job_id(job.asset, spec.request, job.kind, chunk.index)}{suffix}",
        asset=job.asset,
        kind=job.kind,
        pool=pool,
        priority=job.priority,
        spec={**job.spec, "index": chunk.index, **more},
        owner=job.owner,
        weight=float(chunk.frames),
        max_attempts=job.max_attempts,
        deadline=job.deadline,
    )


def assemble_after(plan: Plan, spec: StepSpec, family: str, jobs: Sequence[NewJob]) -> tuple[Link, ...]:
    """Links that make the renditions of a family wait for `jobs`."""
    dependencies = tuple(job.id for job in jobs)
    return tuple(
        Link(job_id=job_id(plan.asset, spec.request, "assemble", rung.name), dependencies=dependencies)
        for rung in (plan.rungs_of(family) if jobs else ())
    )
