"""Measures the quality of the finished renditions in windows of frames, spread over the source."""

from __future__ import annotations

from contextlib import ExitStack

from eddyline.media.quality.comparison import is_measurable
from eddyline.media.quality.metrics import SAMPLED
from eddyline.media.quality.sampling import SamplingCosts, batches, interval, plan_windows
from eddyline.media.quality.windows import RenditionVideo, WindowValues, measure_windows
from eddyline.media.source.open_source import main_video
from eddyline.mp4.index import read_movie
from eddyline.mp4.presentation import build_presentation
from eddyline.pipeline.planning.job_kinds import JOB_KINDS
from eddyline.pipeline.runtime.runtime import Task
from eddyline.pipeline.runtime.step_handler import StepOutput

_KIND = "quality"


def quality(task: Task) -> StepOutput:
    """Measure part `task.index` of the windows; the result has their values by rung and metric."""
    plan = task.plan
    facts = plan.facts.video
    costs = SamplingCosts(facts=facts, rungs=plan.rungs, grid=plan.grid)
    jobs = len(plan.indexes(JOB_KINDS[_KIND]))
    measurable = [rung for rung in plan.rungs if is_measurable(facts, rung)]
    values: dict[str, WindowValues] = {rung.name: {} for rung in measurable}
    with ExitStack() as stack:
        source = stack.enter_context(task.open_source())
        windows = plan_windows(source.presentation, source.track, costs)
        own = windows[task.index * len(windows) // jobs : (task.index + 1) * len(windows) // jobs]
        video = source.video(facts)
        renditions = [_open_rendition(task, rung.name, stack) for rung in (measurable if own else ())]
        groups = batches(own, costs)
        for number, group in enumerate(groups):
            found = measure_windows(
                video,
                renditions,
                group,
                rungs=measurable,
                grid=plan.grid,
                metrics=SAMPLED,
                interval=interval(own),
                tools=task.runtime.tools,
                runner=task.runner,
                work=task.work / "windows",
            )
            for name, measured in found.items():
                for metric, groups_of_values in measured.items():
                    values[name].setdefault(metric, []).extend(groups_of_values)
            task.context.progress((number + 1) / len(groups))
    return StepOutput(result={"windows": values})


def _open_rendition(task: Task, name: str, stack: ExitStack) -> RenditionVideo:
    """The finished rendition of a rung, read where it is stored."""
    part = task.part("assemble", name)
    src = stack.enter_context(task.runtime.store.ranges(part.file(f"{name}.mp4")))
    stack.enter_context(task.read_counter.counting(src))
    movie = read_movie(src)
    track = main_video(movie)
    return RenditionVideo(
        rung=task.plan.rung(name), src=src, track=track, shown=build_presentation(movie, track)
    )
