"""Decodes the source's subtitles once, as cues and as WebVTT files for pages and players."""

from __future__ import annotations

import json
from typing import Any

from eddyline.core.errors import InputError
from eddyline.media.left_out.report import LeftOut
from eddyline.media.source.source import SubtitleFacts
from eddyline.media.subtitles.cues import Subtitles, to_webvtt
from eddyline.media.subtitles.source_tracks import cues_of_track, read_srt
from eddyline.pipeline.runtime.runtime import SOURCE_SUBTITLES, Task
from eddyline.pipeline.runtime.step_handler import StepOutput
from eddyline.pipeline.runtime.subtitles import CUES, subtitles_to_json


def subtitles(task: Task) -> StepOutput:
    """Write "1.vtt", "2.vtt" ... for each track in order, and all cues as JSON for later steps.

    A track that cannot be decoded is left out, and so are cues that start after the end of the video: the
    result lists both.
    """
    end_ms = round(task.plan.facts.duration_s * 1000)
    tracks: list[dict[str, Any]] = []
    kept: list[Subtitles] = []
    left_out: list[LeftOut] = []
    files = {}
    for number, facts in enumerate(task.plan.facts.subtitles):
        name = (
            f"track {facts.track} ({facts.codec}{'' if facts.language == 'und' else f', {facts.language}'})"
        )
        try:
            cues = _cues(task, number, facts)
        except InputError as error:
            left_out.append(LeftOut(kind="subtitle", what=name, why=error.message))
            continue
        inside = tuple(cue for cue in cues if cue.start < end_ms)
        if len(inside) < len(cues):
            beyond = f"{len(cues) - len(inside)} cues of {name}"
            left_out.append(
                LeftOut(kind="subtitle", what=beyond, why="they start after the end of the video")
            )
        kept.append(
            Subtitles(
                language=facts.language,
                title=facts.title,
                # Players enable one track at most.
                default=facts.default and not any(each.default for each in kept),
                forced=facts.forced,
                cues=inside,
            )
        )
        file = f"{len(kept)}.vtt"
        files[file] = task.work / file
        files[file].write_text(to_webvtt(inside), "utf-8")
        tracks.append(
            {
                "language": facts.language,
                "title": facts.title,
                "codec": facts.codec,
                "default": kept[-1].default,
                "forced": facts.forced,
                "cues": len(inside),
                "path": file,
            }
        )
    files[CUES] = task.work / CUES
    files[CUES].write_text(json.dumps(subtitles_to_json(kept)), "utf-8")
    return StepOutput(
        files=files, result={"tracks": tracks, "left_out": [each.to_json() for each in left_out]}
    )


def _cues(task: Task, number: int, facts: SubtitleFacts) -> tuple[Any, ...]:
    """The cues of one track; those of a remuxed source as inspection read them from the original."""
    if task.plan.source:
        part = task.runtime.parts.get(task.plan.source)
        name = SOURCE_SUBTITLES.format(number)
        if name in part.files:
            return read_srt(task.fetch(part, name))
    with task.open_source() as source:
        track = next((each for each in source.movie.tracks if each.number == facts.track), None)
        if track is None:
            raise InputError(
                f"track {facts.track} is missing from the source", remedy="submit the source again"
            )
        return cues_of_track(
            source.src,
            source.movie,
            track,
            work=task.work,
            tools=task.runtime.tools,
            runner=task.runner,
        )
