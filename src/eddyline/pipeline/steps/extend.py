"""Adds the segments of further chunks to the preview, once the audio is encoded."""

from __future__ import annotations

from collections.abc import Mapping

from eddyline.pipeline.runtime.audio_track import ENCODED
from eddyline.pipeline.runtime.preview import build_preview
from eddyline.pipeline.runtime.runtime import Task
from eddyline.pipeline.runtime.step_handler import StepOutput


def extend(task: Task) -> StepOutput:
    """Write the segments of the first `task.index` chunks that the preview does not have yet."""
    plan = task.plan
    audio = [task.fetch(task.part("audio", index), ENCODED) for index in range(len(plan.audio))]
    return build_preview(task, plan.extension_chunks(task.index), audio, _shown(task), whole_audio=True)


def _shown(task: Task) -> Mapping[str, int]:
    """The number of segments that the preview has already, by track."""
    preview = task.plan.preview
    earlier = [each for each in preview.extensions if each < task.index] if preview else []
    if earlier:
        part = task.part("extend", earlier[-1])
    elif preview and preview.frames:
        part = task.part("preview")
    else:
        return {}
    found: Mapping[str, int] = part.result["segments"]
    return found
