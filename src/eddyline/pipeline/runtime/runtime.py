"""The workbench: how one job gets its plan, its scratch folder and its tools, and how its part is kept.

Every step can be replayed: it makes files in a scratch folder of its own, and only a finished part is seen by
anyone. A step that finds its part already made answers with that part.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from eddyline.core import files
from eddyline.core.errors import MissingError
from eddyline.core.identity import digest
from eddyline.core.name_rules import remove_child
from eddyline.core.process import Runner
from eddyline.core.resource_limits import ResourceLimits
from eddyline.core.stop import Stop
from eddyline.edit.cancellable_reads import CancellableReads
from eddyline.fleet.pools import JobLimits, Pools, load_pools
from eddyline.graph.job import Done, Job
from eddyline.graph.worker.handler import Handler, JobContext
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.planning.job_spec import StepSpec, asset_of_plan, read_plan
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.planning.routing import Router, local_router
from eddyline.pipeline.runtime.disk_space import await_disk_space
from eddyline.pipeline.runtime.history import History
from eddyline.pipeline.runtime.parts import Part, PartStore
from eddyline.pipeline.runtime.read_counter import BYTES_READ, ReadCounter
from eddyline.pipeline.runtime.source_files import IndexCache, IndexedSource, SourceRegistry
from eddyline.pipeline.runtime.upload_cleanup import UploadCleanup
from eddyline.store.store import Store

_PLANS_KEPT = 100  # of the assets a worker did something for last
SOURCE = "source.mp4"  # the file of the part that a rewrapped source is
SOURCE_SUBTITLES = "subtitles-{}.srt"  # its subtitle tracks, as they were before it was rewrapped


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What all jobs of one process share. `scratch` lies on the store's disk where the store is a folder.

    `pools` are the worker classes there are, and `router` decides which of them an asset's jobs go to (None:
    one process serves them all). `limits` bound the jobs of a class; where there are none, steps have their
    own alone. A job waits `patience_s` for room on the disk. `upload_cleanup` aborts uploads that killed
    processes left in the store.
    """

    store: Store
    tools: Toolchain
    scratch: Path
    history: Callable[[Job], History]
    pools: Pools = field(default_factory=load_pools)
    router: Router | None = None
    limits: Mapping[str, JobLimits] = field(default_factory=dict)
    patience_s: float = 120.0
    upload_cleanup: UploadCleanup = field(default_factory=UploadCleanup)
    indexes: IndexCache = field(default_factory=IndexCache)
    _plans: OrderedDict[str, Plan] = field(default_factory=OrderedDict)

    @property
    def parts(self) -> PartStore:
        """The finished parts."""
        return PartStore(self.store)

    @property
    def sources(self) -> SourceRegistry:
        """Where the originals lie."""
        return SourceRegistry(self.store)

    def plan(self, key: str) -> Plan:
        """The plan kept under `key`. Raises `MissingError`; `JobSpecError` for what is not a plan's key."""
        asset = asset_of_plan(key)
        plan = self._plans.get(key)
        if plan is None:  # two threads may read it twice; it is the same plan
            plan = self._plans[key] = read_plan(self._read_plan(key), asset)
            while len(self._plans) > _PLANS_KEPT:
                self._plans.popitem(last=False)
        return plan

    def _read_plan(self, key: str) -> bytes:
        try:
            return self.store.get(key)
        except MissingError as error:
            raise MissingError(
                f"there is no plan at {self.store.where(key)}: its asset is tidied up, or in another store",
                remedy="see that all workers have the --store that footage is submitted with",
            ) from error

    @cached_property
    def route(self) -> Router:
        """Decides where the jobs of an asset go. Raises `UnsupportedError` where no class can do them."""
        return self.router or local_router(self.pools, self.tools)

    def runner(self, job: Job, work: Path, stop: Stop) -> Runner:
        """What runs the programs of one start of one job, within the limits of its class."""
        limits = self.limits.get(job.pool)
        if limits is None:
            return Runner(stop=stop)
        bounds = ResourceLimits(
            wall_s=limits.wall_s,
            memory=None if limits.memory_mib is None else limits.memory_mib * 1024**2,
            room=int(limits.scratch_gib * 1024**3),
            folder=work,
            remedy=f"raise limits of pool {job.pool} in pools.yaml if such jobs are meant to run",
        )
        return Runner(stop=stop, bounds=bounds)

    @contextmanager
    def scratch_directory(self, job: Job, stop: Stop) -> Iterator[Path]:
        """A scratch folder for one start of one job, removed at its end.

        Raises `TransientError` if the disk has not the room that the job's class may need.
        """
        if job.pool in self.limits:
            await_disk_space(self.scratch, self.limits[job.pool].room_gib, stop, patience_s=self.patience_s)
        # A digest, because the job's id comes from a message.
        folder = self.scratch / digest("scratch", job.id, job.fence)[:32]
        remove_child(self.scratch, folder)
        with files.translate_errors("making room to work"):
            folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            remove_child(self.scratch, folder)


