"""Lets a codec family fall back to software encoders when a GPU fails: all its chunks, never some of them.

The job that meets the failure changes the family's build record first, and then ends as done, with further
jobs: one for each chunk of the family, encoded by the default encoder of the codec in a pool that has it. The
renditions wait for those. Parts of the GPU are not read any more; those of software encoders have other keys,
so that a GPU that ends late cannot overwrite them. The family's other jobs move to that pool as well, where
they end at once: no job waits for GPUs that may not come back.

No kill loses the fallback: every job of the family that starts or ends after the record was changed adds the
same jobs again, with the same ids. And a job that has lost its claim cannot cause one when all chunks are
done: a chunk that was encoded changes the record too (`stored`), before its job ends. Either the failing
worker finds the part of its chunk, or the worker that encoded it finds the changed record.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from eddyline.core.errors import EddylineError, Interrupted, ProofError, ToolError
from eddyline.graph.job import Addition, Done, Move
from eddyline.graph.worker.handler import JobContext
from eddyline.media.ladder.families import family_codec
from eddyline.media.video.device_errors import DeviceError, EncoderSessionsError
from eddyline.pipeline.planning.job_ids import job_id
from eddyline.pipeline.planning.routing import software_pool
from eddyline.pipeline.runtime.build_record import BuildRecord, fall_back
from eddyline.pipeline.runtime.encoder_consistency import (
    SOFTWARE_SUFFIX,
    SingleBuild,
    assemble_after,
    ffmpeg_build,
    repeat_chunk,
)

MAX_SESSION_WAITS = 60
"""A job that was handed back so often, and still gets no encoder session, has met a broken device."""

_UNKNOWN_FAILURES = 2  # of a chunk on GPUs, for a reason that FFmpeg does not name
_MAX_REASON = 500  # characters
_TAKEOVERS = 3  # takeovers by other builds whose jobs are moved as well


@dataclass(frozen=True, kw_only=True)
class DeviceFallback:
    """The fallback of one chunk job that is planned for hardware encoders."""

    build: SingleBuild

    def leave(self, record: BuildRecord, done: Done, context: JobContext) -> Done:
        """The outcome of a chunk that the device encoded: that of `SingleBuild.leave`, or the fallback."""
        if self.build.record.change(self._stored, context.stop).software:
            return self.moved("a device failed at another chunk of this codec family")
        return replace(done, spawn=self.build.leave(record))

    def fail(self, error: EddylineError, context: JobContext) -> Done:
        """The fallback, if `error` is a failure of the device; otherwise the error is raised.

        Raises `Interrupted`, which spends no attempt, if the device has no free encoder session now.
        """
        job, runtime = self.build.job, self.build.runtime
        if isinstance(error, EncoderSessionsError) and job.interruptions < MAX_SESSION_WAITS:
            context.stop.wait(runtime.hand_back_pause_s)
            raise Interrupted(error.message) from error
        if self._pool is None or not _is_device_failure(error, context.attempt):
            raise error
        record = self.build.record.change(self._failed, context.stop)
        if not record.software:
            raise Interrupted("another worker encoded this chunk") from error
        return self.moved(error.message)

    def moved(self, reason: str) -> Done:
        """The outcome of a job whose family fell back: the jobs that encode all its chunks in software."""
        build, pool = self.build, self._pool or self.build.job.pool
        chunks = build.plan.chunks_of(build.family)
        jobs = [
            repeat_chunk(build.job, build.spec, chunk, suffix=SOFTWARE_SUFFIX, pool=pool, software=True)
            for chunk in chunks
        ]
        moves = [
            Move(
                job_id=f"{job_id(build.job.asset, build.spec.request, build.job.kind, chunk.index)}{again}",
                pool=pool,
            )
            for chunk in chunks
            for again in ("", *(f"-again{number}" for number in range(1, _TAKEOVERS + 1)))
        ]
        spawn: tuple[Addition, ...] = (
            *jobs,
            *assemble_after(build.plan, build.spec, build.family, jobs),
            *moves,
        )
        return Done(result={"fallback": {"pool": pool, "reason": reason[:_MAX_REASON]}}, spawn=spawn)

    @property
    def _pool(self) -> str | None:
        return software_pool(self.build.runtime.pools, family_codec(self.build.family))

    def _stored(self, record: BuildRecord | None) -> BuildRecord | None:
        """The record after this job stored its chunk; None if the chunk does not count."""
        build, job = self.build.runtime.tools.ffmpeg_sha256, self.build.job
        if record is not None and (record.software or record.build != build):
            return None
        now = self.build.runtime.clock.now()
        known = record or BuildRecord(build=build, by=job.id, at=now)
        return replace(known, at=now, stored=f"{job.id}:{job.fence}")

    def _failed(self, record: BuildRecord | None) -> BuildRecord | None:
        """The record after the failure; None if the family fell back already, or the chunk is encoded."""
        if record is not None and record.software:
            return None
        part = self.build.runtime.parts.find(self.build.part_key(self.build.spec.index))
        if record is not None and part is not None and ffmpeg_build(part) == record.build:
            return None
        return fall_back(self.build.job.id, self.build.runtime.clock.now())


def _is_device_failure(error: EddylineError, attempt: int) -> bool:
    """Whether the CPU may succeed where this device failed.

    An encoder that drops frames or misplaces keyframes does so again. Other failures of FFmpeg are retried
    once on a GPU, because they may be those of memory or of the disk.
    """
    if isinstance(error, DeviceError | EncoderSessionsError | ProofError):
        return True
    return isinstance(error, ToolError) and attempt >= _UNKNOWN_FAILURES
