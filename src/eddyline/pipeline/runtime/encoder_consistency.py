"""One FFmpeg for all chunks of an asset: whose chunks they are is written down, and changes only forwards.

Worker classes have builds of their own, and while a new one is rolled out old and new workers run side by
side. Frames of two encoders must not be joined. So the first chunk writes its build into the asset's record;
a worker with a build that the record has not seen takes over, has the others' chunks made anew, and workers
of the build before it hand back what they are given. Should the newer build vanish (a rollback), nothing is
heard of it for ten minutes, and the older one takes over again: no asset waits for ever.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from eddyline.core.errors import Interrupted, MissingError, ProofError, TransientError
from eddyline.core.identity import canonical
from eddyline.core.stop import Stop
from eddyline.graph.job import Addition, Done, Job, Link, NewJob
from eddyline.graph.worker.handler import Handler, JobContext
from eddyline.media.ladder.chunks import Chunk
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.planning.job_spec import StepSpec
from eddyline.pipeline.planning.plan import Plan, job_id
from eddyline.pipeline.runtime.parts import Part
from eddyline.pipeline.runtime.runtime import Runtime
from eddyline.store.store import Store

SUPERSEDED_S = 600.0
"""After so long without a word of the newer build, an older one takes over again."""

_PAUSE_S = 5.0  # before a job is handed back to workers of another build: they should have a chance
_FRESH_S = 60.0  # how old a word may be before it is said again
_TRIES = 20
_LATEST = 1e11  # seconds since 1970


class MixedBuildError(ProofError):
    """Chunks of two builds of FFmpeg in one asset."""

    default_remedy = "submit the footage again: the chunks of the other build are made anew"


@dataclass(frozen=True, kw_only=True)
class BuildRecord:
    """The build (SHA-256 of FFmpeg) that an asset's chunks are made with, and those `before` it.

    `by` is the job that changed it last, `at` (seconds since 1970) when the build was heard of.
    """

    build: str
    by: str
    at: float
    before: tuple[str, ...] = ()


class EncoderChoice(StrEnum):
    """What a worker does with a chunk."""

    GO = "go"
    TAKE_OVER = "take over"
    HAND_BACK = "hand back"


def choose(record: BuildRecord, build: str, now: float) -> EncoderChoice:
    """What a worker with `build` does with a chunk of an asset of that record."""
    if record.build == build:
        return EncoderChoice.GO
    superseded = build in record.before and now - record.at < SUPERSEDED_S
    return EncoderChoice.HAND_BACK if superseded else EncoderChoice.TAKE_OVER


def record_takeover(record: BuildRecord | None, build: str, job: str, now: float) -> BuildRecord:
    """The record once `build` makes the chunks."""
    if record is None:
        return BuildRecord(build=build, by=job, at=now)
    before = tuple(dict.fromkeys((*record.before, record.build)))
    return BuildRecord(build=build, by=job, at=now, before=before)


def ffmpeg_identity(tools: Toolchain) -> dict[str, Any]:
    """What a chunk's part says of its FFmpeg."""
    return {"version": tools.ffmpeg_version, "sha256": tools.ffmpeg_sha256}


def ffmpeg_build(part: Part) -> str | None:
    """The build that made a chunk's part; None: made before builds were written down."""
    found = part.result.get("ffmpeg")
    return str(found["sha256"]) if isinstance(found, Mapping) else None


def require_single_build(chunks: Sequence[Part]) -> None:
    """Raise `MixedBuildError` unless all parts were made with one build."""
    builds = sorted({build for part in chunks if (build := ffmpeg_build(part)) is not None})
    if len(builds) > 1:
        named = ", ".join(build[:12] for build in builds)
        raise MixedBuildError(f"the chunks were encoded by {len(builds)} builds of FFmpeg ({named})")


def failed_on_mixed_builds(job: Job) -> bool:
    """Whether a job died of chunks of two builds: trying it again cannot help, new jobs can."""
    return (job.error or {}).get("error") == MixedBuildError.__name__


