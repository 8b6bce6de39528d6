"""What the steps that write images share: the video that they are taken from, and how a result lists them."""

from __future__ import annotations

from typing import Any

from eddyline.media.pictures.jpeg import ImageInfo
from eddyline.media.pictures.keyframes import ImageSource
from eddyline.pipeline.runtime.index_cache import IndexedSource
from eddyline.pipeline.runtime.runtime import Task


def image_source(task: Task, source: IndexedSource) -> ImageSource:
    """The video of an open source, decoded by the programs of the task."""
    return ImageSource(
        src=source.src,
        track=source.track,
        facts=task.plan.facts.video,
        shown=source.presentation,
        tools=task.runtime.tools,
        runner=task.runner,
        work=task.work,
        second=source.second,
    )


def image_entry(image: ImageInfo) -> dict[str, Any]:
    """An image as JSON values: its file name, size in pixels and time in seconds."""
    return {"path": image.path.name, "width": image.width, "height": image.height, "time_s": image.time_s}
