"""Learn what the footage is, from its index and first frames, and decide everything that follows."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from eddyline.core import files
from eddyline.core.identity import canonical
from eddyline.core.process import Runner
from eddyline.graph.handling import Handler, JobContext
from eddyline.graph.job import Done, Job
from eddyline.media.probe import open_footage, probe
from eddyline.media.profile import Profile
from eddyline.mp4.ranges import FileRanges
from eddyline.pipeline.bench import Bench
from eddyline.pipeline.plan import Plan, jobs, parts_folder


def inspect(bench: Bench) -> Handler:
    """The handler of `inspect` jobs: facts, plan, and all the jobs that the plan asks for."""

    def handle(job: Job, context: JobContext) -> Done:
        started, runner = time.thread_time(), Runner(stop=context.stop)
        with bench.workplace(job) as work, files.told_apart(f"inspecting {job.spec['name']}"):
            plan = _plan(bench, job, runner, work)
        bench.tools.require({rung.encoder for rung in plan.rungs} | {"aac"})
        bench.store.put_bytes(plan.key, canonical(plan.to_json()))
        cpu = runner.cpu_s + time.thread_time() - started
        bench.parts.keep(plan.part("inspect"), {}, {}, cpu)
        return Done(result={"plan": plan.key}, spawn=jobs(plan, job.spec["ask"]))

    return handle


def _plan(bench: Bench, job: Job, runner: Runner, work: Path) -> Plan:
    spec = job.spec
    original = bench.sources.find(spec["asset"])
    path, source = original.check(), ""
    opened = open_footage(path, work=work, runner=runner, tools=bench.tools)
    with FileRanges(opened.path) as src:
        facts = probe(
            src, opened.movie, runner=runner, tools=bench.tools, work=work, container=opened.container
        )
    if opened.path != path:
        source = f"{parts_folder(spec['asset'])}/source"
        bench.parts.keep(source, {"source.mp4": opened.path}, {}, 0.0)
    # A rewrapped source is still known by, and reported as, the file that the user gave.
    facts = replace(facts, fingerprint=spec["fingerprint"], bytes=original.size)
    return Plan.make(
        asset=spec["asset"],
        name=spec["name"],
        facts=facts,
        profile=Profile.model_validate(spec["profile"]),
        toolchain=bench.tools.identity,
        source=source,
    )
