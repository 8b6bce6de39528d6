"""The resources that all jobs of one process share, and those of one attempt at one job.

Every step can be repeated: it writes files to its own scratch directory, and other jobs see only a finished
part.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from eddyline.core import files
from eddyline.core.clock import Clock, SystemClock
from eddyline.core.errors import MissingError
from eddyline.core.identity import digest
from eddyline.core.name_rules import remove_child
from eddyline.core.processes.resource_limits import ResourceLimits
from eddyline.core.processes.runner import Runner
from eddyline.core.stop import Stop
from eddyline.edit.cancellable_reads import CancellableReads
from eddyline.fleet.pools import JobLimits, Pools, load_pools
from eddyline.graph.job import Job
from eddyline.graph.worker.handler import JobContext
from eddyline.media.encryption.content_keys import NO_KEYS, KeySource
from eddyline.media.ladder.chunks import Chunk
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.planning.job_spec import asset_of_plan, read_plan
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.planning.routing import Router, local_router
from eddyline.pipeline.runtime.disk_space import await_disk_space
from eddyline.pipeline.runtime.encoder_sessions import EncoderSessions
from eddyline.pipeline.runtime.family_record import chunk_parts
from eddyline.pipeline.runtime.history import History
from eddyline.pipeline.runtime.index_cache import IndexCache, IndexedSource
from eddyline.pipeline.runtime.parts import Part, PartStore
from eddyline.pipeline.runtime.read_counter import ReadCounter
from eddyline.pipeline.runtime.source_files import SourceRegistry
from eddyline.pipeline.runtime.upload_cleanup import UploadCleanup
from eddyline.store.store import Store

_MAX_PLANS = 100  # of the assets that a worker processed last
SOURCE = "source.mp4"  # the file of the part that holds a remuxed source
SOURCE_SUBTITLES = "subtitles-{}.srt"  # its subtitle tracks, as they were before remuxing


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What all jobs of one process share. If the store is a directory, `scratch` is on the same disk.

    `pools` are the configured pools, `router` chooses those of an asset's jobs (None: one process serves them
    all). `limits` bound the jobs of a pool; a pool without limits leaves the steps their own. A job waits
    `disk_wait_s` for free disk space. `upload_cleanup` aborts uploads that killed processes left in the
    store. A job that belongs to workers with another FFmpeg is handed back after `hand_back_pause_s`.
    `keys` has the content keys of encrypted streams.
    """

    store: Store
    tools: Toolchain
    scratch: Path
    history: Callable[[Job], History]
    pools: Pools = field(default_factory=load_pools)
    router: Router | None = None
    limits: Mapping[str, JobLimits] = field(default_factory=dict)
    disk_wait_s: float = 120.0
    hand_back_pause_s: float = 5.0
    upload_cleanup: UploadCleanup = field(default_factory=UploadCleanup)
    sessions: EncoderSessions = field(default_factory=EncoderSessions)
    indexes: IndexCache = field(default_factory=IndexCache)
    clock: Clock = field(default_factory=SystemClock)
    keys: KeySource = NO_KEYS
    _plans: OrderedDict[str, Plan] = field(default_factory=OrderedDict)

    @property
    def parts(self) -> PartStore:
        """The finished parts."""
        return PartStore(self.store)

    @property
    def sources(self) -> SourceRegistry:
        """Where the source files are."""
        return SourceRegistry(self.store)

    def plan(self, key: str) -> Plan:
        """The plan stored under `key`. Raises `MissingError`; `JobSpecError` if it is not a plan's key."""
        asset = asset_of_plan(key)
        plan = self._plans.get(key)
        if plan is None:  # two threads may both read it; it is the same plan
            plan = self._plans[key] = read_plan(self._read_plan(key), asset)
            while len(self._plans) > _MAX_PLANS:
                self._plans.popitem(last=False)
        return plan

    def _read_plan(self, key: str) -> bytes:
        try:
            return self.store.get(key)
        except MissingError as error:
            raise MissingError(
                f"the plan {self.store.where(key)} is missing: its asset is tidied, or is in another store",
                remedy="pass the same --store to all workers and to submit",
            ) from error

    @cached_property
    def route(self) -> Router:
        """Chooses the pools of an asset's jobs. Raises `UnsupportedError` if no pool can run them."""
        return self.router or local_router(self.pools, self.tools)

    def runner(self, job: Job, work: Path, context: JobContext) -> Runner:
        """Runs the programs of one attempt at one job, within the limits of its pool."""
        limits = self.limits.get(job.pool)
        if limits is None:
            return Runner(stop=context.stop, meter=context.cpu)
        bounds = ResourceLimits(
            wall_s=limits.wall_s,
            memory=None if limits.memory_mib is None else limits.memory_mib * 1024**2,
            disk=int(limits.scratch_gib * 1024**3),
            folder=work,
            remedy=f"raise limits of pool {job.pool} in pools.yaml if such jobs are expected",
        )
        return Runner(stop=context.stop, job_limits=bounds, meter=context.cpu)

    @contextmanager
    def scratch_directory(self, job: Job, stop: Stop) -> Iterator[Path]:
        """A scratch directory for one attempt at one job, removed at its end.

        Raises `TransientError` if the disk has less free space than the limits of the job's pool allow it.
        """
        if job.pool in self.limits:
            await_disk_space(
                self.scratch, self.limits[job.pool].min_free_gib, stop, timeout_s=self.disk_wait_s
            )
        # The name is a digest because the job's id comes from a message.
        directory = self.scratch / digest("scratch", job.id, job.fence)[:32]
        remove_child(self.scratch, directory)
        with files.translate_errors("creating a scratch directory"):
            directory.mkdir(parents=True)
        try:
            yield directory
        finally:
            remove_child(self.scratch, directory)


@dataclass(frozen=True, kw_only=True)
class Task:
    """One attempt at one job: `index` is the job's index in its kind, `work` a scratch directory.

    `software`: a chunk is encoded by software encoders instead of the planned ones, because a device failed.
    """

    job: Job
    plan: Plan
    index: Any
    work: Path
    runtime: Runtime
    runner: Runner
    context: JobContext
    software: bool = False
    read_counter: ReadCounter = field(default_factory=ReadCounter)

    @contextmanager
    def open_source(self) -> Iterator[IndexedSource]:
        """Open the source, or the MP4 that it was remuxed to, for range reads.

        Reads raise `Interrupted` once the job must stop.
        """
        key: Hashable
        if self.plan.source:
            part = self.runtime.parts.get(self.plan.source)
            key, src = (self.plan.key, part.key), self.runtime.store.ranges(part.file(SOURCE))
        else:
            key = self.runtime.sources.find(self.plan.asset)
            src = key.open()
        with src, self.read_counter.counting(src):
            yield self.runtime.indexes.get(key, CancellableReads(src, self.context.stop.check))

    def part(self, kind: str, index: int | str | None = None) -> Part:
        """The part of another job of this asset. Raises `MissingError`."""
        return self.runtime.parts.get(self.plan.part_key(kind, index))

    def chunk_parts(self, chunks: Sequence[Chunk]) -> tuple[Part, ...]:
        """The parts of these chunks, in order. Raises `MissingError`."""
        return chunk_parts(self.runtime.store, self.plan, chunks, self.runtime.parts.get)

    def fetch(self, part: Part, name: str) -> Path:
        """A local copy of a file of a part, to be read only."""
        return self.runtime.store.fetch(part.file(name), self.work)
