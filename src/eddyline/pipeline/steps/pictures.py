"""Thumbnails, HiLight thumbnails and storyboard."""

from __future__ import annotations

from eddyline.media.pictures.thumbnails import write_preceding_keyframes
from eddyline.media.pictures.thumbnails_and_storyboard import write_thumbnails_and_storyboard
from eddyline.pipeline.runtime.highlights import read_highlights
from eddyline.pipeline.runtime.images import image_entry, image_source
from eddyline.pipeline.runtime.runtime import Task
from eddyline.pipeline.runtime.step_handler import StepOutput


def pictures(task: Task) -> StepOutput:
    """Write "thumb-NNN.jpg", "highlight-NNN.jpg" and the storyboard's sprites with "storyboard.vtt"."""
    out, settings = task.work / "out", task.plan.profile.pictures
    out.mkdir()
    with task.open_source() as source:
        video = image_source(task, source)
        thumbnails, storyboard = write_thumbnails_and_storyboard(video, settings, out_dir=out)
        highlights = read_highlights(source)
        highlight_images = write_preceding_keyframes(
            video, [each.frame for each in highlights], out_dir=out, width=settings.thumb_width
        )
    return StepOutput(
        files={path.name: path for path in sorted(out.iterdir())},
        result={
            "thumbnails": [image_entry(each) for each in thumbnails],
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
