"""Learn what the footage is, from its index and first frames, and decide everything that follows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eddyline.core import files
from eddyline.core.errors import UnsupportedError
from eddyline.core.identity import canonical
from eddyline.core.process import Runner
from eddyline.core.stop import Stop
from eddyline.fleet.routing import Route
from eddyline.graph.handling import Handler, JobContext
from eddyline.graph.job import Done, Job
from eddyline.media.probe import open_footage, probe
from eddyline.media.profile import Profile
from eddyline.mp4.ranges import FileRanges
from eddyline.pipeline.bench import SOURCE, Bench
from eddyline.pipeline.edit.merge import join_chapters
from eddyline.pipeline.footage import Chapter, Original
from eddyline.pipeline.plan import Plan, jobs, parts_folder
from eddyline.pipeline.terms import Terms


def inspect(bench: Bench) -> Handler:
    """The handler of `inspect` jobs: facts, plan, and all the jobs that the plan asks for."""

    def handle(job: Job, context: JobContext) -> Done:
        started, stop = time.thread_time(), context.stop
        with bench.workplace(job, stop) as work, files.told_apart(f"inspecting {job.spec['name']}"):
            runner = bench.runner(job, work, stop)
            plan, route = _plan(bench, job, runner, work, stop)
        bench.store.put_bytes(plan.key, canonical(plan.to_json()))
        cpu = runner.cpu_s + time.thread_time() - started
        bench.parts.keep(plan.part("inspect"), {}, _result(bench.sources.chapters(plan.asset)), cpu)
        terms = Terms.from_json(job.spec.get("terms", {}))
        return Done(result={"plan": plan.key}, spawn=jobs(plan, job.spec["ask"], terms, route))

    return handle


def _plan(bench: Bench, job: Job, runner: Runner, work: Path, stop: Stop) -> tuple[Plan, Route]:
    spec = job.spec
    original = bench.sources.find(spec["asset"])
    chapters = bench.sources.chapters(spec["asset"])
    source = ""
    path = _local(original)
    if chapters:
        source, path = _merged(bench, spec["asset"], chapters, work, stop)
    opened = open_footage(path, work=work, runner=runner, tools=bench.tools)
    with FileRanges(opened.path) as src:
        facts = probe(
            src, opened.movie, runner=runner, tools=bench.tools, work=work, container=opened.container
        )
    if opened.path != path:
        source = _source_part(spec["asset"])
        bench.parts.keep(source, {SOURCE: opened.path}, {}, 0.0)
    # A rewrapped source is still known by, and reported as, the files that the user gave.
    size = sum(chapter.original.size for chapter in chapters) or original.size
    facts = replace(facts, fingerprint=spec["fingerprint"], bytes=size)
    profile = Profile.model_validate(spec["profile"])
    route = bench.route(profile, facts.video)
    plan = Plan.make(
        asset=spec["asset"],
        name=spec["name"],
        facts=facts,
        profile=profile,
        toolchain=bench.tools.identity,
        source=source,
        encoders=route.encoders,
    )
    return plan, route


def _local(original: Original) -> Path:
    original.check()
    if original.path is None:
        raise UnsupportedError("not yet")
    return original.path


def _source_part(asset: str) -> str:
    return f"{parts_folder(asset)}/source"


def _merged(
    bench: Bench, asset: str, chapters: Sequence[Chapter], work: Path, stop: Stop
) -> tuple[str, Path]:
    """The part that holds the recording as one file, and that file; made once, whatever kills us after."""
    key = _source_part(asset)
    part = bench.parts.find(key)
    if part is None:
        whole = work / "merged.mp4"
        join_chapters([_local(chapter.original) for chapter in chapters], whole, check=stop.check)
        part = bench.parts.keep(key, {SOURCE: whole}, {}, 0.0)
    return key, bench.store.fetch(part.file(SOURCE), work)


def _result(chapters: Sequence[Chapter]) -> dict[str, Any]:
    """What the manifest says of a recording's files."""
    told = [
        {"name": each.original.name, "bytes": each.original.size, "fingerprint": each.fingerprint}
        for each in chapters
    ]
    return {"chapters": told} if told else {}
