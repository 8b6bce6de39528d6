"""The poster. It is published early, because users wait for it: its step imports little."""

from __future__ import annotations

from eddyline.media.pictures.poster import write_poster
from eddyline.pipeline.planning.output_layout import asset_key
from eddyline.pipeline.runtime.images import image_entry, image_source
from eddyline.pipeline.runtime.parts import Part
from eddyline.pipeline.runtime.runtime import Task
from eddyline.pipeline.runtime.step_handler import StepOutput


def poster(task: Task) -> StepOutput:
    """Write "poster.jpg"."""
    out = task.work / "poster.jpg"
    with task.open_source() as source:
        width = task.plan.profile.pictures.poster_width
        image = write_poster(image_source(task, source), out=out, width=width)
    return StepOutput(files={out.name: out}, result=image_entry(image))


def copy_poster(task: Task, part: Part) -> None:
    """Copy the poster to its final key, long before the asset is published."""
    task.runtime.store.copy(part.file("poster.jpg"), asset_key(task.plan.asset, "pictures/poster.jpg"))
