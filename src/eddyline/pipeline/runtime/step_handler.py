"""Composes the handler of a job kind from its step.

A step whose part is already stored is not repeated: its handler returns the result of that part.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from eddyline.core import files
from eddyline.core.errors import ProofError, ToolError, TransientError
from eddyline.graph.job import Done, Job
from eddyline.graph.worker.handler import Handler, JobContext
from eddyline.pipeline.planning.job_kinds import JOB_KINDS
from eddyline.pipeline.planning.job_spec import StepSpec
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.runtime.device_fallback import DeviceFallback
from eddyline.pipeline.runtime.encoder_consistency import SingleBuild
from eddyline.pipeline.runtime.family_record import chunk_part_key
from eddyline.pipeline.runtime.parts import Part
from eddyline.pipeline.runtime.read_counter import BYTES_READ
from eddyline.pipeline.runtime.runtime import Runtime, Task
from eddyline.pipeline.runtime.stale_output_cleanup import remove_stale_output


@dataclass(frozen=True, kw_only=True)
class StepOutput:
    """The output of a step: local files by name, and a result as JSON."""

    files: Mapping[str, Path] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)


Step: TypeAlias = Callable[[Task], StepOutput]


def step_handler(
    runtime: Runtime, step: Step, *, after: Callable[[Task, Part], None] | None = None
) -> Handler:
    """The handler of jobs that run `step`. `after` runs each time, also if the part was already stored.

    Output of a job that ends after its asset was tidied is removed. Jobs of a kind that encodes video run
    with one build of FFmpeg for all chunks of a codec family, and in software if a device failed.
    """

    def handle(job: Job, context: JobContext) -> Done:
        spec = StepSpec.parse(job)
        plan = runtime.plan(spec.plan)
        with remove_stale_output(runtime.store, plan):
            spec.check(job.kind, plan)
            if not JOB_KINDS[job.kind].encodes_video:
                return run(job, context, spec, plan)
            build = SingleBuild(runtime=runtime, plan=plan, job=job, spec=spec)
            return _encode(build, context, lambda: run(job, context, spec, plan))

    def run(job: Job, context: JobContext, spec: StepSpec, plan: Plan) -> Done:
        key = plan.part_key(job.kind, spec.index)
        if JOB_KINDS[job.kind].encodes_video:
            key = chunk_part_key(plan, spec.index, software=spec.software)
        part = runtime.parts.find(key)
        with runtime.scratch_directory(job, context.stop) as work:
            task = Task(
                job=job,
                plan=plan,
                index=spec.index,
                work=work,
                runtime=runtime,
                runner=runtime.runner(job, work, context),
                context=context,
                software=spec.software,
            )
            if part is None:
                part = _run_step(task, step, key)
            if after is not None:
                after(task, part)
        return Done(result={**part.result, BYTES_READ: task.read_counter.bytes}, output=key)

    return handle


def _encode(build: SingleBuild, context: JobContext, run: Callable[[], Done]) -> Done:
    """Run a job that encodes a chunk with the build and the encoders of its codec family."""
    record = build.enter(context.stop)
    if build.spec.software or not build.plan.has_hardware(build.family):
        done = run()
        return replace(done, spawn=build.leave(record))
    fallback = DeviceFallback(build=build)
    if record.software:
        return fallback.moved("a device failed at another chunk of this codec family")
    try:
        done = run()
    except (ToolError, TransientError, ProofError) as error:
        return fallback.fail(error, context)
    return fallback.leave(record, done, context)


def _run_step(task: Task, step: Step, key: str) -> Part:
    started = time.thread_time()
    with files.translate_errors(f"processing {task.plan.name}"):
        output = step(task)
        task.context.stop.check()
        cpu_s = task.runner.cpu_s + time.thread_time() - started
        return task.runtime.parts.save(key, output.files, output.result, cpu_s)
