"""Lists the highlights of a source as `eddyline highlights --json` does, if the profile asks for it."""

from __future__ import annotations

import json
from pathlib import Path

from eddyline.edit.highlights.analysis import analyze
from eddyline.edit.reel.search import HighlightRequest, select
from eddyline.media.ladder.profile import HighlightSettings
from eddyline.pipeline.runtime.audio_track import copy_audio_track
from eddyline.pipeline.runtime.index_cache import IndexedSource
from eddyline.pipeline.runtime.runtime import Task


def write_highlight_segments(
    task: Task, source: IndexedSource, settings: HighlightSettings, out: Path
) -> None:
    """Write the segments of a reel of the source to `out`, with their evidence. Raises as `analyze` does."""
    analysis = analyze(
        task.plan.name,
        source.src,
        source.movie,
        audio=_audio(task, source),
        work=task.work,
        tools=task.runtime.tools,
        runner=task.runner,
    )
    request = HighlightRequest(duration_s=settings.duration_s, max_segment_s=settings.max_segment_s)
    document = select([analysis], request).to_json()
    out.write_text(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


def _audio(task: Task, source: IndexedSource) -> Path | None:
    """The first audio track that can be decoded, as a local file; None if there is none."""
    numbers = [facts.track for facts in task.plan.facts.audio]
    track = next((each for each in source.movie.tracks if each.number in numbers), None)
    if track is None:
        return None
    out = task.work / "highlight-audio.mp4"
    copy_audio_track(source, track, out)
    return out
