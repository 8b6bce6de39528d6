"""Chooses the CRF of each rung and chunk and the rungs to keep, and adds the jobs of the complete plan."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from eddyline.core import files
from eddyline.core.identity import canonical
from eddyline.graph.job import Done, Job
from eddyline.graph.worker.handler import Handler, JobContext
from eddyline.media.crf_search.ladder_rules import drop_rungs
from eddyline.media.crf_search.model import RungModel
from eddyline.media.crf_search.probe import Probe
from eddyline.media.quality.metrics import Metric
from eddyline.media.quality.pooling import pool
from eddyline.pipeline.planning.job_spec import StepSpec, job_options
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.planning.plan_jobs import plan_jobs
from eddyline.pipeline.planning.selection import Selection, searched_rungs
from eddyline.pipeline.runtime.runtime import Runtime
from eddyline.pipeline.runtime.stale_output_cleanup import remove_stale_output


def ladder(runtime: Runtime) -> Handler:
    """The handler of `ladder` jobs: stores the complete plan and adds its jobs.

    It depends on the stored probes alone, so that a repeated job writes the same plan.
    """

    def handle(job: Job, context: JobContext) -> Done:
        started = time.thread_time()
        spec = StepSpec.parse(job)
        draft = runtime.plan(spec.plan)
        with remove_stale_output(runtime.store, draft), files.translate_errors(f"planning {draft.name}"):
            spec.check(job.kind, draft)
            probes = [
                runtime.parts.get(draft.part_key("analyze", index)).result["probes"]
                for index in range(len(draft.analyses))
            ]
            plan = draft.complete(select(draft, probes))
            context.stop.check()
            runtime.store.put_bytes(plan.key, canonical(plan.to_json()))
            runtime.parts.save(draft.part_key(job.kind), {}, {}, time.thread_time() - started)
            route = runtime.route(plan.profile, plan.facts.video)
            return Done(
                result={"plan": plan.key}, spawn=plan_jobs(plan, spec.request, job_options(job), route)
            )

    return handle


def select(draft: Plan, probes: Sequence[Mapping[str, Sequence[Any]]]) -> Selection:
    """What is chosen from the probes: for each job of the analysis, those of each rung by its name."""
    settings = draft.profile.smart
    assert settings is not None  # noqa: S101 - a draft has them
    crfs: dict[str, tuple[float, ...]] = {}
    dropped: dict[str, str] = {}
    expected: dict[str, Any] = {}
    for family, rungs in searched_rungs(draft.facts.video, draft.rungs).items():
        chunks = draft.chunks_of(family)
        kbps: dict[str, float] = {}
        for rung in rungs:
            found = [Probe.from_json(each) for part in probes for each in part.get(rung.name, ())]
            model = RungModel(rung=rung, settings=settings, probes=found)
            crfs[rung.name] = model.chunk_crfs([chunk.index for chunk in chunks])
            chosen = {chunk.index: crf for chunk, crf in zip(chunks, crfs[rung.name], strict=True)}
            own = draft.grid.thinned(rung.frame_step)
            kbps[rung.name] = model.predicted_kbps(chosen, own)
            vmaf = pool(Metric.VMAF, model.predicted(chosen))
            expected[rung.name] = {
                "probes": len(found),
                "vmaf": {name: vmaf[name] for name in ("mean", "p5")},
            }
        dropped |= drop_rungs(rungs, kbps, settings)
    kept = {name: each for name, each in crfs.items() if name not in dropped}
    return Selection(crfs=kept, dropped=dropped, expected=expected, jobs=len(draft.analyses))
