"""The source's subtitles: decoded once, as cues and as WebVTT files that pages and players read."""

from __future__ import annotations

import json
from typing import Any

from eddyline.core.errors import InputError
from eddyline.media.left_out.report import LeftOut
from eddyline.media.source.source import SubtitleFacts
from eddyline.media.subtitles.cues import Subtitles, to_webvtt
from eddyline.media.subtitles.source_tracks import cues_of_track, read_srt
from eddyline.pipeline.runtime.runtime import SOURCE_SUBTITLES, StepOutput, Task
from eddyline.pipeline.runtime.subtitles import CUES, shown_within, subtitles_to_json


def subtitles(task: Task) -> StepOutput:
    """Write "1.vtt", "2.vtt" ... for each track in order, and all cues as JSON for the steps that follow.

    A track that cannot be decoded is left out, and so are cues that begin after the video's end: the result
    lists both.
    """
    end_ms = round(task.plan.facts.duration_s * 1000)
    tracks: list[dict[str, Any]] = []
    kept: list[Subtitles] = []
    left: list[LeftOut] = []
    files = {}
    for number, facts in enumerate(task.plan.facts.subtitles):
        what = (
            f"track {facts.track} ({facts.codec}{'' if facts.language == 'und' else f', {facts.language}'})"
        )
        try:
            cues = _cues(task, number, facts)
        except InputError as error:
            left.append(LeftOut(kind="subtitle", what=what, why=error.message))
            continue
        inside = shown_within(cues, end_ms)
        if len(inside) < len(cues):
            beyond = f"{len(cues) - len(inside)} cues of {what}"
            left.append(LeftOut(kind="subtitle", what=beyond, why="they begin after the end of the video"))
        kept.append(
            Subtitles(
                language=facts.language,
                title=facts.title,
                # Players turn on one track at most.
                default=facts.default and not any(each.default for each in kept),
                forced=facts.forced,
                cues=inside,
            )
        )
        name = f"{len(kept)}.vtt"
        files[name] = task.work / name
        files[name].write_text(to_webvtt(inside), "utf-8")
        tracks.append(
            {
                "language": facts.language,
                "title": facts.title,
                "codec": facts.codec,
                "default": kept[-1].default,
                "forced": facts.forced,
                "cues": len(inside),
                "path": name,
            }
        )
    files[CUES] = task.work / CUES
    files[CUES].write_text(json.dumps(subtitles_to_json(kept)), "utf-8")
    return StepOutput(files=files, result={"tracks": tracks, "left_out": [each.to_json() for each in left]})


def _cues(task: Task, number: int, facts: SubtitleFacts) -> tuple[Any, ...]:
    """The cues of one track: of a source that was rewrapped, as inspection read them of the original."""
    if task.plan.source:
        part = task.runtime.parts.get(task.plan.source)
        name = SOURCE_SUBTITLES.format(number)
        if name in part.files:
            return read_srt(task.local(part, name))
    with task.open_source() as source:
        track = next((each for each in source.movie.tracks if each.number == facts.track), None)
        if track is None:
            raise InputError(
                f"track {facts.track} is no longer in the source", remedy="submit the file again"
            )
        return cues_of_track(
            source.src,
            source.movie,
            track,
            work=task.work,
            tools=task.runtime.tools,
            runner=task.runner,
        )
