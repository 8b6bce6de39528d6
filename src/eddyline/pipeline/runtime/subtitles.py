"""Subtitle cues as JSON, which pass from the `subtitles` step to the steps that need them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from eddyline.media.subtitles.cues import Cue, Subtitles
from eddyline.pipeline.runtime.runtime import Task

CUES: Final = "cues.json"
"""The file of the part "subtitles" that holds all cues; it is not published."""


def read_subtitles(task: Task) -> tuple[Subtitles, ...]:
    """The subtitles of the task's asset, in order; empty if the source has none."""
    if not task.plan.facts.subtitles:
        return ()
    part = task.part("subtitles")
    return subtitles_from_json(json.loads(task.runtime.store.get(part.file(CUES))))


def subtitles_to_json(subtitles: Sequence[Subtitles]) -> list[dict[str, Any]]:
    """The tracks as JSON values."""
    return [
        {
            **{name: getattr(each, name) for name in ("language", "title", "default", "forced")},
            "cues": [[cue.start, cue.end, cue.text, cue.top] for cue in each.cues],
        }
        for each in subtitles
    ]


def subtitles_from_json(values: Sequence[Mapping[str, Any]]) -> tuple[Subtitles, ...]:
    """The tracks that `subtitles_to_json` wrote."""
    return tuple(
        Subtitles(
            language=each["language"],
            title=each["title"],
            default=each["default"],
            forced=each["forced"],
            cues=tuple(
                Cue(start=start, end=end, text=text, top=top) for start, end, text, top in each["cues"]
            ),
        )
        for each in values
    )
