"""What people look at before they press play. The poster goes straight to its place: it is waited for."""

from __future__ import annotations

from dataclasses import asdict

from eddyline.media import pictures as draw
from eddyline.pipeline.bench import Made, Task
from eddyline.pipeline.layout import asset_key
from eddyline.pipeline.parts import Part


def poster(task: Task) -> Made:
    """Draw "poster.jpg"."""
    out = task.work / "poster.jpg"
    with task.footage() as source:
        made = draw.poster(
            source.src,
            source.movie,
            source.track,
            task.plan.facts.video,
            settings=task.plan.profile.pictures,
            tools=task.bench.tools,
            runner=task.runner,
            work=task.work,
            out=out,
        )
    return Made(files={out.name: out}, result=asdict(made))


def show_poster(task: Task, part: Part) -> None:
    """Put the poster where people look, long before the asset is published."""
    task.bench.store.copy(part.file("poster.jpg"), asset_key(task.plan.asset, "pictures/poster.jpg"))


def pictures(task: Task) -> Made:
    """Draw "thumb-NNN.jpg" and the storyboard's sprites with "storyboard.vtt"."""
    out = task.work / "out"
    out.mkdir()
    with task.footage() as source:
        made = draw.sheets(
            source.src,
            source.movie,
            source.track,
            task.plan.facts.video,
            settings=task.plan.profile.pictures,
            tools=task.bench.tools,
            runner=task.runner,
            work=task.work,
            out_dir=out,
        )
    return Made(files={path.name: path for path in sorted(out.iterdir())}, result=made)