def one_build(
    runtime: Runtime, inner: Handler, *, clock: Callable[[], float] = time.time, pause_s: float = _PAUSE_S
) -> Handler:
    """The handler of chunk jobs: `inner`, for one build of FFmpeg at a time.

    Whichever of its steps a worker is killed at, the chunk is run again and no mix can come of it: the record
    is changed before others' parts are looked for, and looked at again after an own part is kept.
    """

    def handle(job: Job, context: JobContext) -> Done:
        spec = StepSpec.of(job)
        plan = runtime.plan(spec.plan)
        spec.check(job.kind, plan)
        entry = _Entry(runtime=runtime, plan=plan, job=job, spec=spec, clock=clock, pause_s=pause_s)
        record = entry.enter(context.stop)
        if record.before:
            entry.drop_others()
        done = inner(job, context)
        now = entry.read()[0]
        if now is None or now.build != runtime.tools.ffmpeg_sha256:
            raise Interrupted("another FFmpeg took this asset over meanwhile")
        return replace(done, spawn=(*done.spawn, *entry.again(record)))

    return handle


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """One chunk's dealings with its asset's record."""

    runtime: Runtime
    plan: Plan
    job: Job
    spec: StepSpec
    clock: Callable[[], float]
    pause_s: float

    @property
    def _build(self) -> str:
        return self.runtime.tools.ffmpeg_sha256

    def enter(self, stop: Stop) -> BuildRecord:
        """The record, which says this worker's build. Raises `Interrupted` where it is another's turn."""
        for _ in range(_TRIES):
            now = self.clock()
            try:
                record, tag = self.read()
            except MissingError:
                record, tag = None, None
            if record is None:
                fresh = record_takeover(None, self._build, self.job.id, now)
            else:
                match choose(record, self._build, now):
                    case EncoderChoice.HAND_BACK:
                        stop.wait(self.pause_s)
                        raise Interrupted("the chunks of this asset are made with a newer FFmpeg")
                    case EncoderChoice.GO if now - record.at < _FRESH_S:
                        return record
                    case EncoderChoice.GO:
                        fresh = replace(record, at=now)
                    case _:
                        fresh = record_takeover(record, self._build, self.job.id, now)
            if self.runtime.store.compare_and_set(_key(self.plan), canonical(asdict(fresh)), tag):
                return fresh
        raise TransientError("the record of this asset's FFmpeg changes all the time")

    def read(self) -> tuple[BuildRecord | None, str | None]:
        """The record (None: it cannot be read) and its tag. Raises `MissingError`."""
        store, key = self.runtime.store, _key(self.plan)
        tag = store.tag(key)  # before the reading: a change in between makes the writing fail, as it must
        return _parsed(store, key), tag

    def drop_others(self) -> None:
        """Forget what another build has made of this very chunk."""
        key = self.plan.part("chunk", self.spec.index)
        part = self.runtime.parts.find(key)
        if part is not None and ffmpeg_build(part) != self._build:
            self.runtime.store.delete(key)

    def again(self, record: BuildRecord) -> list[Addition]:
        """For the job that took over: jobs that make the others' chunks anew, which assembling awaits."""
        if record.by != self.job.id or not record.before:
            return []
        made = [
            self._twin(chunk, len(record.before))
            for chunk in self.plan.chunks
            if chunk.index != self.spec.index and self._is_anothers(chunk.index)
        ]
        if not made:
            return []
        dependencies, ask = tuple(job.id for job in made), self.spec.ask
        films = [job_id(self.plan.asset, ask, "assemble", rung.name) for rung in self.plan.rungs]
        return [*made, *(Link(job_id=film, dependencies=dependencies) for film in films)]

    def _is_anothers(self, index: int) -> bool:
        part = self.runtime.parts.find(self.plan.part("chunk", index))
        return part is not None and ffmpeg_build(part) != self._build

    def _twin(self, chunk: Chunk, time: int) -> NewJob:
        job = self.job
        return NewJob(
            id=f"{job_id(job.asset, self.spec.ask, 'chunk', chunk.index)}-again{time}",
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


def _key(plan: Plan) -> str:
    return f"{plan.part('chunk')}s.json"


def _parsed(store: Store, key: str) -> BuildRecord | None:
    """The record under `key`; None: it cannot be read, and is to be replaced. Raises `MissingError`."""
    try:
        plain = json.loads(store.get(key))
        record = BuildRecord(**{**plain, "before": tuple(plain["before"])})
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    texts = (record.build, record.by, *record.before)
    timed = isinstance(record.at, int | float) and 0 <= record.at < _LATEST
    return record if timed and all(isinstance(each, str) for each in texts) else None
