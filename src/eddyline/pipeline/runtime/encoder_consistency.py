"""Ensures that one build of FFmpeg encodes all chunks of a codec family of an asset.

Pools have their own builds of FFmpeg, and during a rollout workers with the old and the new build run side by
side. Chunks of two encoders must not be joined. The first chunk therefore writes its build into the family's
build record. A worker with a build that the record does not list takes over and has the other chunks encoded
again; workers with an earlier build hand their chunks back. If no worker with the newer build has written the
record for ten minutes (a rollback), a worker with an earlier build takes over again; otherwise the asset
would never be finished.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from eddyline.core.errors import Interrupted, MissingError, ProofError, TransientError
from eddyline.core.identity import canonical
from eddyline.core.stop import Stop
from eddyline.graph.job import Addition, Job, Link, NewJob
from eddyline.media.ladder.chunks import Chunk
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.planning.job_spec import StepSpec
from eddyline.pipeline.planning.plan import Plan, job_id
from eddyline.pipeline.runtime.parts import Part
from eddyline.pipeline.runtime.runtime import Runtime

SUPERSEDED_S = 600.0
"""If the record is older, a worker with an earlier build takes over again."""

_REFRESH_S = 60.0  # the age at which the record's time is updated
_ATTEMPTS = 20
_MAX_TIME = 1e11  # seconds since 1970


class MixedBuildError(ProofError):
    """The chunks of a rendition were encoded by several builds of FFmpeg."""

    default_remedy = "submit the source again: the chunks of the other build are encoded again"


@dataclass(frozen=True, kw_only=True)
class BuildRecord:
    """The build (SHA-256 of FFmpeg) that encodes a family's chunks, and the builds `before` it.

    `by` is the job that last changed the build, `at` (seconds since 1970) the last time a worker with the
    build wrote the record.
    """

    build: str
    by: str
    at: float
    before: tuple[str, ...] = ()


class EncoderChoice(StrEnum):
    """How a worker handles a chunk."""

    ENCODE = "encode"
    TAKE_OVER = "take over"
    HAND_BACK = "hand back"


def choose(record: BuildRecord, build: str, now: float) -> EncoderChoice:
    """What a worker with `build` does with a chunk of a family that has this record."""
    if record.build == build:
        return EncoderChoice.ENCODE
    superseded = build in record.before and now - record.at < SUPERSEDED_S
    return EncoderChoice.HAND_BACK if superseded else EncoderChoice.TAKE_OVER


def take_over(record: BuildRecord | None, build: str, job: str, now: float) -> BuildRecord:
    """The record once `build` encodes the chunks."""
    if record is None:
        return BuildRecord(build=build, by=job, at=now)
    before = tuple(dict.fromkeys((*record.before, record.build)))
    return BuildRecord(build=build, by=job, at=now, before=before)


def ffmpeg_identity(tools: Toolchain) -> dict[str, Any]:
    """What the part of a chunk records about its FFmpeg, as JSON values."""
    return {"version": tools.ffmpeg_version, "sha256": tools.ffmpeg_sha256}


def ffmpeg_build(part: Part) -> str | None:
    """The build that encoded a chunk's part; None for parts of versions that did not record it."""
    identity = part.result.get("ffmpeg")
    return str(identity["sha256"]) if isinstance(identity, Mapping) else None


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

        Raises `Interrupted` if the chunk belongs to workers with a newer build.
        """
        record = self._claim(stop)
        if record.before:
            part = self.runtime.parts.find(self._part_key(self.spec.index))
            if part is not None and ffmpeg_build(part) != self._build:
                self.runtime.store.delete(part.key)
        return record

    def leave(self, record: BuildRecord) -> tuple[Addition, ...]:
        """Further jobs: for the job that took over, those that encode the chunks of other builds again.

        Raises `Interrupted` if a worker with another build took over meanwhile.
        """
        current = self._read()[0]
        if current is None or current.build != self._build:
            raise Interrupted("a worker with another FFmpeg took over this asset")
        if record.by != self.job.id or not record.before:
            return ()
        repeated = [
            self._repeat(chunk, len(record.before))
            for chunk in self.plan.chunks
            if chunk.family == self._family
            and chunk.index != self.spec.index
            and self._is_of_another_build(chunk.index)
        ]
        if not repeated:
            return ()
        dependencies = tuple(job.id for job in repeated)
        assembling = [
            job_id(self.plan.asset, self.spec.request, "assemble", rung.name)
            for rung in self.plan.rungs_of(self._family)
        ]
        return (*repeated, *(Link(job_id=job, dependencies=dependencies) for job in assembling))

    @property
    def _build(self) -> str:
        return self.runtime.tools.ffmpeg_sha256

    @property
    def _family(self) -> str:
        chunks = {chunk.index: chunk.family for chunk in self.plan.chunks}
        return chunks[int(self.spec.index or 0)]

    @property
    def _record_key(self) -> str:
        return f"{self._part_key(None)}s{'-' if self._family else ''}{self._family}.json"

    def _part_key(self, index: int | str | None) -> str:
        return self.plan.part_key(self.job.kind, index)

    def _claim(self, stop: Stop) -> BuildRecord:
        """The record, once it names this worker's build."""
        for _ in range(_ATTEMPTS):
            now = self.runtime.clock.now()
            try:
                record, tag = self._read()
            except MissingError:
                record, tag = None, None
            match record and choose(record, self._build, now):
                case EncoderChoice.HAND_BACK:
                    # Workers with the newer build should be able to claim it first.
                    stop.wait(self.runtime.hand_back_pause_s)
                    raise Interrupted("a newer FFmpeg encodes the chunks of this asset")
                case EncoderChoice.ENCODE if record and now - record.at < _REFRESH_S:
                    return record
                case EncoderChoice.ENCODE if record:
                    new = replace(record, at=now)
                case _:
                    new = take_over(record, self._build, self.job.id, now)
            if self.runtime.store.compare_and_set(self._record_key, canonical(asdict(new)), tag):
                return new
        raise TransientError("other workers keep changing the build record of this asset")

    def _read(self) -> tuple[BuildRecord | None, str | None]:
        """The record (None: invalid, to be replaced) and its tag. Raises `MissingError`."""
        store, key = self.runtime.store, self._record_key
        tag = store.tag(key)  # read first, so that a change in between makes the comparison fail
        return _parse_record(store.get(key)), tag

    def _is_of_another_build(self, index: int) -> bool:
        part = self.runtime.parts.find(self._part_key(index))
        return part is not None and ffmpeg_build(part) != self._build

    def _repeat(self, chunk: Chunk, takeovers: int) -> NewJob:
        job = self.job
        return NewJob(
            id=f"{job_id(job.asset, self.spec.request, job.kind, chunk.index)}-again{takeovers}",
            asset=job.asset,
            kind=job.kind,
            pool=job.pool,
            priority=job.priority,
            spec={**job.spec, "index": chunk.index},
            owner=job.owner,
            weight=float(chunk.frames),
            max_attempts=job.max_attempts,
            deadline=job.deadline,
        )


def _parse_record(data: bytes) -> BuildRecord | None:
    try:
        values = json.loads(data)
        record = BuildRecord(**{**values, "before": tuple(values["before"])})
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    texts = (record.build, record.by, *record.before)
    valid_time = isinstance(record.at, int | float) and 0 <= record.at < _MAX_TIME
    return record if valid_time and all(isinstance(each, str) for each in texts) else None
