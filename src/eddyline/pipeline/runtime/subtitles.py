"""Subtitles between the steps: as JSON, and those that a step needs of the part that the first one made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from eddyline.media.subtitles.cues import Cue, Subtitles
from eddyline.pipeline.runtime.runtime import Task

CUES: Final = "cues.json"
"""The file of the part "subtitles" that holds all cues; it is not published."""


def shown_within(cues: Sequence[Cue], end_ms: int) -> tuple[Cue, ...]:
    """The cues that begin before the video's end."""
    return tuple(each for each in cues if each.start < end_ms)


def read_subtitles(task: Task) -> tuple[Subtitles, ...]:
    """The subtitles of the task's asset, in order; none where the source has none."""
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


def subtitles_from_json(plain: Sequence[Mapping[str, Any]]) -> tuple[Subtitles, ...]:
    """The tracks that `subtitles_to_json` gave."""
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
        for each in plain
    )
