"""Finds the highlights of local recordings, and selects the frames of a reel."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eddyline.core.errors import UsageError
from eddyline.core.files import translate_errors
from eddyline.core.processes.runner import Runner
from eddyline.edit.highlights.analysis import Analysis, analyze, select_highlights
from eddyline.edit.highlights.segments import SegmentLength
from eddyline.edit.merge.chapters import parse_chapter_name
from eddyline.edit.reel.cuts import Cut, plan_cuts, plan_cuts_on_beats
from eddyline.edit.reel.music import Music, read_music
from eddyline.media.source.open_source import open_source
from eddyline.media.toolchain import Toolchain
from eddyline.store.ranges import FileRanges

FORMAT: Final = "eddyline-highlight-segments"
VERSION: Final = 1
LEAST_SEGMENT_S: Final = 2.0
MOST_SEGMENT_S: Final = 60.0
MOST_DURATION_S: Final = 600.0
_TIME_DECIMALS = 6


@dataclass(frozen=True, kw_only=True)
class HighlightRequest:
    """What to select: at most `duration_s` in segments of up to `max_segment_s`; the music of the reel."""

    duration_s: float = 30.0
    max_segment_s: float = 5.0
    music: Path | None = None

    @property
    def length(self) -> SegmentLength:
        """The limits of a segment."""
        return SegmentLength(least_s=LEAST_SEGMENT_S, most_s=self.max_segment_s)


@dataclass(frozen=True, kw_only=True, eq=False)
class Highlights:
    """The analysed recordings in order, the selected cuts in order, and the tempo of the music (0: none)."""

    analyses: tuple[Analysis, ...]
    cuts: tuple[Cut, ...]
    tempo: float = 0.0

    def bounds_s(self, cut: Cut) -> tuple[float, float]:
        """When the first frame of a cut starts, and when the last one ends, in movie seconds."""
        times = self.analyses[cut.segment.source].frame_times
        return float(times[cut.start]), float(times[cut.stop])

    @property
    def length_s(self) -> float:
        """The length of the reel in seconds."""
        bounds = [self.bounds_s(cut) for cut in self.cuts]
        return sum(end_s - start_s for start_s, end_s in bounds)

    def to_json(self) -> dict[str, Any]:
        """Return JSON values; the times of segments are those of their frames."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "length_s": round(self.length_s, _TIME_DECIMALS),
            **({"tempo_bpm": self.tempo} if self.tempo else {}),
            "sources": [each.to_json() for each in self.analyses],
            "segments": [self._segment_json(cut) for cut in self.cuts],
        }

    def _segment_json(self, cut: Cut) -> dict[str, Any]:
        start_s, end_s = self.bounds_s(cut)
        return {
            **cut.segment.to_json(),
            "start_s": round(start_s, _TIME_DECIMALS),
            "end_s": round(end_s, _TIME_DECIMALS),
            "first_frame": cut.start,
            "frames": cut.stop - cut.start,
            **({"on_beat": cut.on_beat} if self.tempo else {}),
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """The highlights, and in the same order the recordings as passed, and as local MP4 or MOV `files`."""

    highlights: Highlights
    sources: tuple[Path, ...]
    files: tuple[Path, ...]
    music: Music | None


def find_highlights(
    sources: Sequence[Path], request: HighlightRequest, *, tools: Toolchain, runner: Runner | None = None
) -> Highlights:
    """Find and select the highlights of the recordings, and write nothing. Raises as `search` does."""
    with tempfile.TemporaryDirectory(prefix="eddyline-") as directory:
        found = search(sources, request, work=Path(directory), tools=tools, runner=runner or Runner())
        return found.highlights


def search(
    sources: Sequence[Path], request: HighlightRequest, *, work: Path, tools: Toolchain, runner: Runner
) -> Found:
    """Find the highlights of the recordings and select the frames of a reel.

    Chapters of one recording are put in order; other recordings keep the given order. Recordings that are
    neither MP4 nor MOV are remuxed into the directory `work`.

    Raises:
        UsageError: a recording is passed twice, or a limit or the music cannot be used.
        InputError, UnsupportedError, ToolError, TransientError: as elsewhere.
    """
    _check(sources, request)
    ordered = order_sources(sources)
    analyses: list[Analysis] = []
    files: list[Path] = []
    for number, source in enumerate(ordered):
        analysis, file = _analyze(source, work / f"source-{number}", tools, runner)
        analyses.append(analysis)
        files.append(file)
    music = None
    if request.music is not None:
        music = read_music(request.music, request.duration_s, work=work, tools=tools, runner=runner)
    return Found(
        highlights=select(analyses, request, music), sources=ordered, files=tuple(files), music=music
    )


def select(analyses: Sequence[Analysis], request: HighlightRequest, music: Music | None = None) -> Highlights:
    """The highlights of a reel that is not longer than its music, with cuts on its beats."""
    total_s = request.duration_s if music is None else min(request.duration_s, music.length_s)
    segments = select_highlights(analyses, total_s, request.length)
    frame_times = [each.frame_times for each in analyses]
    if music is None or not len(music.beats.times):
        return Highlights(analyses=tuple(analyses), cuts=plan_cuts(segments, frame_times))
    cuts = plan_cuts_on_beats(
        segments, frame_times, music.beats.times, total_s=total_s, length=request.length
    )
    return Highlights(analyses=tuple(analyses), cuts=cuts, tempo=music.beats.tempo)


def _analyze(source: Path, work: Path, tools: Toolchain, runner: Runner) -> tuple[Analysis, Path]:
    """Analyse one recording; returns the file that was read, too."""
    work.mkdir()
    with translate_errors(f"reading {source.name}"):
        opened = open_source(source, work=work, runner=runner, tools=tools)
        with FileRanges(opened.path) as src:
            audio = opened.path if opened.movie.first_track("audio") is not None else None
            analysis = analyze(
                source.name, src, opened.movie, audio=audio, work=work, tools=tools, runner=runner
            )
    return analysis, opened.path


def order_sources(sources: Sequence[Path]) -> tuple[Path, ...]:
    """The chapters of one recording in order; other recordings in the given order."""
    names = [parse_chapter_name(path.name) for path in sources]
    known = [name for name in names if name is not None]
    if len(known) < len(names) or len({(each.family, each.clip) for each in known}) > 1:
        return tuple(sources)
    order = sorted(range(len(known)), key=lambda at: known[at].chapter)
    return tuple(sources[at] for at in order)


def _check(sources: Sequence[Path], request: HighlightRequest) -> None:
    if len({path.absolute() for path in sources}) < len(sources):
        raise UsageError("a recording is passed twice", remedy="pass each recording once")
    if not LEAST_SEGMENT_S <= request.max_segment_s <= MOST_SEGMENT_S:
        raise UsageError(
            f"segments of up to {request.max_segment_s:g} s are not possible",
            remedy=f"pass {LEAST_SEGMENT_S:g} to {MOST_SEGMENT_S:g} s as --max-segment",
        )
    if not LEAST_SEGMENT_S <= request.duration_s <= MOST_DURATION_S:
        raise UsageError(
            f"a reel of {request.duration_s:g} s is not possible",
            remedy=f"pass {LEAST_SEGMENT_S:g} to {MOST_DURATION_S:g} s as --duration",
        )