@dataclass(frozen=True, kw_only=True)
class Task:
    """One start of one job: `index` says which of its kind, `work` is a scratch folder."""

    job: Job
    plan: Plan
    index: Any
    work: Path
    runtime: Runtime
    runner: Runner
    context: JobContext
    read_counter: ReadCounter = field(default_factory=ReadCounter)

    @contextmanager
    def open_source(self) -> Iterator[IndexedSource]:
        """The source, or what it was rewrapped to, read by ranges wherever it lies.

        Whoever reads when the job must stop gets `Interrupted`.
        """
        known: Hashable
        if self.plan.source:
            part = self.runtime.parts.get(self.plan.source)
            known, src = (self.plan.key, part.key), self.runtime.store.ranges(part.file(SOURCE))
        else:
            known = self.runtime.sources.find(self.plan.asset)
            src = known.open()
        with src, self.read_counter.counting(src):
            yield self.runtime.indexes.of(known, CancellableReads(src, self.context.stop.check))

    def part(self, kind: str, index: int | str | None = None) -> Part:
        """What another job of this asset has made. Raises `MissingError`."""
        return self.runtime.parts.get(self.plan.part(kind, index))

    def local(self, part: Part, name: str) -> Path:
        """A local file of another job's part, to be read only."""
        return self.runtime.store.fetch(part.file(name), self.work)


@dataclass(frozen=True, kw_only=True)
class StepOutput:
    """What a step has made: local files by name, and a result as JSON."""

    files: Mapping[str, Path] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)


Step = Callable[[Task], StepOutput]


def handler(runtime: Runtime, step: Step, after: Callable[[Task, Part], None] | None = None) -> Handler:
    """Make a job handler of a step. `after` runs each time, also when the part was there already."""

    def handle(job: Job, context: JobContext) -> Done:
        spec = StepSpec.of(job)
        plan = runtime.plan(spec.plan)
        spec.check(job.kind, plan)
        key = plan.part(job.kind, spec.index)
        part = runtime.parts.find(key)
        with runtime.scratch_directory(job, context.stop) as work:
            task = Task(
                job=job,
                plan=plan,
                index=spec.index,
                work=work,
                runtime=runtime,
                runner=runtime.runner(job, work, context.stop),
                context=context,
            )
            if part is None:
                part = _make(task, step, key)
            if after is not None:
                after(task, part)
        return Done(result={**part.result, BYTES_READ: task.read_counter.bytes}, output=key)

    return handle


def _make(task: Task, step: Step, key: str) -> Part:
    own = time.thread_time()
    with files.translate_errors(f"working on {task.plan.name}"):
        made = step(task)
        task.context.stop.check()
        cpu = task.runner.cpu_s + time.thread_time() - own
        return task.runtime.parts.keep(key, made.files, made.result, cpu)
