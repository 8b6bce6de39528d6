"""Poster, thumbnails, HiLight thumbnails and storyboard. The poster is published early: users wait for it."""

from __future__ import annotations

from typing import Any

from eddyline.media.pictures.jpeg import ImageInfo
from eddyline.media.pictures.poster import write_poster
from eddyline.media.pictures.stills import ImageSource
from eddyline.media.pictures.thumbnails import write_preceding_keyframes
from eddyline.media.pictures.thumbnails_and_storyboard import write_thumbnails_and_storyboard
from eddyline.pipeline.planning.output_layout import asset_key
from eddyline.pipeline.runtime.highlights import read_highlights
from eddyline.pipeline.runtime.index_cache import IndexedSource
from eddyline.pipeline.runtime.parts import Part
from eddyline.pipeline.runtime.runtime import Task
from eddyline.pipeline.runtime.step_handler import StepOutput


def poster(task: Task) -> StepOutput:
    """Write "poster.jpg"."""
    out = task.work / "poster.jpg"
    with task.open_source() as source:
        width = task.plan.profile.pictures.poster_width
        image = write_poster(_image_source(task, source), out=out, width=width)
    return StepOutput(files={out.name: out}, result=_describe(image))


def copy_poster(task: Task, part: Part) -> None:
    """Copy the poster to its final key, long before the asset is published."""
    task.runtime.store.copy(part.file("poster.jpg"), asset_key(task.plan.asset, "pictures/poster.jpg"))


def pictures(task: Task) -> StepOutput:
    """Write "thumb-NNN.jpg", "highlight-NNN.jpg" and the storyboard's sprites with "storyboard.vtt"."""
    out, settings = task.work / "out", task.plan.profile.pictures
    out.mkdir()
    with task.open_source() as source:
        video = _image_source(task, source)
        thumbnails, storyboard = write_thumbnails_and_storyboard(video, settings, out_dir=out)
        highlights = read_highlights(source)
        highlight_images = write_preceding_keyframes(
            video, [each.frame for each in highlights], out_dir=out, width=settings.thumb_width
        )
    return StepOutput(
        files={path.name: path for path in sorted(out.iterdir())},
        result={
            "thumbnails": [_describe(each) for each in thumbnails],
            "storyboard": None if storyboard is None else storyboard.vtt.name,
            "highlights": [
                {
                    "time_s": each.time_s,
                    "frame": each.frame,
                    "kind": each.kind,
                    "thumbnail": image and image.path.name,
                }
                for each, image in zip(highlights, highlight_images, strict=True)
            ],
        },
    )


def _image_source(task: Task, source: IndexedSource) -> ImageSource:
    return ImageSource(
        src=source.src,
        track=source.track,
        facts=task.plan.facts.video,
        shown=source.presentation,
        tools=task.runtime.tools,
        runner=task.runner,
        work=task.work,
    )


def _describe(image: ImageInfo) -> dict[str, Any]:
    return {"path": image.path.name, "width": image.width, "height": image.height, "time_s": image.time_s}
