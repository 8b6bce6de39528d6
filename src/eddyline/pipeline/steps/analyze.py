"""Probes some chunks of one codec family: short runs of frames, encoded with several CRFs and measured."""

from __future__ import annotations

from eddyline.media.crf_search.analysis import probe_chunks
from eddyline.media.crf_search.probe_runs import plan_runs, run_length
from eddyline.pipeline.planning.selection import searched_rungs
from eddyline.pipeline.runtime.runtime import Task
from eddyline.pipeline.runtime.step_handler import StepOutput


def analyze(task: Task) -> StepOutput:
    """Probe the chunks of analysis number `task.index`; the result has the probes of each rung.

    The positions of the runs depend on the source and the draft, so that a repeated job has the same ones.
    """
    plan = task.plan
    settings = plan.profile.smart
    assert settings is not None  # noqa: S101 - a draft has them
    analysis, facts = plan.analyses[task.index], plan.facts.video
    rungs = searched_rungs(facts, plan.rungs)[analysis.family]
    with task.open_source() as source:
        runs = plan_runs(
            analysis.chunks,
            analysis.probes,
            run_length(rungs),
            shown=source.presentation,
            track=source.track,
            fps=float(facts.fps),
            seed=f"{plan.facts.fingerprint} {plan.draft_digest} {task.index}",
        )
        video = source.video(facts)
        probes = probe_chunks(
            video,
            runs,
            rungs,
            plan.grid,
            settings,
            tools=task.runtime.tools,
            runner=task.runner,
            work=task.work,
            on_progress=task.context.progress,
        )
    return StepOutput(
        result={"probes": {name: [each.to_json() for each in found] for name, found in probes.items()}}
    )
