"""What people look at before they press play. The poster goes straight to its place: it is waited for."""

from __future__ import annotations

from typing import Any

from eddyline.media.pictures.poster import (
    ImageInfo,
    write_poster,
    write_preceding_keyframes,
    write_thumbnails,
)
from eddyline.media.pictures.storyboard import write_storyboard
from eddyline.pipeline.planning.output_layout import asset_key
from eddyline.pipeline.runtime.highlights import read_highlights
from eddyline.pipeline.runtime.parts import Part
from eddyline.pipeline.runtime.runtime import StepOutput, Task


def poster(task: Task) -> StepOutput:
    """Draw "poster.jpg"."""
    out = task.work / "poster.jpg"
    with task.open_source() as source:
        made = write_poster(
            source.src,
            source.movie,
            source.track,
            task.plan.facts.video,
            tools=task.runtime.tools,
            runner=task.runner,
            work=task.work,
            out=out,
            width=task.plan.profile.pictures.poster_width,
            shown=source.presentation,
        )
    return StepOutput(files={out.name: out}, result=_described(made))


def show_poster(task: Task, part: Part) -> None:
    """Put the poster where people look, long before the asset is published."""
    task.runtime.store.copy(part.file("poster.jpg"), asset_key(task.plan.asset, "pictures/poster.jpg"))


def pictures(task: Task) -> StepOutput:
    """Draw "thumb-NNN.jpg", "highlight-NNN.jpg" and the storyboard's sprites with "storyboard.vtt"."""
    out, wanted = task.work / "out", task.plan.profile.pictures
    out.mkdir()
    board = None
    with task.open_source() as source:
        of = (source.src, source.movie, source.track, task.plan.facts.video)
        tools, runner, shown = task.runtime.tools, task.runner, source.presentation
        thumbs = write_thumbnails(
            *of,
            tools=tools,
            runner=runner,
            work=task.work,
            out_dir=out,
            count=wanted.thumbs,
            width=wanted.thumb_width,
            shown=shown,
        )
        marked = read_highlights(source)
        moments = write_preceding_keyframes(
            *of,
            [each.frame for each in marked],
            tools=tools,
            runner=runner,
            work=task.work,
            out_dir=out,
            shown=shown,
            width=wanted.thumb_width,
        )
        if wanted.storyboard is not None:
            board = write_storyboard(
                *of, wanted.storyboard, tools=tools, runner=runner, work=task.work, out_dir=out, shown=shown
            )
    return StepOutput(
        files={path.name: path for path in sorted(out.iterdir())},
        result={
            "thumbnails": [_described(each) for each in thumbs],
            "storyboard": None if board is None else board.vtt.name,
            "highlights": [
                {
                    "time_s": each.time_s,
                    "frame": each.frame,
                    "kind": each.kind,
                    "thumbnail": picture and picture.path.name,
                }
                for each, picture in zip(marked, moments, strict=True)
            ],
        },
    )


def _described(picture: ImageInfo) -> dict[str, Any]:
    return {
        "path": picture.path.name,
        "width": picture.width,
        "height": picture.height,
        "time_s": picture.time_s,
    }
